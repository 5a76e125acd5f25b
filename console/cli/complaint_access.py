"""What only some read at the command line: complaints, what may be misuse, and what restricted holds are.

The roles are those of the board (`console/web/guard.py`): professional standards alone read complaints, the feed and
one another's looks; records too read what a restricted hold is, since they place and lift them. Whoever is in the file
of people reads of other holds of a clip by name those that are theirs to lift, as on its page; of a clip of their own
nobody reads more than that the force keeps it, whatever their roles.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, datetime

from console.web.people import PEOPLE, People, Role
from streams.settings import Settings
from workers.errors import Refused
from workers.retention.facts import HoldReason


def standards_only(settings: Settings) -> None:
    """Whether whoever gives this command is of professional standards, as the file of people has it.

    Raises:
        Refused: they are not. An officer under investigation may have a command line too.
    """
    _needs(settings, {Role.STANDARDS}, "this is read by professional standards alone")


def supervisors_only(settings: Settings) -> None:
    """Whether whoever gives this command supervises others: one sample a unit and month is all there is.

    Raises:
        Refused: they do not.
    """
    _needs(settings, {Role.SUPERVISOR, Role.STANDARDS}, "a sample is a supervisor's")


def oversight_only(settings: Settings) -> None:
    """Whether whoever gives this command reads what was found of others.

    Raises:
        Refused: they do not.
    """
    from console.web.guard import OVERSIGHT  # noqa: PLC0415 - as below

    _needs(settings, OVERSIGHT, "what was found of others is read by those who oversee them")


def who_may_know(settings: Settings) -> None:
    """Whether whoever gives this command may know what a restricted hold is.

    Raises:
        Refused: they may not.
    """
    from console.web.guard import RESTRICTED  # noqa: PLC0415 - the board's; most commands ask for nothing restricted

    _needs(settings, RESTRICTED, "what is restricted is read by professional standards and records alone")


def not_their_own(settings: Settings, officer: str | None) -> None:
    """Whether what is restricted of a clip is asked for by somebody else than its officer.

    Raises:
        Refused: it is their own.
    """
    if settings.person == officer:
        raise Refused(
            f"the clip is {officer}'s own: whoever recorded it reads nothing that is restricted of it",
            "ask without --restricted; a colleague of professional standards reads the rest",
        )


def holds_named(settings: Settings, officer: str | None) -> frozenset[HoldReason]:
    """The reasons of the holds of a clip that whoever gives this command reads by name, where they are not restricted.

    Args:
        officer: whose clip it is.
    """
    if settings.person == officer:
        return frozenset()
    found = People(settings.home / PEOPLE).known().get(settings.person)
    if found is None:
        return frozenset(HoldReason)  # a machine's, or that of a force without a board: nothing says what is theirs
    from console.web.pages.clip_roles import named_to  # noqa: PLC0415 - the board's, as above

    return named_to(found, officer) if found.here(datetime.now(UTC)) else frozenset()


def _needs(settings: Settings, roles: Collection[Role], says: str) -> None:
    found = People(settings.home / PEOPLE).find(settings.person)
    if found is None or not found.has(roles):
        words = " or ".join(role.value for role in Role if role in roles)
        raise Refused(
            f"{settings.person} has not the role {words}: {says}",
            f"an administrator gives it: bwv people roles {settings.person} --role …",
        )
