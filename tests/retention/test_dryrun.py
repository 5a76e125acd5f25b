"""What another policy would change, before anybody adopts it; and what goes next under the one in force."""

from __future__ import annotations

import asyncio
import hashlib
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.pipeline.pipeline import Said, command
from tests.retention.desk import MET, SURREY, Desk
from workers.errors import RuleBroken
from workers.fate.row import find
from workers.footage.recording import Kind, SourceType
from workers.retention import rehearsal
from workers.retention.drafts import keep, kept
from workers.retention.dryrun import Difference, DryRun
from workers.retention.due import Asked, due, in_bin
from workers.retention.facts import Categorised, NotBefore
from workers.retention.periods import start_of_day
from workers.retention.policy import Policy, parse
from workers.retention.rehearsal import rehearse
from workers.retention.schedule import plan_of, reschedule

POLICY, OTHER = parse(MET, 1), parse(SURREY, 2)
NOW = datetime.now(UTC).replace(hour=12, minute=0, second=0, microsecond=0)
"""At noon: near midnight two clips a day apart lie on one day of the calendar when the clocks change between them."""


async def clip(desk: Desk, days: float, category: str | None = None, *, planned: bool = True, **values: Any) -> str:
    """A clip that was recorded so many days ago, in the schedule and the catalogue as the stages leave it."""
    at = NOW - timedelta(days=days)
    row = values.pop("row", {})
    if category:
        row["facts"] = (Categorised(category, "PC-1", at),)
    said = {"docked_at": at + timedelta(hours=2), "recorded_at": at.isoformat(), "size": 1000} | values
    made = await desk.clip(row=row, **said)
    if planned:
        async with desk.database.transaction() as connection:
            await reschedule(connection, [made], POLICY)
        kind = values.get("kind", Kind.FOOTAGE)
        await desk.database.execute("INSERT INTO clips (clip_id, kind) VALUES (%s, %s)", (made, kind))
    return made


async def dry(desk: Desk, present: Policy | None = POLICY, proposed: Policy = OTHER, **how: Any) -> DryRun:
    made = await rehearse(desk.database, present, proposed, at=NOW, by="ADMIN", **how)
    assert sum(line.clips for line in made.lines) == made.clips
    assert sum(line.size for line in made.lines) == made.size
    return made


def counted(made: DryRun) -> dict[Difference, int]:
    return {
        difference: count
        for difference in Difference
        if (count := sum(line.clips for line in made.lines if line.difference is difference))
    }


async def test_each_clip_differs_as_its_plans_do(desk: Desk) -> None:
    await clip(desk, 28.5, incident="INC-1")
    await clip(desk, 5)
    await clip(desk, 26.2, row={"hold_reasons": ["case/hold-1"]}, incident="INC-1")
    taser = await clip(desk, 2, source_type=SourceType.TASER)
    await clip(desk, 100, "volume-crime")  # Surrey does not know it: the longest of all counts, which never goes
    await clip(desk, 100, "stop-and-search")

    made = await dry(desk)

    # Surrey begins 24 h before day 30, the Met 48 h before day 31: the same day. A Taser's year is longer.
    assert counted(made) == {
        Difference.NONE: 2,
        Difference.LATER: 1,
        Difference.REVIEW_LATER: 1,
        Difference.NO_LONGER: 1,
        Difference.HELD: 1,
    }
    assert (made.clips, made.held, made.shortened) == (6, 1, 0)
    assert (made.against, made.version, made.policy) == (1, 2, "surrey")
    assert {line.category for line in made.lines} == {"uncategorised", "public-protection"}
    assert taser not in {named.clip_id for named in made.first_clips}


async def test_the_totals_are_those_of_every_clips_own_plans(desk: Desk) -> None:
    made = [
        await clip(desk, days, category, source_type=source, kind=kind, planned=days % 2 == 0, size=1000 + days)
        for days in range(0, 60, 7)
        for category, source, kind in (
            (None, SourceType.BODY_WORN, Kind.FOOTAGE),
            (None, SourceType.TASER, Kind.FOOTAGE),
            (None, SourceType.VEHICLE, Kind.EVENT_LOG),
            ("training", SourceType.BODY_WORN, Kind.FOOTAGE),
            ("complaint", SourceType.BODY_WORN, Kind.FOOTAGE),
        )
    ]
    shorter = parse(MET.replace('"31 days"', '"20 days"'), 2)
    expected: dict[bool, list[int]] = {}
    months: dict[str, int] = {}
    for each in made:
        fate = await find(desk.database, each)
        assert fate is not None
        now, then = plan_of(fate, POLICY), plan_of(fate, shorter)
        earlier = then.dispose_from is not None and (now.dispose_from is None or then.dispose_from < now.dispose_from)
        expected.setdefault(earlier, []).append(fate.declared().recording.size)
        if then.dispose_from:
            month = f"{then.dispose_from:%Y-%m}"
            months[month] = months.get(month, 0) + 1

    found = await dry(desk, POLICY, shorter)

    assert (found.clips, found.size) == (len(made), sum(map(sum, expected.values())))
    assert (found.shortened, found.shortened_size) == (len(expected[True]), sum(expected[True])) != (0, 0)
    then_by_month: dict[str, int] = {}
    for month_line in found.months:
        then_by_month[month_line.month] = then_by_month.get(month_line.month, 0) + month_line.clips_then
    assert {month: count for month, count in then_by_month.items() if count} == months


async def test_before_the_first_policy_nothing_goes(desk: Desk) -> None:
    await clip(desk, 5)
    await clip(desk, 400, incident="INC-7")
    await clip(desk, 400, "volume-crime")
    made = await dry(desk, None, POLICY)
    assert counted(made) == {Difference.GOES_NOW: 1, Difference.NEWLY: 1, Difference.REVIEW_EARLIER: 1}
    assert made.against == 0 and made.shortened == 2
    assert [named.incident for named in made.first_clips] == ["INC-7", None]
    assert all(named.goes_now is None and named.goes_then for named in made.first_clips)


async def test_incidents_that_lose_footage_are_named_and_those_of_a_case_counted(desk: Desk) -> None:
    await clip(desk, 25, incident="INC-1")
    await clip(desk, 25, incident="INC-1", row={"hold_reasons": ["case/hold-9"]})
    await clip(desk, 25, incident="INC-2", row={"hold_reasons": ["complaint/hold-8"]})
    await clip(desk, 25, incident="INC-3")
    made = await dry(desk, POLICY, parse(MET.replace('"31 days"', '"20 days"'), 2))
    assert (made.incident_list, made.incidents, made.case_incidents) == (("INC-1", "INC-3"), 2, 1)
    assert made.held == 2


async def test_what_is_gone_or_decided_is_left_out_and_the_bin_is_not(desk: Desk) -> None:
    for disposal in ("committed", "done", "intended"):
        await clip(desk, 40, row={"disposal": disposal})
    assert (await dry(desk)).clips == 1


async def test_several_processes_count_what_one_counts(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    for days in range(40):
        await clip(desk, days, incident=f"INC-{days % 9}", planned=days % 3 > 0)
    one = await dry(desk, None, POLICY)
    monkeypatch.setattr(rehearsal, "FEW", 1)
    told: list[int] = []
    several = await dry(desk, None, POLICY, processes=3, told=told.append)
    assert several == one and one.clips == 40
    assert told and told == sorted(told) and told[-1] <= 40


# -- a dry run and its policy --------------------------------------------------------------------------------


async def test_a_policy_is_adopted_with_a_fresh_dry_run_of_its_very_text(desk: Desk, tmp_path: Path) -> None:
    await clip(desk, 5)
    made = await dry(desk)
    digest, path = keep(tmp_path, made)
    assert digest == hashlib.sha256(path.read_bytes()).hexdigest()
    assert path.name == f"{OTHER.sha256}.json"
    assert kept(tmp_path, OTHER, against=1, clips=1, now=NOW) == digest
    assert kept(tmp_path, OTHER, against=1, clips=900, now=NOW + timedelta(hours=24)) == digest


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"policy": parse(f"{SURREY}\n", 2)}, "no dry run of this very text"),
        ({"now": NOW + timedelta(hours=25)}, "over 24 hours ago"),
        ({"against": 2}, "compared with version 1, in force is 2"),
        ({"clips": 2000}, "looked at 1 clips, now there are 2,000"),
    ],
)
async def test_without_it_the_policy_is_refused(
    desk: Desk, tmp_path: Path, given: dict[str, Any], sentence: str
) -> None:
    await clip(desk, 5)
    keep(tmp_path, await dry(desk))
    asked: dict[str, Any] = {"policy": OTHER, "against": 1, "clips": 1, "now": NOW} | given
    with pytest.raises(RuleBroken, match=sentence) as refused:
        kept(tmp_path, **asked)
    assert "bwv retention dry-run" in str(refused.value)


async def test_a_file_that_is_no_dry_run_is_refused(desk: Desk, tmp_path: Path) -> None:
    _, path = keep(tmp_path, await dry(desk))
    good = path.read_bytes()
    path.write_bytes(good[: len(good) // 2])
    with pytest.raises(RuleBroken, match="is not a dry run"):
        kept(tmp_path, OTHER, against=1, clips=0, now=NOW)
    path.write_bytes(good.replace(OTHER.sha256.encode(), b"0" * 64))
    with pytest.raises(RuleBroken, match="is about another text"):
        kept(tmp_path, OTHER, against=1, clips=0, now=NOW)


# -- what goes next ------------------------------------------------------------------------------------------


async def test_what_is_due_is_listed_first_things_first_with_its_reasons(desk: Desk) -> None:
    overdue, soon = await clip(desk, 40), await clip(desk, 28)
    await clip(desk, 10)
    await clip(desk, 40, row={"hold_reasons": ["complaint/hold-1"]})
    await clip(desk, 40, "volume-crime")

    found = await due(desk.database, POLICY, Asked(None, NOW + timedelta(hours=72), 10))

    assert [going.clip_id for going in found.listed] == [overdue, soon]
    assert (found.clips, found.size) == (2, 2000)
    assert all("uncategorised footage goes within 31 days of recording" in g.reasons[0] for g in found.listed)
    one = await due(desk.database, POLICY, Asked(None, NOW + timedelta(hours=72), 1))
    assert (one.clips, len(one.listed)) == (2, 1)
    [line] = found.sums
    assert (line.rule, line.clips, line.in_bin) == ("uncategorised", 2, 0)


async def test_what_goes_tomorrow_is_neither_overdue_nor_of_the_day_after(desk: Desk) -> None:
    clips = {days: await clip(desk, days) for days in (27, 28, 29, 30)}
    day = (NOW - timedelta(days=28) + timedelta(days=29)).astimezone(POLICY.zone).date()
    since = start_of_day(day, POLICY.zone)
    found = await due(desk.database, POLICY, Asked(since, since + timedelta(days=1), 10))
    assert [going.clip_id for going in found.listed] == [clips[28]]


async def test_the_bin_is_what_is_intended_and_says_why(desk: Desk) -> None:
    binned = await clip(desk, 27)
    await clip(desk, 28)
    await desk.intend(binned)
    found = await in_bin(desk.database, POLICY, most=5)
    assert [(going.clip_id, going.in_bin) for going in found.listed] == [(binned, True)]


async def test_a_clip_that_was_taken_out_says_so(desk: Desk) -> None:
    day = NOW.date() + timedelta(days=2)
    made = await clip(desk, 40, row={"facts": (NotBefore(day, "PC-1", NOW),)})
    found = await due(desk.database, POLICY, Asked(None, NOW + timedelta(days=4), 5))
    [going] = found.listed
    assert going.clip_id == made and going.exception == f"taken out of the bin, not before {day}"
    assert any("PC-1 took it out of the bin" in reason for reason in going.reasons)


# -- the command line ----------------------------------------------------------------------------------------


class Desktop:
    """Somebody's shell at a force."""

    def __init__(self, desk: Desk, home: Path, dsn: str) -> None:
        self.home = home
        home.mkdir()
        (home / "settings.toml").write_text(f'database = "{dsn}"\nnamespace = "{desk.database.schema}"\n')

    async def bwv(self, *words: str) -> Said:
        return await asyncio.to_thread(command, ["--home", str(self.home), "retention", *words])


@pytest.fixture
def desktop(desk: Desk, tmp_path: Path, dsn: str) -> Desktop:
    return Desktop(desk, tmp_path / "home", dsn)


async def test_the_policy_in_force_is_shown_in_plain_words(desk: Desk, desktop: Desktop) -> None:
    before = await desktop.bwv("show")
    assert before.code == 1 and "no policy is in force: nothing goes" in before.err
    await desk.adopt(MET)
    shown = (await desktop.bwv("show")).out
    for words in ("policy 1: met, Metropolitan Police Service", "31 days", "disposal begins 2 days before a period",
                  "2 people", "recording", "DPA 2018 s.39"):  # fmt: skip
        assert words in shown, words
    told = (await desktop.bwv("show", "--json")).json
    assert (told["version"], told["window_seconds"], told["rules"][0]["period"]) == (1, 172800.0, "31 days")
    assert (await desktop.bwv("show", "--text")).out == MET
    assert (await desktop.bwv("show", "--version", "9")).code == 1


async def test_a_dry_run_changes_nothing_and_is_kept_for_the_adoption(
    desk: Desk, desktop: Desktop, tmp_path: Path
) -> None:
    await desk.adopt(MET)
    made = await clip(desk, 25, incident="INC-1")
    file, out = tmp_path / "new.toml", tmp_path / "result.json"
    file.write_text(MET.replace('"31 days"', '"20 days"'))
    before = await desk.planned(made)

    refused = await desktop.bwv("adopt", str(file), "--reason", "shorter")
    assert refused.code == 1 and "no dry run of this very text" in refused.err

    said = await desktop.bwv("dry-run", str(file), "--out", str(out))
    assert said.code == 0, said
    for words in ("1 clips", "goes at once", "1 incidents", made, "bwv retention adopt"):
        assert words in said.out, words
    told = (await desktop.bwv("dry-run", str(file), "--json")).json
    assert told["result"]["shortened"] == 1
    [draft] = (desktop.home / "dry-runs").iterdir()
    assert told["kept"] == str(draft) and told["dry_run"] == hashlib.sha256(draft.read_bytes()).hexdigest()
    assert msgspec.json.decode(out.read_bytes(), type=DryRun).first_clips[0].clip_id == made
    assert await desk.planned(made) == before


async def test_a_bad_policy_is_refused_in_one_line(desk: Desk, desktop: Desktop, tmp_path: Path) -> None:
    file = tmp_path / "bad.toml"
    file.write_bytes(MET.replace("uncategorised", "other").encode())
    said = await desktop.bwv("dry-run", str(file))
    assert said.code == 1 and "'uncategorised' is missing" in said.err and said.err.count("\n") == 1
    file.write_bytes(b"name = \xff")
    assert "not UTF-8" in (await desktop.bwv("dry-run", str(file))).err


async def test_what_is_due_is_shown_for_people_and_for_scripts(desk: Desk, desktop: Desktop) -> None:
    assert (await desktop.bwv("due")).code == 1
    await desk.adopt(MET)
    made = await clip(desk, 28)
    said = await desktop.bwv("due", "--within", "72h")
    assert said.code == 0 and made in said.out and "goes within 31 days of recording" in said.out
    assert (await desktop.bwv("due", "--within", "3 days", "--json")).json["listed"][0]["clip_id"] == made
    assert (await desktop.bwv("due", "--tomorrow", "--json")).code == 0
    assert "0 clips" in (await desktop.bwv("due", "--bin")).out
    wrong = await desktop.bwv("due", "--within", "soon")
    assert wrong.code == 2 and "expected a length of time" in wrong.err


async def test_the_shipped_policies_are_listed_and_printed(desktop: Desktop) -> None:
    listed = (await desktop.bwv("template")).out
    assert all(name in listed for name in ("met", "surrey", "demo"))
    assert (await desktop.bwv("template", "surrey")).out == SURREY
    assert (await desktop.bwv("template", "kent")).code == 1
