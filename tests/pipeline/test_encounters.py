"""Encounters on the whole system, by their commands: loaded, joined, explained, printed for the person, held."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.pipeline.pipeline import Pipeline, Said
from tests.pipeline.test_holds import docked, legal_holds

pytestmark = pytest.mark.stack

OFFICER, OTHER = "PC-ENC-1", "PC-ENC-2"
HEAD = "reference,kind,at,until,place,lat,lon,borough,officers,name\n"


async def encounters(system: Pipeline, *words: str, code: int = 0) -> Said:
    said = await system.bwv("encounters", *words)
    assert said.code == code, f"bwv encounters {' '.join(words)}: {said}"
    return said


async def gaps(system: Pipeline, officer: str, *, code: int) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await encounters(system, "gaps", "--officer", officer, "--json", code=code)).json
    return found


async def test_a_stop_from_its_record_to_the_copy_for_the_person(system: Pipeline, tmp_path: Path) -> None:
    sheet, page = tmp_path / "records.csv", tmp_path / "copy.html"
    row = "ENC/1,stop_account,2026-01-07T03:00:00Z,2026-01-07T03:05:00Z,High Street,51.5101,0.0332,Newham,"
    row += f"{OFFICER};{OTHER}"
    sheet.write_text(HEAD.replace(",name", "") + row + "\nENC/2,chat,,,,,,,\n")
    dry = await encounters(system, "load", str(sheet), "--dry-run", "--json", code=1)
    assert [one["state"] for one in dry.json["rows"]] == ["new"] and {one["row"] for one in dry.json["faults"]} == {3}
    loaded = await encounters(system, "load", str(sheet), code=1)
    assert "ENC/1 is on record" in loaded.out and "row 3, column kind: 'chat'" in loaded.err
    again = await encounters(system, "load", str(sheet), "--json", code=1)
    assert [one["state"] for one in again.json["rows"]] == ["recorded"]
    sheet.write_text(HEAD + row + ",Jane Canary\n")
    refused = await encounters(system, "load", str(sheet), code=2)
    assert "unknown column 'name'" in refused.err and "Canary" not in refused.out + refused.err

    assert [gap["gap"] for gap in await gaps(system, OFFICER, code=1)] == ["none"], "nothing was docked yet"
    clip = await docked(
        system, "ENC-0001", "BAY-ENC-1", owner=OFFICER,
        started="2026-01-07T02:59:50+00:00", ended="2026-01-07T03:05:10+00:00",
        track=[{"latitude": 51.5102, "longitude": 0.0332, "at": "2026-01-07T03:01:00+00:00"}],
    )  # fmt: skip

    joined = "SELECT clip_id FROM encounter_clips c WHERE clip_id = %s AND NOT EXISTS (SELECT FROM encounter_gaps g"
    joined += " WHERE g.encounter_id = c.encounter_id AND g.officer = c.officer)"
    await system.some(lambda: system.sql(joined, clip), "the clip at its encounter")
    assert await gaps(system, OFFICER, code=0) == []
    await encounters(system, "reason", "ENC/1", "--gap", "late", "--officer", OTHER, "--reason", "x", code=1)
    await encounters(system, "reason", "ENC/1", "--gap", "none", "--officer", OTHER, "--reason", "no camera was left")
    assert [gap["reason"] for gap in await gaps(system, OTHER, code=0)] == ["no camera was left"]

    near = "SELECT 1 FROM encounter_clips WHERE clip_id = %s AND how = 'time+place'"
    await system.some(lambda: system.sql(near, clip), "the place of the clip, read in the vault")
    assert "metres away" in (await encounters(system, "record", "ENC/1")).out
    shown = await encounters(system, "record", "ENC/1", "--json")
    assert [one["metres"] for one in shown.json["clips"]] == [11.0]
    assert [one["clip_id"] for one in shown.json["clips"]] == [clip] and shown.json["held_since"] is None
    await encounters(system, "record", "ENC/1", "--for-person", "--asked", "--out", str(page))
    text = page.read_text(encoding="utf-8")
    assert "ENC/1" in text and "no camera was left" in text and "You asked for it" in text
    assert "07 April 2026" in text, "three months from the stop"

    async def held() -> list[bool]:
        return [True] if all(found := await legal_holds(system, clip)) and found else []

    await system.some(held, "the hold of the person concerned")
    asked = "SELECT hold_id FROM holds WHERE reference = 'ENC/1'"
    before = await system.sql(asked)
    await encounters(system, "record", "ENC/1", "--asked")
    assert len(before) == 1 and await system.sql(asked) == before
