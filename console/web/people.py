"""Who may sign in: a file of people with hashed passwords and roles, for a force without a directory.

A person is known by the warrant number, for ever: whoever leaves stays in the file, marked, so that the number is never
given again and old signatures still have a name. The file is looked at with each request, so a leaver is out at once.
"""

from __future__ import annotations

import base64
import hmac
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path

import msgspec
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt
from msgspec import Struct
from msgspec.structs import replace

from local.files import Lock, write_private
from workers.errors import ConfigurationInvalid, Refused
from workers.footage.canonical import sha256_hex
from workers.footage.clip import check_enrolled_id

PEOPLE = "people.json"
"""The file, in the folder of the home; 0600."""

SHORTEST = 12
LONGEST = 256
"""Characters of a password; NCSC: length, not rules about digits."""


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


class Cost(Struct, frozen=True, array_like=True):
    """What a guess costs (RFC 7914): 128 · r · 2^log_n bytes, p times. OWASP's figures for scrypt."""

    log_n: int = 15
    r: int = 8
    p: int = 3


class Person(Struct, frozen=True):
    """One person.

    Attributes:
        person: warrant number, as in signatures.
        password: `scrypt$log_n$r$p$salt$hash`; empty: cannot sign in yet.
        left_at: when they left (UTC, ISO 8601); then nothing opens for them any more.
    """

    person: str
    name: str
    roles: tuple[Role, ...]
    password: str = ""
    left_at: str | None = None

    @property
    def stamp(self) -> str:
        """Changes with the password: sessions that were begun before carry another one, and end."""
        return sha256_hex(self.password.encode())[:16]

    def has(self, roles: Iterable[Role]) -> bool:
        """Whether one of these roles is theirs."""
        return not set(roles).isdisjoint(self.roles)

    def __repr__(self) -> str:
        return f"Person({self.person!r}, {self.name!r}, {[role.value for role in self.roles]})"


def hashed(password: str, cost: Cost | None = None) -> str:
    """What is kept of a password.

    Raises:
        Refused: it is too short or too long.
    """
    if not SHORTEST <= len(password) <= LONGEST:
        raise Refused(
            f"a password of {len(password)} characters; expected {SHORTEST} to {LONGEST}", "take three random words"
        )
    salt, cost = os.urandom(16), cost or Cost()
    made = _scrypt(password, salt, cost)
    return "$".join(("scrypt", str(cost.log_n), str(cost.r), str(cost.p), _text(salt), _text(made)))


def fits(password: str, kept: str) -> bool:
    """Whether this is the password; takes as long for nobody's as for somebody's."""
    nobody = f"scrypt$15$8$3${_text(bytes(16))}${_text(bytes(32))}"
    _, log_n, r, p, salt, wanted = (kept or nobody).split("$")
    found = _scrypt(password[:LONGEST], base64.b64decode(salt), Cost(int(log_n), int(r), int(p)))
    return hmac.compare_digest(found, base64.b64decode(wanted)) and bool(kept)


def _scrypt(password: str, salt: bytes, cost: Cost) -> bytes:
    return Scrypt(salt=salt, length=32, n=1 << cost.log_n, r=cost.r, p=cost.p).derive(password.encode())


def _text(value: bytes) -> str:
    return base64.b64encode(value).decode()


class People:
    """The file of people; read again when it has changed.

    Args:
        path: of the file. Without one there is nobody.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._seen: tuple[int, int, int] | None = None
        self._known: dict[str, Person] = {}

    def find(self, person: str) -> Person | None:
        """Whoever has this warrant number and has not left."""
        found = self.known().get(person)
        return found if found is not None and found.left_at is None else None

    def known(self) -> dict[str, Person]:
        """Everybody, those who left too, by warrant number.

        Raises:
            ConfigurationInvalid: the file is none of people, or others can read it.
        """
        try:
            stat = self.path.stat()
        except FileNotFoundError:
            self._seen, self._known = None, {}
            return self._known
        seen = stat.st_mtime_ns, stat.st_size, stat.st_ino
        if seen != self._seen:
            if stat.st_mode & 0o077:
                raise ConfigurationInvalid(f"{self.path}: password hashes that others can read; chmod 600 it")
            try:
                people = msgspec.json.decode(self.path.read_bytes(), type=list[Person])
            except msgspec.DecodeError as error:
                raise ConfigurationInvalid(f"{self.path}: not a file of people ({error}); see bwv people") from error
            self._seen, self._known = seen, {one.person: one for one in people}
        return self._known

    # -- changing ------------------------------------------------------------------------------------------

    def add(self, person: str, name: str, roles: Iterable[Role], password: str = "") -> Person:
        """Somebody joins.

        Args:
            password: its hash; empty: to be set later.

        Raises:
            NameInvalid: that is no warrant number.
            Refused: it is taken, also by somebody who left, or there is no role.
        """
        check_enrolled_id("person", person)
        made = Person(person, _name(name), _roles(roles), password)
        with self._changing() as known:
            if person in known:
                left = " (left)" if known[person].left_at else ""
                raise Refused(f"{person} is {known[person].name}{left}", "a warrant number is given once, for ever")
            known[person] = made
        return made

    def move(self, person: str, *, roles: Iterable[Role] | None = None, password: str | None = None) -> Person:
        """Somebody has other roles or another password; with another password their sessions end.

        Raises:
            Refused: nobody has this warrant number, or they left.
        """
        with self._changing() as known:
            one = _present(known, person)
            changed = replace(
                one,
                roles=one.roles if roles is None else _roles(roles),
                password=one.password if password is None else password,
            )
            known[person] = changed
        return changed

    def leave(self, person: str, at: str) -> Person:
        """Somebody leaves: signed out everywhere by their next request.

        Raises:
            Refused: nobody has this warrant number, or they left before.
        """
        with self._changing() as known:
            known[person] = replace(_present(known, person), left_at=at, password="")
            return known[person]

    def replace_all(self, people: Iterable[Person]) -> None:
        """Write everybody anew, as a file of joiners, movers and leavers says."""
        with self._changing() as known:
            known.clear()
            known.update({one.person: one for one in people})

    @contextmanager
    def _changing(self) -> Iterator[dict[str, Person]]:
        lock = Lock(self.path.with_suffix(".lock"))
        lock.acquire()
        try:
            known = dict(self.known())
            yield known
            rows = sorted(known.values(), key=lambda one: one.person)
            write_private(self.path, msgspec.json.format(msgspec.json.encode(rows), indent=1).decode() + "\n")
        finally:
            lock.release()


def _present(known: dict[str, Person], person: str) -> Person:
    one = known.get(person)
    if one is None or one.left_at is not None:
        raise Refused(f"nobody here has the warrant number {person[:40]!r}", "see: bwv people list")
    return one


def _roles(roles: Iterable[Role]) -> tuple[Role, ...]:
    found = tuple(sorted(set(roles)))
    if not found:
        raise Refused("nobody is here without a role", f"give one of {', '.join(Role)}")
    return found


def _name(name: str) -> str:
    plain = " ".join(name.split())
    if not 1 <= len(plain) <= 100 or not plain.isprintable():
        raise Refused(f"{name[:40]!r} is no name", "give 1 to 100 printable characters")
    return plain
