"""A batch against its cases: what is bad is said before anything is done, what is good goes by the clock."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.prosecution.office import URN, Office
from tests.prosecution.submitting import Desk, submitting
from workers.prosecution import statements as s
from workers.prosecution.submission.queries import Asked, listed, matching, submission_counts
from workers.prosecution.submission.states import State

OTHERS = ("01AB0012407", "01AB0012512", "01AB0012620")


@pytest.fixture
async def desk(office: Office, tmp_path: Path) -> AsyncIterator[Desk]:
    async with submitting(office, tmp_path) as made:
        yield made


async def test_every_bad_row_is_named_and_the_good_ones_stand(desk: Desk) -> None:
    await desk.exhibit("JS/1")
    clip = await desk.exhibit("JS/2")
    await desk.exhibit("JS/3")
    await desk.office.change(s.ExhibitWithdrawn("JS/3"))
    await desk.office.disposal(clip, "done")
    plan = await desk.plan(
        "urn,exhibits,purpose,purpose_item,recipient,not_recorded,address\n"
        f"{URN},JS/1,charging,,,,\n"
        "99ZZ0000000,,charging,,,,\n"
        f"{URN},JS/9,charging,,,,\n"
        f"{URN},js / 3,charging,,,,\n"
        f"{URN},JS/2,charging,,,,\n"
        f"{URN},JS/1;JS/1,charging,,,,\n"
        f"{URN},JS/1,action_plan,,,,\n"
        f"{URN},JS/1,charging,,defence,,\n"
        f"{URN},,charging,,,nothing was recorded,\n"
        f"{URN},JS/1,trial,,,,nobody\n"
        f"{URN},JS/1,subject_access,,,,\n"
        f"{URN},js/1,charging,,,,\n"
    )
    assert [one.row.row for one in plan.rows] == [2]
    said = {fault.row: str(fault) for fault in plan.faults}
    expected = {
        3: "column urn: no case 99ZZ0000000",
        4: "column exhibits: JS/9 is no exhibit of",
        5: "column exhibits: js / 3 was withdrawn",
        6: f"its clip {clip} was disposed of",
        7: "JS/1 is named twice",
        8: "column purpose_item: nothing; expected the number",
        9: "column recipient: defence with the purpose charging; expected cps",
        10: "column not_recorded: a reason, and",
        11: "column address: 'nobody' is not one mail address",
        12: "column purpose: subject_access in a case of the kind prosecution",
        13: "row 13: the same submission as row 2",
    }
    assert {row: words for row, words in expected.items() if words not in said[row]} == {}
    assert sorted(said) == sorted(expected)
    assert await desk.told("submissions.prepared") == []


async def test_cases_go_by_their_clock_and_the_detained_in_the_urgent_lane(desk: Desk) -> None:
    late, soon, hearing = OTHERS
    await desk.office.opened(late, first_hearing=None)
    held = {"clock": s.Clock.DETAINED, "clock_since": "2026-11-22T08:00:00+00:00"}
    await desk.office.opened(soon, **held, clock_ends="2026-11-23T08:00:00+00:00")
    await desk.office.opened(hearing, clock=s.Clock.CHARGED, first_hearing="2026-12-01T10:00:00+00:00")
    for urn in (URN, *OTHERS):
        await desk.exhibit("JS/1", urn)
    rows = "".join(f"{urn},charging\n" for urn in (late, URN, hearing, soon))
    plan = await desk.plan("urn,purpose\n" + rows)
    assert plan.faults == ()
    assert [one.case.urn for one in plan.rows] == [soon, hearing, late, URN]
    assert [one.order.urgent for one in plan.rows] == [True, False, False, False]


async def test_the_same_file_again_doubles_nothing_and_says_so(desk: Desk) -> None:
    await desk.exhibit("JS/1")
    await desk.exhibit("JS/2", start=0.0, end=2.0)
    text = f"urn,exhibits,purpose\n{URN},JS/1,charging\n{URN},JS/2,charging\n"
    first = await desk.plan(text)
    assert [(one.new, [order.kind for order in one.makes]) for one in first.rows] == [
        (True, []),
        (True, [s.DerivativeKind.RANGE]),
    ]
    for one in first.rows:
        assert (await desk.ask(one.order)).verdict != "refused"
    await desk.deliver()
    again = await desk.plan(text)
    assert [one.there and one.there.state for one in again.rows] == [State.SENT, State.REQUESTED]
    assert not any(one.new for one in again.rows)
    assert [one.order.submission_id for one in again.rows] == [one.order.submission_id for one in first.rows]


async def test_submissions_are_found_by_state_batch_case_and_the_beginning_of_their_id(desk: Desk) -> None:
    await desk.exhibit("JS/1")
    plan = await desk.plan(f"urn,purpose\n{URN},charging\n{URN},trial\n", "monday.csv")
    for one in plan.rows:
        await desk.ask(one.order)
    await desk.deliver()
    first, second = (one.order.submission_id for one in plan.rows)
    await desk.database.execute(
        "UPDATE submissions SET due_at = now() - interval '1 hour' WHERE submission_id = %s", (first,)
    )

    async def ids(**asked: object) -> list[str]:
        return sorted(one.submission_id for one in await listed(desk.database, Asked(**asked)))  # type: ignore[arg-type]

    both = sorted((first, second))
    assert await ids() == await ids(batch="monday.csv") == await ids(case=URN) == await ids(state=State.SENT) == both
    assert await ids(overdue=True) == [first]
    assert await ids(batch="tuesday.csv") == await ids(state=State.PARTIAL) == []
    assert [one.submission_id for one in await matching(desk.database, first[:20])] == [first]
    assert [one.submission_id for one in await matching(desk.database, first.removeprefix("submission-"))] == [first]
    assert await submission_counts(desk.database) == {"waiting": 0, "sent": 2, "overdue": 1, "to_look_at": 0}
