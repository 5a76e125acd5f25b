"""The whole system with a policy: a category, two people, a file, an early disposal and a way out of the bin."""

from __future__ import annotations

import asyncio
import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.pipeline.pipeline import Pipeline, Said
from workers.retention.shipped import shipped

pytestmark = pytest.mark.stack

SETTINGS = """\
first_lock = 20.0
retry_most = 2.0
dock_repeat = 0.5
dock_settle = 0.3
seal_after = 1.0
sweep_every = 1.0
"""


class Office(Pipeline):
    """A running system with a second person."""

    async def by(self, person: str, *words: str) -> Said:
        """Give a command as somebody else."""
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("BWV_PERSON", person)
            return await self.bwv(*words)

    async def row(self, clip: str) -> dict[str, Any]:
        [row] = await self.sql("SELECT * FROM clip_fate WHERE clip_id = %s", clip)
        return row

    async def is_planned(self, clip: str, **values: Any) -> dict[str, Any]:
        """Wait until the schedule says this of a clip."""

        async def look() -> dict[str, Any] | None:
            rows = await self.sql("SELECT * FROM schedule WHERE clip_id = %s", clip)
            right = rows and all(rows[0][name] == value for name, value in values.items())
            return rows[0] if right else None

        return await self.until(look, f"{clip} to be planned with {values}")


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    running = Office(tmp_path_factory.mktemp("office") / "home")
    try:
        running.start(SETTINGS)
        yield running
    finally:
        running.stop()


async def test_people_decide_about_clips_on_a_running_system(office: Office, tmp_path: Path) -> None:
    camera = office.filled("OFF-0001", [60_000] * 4, incident="INC-77")
    await office.enrol("OFF-0001")
    office.dock(camera)
    await office.settled(camera)
    clips = [row["clip_id"] for row in await office.has_clips("OFF-0001", 4, camera_copy="wiped")]
    one, two, three, four = clips
    await office.is_planned(one, policy=0, rule="no policy", incident="INC-77")
    early_bird = await office.bwv("categorise", one, "evidential", "--reason", "an arrest")
    assert early_bird.code == 1 and "no retention policy is in force" in early_bird.err

    # A policy is adopted after its dry run, and every clip is planned again.
    policy = tmp_path / "policy.toml"
    policy.write_text(shipped("surrey"))
    without = await office.bwv("retention", "adopt", str(policy), "--reason", "by the board")
    assert without.code != 0 and "dry-run" in without.err
    await office.done("retention", "dry-run", str(policy), "--json")
    assert "policy 1" in (await office.done("retention", "adopt", str(policy), "--reason", "by the board")).out
    for clip in clips:
        await office.is_planned(clip, policy=1, category="uncategorised", verdict="expire")

    # A second person, and a category that the first one gave.
    await office.done("keys", "new", "person", "BAKER")
    await office.done("keys", "enrol", "person", "BAKER")
    assert "complaint" in (await office.done("categorise", one, "complaint", "--reason", "a complaint")).out
    longer = (await office.is_planned(one, category="complaint"))["review_from"]
    given = await office.done("categorise", one, "uncategorised", "--reason", "a slip of the pen")
    assert "complaint is kept longer" in given.out
    alone = await office.bwv("categorise", one, "uncategorised", "--confirm", "--reason", "I am sure")
    assert alone.code == 1 and "cannot confirm it too" in alone.err
    confirmed = await office.by(
        "BAKER", "categorise", one, "uncategorised", "--confirm", "--reason", "agreed", "--json"
    )
    assert confirmed.code == 0, confirmed
    [answer] = confirmed.json
    assert (answer["verdict"], answer["about"], answer["details"]["category"]) == ("done", one, "uncategorised")
    assert (await office.is_planned(one, category="uncategorised"))["ends_at"] < longer
    unknown = await office.bwv("categorise", one, "evidental", "--reason", "x")
    assert unknown.code == 1 and "did you mean 'evidential'" in unknown.err

    # A file: nothing is sent while anything is wrong with it. An incident: all its clips.
    file = tmp_path / "categories.csv"
    await in_file(file, [(two, "evidential", "an arrest"), ("clip-nobody", "evidential", "an arrest")])
    wrong = await office.bwv("categorise", "--file", str(file))
    assert wrong.code == 2 and "row 3, column clip" in wrong.err and (await office.row(two))["facts"] == []
    await in_file(file, [(two, "evidential", "an arrest"), (f"OFF-0001/{(await office.row(three))['recording']}",
                                                            "complaint", "a complaint")])  # fmt: skip
    await office.done("categorise", "--file", str(file))
    await office.is_planned(two, category="evidential")
    await office.is_planned(three, category="complaint")
    done = (
        await office.done("categorise", "--incident", "INC-77", "evidential", "--reason", "one arrest", "--json")
    ).json
    assert {row["about"] for row in done} == set(clips) and {row["verdict"] for row in done} == {"done"}

    # An incident that no camera carried: its hold comes over the clip; nobody plays it while it is locked.
    hold = (await office.done("hold", "place", "--incident", "INC-78", "--reason", "inquest", "--json")).json["hold"]
    shown = await office.done("categorise", three, "evidential", "--shows", "INC-78", "--reason", "as seen")
    assert "shows INC-78" in shown.out

    async def under_hold() -> bool:
        return f"inquest/{hold}" in (await office.row(three))["hold_reasons"]

    await office.until(under_hold, f"{three} to fall under {hold}")
    assert "shows incident INC-78" in (await office.done("trace", three)).out
    why = ("--reason", "before first accounts")
    assert (await office.bwv("viewing", "lock", "--officer", "PC-100", *why)).code == 2, "for which period?"
    await office.done("viewing", "lock", "--incident", "INC-78", "--but", "DI-1", *why)
    [lock] = (await office.done("viewing", "list", "--json")).json
    assert (lock["incident"], lock["people"], lock["reason"]) == ("INC-78", ["DI-1"], "before first accounts")
    await office.done("viewing", "unlock", lock["lock_id"], "--reason", "accounts given")
    assert (await office.done("viewing", "list", "--json")).json == []
    assert (await office.bwv("viewing", "unlock", lock["lock_id"], "--reason", "again")).code == 2

    # The camera's clock was wrong.
    corrected = await office.done("correct-time", two, "2026-01-05T10:00:00+00:00", "--reason", "its clock was ahead")
    assert "another person confirms" in corrected.out
    assert (await office.bwv("correct-time", two, "2026-01-05", "--reason", "x")).code == 2

    # Two people let a clip go early; it is in the bin; a person takes it out for a reason that keeps it out.
    asked = await office.done("retention", "early", four, "--reason", "recorded at home")
    assert "--approve" in asked.out
    approved = await office.by("BAKER", "retention", "early", four, "--approve", "--reason", "data protection agrees")
    assert approved.code == 0, approved

    async def in_the_bin() -> bool:
        return bool((await office.row(four))["disposal"] == "intended")

    await office.until(in_the_bin, f"{four} to be in the bin")
    how = await office.bwv("retention", "restore", four, "--reason", "the officer asks for it")
    assert how.code == 2 and "--not-before" in how.err and "bwv hold place" in how.err
    out = await office.done("retention", "restore", four, "--not-before", "2030-01-31", "--reason", "asked for")
    assert "not before 2030-01-31" in out.out
    assert ((await office.row(four))["disposal"], (await office.row(four))["intent"]) == (None, None)
    await office.is_planned(four, exception="taken out of the bin, not before 2030-01-31")

    # Nobody waits for a review, and everything that was decided is in the record under its person.
    assert (await office.done("reviews", "list", "--json")).json == []
    nothing = await office.bwv("reviews", "decide", two, "keep", "--reason", "x")
    assert nothing.code == 1 and "no retention review" in nothing.err
    assert (await office.bwv("retention", "approve", "sweep-none", "--reason", "x")).code == 1

    async def recorded() -> bool:
        rows = await office.sql("SELECT type, person FROM custody WHERE clip_id = %s", four)
        found = {(row["type"], row["person"]) for row in rows}
        return {("disposals.early-approved", "ADMIN"), ("disposals.cancelled", "ADMIN")} <= found

    await office.until(recorded, "the record of what was decided")
    assert (await office.done("dead-letters", "list", "--json")).json == []


async def in_file(path: Path, rows: list[tuple[str, str, str]]) -> None:
    """Write a file of categories."""
    with await asyncio.to_thread(path.open, "w", newline="") as file:
        csv.writer(file).writerows([("clip", "category", "reason"), *rows])
