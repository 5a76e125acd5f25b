"""What a month's submitted footage was followed by: figures that can be published, with the query that made them.

"Followed by" is all that is said: an outcome on the day of the submission or later, in the same case. It is not "led
to". Beside them stand the cases that told the CPS "not recorded", so that nobody takes a share for an effect.

Small numbers are withheld: a figure that rests on fewer than `FEWEST` cases, and one that leaves fewer than `FEWEST`
cases over, since the total stands beside it. Clips count as the cases behind them: six clips of one case are one case.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from msgspec import Struct

from workers.database.engine import Connection, fetch
from workers.prosecution.disclosure.times import LONDON

FEWEST = 5
"""Cases; below this number a figure could point at a person."""

MEASURES = {"charge": "charge", "plea_guilty": "guilty plea", "conviction": "conviction"}
"""Kind of outcome → what people call it."""

MONTH = re.compile(r"(\d{4})-(0[1-9]|1[0-2])")

QUERY = """\
-- Submissions to the CPS that were sent from {since} to {until} and acknowledged, item by item.
WITH submitted AS (
    SELECT case_id, (sent_at AT TIME ZONE 'Europe/London')::date AS day, manifest->'items' AS items,
        manifest->'mme'->>'status' AS status
    FROM submissions
    WHERE recipient = 'cps' AND state = 'acknowledged' AND sent_at >= '{since}' AND sent_at < '{until}'
), clips AS (
    SELECT item->>'clip_id' AS clip_id, case_id, min(day) AS day
    FROM submitted CROSS JOIN jsonb_array_elements(items) AS item
    GROUP BY 1, 2
), groups AS (
    SELECT 'recorded' AS footage, clip_id, case_id, day FROM clips
    UNION ALL
    SELECT 'not_recorded', NULL, case_id, min(day) FROM submitted
    WHERE status = 'not_recorded' AND case_id NOT IN (SELECT case_id FROM clips)
    GROUP BY case_id
), outcomes AS (
    SELECT case_id, said->>'outcome' AS outcome, max((said->>'on')::date) AS last
    FROM cases CROSS JOIN jsonb_array_elements(body->'outcomes') AS said
    WHERE case_id IN (SELECT case_id FROM submitted)
    GROUP BY 1, 2
)
SELECT footage, 'submitted' AS followed_by, count(DISTINCT clip_id) AS clips, count(DISTINCT case_id) AS cases
FROM groups GROUP BY footage
UNION ALL
SELECT footage, outcome, count(DISTINCT clip_id), count(DISTINCT case_id)
FROM groups JOIN outcomes USING (case_id)
WHERE last >= day AND outcome IN ('charge', 'plea_guilty', 'conviction')
GROUP BY footage, outcome
"""


class Figure(Struct, frozen=True):
    """A number of clips and of the cases behind them; None: withheld.

    Attributes:
        name: "submitted", or the kind of outcome that followed.
    """

    name: str
    clips: int | None
    cases: int | None

    @property
    def withheld(self) -> bool:
        """Whether it is too small to be published."""
        return self.cases is None


class Group(Struct, frozen=True):
    """Cases with footage, or cases without.

    Attributes:
        submitted: all of the group.
        followed: one figure for each of `MEASURES`.
    """

    submitted: Figure
    followed: tuple[Figure, ...]


class MonthOfOutcomes(Struct, frozen=True):
    """A month's figures.

    Attributes:
        month: "2026-10".
        fewest: cases below which a figure is withheld.
        query: the statement that was asked, ready to be asked again.
    """

    month: str
    recorded: Group
    not_recorded: Group
    fewest: int
    query: str


def query(month: str) -> str:
    """The statement for a month, by the local time of England and Wales.

    Args:
        month: "2026-10".

    Raises:
        ValueError: that is no month.
    """
    found = MONTH.fullmatch(month)
    if found is None or not 2000 <= int(found[1]) < 9999:
        raise ValueError(f"{month!r}: expected a month such as 2026-10")
    year, number = int(found[1]), int(found[2])
    since = datetime(year, number, 1, tzinfo=LONDON)
    until = datetime(year + number // 12, number % 12 + 1, 1, tzinfo=LONDON)
    return QUERY.format(since=since.isoformat(), until=until.isoformat())


async def month_of_outcomes(connection: Connection, month: str) -> MonthOfOutcomes:
    """The figures of a month; raises ValueError where it is none."""
    statement = query(month)
    rows = await fetch(connection, statement)
    recorded, not_recorded = (_group(rows, footage) for footage in ("recorded", "not_recorded"))
    return MonthOfOutcomes(month, recorded, not_recorded, FEWEST, statement)


def _group(rows: Iterable[dict[str, Any]], footage: str) -> Group:
    counted = {row["followed_by"]: (row["clips"], row["cases"]) for row in rows if row["footage"] == footage}
    return publishable(counted)


def publishable(counted: dict[str, tuple[int, int]]) -> Group:
    """A group's figures without the small ones. Pure.

    Args:
        counted: "submitted" and each outcome that occurred → clips, cases.
    """
    clips, cases = counted.get("submitted", (0, 0))
    if cases == 0:
        nothing = tuple(Figure(name, 0, 0) for name in MEASURES)
        return Group(Figure("submitted", 0, 0), nothing)
    total = Figure("submitted", clips, cases) if cases >= FEWEST else Figure("submitted", None, None)
    return Group(total, tuple(_figure(name, counted.get(name, (0, 0)), cases) for name in MEASURES))


def _figure(name: str, counted: tuple[int, int], total: int) -> Figure:
    clips, cases = counted
    small = cases < FEWEST or total - cases < FEWEST
    return Figure(name, None, None) if small else Figure(name, clips, cases)
