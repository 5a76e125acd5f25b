"""Joiners, movers and leavers: a file of everybody, as personnel systems write it, set against who is there."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from console.web.people import Person, Role
from workers.errors import Refused
from workers.footage.clip import check_enrolled_id

COLUMNS = ("person", "name", "roles")
SHARE = 0.2
"""Of those who are there, that may leave by one file without somebody saying so: it may have been cut short."""
FEW = 5
"""Leavers that no file needs to explain."""


class Changes(Struct, frozen=True):
    """Who joined, has other roles or another name, and left; came back counts as joined."""

    joined: tuple[str, ...]
    moved: tuple[str, ...]
    left: tuple[str, ...]


def read_file(path: Path) -> list[Person]:
    """The people of a file.

    Raises:
        Refused: it is not such a file; the line is named.
    """
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = csv.DictReader(file)
        if tuple(rows.fieldnames or ()) != COLUMNS:
            raise Refused(f"{path}: the first line is not {','.join(COLUMNS)}", "write it so")
        found = [_person(path, number, row) for number, row in enumerate(rows, 2)]
    numbers = [one.person for one in found]
    for one in numbers:
        if numbers.count(one) > 1:
            raise Refused(f"{path}: {one} is there twice", "leave one line of it")
    if not found:
        raise Refused(f"{path} names nobody, so everybody would leave", "give a file of everybody")
    return found


def _person(path: Path, number: int, row: Mapping[str, str | None]) -> Person:
    try:
        roles = tuple(sorted({Role(role) for role in (row["roles"] or "").split()}))
    except ValueError as odd:
        raise Refused(f"{path}, line {number}: {odd}", f"known roles are {', '.join(Role)}") from odd
    name = " ".join((row["name"] or "").split())
    if not roles or not name:
        raise Refused(f"{path}, line {number}: a name and a role are missing", "complete it")
    return Person(check_enrolled_id("person", row["person"] or ""), name, roles)


def changes_of(
    known: Mapping[str, Person], file: Iterable[Person], at: str, *, yes: bool
) -> tuple[list[Person], Changes]:
    """Everybody as they are then, and what changes.

    Args:
        at: when leavers left.
        yes: a person says that many may leave at once.

    Raises:
        Refused: more than a fifth would leave.
    """
    wanted = {one.person: one for one in file}
    there = {name for name, one in known.items() if one.left_at is None}
    left = tuple(sorted(there - wanted.keys()))
    if len(left) > max(FEW, SHARE * len(there)) and not yes:
        raise Refused(
            f"{len(left)} of {len(there)} people would leave by this file", "look at it; if it is right, give --yes"
        )
    everybody = [replace(one, left_at=at, password="") if name in left else one for name, one in known.items()]
    moved = []
    for place, one in enumerate(everybody):
        new = wanted.pop(one.person, None)
        if new is not None and one.left_at is not None:
            wanted[one.person] = new  # came back: a password is set anew
        elif new is not None and (new.name, new.roles) != (one.name, one.roles):
            moved.append(one.person)
            everybody[place] = replace(one, name=new.name, roles=new.roles)
    everybody = [one for one in everybody if one.person not in wanted] + list(wanted.values())
    return everybody, Changes(tuple(sorted(wanted)), tuple(sorted(moved)), left)
