"""Clips that people look for: an officer's own, and by officer, camera, incident, time and category; a page at a time.

Each page begins behind the last clip of the one before, so that a page costs the same however far down it is.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from msgspec import Struct, convert

from workers.catalogue.locks import LOCKED
from workers.database.engine import Database, Row
from workers.retention.choice import categories
from workers.retention.facts import Fact
from workers.retention.incidents import CLIPS_OF, SAID

MOST = 50
"""Clips of one page."""


class Wanted(Struct, frozen=True):
    """What is looked for; what is None is not asked.

    Attributes:
        since, until: of the recording's start; until itself is not in it. With a category it is the corrected start,
            from which that category's period counts.
        clips: of these alone.
    """

    officer: str | None = None
    camera: str | None = None
    incident: str | None = None
    category: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    clips: tuple[str, ...] | None = None


class Place(Struct, frozen=True):
    """Where a page begins: behind this clip, which began then; None: its time is not known."""

    at: datetime | None
    clip_id: str


class Found(Struct, frozen=True):
    """One clip as a list shows it.

    Attributes:
        place: of it in the list.
        incidents: that it shows, as camera and people said; the newest last.
        named: people who alone may see it; None: nobody was named.
        locked: why the visitor does not play it now, for a lock on viewing.
        intend_from, ends_at: when it goes into the bin, and is gone; None: not by itself.
        verdict: expire, review, never; None while it has no schedule.
        facts: what people decided about it.
    """

    clip_id: str
    camera: str
    recording: str
    standing: str
    disposal: str | None
    held: bool
    officer: str | None
    incidents: tuple[str, ...]
    named: tuple[str, ...] | None
    locked: str | None
    recorded_at: datetime | None
    ended_at: datetime | None
    size: int | None
    category: str | None
    rule: str | None
    verdict: str | None
    intend_from: datetime | None
    ends_at: datetime | None
    review_from: datetime | None
    place: Place
    facts: tuple[Fact, ...] = ()

    @property
    def categories(self) -> frozenset[str]:
        """Those that count: the planned one, and each that was given since one was last confirmed."""
        return frozenset(categories(self.facts)) | ({self.category} if self.category else frozenset())


class Results(Struct, frozen=True):
    """A page.

    Attributes:
        after: where the next one begins; None: there is none.
    """

    clips: tuple[Found, ...] = ()
    after: Place | None = None


NAMED = (
    "SELECT CASE WHEN kind = 'named' THEN people END FROM viewings v WHERE v.clip_id = {0}"
    " AND kind IN ('named', 'open') ORDER BY time DESC, event_id DESC LIMIT 1"
)
_LOCKED = LOCKED.format(clip="f.clip_id", officer="o.officer", began="c.recorded_at", ended="c.ended_at")
_SHOWN = (
    "SELECT f.clip_id, f.camera, f.recording, f.standing, f.disposal, f.held, f.facts, o.officer, c.recorded_at,"
    " c.ended_at, c.size, s.category, s.rule, s.verdict, s.intend_from, s.ends_at, s.review_from, chosen.at,"
    f" ARRAY(SELECT incident FROM ({SAID.format('f.clip_id')}) said) AS incidents,"
    f" ({NAMED.format('f.clip_id')}) AS named, {_LOCKED} AS locked"
    " FROM chosen JOIN clips c USING (clip_id) JOIN clip_fate f USING (clip_id)"
    " JOIN clip_officers o USING (clip_id) LEFT JOIN schedule s USING (clip_id)"
    " ORDER BY chosen.at DESC NULLS LAST, clip_id"
)
_THEIRS = (
    "held AS (SELECT camera, officer, time AS since, lead(time) OVER (PARTITION BY camera ORDER BY time, event_id)"
    " AS until FROM camera_holders WHERE camera IN (SELECT camera FROM camera_holders WHERE officer = %(officer)s)),"
    " theirs AS MATERIALIZED (SELECT c.clip_id FROM held h JOIN clips c ON c.camera = h.camera"
    "  AND c.recorded_at >= h.since AND (h.until IS NULL OR c.recorded_at < h.until)"
    "  WHERE h.officer = %(officer)s AND (%(since)s::timestamptz IS NULL OR c.recorded_at >= %(since)s)"
    "  AND (%(until)s::timestamptz IS NULL OR c.recorded_at < %(until)s)"
    " UNION SELECT clip_id FROM attributions WHERE officer = %(officer)s)"
)
_SHOWING = f"showing AS MATERIALIZED ({CLIPS_OF.format('%(incident)s::text')})"


async def search(
    database: Database, wanted: Wanted, after: Place | None = None, most: int = MOST, *, person: str
) -> Results:
    """A page of the clips that fit, newest first; those whose time nobody knows come last.

    Args:
        after: where the page before ended.
        most: clips.
        person: who asks.
    """
    rows: list[Row] = []
    if after is None or after.at is not None:
        rows = await _rows(database, wanted, after, most + 1, person, timed=True)
    if len(rows) <= most and wanted.since is None and wanted.until is None:
        behind = after if after is not None and after.at is None else None
        rows += await _rows(database, wanted, behind, most + 1 - len(rows), person, timed=False)
    found = tuple(convert(row | {"place": {"at": row["at"], "clip_id": row["clip_id"]}}, Found) for row in rows[:most])
    return Results(found, found[-1].place if len(rows) > most else None)


async def _rows(
    database: Database, wanted: Wanted, after: Place | None, most: int, person: str, *, timed: bool
) -> list[Row]:
    """Clips whose time is known, or those of which it is not.

    Only what is asked stands in the statement, so that each question has the plan of its own index.
    """
    values = {name: getattr(wanted, name) for name in Wanted.__struct_fields__} | {"most": most, "person": person}
    by_category = wanted.category is not None and not (wanted.officer or wanted.camera or wanted.incident)
    first, at = ("s", "s.recorded_at") if by_category else ("c", "c.recorded_at")
    tables, begins, asked = [], [], [f"{at} IS {'NOT ' if timed else ''}NULL"]
    if by_category:
        tables = ["schedule s", "clips c USING (clip_id)"]
        asked.append("s.category = %(category)s")
    else:
        tables = ["clips c"]
        if wanted.category is not None:
            # Looked up for each of the few that fit otherwise: a join would begin with all of a category.
            asked.append("(SELECT category FROM schedule s WHERE s.clip_id = c.clip_id) = %(category)s")
    if wanted.officer is not None:
        begins.append(_THEIRS)
        tables += ["theirs USING (clip_id)", "clip_officers o USING (clip_id)"]
        asked.append("o.officer = %(officer)s")
    if wanted.incident is not None:
        begins.append(_SHOWING)
        tables.append("showing USING (clip_id)")
    if wanted.camera is not None:
        asked.append("c.camera = %(camera)s")
    if wanted.clips is not None:
        values["clips"] = list(wanted.clips)
        asked.append("c.clip_id = ANY(%(clips)s)")
    if timed:
        asked += [condition for name, condition in (("since", f"{at} >= %(since)s"), ("until", f"{at} < %(until)s"))
                  if values[name] is not None]  # fmt: skip
    if after is not None:
        values |= {"at": after.at, "id": after.clip_id}
        within = f"{at} <= %(at)s AND ({at} < %(at)s OR {first}.clip_id > %(id)s)"
        asked.append(within if timed else f"{first}.clip_id > %(id)s")
    order = f"ORDER BY {at} DESC NULLS LAST, {first}.clip_id LIMIT %(most)s"
    chosen = f"SELECT {first}.clip_id, {at} AS at FROM {' JOIN '.join(tables)} WHERE {' AND '.join(asked)} {order}"
    begins.append(f"chosen AS MATERIALIZED ({chosen})")
    return await database.fetch(f"WITH {', '.join(begins)} {_SHOWN}", values)


async def these(database: Database, clip_ids: Iterable[str], *, person: str) -> dict[str, Found]:
    """Clip → as a list shows it, of those that are there.

    Args:
        person: who asks.
    """
    wanted = Wanted(clips=tuple(sorted(set(clip_ids))))
    found = await search(database, wanted, most=len(wanted.clips or ()), person=person) if wanted.clips else Results()
    return {clip.clip_id: clip for clip in found.clips}


async def own(database: Database, officer: str, clip_ids: list[str]) -> list[str]:
    """Which of these clips are this officer's."""
    rows = await database.fetch(
        "SELECT clip_id FROM clip_officers WHERE clip_id = ANY(%s) AND officer = %s ORDER BY clip_id",
        (clip_ids, officer),
    )
    return [row["clip_id"] for row in rows]
