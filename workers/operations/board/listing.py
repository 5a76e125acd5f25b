"""A list behind a number of the board, and a page of it.

A page begins after the last line of the one before (sort and id), so that page 1,000 costs what page 1 does and
nothing is shown twice while clips come and go.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

import msgspec
from msgspec import Struct

from workers.catalogue.finding import NAMED
from workers.database.engine import Database
from workers.errors import RuleBroken

PAGE = 100
"""Lines of a page."""


class Listing(Struct, frozen=True):
    """One list.

    Attributes:
        title: as a heading.
        means: what its lines are and what to do about them.
        source, where: SQL; what it is read from and which rows belong to it.
        sort: SQL of a time by which it is ordered; newest: the latest first instead of the earliest.
        says: SQL of what is told of a line.
        id: SQL that tells lines of the same time apart.
        clip, camera, recording, size: SQL; NULL where there is none.
        at: SQL of the time that is shown; that of `sort`, if empty.
        to: SQL of the path of its own page; that of its clip, if empty.
        do: SQL of the command that mends it; empty text where there is none.
        case: SQL of the case that a line belongs to.
    """

    title: str
    means: str
    source: str
    where: str
    sort: str
    says: str
    id: str = "f.clip_id"
    clip: str = "f.clip_id"
    camera: str = "f.camera"
    recording: str = "f.recording"
    size: str = "d.size"
    at: str = ""
    to: str = ""
    do: str = "''"
    case: str = "NULL"
    newest: bool = False

    def statement(self) -> str:
        """The question, with `sort`, `id` and `most` to fill in."""
        than, order = ("<", " DESC") if self.newest else (">", "")
        to = self.to or f"'/clips/' || {self.clip}"
        return (
            f"SELECT ({self.sort})::text AS sort, ({self.id})::text AS id, {self.clip} AS clip_id,"
            f" {self.camera} AS camera, {self.recording} AS recording, {self.at or self.sort} AS at,"
            f' {self.size} AS size, {self.says} AS says, {to} AS "to", {self.do} AS "do", {self.case} AS case_id'
            f" FROM {self.source} WHERE {self.where}"
            f" AND ({self.sort}, {self.id}) {than} (%(sort)s::timestamptz, %(id)s)"
            f" ORDER BY {self.sort}{order}, {self.id}{order} LIMIT %(most)s"
        )

    @property
    def first(self) -> Cursor:
        """Where its first page begins."""
        return Cursor("infinity" if self.newest else "-infinity", "")


class Cursor(Struct, frozen=True):
    """After which line a page begins."""

    sort: str
    id: str


class Line(Struct, frozen=True):
    """One line; what does not apply to it is None.

    Attributes:
        sort, id: its place in the list.
        to: path of its own page.
        do: the command that mends it; empty where there is none.
    """

    sort: str
    id: str
    says: str
    clip_id: str | None = None
    camera: str | None = None
    recording: str | None = None
    at: datetime | None = None
    size: int | None = None
    case_id: str | None = None
    to: str | None = None
    do: str = ""


class Page(Struct, frozen=True):
    """Lines of a list; after: where the next page begins, None: there is none."""

    lines: tuple[Line, ...]
    after: Cursor | None


async def page(database: Database, listing: Listing, after: Cursor | None = None, most: int = PAGE) -> Page:
    """A page of a list.

    Args:
        after: where it begins, as the page before said; None: at the beginning.
        most: lines, at most PAGE.

    Raises:
        RuleBroken: nobody ever gave out this place.
    """
    begins = after or listing.first
    most = max(1, min(most, PAGE))
    rows = await database.fetch(listing.statement(), {"sort": checked(begins.sort), "id": begins.id, "most": most + 1})
    lines = tuple(msgspec.convert(row, Line) for row in rows[:most])
    more = len(rows) > most
    return Page(lines, Cursor(lines[-1].sort, lines[-1].id) if more else None)


async def only_named(database: Database, clip_ids: Sequence[str], categories: Collection[str], person: str) -> set[str]:
    """Which of these clips only named people see, and this person is none of them.

    Args:
        categories: whose clips only named people see; one that was ever given to a clip counts.
    """
    rows = await database.fetch(
        "SELECT f.clip_id FROM clip_fate f LEFT JOIN schedule s USING (clip_id),"
        f" LATERAL (SELECT ({NAMED.format('f.clip_id')}) AS people) n"
        " WHERE f.clip_id = ANY(%(ids)s) AND NOT COALESCE(%(person)s = ANY(n.people), false)"
        " AND (n.people IS NOT NULL OR s.category = ANY(%(categories)s) OR EXISTS"
        "  (SELECT FROM jsonb_array_elements(f.facts) fact WHERE fact->>'category' = ANY(%(categories)s)))",
        {"ids": list(clip_ids), "categories": sorted(categories), "person": person},
    )
    return {row["clip_id"] for row in rows}


def checked(sort: str) -> str:
    """The text of a time, as a page gave it out; RuleBroken for anything else."""
    if sort in ("infinity", "-infinity"):
        return sort
    try:
        datetime.fromisoformat(sort)
    except ValueError as odd:
        raise RuleBroken(f"{sort!r} is no place in a list; begin at its first page") from odd
    return sort
