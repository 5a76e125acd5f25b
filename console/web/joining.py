"""Joiners, movers and leavers: a file of everybody, as personnel systems write it, set against who is there."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from console.web.people import ZONE, People, Person, Role, given_roles, plain_name
from workers.errors import NameInvalid, Refused
from workers.footage.clip import check_enrolled_id
from workers.keys.statements import now_iso

NEEDED = ("warrant", "name", "roles")
COLUMNS = (*NEEDED, "unit", "from", "until")
MOST_LEAVE = 20.0
"""Percent of those who are there, that may leave by one file without somebody saying so: it may have been cut short."""
FEW = 5
"""Leavers that no file needs to explain."""
SHOWN = 20
"""Errors that are told at once."""


class Change(Struct, frozen=True):
    """What a file changes for one person; `what` says it of movers."""

    person: str
    name: str
    what: str = ""


class Changes(Struct, frozen=True):
    """Who joins, has another name, role, unit or time, and leaves. Whoever comes back joins.

    Attributes:
        outside: who is not in the file, and stays.
        barred: who is in the file, and stays out, since a person removed them.
    """

    joined: tuple[Change, ...] = ()
    moved: tuple[Change, ...] = ()
    left: tuple[Change, ...] = ()
    outside: tuple[str, ...] = ()
    barred: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.joined or self.moved or self.left)

    def said(self) -> str:
        """How many, in a line."""
        return f"{len(self.joined)} joined, {len(self.moved)} moved, {len(self.left)} left"


def sync(
    people: People,
    path: Path,
    now: datetime,
    *,
    most_leave: float = MOST_LEAVE,
    really: bool = False,
    dry_run: bool = False,
) -> Changes:
    """Let the people of a file join, move and leave; the same file again changes nothing.

    Args:
        most_leave: percent of those who are there that may leave.
        really: a person says that so many leave.
        dry_run: say what would change, and change nothing.

    Raises:
        Refused: the file is none, or a row of it is wrong (then nothing is changed, since whoever is not understood
            would leave), or too many would leave.
    """
    wanted = read_file(path)
    with people.changing() as known:
        everybody, changes = changes_of(known, wanted, now, most_leave=most_leave, really=really)
        if not dry_run:
            known.update(everybody)
    return changes


def read_file(path: Path) -> list[Person]:
    """The people of a file.

    Raises:
        Refused: it is not such a file; every row that is wrong is named.
    """
    found: list[Person] = []
    wrong: list[str] = []
    lines: dict[str, int] = {}
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = csv.DictReader(file, strict=True)
            columns = tuple(name.strip().lower() for name in rows.fieldnames or ())
            if not set(NEEDED) <= set(columns) <= set(COLUMNS) or len(set(columns)) != len(columns):
                raise Refused(f"{path}: the first line is {','.join(columns)[:100]!r}", f"write {','.join(COLUMNS)}")
            rows.fieldnames = list(columns)
            for row in rows:
                try:
                    one = _person(row)
                    if one.person in lines:
                        raise ValueError(f"is in line {lines[one.person]} too")
                    lines[one.person] = rows.line_num
                    found.append(one)
                except (ValueError, Refused, NameInvalid) as error:
                    wrong.append(f"line {rows.line_num} ({(row.get('warrant') or '?')[:40]}): {error}")
    except (csv.Error, UnicodeDecodeError) as error:
        raise Refused(f"{path}: not CSV in UTF-8: {error}", "have it written anew") from error
    except OSError as error:
        raise Refused(f"{path} cannot be read: {error.strerror}", "have it written anew") from error
    if wrong:
        more = f"\n… and {len(wrong) - SHOWN} more" if len(wrong) > SHOWN else ""
        listed = "\n".join(wrong[:SHOWN])
        raise Refused(f"{path}: {len(wrong)} rows are wrong:\n{listed}{more}\n", "nobody joined, moved or left")
    if not found:
        raise Refused(f"{path} names nobody, so everybody would leave", "give a file of everybody")
    return found


def _person(row: Mapping[str, str | None]) -> Person:
    if None in row:
        raise ValueError("has more cells than the first line")
    given = {name: (row.get(name) or "").strip() for name in COLUMNS}
    number = given["warrant"].upper()
    check_enrolled_id("person", number)
    unknown = sorted(set(given["roles"].replace(";", " ").split()) - set(Role))
    if unknown:
        raise ValueError(f"no role is called {', '.join(unknown)}; there are {', '.join(Role)}")
    roles = given_roles(Role(role) for role in given["roles"].replace(";", " ").split())
    since, until = _day(given["from"]), _day(given["until"])
    if since and until and until < since:
        raise ValueError(f"is there until {until}, before they come on {since}")
    if not given["unit"].isprintable() or len(given["unit"]) > 100:
        raise ValueError("the unit does not print, or is longer than 100 characters")
    return Person(number, plain_name(given["name"]), roles, unit=given["unit"], since=since, until=until)


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError as odd:
        raise ValueError(f"{text[:40]!r} is no day; write it as 2026-11-22") from odd


def changes_of(
    known: Mapping[str, Person],
    file: Iterable[Person],
    now: datetime,
    *,
    most_leave: float = MOST_LEAVE,
    really: bool = False,
) -> tuple[dict[str, Person], Changes]:
    """Everybody who is different then, and what changes.

    Args:
        known: who is there and who was.
        file: everybody who shall be there; whoever's last day is over is not.
        most_leave: percent of those who are there that may leave.
        really: a person says that so many leave.

    Raises:
        Refused: too many would leave.
    """
    today = now.astimezone(ZONE).date()
    wanted = {one.person: one for one in file if one.until is None or today <= one.until}
    there = {number: one for number, one in known.items() if one.left_at is None}
    leaving = [one for number, one in sorted(there.items()) if number not in wanted and not one.outside]
    share = 100 * len(leaving) / len(there) if there else 0.0
    if len(leaving) > FEW and share > most_leave and not really:
        raise Refused(
            f"{len(leaving)} of {len(there)} people would leave by this file, more than {most_leave:g} %",
            "look at it; if it is right, give --really",
        )
    different = {one.person: replace(one, left_at=now_iso(now), password="") for one in leaving}
    barred = {number for number, one in known.items() if one.barred}
    different |= {number: replace(known[number], barred=False) for number in barred - wanted.keys()}
    joined, moved = [], []
    for number, new in sorted(wanted.items()):
        if number in barred:
            continue
        old = there.get(number)
        if old is None:
            joined.append(Change(number, new.name))
            different[number] = new  # whoever came back has a password set anew
            continue
        what = difference(old, new)
        if what:
            moved.append(Change(number, new.name, what))
            different[number] = replace(
                old, name=new.name, roles=new.roles, unit=new.unit, since=new.since, until=new.until
            )
    left = tuple(Change(one.person, one.name) for one in leaving)
    outside = tuple(sorted(number for number, one in there.items() if one.outside and number not in wanted))
    kept_out = tuple(sorted(barred & wanted.keys()))
    return different, Changes(tuple(joined), tuple(moved), left, outside, kept_out)


def difference(old: Person, new: Person) -> str:
    """What is different of somebody, in words; empty where nothing is."""
    pairs = (
        ("name", old.name, new.name),
        ("roles", " ".join(old.roles), " ".join(new.roles)),
        ("unit", old.unit, new.unit),
        ("from", old.since, new.since),
        ("until", old.until, new.until),
    )
    return "; ".join(
        f"{what} {before or 'none'} → {after or 'none'}" for what, before, after in pairs if before != after
    )
