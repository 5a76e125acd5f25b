"""Golden days, each a readable file: whose clips show which encounter, what is missing, and what explains it."""

from __future__ import annotations

import tomllib
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from streams.encounter_rules import rules_of
from tests.encounters.force import Force, an_encounter
from workers.encounters import batch
from workers.encounters.seen import NOBODY, clips_named
from workers.footage.recording import Place, SourceType

DAYS = {path.stem: tomllib.loads(path.read_text()) for path in sorted((Path(__file__).parent / "days").glob("*.toml"))}


class Names:
    """Readable names of clips and encounters, both ways."""

    def __init__(self) -> None:
        self.of: dict[str, str] = {}

    def __call__(self, name: str | None) -> str:
        return self.of.get(name or "", name or "")


async def happen(force: Force, day: dict[str, Any], names: Names, *, clips_first: bool) -> None:
    """Tell of everything in a day: first the clips and then the records, or the other way round."""
    for camera, officer, at in day["issued"]:
        force.issue(camera, officer, at)
    for camera, at in day.get("docked", ()):
        await force.docked(camera, at)
    for step in (_clips, _records) if clips_first else (_records, _clips):
        await step(force, day, names)
        await force.stage.places.read_what_is_asked()


async def _clips(force: Force, day: dict[str, Any], names: Names) -> None:
    for said in day["clips"]:
        source = SourceType(said.get("source", "body_worn"))
        more = {name: said[name] for name in ("incident", "trigger", "offset") if name in said}
        track = [Place(*fix[:2], *(at.isoformat() for at in fix[2:])) for fix in said.get("track", ())]
        clip = force.clip(said["id"], said["camera"], said["from"], said.get("to"), source=source, track=track, **more)
        names.of[clip] = said["id"]
        if "track" in said:
            await force.stored(clip)
        force.probed(clip, said["camera"], sound=said.get("sound", True))
    for camera, at, event, *offset in day.get("log", ()):
        force.log_of(camera, [(at, event)], offset=offset[0] if offset else 0.0)
    await force.looked()


async def _records(force: Force, day: dict[str, Any], names: Names) -> None:
    for said in day["encounters"]:
        until = said["until"].isoformat() if "until" in said else None
        encounter = an_encounter(
            said["ref"], said["at"].isoformat(), until=until, officers=said["officers"], incident=said.get("incident"),
            **dict(zip(("lat", "lon"), said.get("place", ()), strict=False)),
        )  # fmt: skip
        answer = await force.put_on_record(encounter)
        assert answer.verdict == "done" and answer.details is not None, answer
        names.of[answer.details["encounter_id"]] = said["ref"]
    await force.looked()


async def found(force: Force, names: Names) -> dict[str, list[str]]:
    """What the join wrote, as a day says it."""
    shown = [
        " ".join(filter(None, (names(r["encounter_id"]), r["officer"], names(r["clip_id"]), r["how"],
                               f"beside {names(r['beside'])}" if r["beside"] else "")))
        for r in await force.rows("encounter_clips")
    ]  # fmt: skip
    gaps = [
        f"{names(r['encounter_id'])} {r['officer']} {r['kind']} {'-' if r['seconds'] is None else round(r['seconds'])}"
        f" {r['explained_by'] or 'open'}" + (f": {r['note']}" if r["note"] else "")
        for r in await force.rows("encounter_gaps")
    ]
    unmatched = [
        f"{names(r['clip_id'])} {r['officer']} {r['flagged_by']}" for r in await force.rows("encounter_unmatched")
    ]
    return {"shown": sorted(shown), "gaps": sorted(gaps), "unmatched": sorted(unmatched)}


@pytest.mark.parametrize("clips_first", [True, False], ids=["clips first", "records first"])
async def test_each_day_is_joined_as_it_says(force: Force, clips_first: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    names = Names()
    for day in DAYS.values():
        await happen(force, day, names, clips_first=clips_first)
    parts = ("shown", "gaps", "unmatched")
    expected = {part: sorted(line for day in DAYS.values() for line in day[part]) for part in parts}
    told = await found(force, names)
    for part in parts:
        assert told[part] == expected[part], part
    async with force.database.connection() as connection:
        by_officer = await clips_named(connection, list(names.of))
    query = "SELECT clip_id, officer FROM clip_officers WHERE clip_id = ANY(%s)"
    said = await force.database.fetch(query, (list(names.of),))
    joined = {clip.clip_id: officer for officer, clips in by_officer.items() for clip in clips}
    assert joined == {row["clip_id"]: row["officer"] or NOBODY for row in said}, "whose a clip is, is one rule"
    for length in (batch.AT_ONCE, timedelta(days=1)):  # in one span, and in many of which two are joined together
        monkeypatch.setattr(batch, "AT_ONCE", length)
        tally = await batch.join_all(force.database, rules_of(force.settings))
        assert tally.encounters == sum(len(day["encounters"]) for day in DAYS.values())
        assert await found(force, names) == expected, "the batch makes what the increments made"


async def test_a_corrected_officer_takes_the_clip_along(force: Force) -> None:
    day = DAYS["pooled-camera"]
    names = Names()
    await happen(force, day, names, clips_first=True)
    [clip] = [clip for clip, name in names.of.items() if name == "P1"]
    force.attribute(clip, "PC-199")
    await force.looked()
    told = await found(force, names)
    assert told["shown"] == ["POOL-2 PC-101 P2 time"]
    assert [line.split(" open")[0] for line in told["gaps"]] == ["POOL-1 PC-100 none 600"]
