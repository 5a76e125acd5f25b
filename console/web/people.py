"""Who may sign in: a file of people with their roles, and for a force without a directory their hashed passwords.

A person is known by the warrant number, for ever: whoever leaves stays in the file, marked, so that the number is never
given again and old signatures still have a name. The file is looked at with each request, so a leaver is out at once.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime
from enum import StrEnum
from pathlib import Path
from zoneinfo import ZoneInfo

from msgspec import Struct
from msgspec.structs import replace

from console.web.passwords import Cost, fits, hashed
from console.web.private_file import PrivateFile
from workers.errors import Refused
from workers.footage.canonical import sha256_hex
from workers.footage.clip import check_enrolled_id

__all__ = ("PEOPLE", "Cost", "People", "Person", "Role", "fits", "hashed")

PEOPLE = "people.json"
"""The file, in the folder of the home; 0600."""

ZONE = ZoneInfo("Europe/London")
"""Where somebody's first and last day begin and end."""


class Role(StrEnum):
    """What somebody is here for."""

    OFFICER = "officer"
    SUPERVISOR = "supervisor"
    OPERATOR = "operator"
    RECORDS = "records"
    PROSECUTION = "prosecution"
    DISCLOSURE = "disclosure-officer"
    STANDARDS = "professional-standards"
    PROTECTION = "data-protection"
    PANEL = "panel"
    AUDITOR = "auditor"
    ADMINISTRATOR = "administrator"


class Person(Struct, frozen=True, omit_defaults=True):
    """One person.

    Attributes:
        person: warrant number, as in signatures.
        password: `scrypt$log_n$r$p$salt$hash`; empty: no sign-in by password.
        left_at: when they left (UTC, ISO 8601); then nothing opens for them any more.
        unit: where they work, as the personnel system calls it.
        since, until: first and last day (ISO 8601, on clocks of ZONE); None: no bound.
        outside: the file of joiners, movers and leavers does not name them, and they stay all the same: an account for
            emergencies, or of a program.
        barred: a person removed them, so that such a file does not let them in again while it names them.
    """

    person: str
    name: str
    roles: tuple[Role, ...]
    password: str = ""
    left_at: str | None = None
    unit: str = ""
    since: date | None = None
    until: date | None = None
    outside: bool = False
    barred: bool = False

    @property
    def stamp(self) -> str:
        """Changes with the password: sessions that were begun before carry another one, and end."""
        return sha256_hex(self.password.encode())[:16]

    def has(self, roles: Iterable[Role]) -> bool:
        """Whether one of these roles is theirs."""
        return not set(roles).isdisjoint(self.roles)

    def here(self, now: datetime) -> bool:
        """Whether they have come and not left."""
        today = now.astimezone(ZONE).date()
        began = self.since is None or self.since <= today
        return self.left_at is None and began and (self.until is None or today <= self.until)

    def __repr__(self) -> str:
        return f"Person({self.person!r}, {self.name!r}, {[role.value for role in self.roles]})"


class People:
    """The file of people; read again when it has changed.

    Args:
        path: of the file. Without one there is nobody.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file = PrivateFile(path, Person, lambda one: one.person, "people")
        self.changing = self._file.changing

    def find(self, person: str, now: datetime | None = None) -> Person | None:
        """Whoever has this warrant number and is here.

        Args:
            now: at which time; at present if not given.
        """
        found = self.known().get(person)
        return found if found is not None and found.here(now or datetime.now(UTC)) else None

    def known(self) -> dict[str, Person]:
        """Everybody, those who left too, by warrant number.

        Raises:
            ConfigurationInvalid: the file is none of people, or others can read it.
        """
        return self._file.rows()

    # -- changing ------------------------------------------------------------------------------------------

    def add(
        self,
        person: str,
        name: str,
        roles: Iterable[Role],
        password: str = "",
        *,
        outside: bool = False,
        unit: str = "",
    ) -> Person:
        """Somebody joins.

        Args:
            password: its hash; empty: to be set later, or signs in by the directory.
            outside: stays when a file of joiners, movers and leavers does not name them.

        Raises:
            NameInvalid: that is no warrant number.
            Refused: it is taken, also by somebody who left, or there is no role.
        """
        check_enrolled_id("person", person)
        where = unit and plain_name(unit)
        made = Person(person, plain_name(name), given_roles(roles), password, unit=where, outside=outside)
        with self.changing() as known:
            if person in known:
                left = " (left)" if known[person].left_at else ""
                raise Refused(f"{person} is {known[person].name}{left}", "a warrant number is given once, for ever")
            known[person] = made
        return made

    def move(
        self,
        person: str,
        *,
        roles: Iterable[Role] | None = None,
        password: str | None = None,
        unit: str | None = None,
    ) -> Person:
        """Somebody has other roles, another password or unit; with another password their sessions end.

        Raises:
            Refused: nobody has this warrant number, or they left.
        """
        with self.changing() as known:
            one = _present(known, person)
            changed = replace(
                one,
                roles=one.roles if roles is None else given_roles(roles),
                password=one.password if password is None else password,
                unit=one.unit if unit is None else unit and plain_name(unit),
            )
            known[person] = changed
        return changed

    def leave(self, person: str, at: str) -> Person:
        """Somebody leaves: signed out everywhere by their next request.

        Raises:
            Refused: nobody has this warrant number, or they left before.
        """
        with self.changing() as known:
            known[person] = replace(_present(known, person), left_at=at, password="", barred=True)
            return known[person]

    def restore(self, person: str) -> Person:
        """Somebody who left is back, as they were, without a password.

        Raises:
            Refused: they never left.
        """
        with self.changing() as known:
            one = known.get(person)
            if one is None or one.left_at is None:
                raise Refused(f"nobody who left has the warrant number {person[:40]!r}", "see: bwv people list --all")
            if not one.roles:
                del known[person]  # was only barred: the directory says again who they are
            else:
                known[person] = replace(one, left_at=None, barred=False, until=None)
            return one

    def bar(self, person: str, at: str) -> Person:
        """Somebody whom only the directory knows is let in no more, as if they had been here and left.

        Raises:
            NameInvalid: that is no warrant number.
            Refused: the file knows them; then they leave.
        """
        check_enrolled_id("person", person)
        with self.changing() as known:
            if person in known:
                raise Refused(f"{person} is in the file of people", f"give: bwv people remove {person}")
            known[person] = Person(person, person, (), left_at=at, barred=True)
            return known[person]


def _present(known: dict[str, Person], person: str) -> Person:
    one = known.get(person)
    if one is None or one.left_at is not None:
        raise Refused(f"nobody here has the warrant number {person[:40]!r}", "see: bwv people list")
    return one


def given_roles(roles: Iterable[Role]) -> tuple[Role, ...]:
    """Roles, each once and in order.

    Raises:
        Refused: there is none.
    """
    found = tuple(sorted(set(roles)))
    if not found:
        raise Refused("nobody is here without a role", f"give one of {', '.join(Role)}")
    return found


def plain_name(name: str) -> str:
    """A name, of a person or a unit, without needless blanks.

    Raises:
        Refused: it is empty, too long or does not print.
    """
    plain = " ".join(name.split())
    if not 1 <= len(plain) <= 100 or not plain.isprintable():
        raise Refused(f"{name[:40]!r} is no name", "give 1 to 100 printable characters")
    return plain
