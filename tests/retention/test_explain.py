"""`bwv explain`: the same answer from the row that decides and from the custody log alone, for any moment."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from importlib.resources import files

import click
import msgspec
import pytest

from console.cli.explain import past_moment
from tests.retention.pasts import Past, Step, lived
from workers.database.engine import Database
from workers.retention.decision import Reason
from workers.retention.explaining import BY_THE_FORCE, State, statement_of
from workers.retention.facts import HoldReason, Verdict, hold_entry
from workers.retention.questions import explained_by_row

DEMO = (files("workers.retention") / "shipped" / "demo.toml").read_text()
LONGER = DEMO.replace('name = "demo"', 'name = "longer"').replace('period = "31 days"', 'period = "62 days"')


def adopt(toml: str) -> Step:
    return lambda past: past.adopted(toml)


def category(name: str, by: str = "ANNE", *, confirms: bool = False) -> Step:
    return lambda past: past.categorised(name, by, confirms=confirms)


def hold(name: str, reason: HoldReason = HoldReason.MANUAL, *, restricted: bool = False) -> Step:
    return lambda past: past.held(name, reason, restricted=restricted)


def lift(name: str) -> Step:
    return lambda past: past.lifted(name)


def correct(days: int, by: str = "ANNE", *, confirms: bool = False) -> Step:
    return lambda past: past.time_corrected(past.began - timedelta(days=days), by, confirms=confirms)


POLICY = adopt(DEMO)
PASSING = (category("passing"), category("passing", "BILL", confirms=True))

HISTORIES: dict[str, tuple[Step, ...]] = {
    "no policy yet": (Past.stored, hold("hold-a"), lift("hold-a")),
    "the policy comes later, then another": (Past.stored, POLICY, adopt(LONGER)),
    "on its way": (POLICY, Past.registered, Past.secured, Past.verified, Past.released),
    "quarantined": (POLICY, Past.registered, Past.quarantined, Past.docked_again),
    "docked again before it was secured": (POLICY, Past.registered, Past.docked_again, Past.secured, Past.verified),
    "a category that lengthens": (POLICY, Past.stored, category("evidential")),
    "a shorter one, confirmed": (POLICY, Past.stored, category("evidential"), *PASSING),
    "a shorter one, not confirmed": (POLICY, Past.stored, category("evidential"), category("passing")),
    "held twice, lifted once": (POLICY, Past.stored, hold("hold-a"), hold("hold-b", HoldReason.DSI), lift("hold-a")),
    "a hold that must not be named": (POLICY, Past.stored, hold("hold-p", HoldReason.CONDUCT, restricted=True)),
    "in the bin and held": (POLICY, Past.stored, *PASSING, Past.intended, hold("hold-a"), lift("hold-a")),
    "in the bin and restored": (POLICY, Past.stored, *PASSING, Past.intended, Past.restored),
    "in the bin and withdrawn": (POLICY, Past.stored, *PASSING, Past.intended, adopt(LONGER), Past.withdrawn),
    "in the bin and categorised": (POLICY, Past.stored, *PASSING, Past.intended, category("evidential")),
    "its time corrected and confirmed": (POLICY, Past.stored, correct(3), correct(3, "BILL", confirms=True)),
    "reviewed and kept": (POLICY, Past.stored, category("looked-at"), lambda past: past.reviewed(Verdict.KEEP)),
    "reviewed and let go": (POLICY, Past.stored, lambda past: past.reviewed(Verdict.DISPOSE), Past.intended),
    "private footage": (POLICY, Past.stored, Past.allowed_early, Past.intended),
}  # fmt: skip
"""What happened to a clip, step by step."""


@pytest.fixture
async def past(database: Database) -> Past:
    return Past(database)


@pytest.mark.parametrize("name", HISTORIES)
async def test_log_and_row_give_the_same_answer_for_every_moment(past: Past, name: str) -> None:
    await lived(past, HISTORIES[name])
    for moment in past.moments:
        assert await past.then(moment.at) == moment.seen
    answers = {(moment.seen.says, moment.seen.reasons, moment.seen.holds) for moment in past.moments}
    assert len(answers) > 1, "nothing ever changed, so nothing was compared"


async def test_before_it_was_declared_nobody_knew_it(past: Past) -> None:
    before = await past.now()
    await lived(past, [POLICY, Past.stored])
    then = await past.then(before)
    assert then.state is State.UNKNOWN and "nobody had declared this clip" in then.says
    assert (await past.then(past.moments[-1].at)).state is State.KEPT


async def test_without_a_policy_nothing_goes_and_it_says_so(past: Past) -> None:
    await lived(past, [Past.stored])
    assert "no retention policy was in force" in past.moments[-1].seen.says
    assert past.moments[-1].seen.plan is None


async def test_an_old_moment_is_explained_by_the_policy_of_that_moment(past: Past) -> None:
    await lived(past, [POLICY, Past.stored, adopt(LONGER)])
    first, last = past.moments[0], past.moments[-1]
    old, new = await past.then(first.at), await past.then(last.at)
    assert (old.policy, old.policy_name, new.policy, new.policy_name) == (1, "demo", 2, "longer")
    assert old.plan and new.plan and old.plan.ends_at and new.plan.ends_at
    assert new.plan.ends_at - old.plan.ends_at >= timedelta(days=30)


async def test_it_names_rule_category_person_and_source(past: Past) -> None:
    await lived(past, [POLICY, Past.stored, *PASSING, hold("hold-a", HoldReason.INQUEST)])
    seen = past.moments[-1].seen
    assert (seen.category, seen.rule, seen.given_by, seen.policy) == ("passing", "passing", "ANNE", 1)
    assert all(reason.source for reason in seen.reasons)
    assert "held for inquest hold-a" in " ".join(reason.says for reason in seen.reasons)
    [shown] = seen.holds
    assert (shown.hold_id, shown.reason, shown.by) == ("hold-a", "inquest", "ANNE")


async def test_a_restricted_hold_says_only_that_the_force_keeps_the_clip(past: Past) -> None:
    await lived(past, [POLICY, Past.stored, hold("hold-p", HoldReason.CONDUCT, restricted=True)])
    at = past.moments[-1].at
    told = msgspec.json.encode(await past.then(at)).decode()
    assert BY_THE_FORCE in told
    for word in ("hold-p", "conduct", "PSD-1"):
        assert word not in told
    named = msgspec.json.encode(await past.then(at, restricted=True)).decode()
    assert all(word in named for word in ("hold-p", "conduct", "PSD-1"))


# -- once it is gone -----------------------------------------------------------------------------------------


async def gone(past: Past) -> None:
    """Dispose of the clip; its payloads go with it, as the record takes the news."""
    await past.committed()
    await past.disposed()
    left = await past.database.fetch("SELECT type FROM custody WHERE clip_id = %s AND payload IS NULL", (past.clip,))
    assert "clips.registered" in {row["type"] for row in left}


SURVIVE = ("a shorter one, confirmed", "a shorter one, not confirmed", "held twice, lifted once",
           "in the bin and restored", "in the bin and withdrawn", "private footage")  # fmt: skip
"""Histories of which headers and the disposal's own events tell everything."""


@pytest.mark.parametrize("name", SURVIVE)
async def test_what_it_was_kept_for_is_told_after_its_payloads_are_gone(past: Past, name: str) -> None:
    await lived(past, HISTORIES[name])
    row = await past.row()
    for entry in row.hold_reasons:
        await past.lifted(hold_entry(entry).hold_id)
    if row.disposal is None:
        await past.intended()
    await gone(past)
    compared = 0
    for moment in past.moments:
        then, seen = await past.then(moment.at, restricted=True), moment.seen
        assert (then.state, then.policy, then.category, then.rule) == (
            seen.state,
            seen.policy,
            seen.category,
            seen.rule,
        )
        assert then.plan and seen.plan and then.plan.ends_at == seen.plan.ends_at
        assert len(then.holds) == len(seen.holds)
        compared += 1
    assert compared == len(past.moments) > 1


async def test_what_is_erased_is_told_as_unknown_and_never_guessed(past: Past) -> None:
    await lived(past, [POLICY, Past.stored, correct(3)])
    corrected = past.moments[-1]
    await lived(past, [Past.intended])
    await gone(past)
    then = await past.then(corrected.at)
    assert then.state is State.KEPT and then.plan is None
    assert "cannot be computed again" in then.says
    assert any("clips.time-corrected" in note for note in then.notes)
    in_bin = await past.then(past.moments[-1].at)
    planned = corrected.seen.plan
    assert planned and in_bin.state is State.BIN
    assert in_bin.reasons == tuple(Reason(reason.says, planned.rule, "") for reason in planned.reasons)


async def test_a_deleted_clip_says_when_by_which_rule_and_with_which_certificate(past: Past) -> None:
    await lived(past, [POLICY, Past.stored, *PASSING, Past.intended])
    await gone(past)
    now = await past.now()
    assert await explained_by_row(past.database, past.clip, now, restricted=False) is None
    then = await past.then(now)
    assert then.state is State.GONE
    assert "rule passing of policy 1 ended the period of category passing" in then.says
    statement = statement_of(then.certificate)
    assert statement is not None and statement.reasons == tuple(reason.says for reason in then.reasons)
    assert (then.policy_name, then.given_by) == ("demo", "ANNE")


async def test_between_commit_and_the_end_it_is_being_deleted(past: Past) -> None:
    await lived(past, [POLICY, Past.stored, *PASSING, Past.intended])
    await past.committed()
    at = await past.now()
    await past.disposed()
    then = await past.then(at)
    assert then.state is State.LEAVING and then.certificate is None
    assert "decided for good" in then.says


async def test_what_no_dock_signed_moves_no_date(past: Past) -> None:
    await lived(past, [POLICY, Past.registered])
    forged = msgspec.structs.replace(past.report_of(9), signature=past.report.signature)
    await past.reported(forged)
    await lived(past, [Past.secured])
    moment = past.moments[-1]
    assert await past.then(moment.at) == moment.seen


async def test_a_moment_in_the_future_is_not_explained() -> None:
    with pytest.raises(click.UsageError, match="bwv retention due"):
        past_moment((datetime.now(UTC) + timedelta(days=2)).isoformat())


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("2026-03-01T10:00:00+00:00", datetime(2026, 3, 1, 10, tzinfo=UTC)),
        ("2026-03-01", datetime(2026, 3, 2).astimezone(UTC) - timedelta(microseconds=1)),
    ],
)
def test_a_day_means_its_end(said: str, meant: datetime) -> None:
    assert past_moment(said) == meant


@pytest.mark.parametrize("said", ["yesterday", "2026-13-01", ""])
def test_what_is_no_moment_is_refused(said: str) -> None:
    with pytest.raises(click.UsageError, match="expected a day such as"):
        past_moment(said)
