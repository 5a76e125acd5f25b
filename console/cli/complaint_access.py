"""What only professional standards read: complaints, and what may be misuse."""

from __future__ import annotations

from console.web.people import PEOPLE, People, Role
from streams.settings import Settings
from workers.errors import Refused


def standards_only(settings: Settings) -> None:
    """Whether whoever gives this command is of professional standards, as the file of people has it.

    Raises:
        Refused: they are not. An officer under investigation may have a command line too.
    """
    found = People(settings.home / PEOPLE).find(settings.person)
    if found is None or not found.has((Role.STANDARDS,)):
        raise Refused(
            f"{settings.person} has not the role {Role.STANDARDS.value}: this is read by professional standards alone",
            f"an administrator gives it: bwv people roles {settings.person} --role {Role.STANDARDS.value}",
        )
