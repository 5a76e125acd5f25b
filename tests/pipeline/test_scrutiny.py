"""Scrutiny on the whole system, by its commands: a panel, a sample, a complaint, what professional standards read."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from tests.pipeline.pipeline import Pipeline, Said
from tests.pipeline.test_custody import sealed
from tests.pipeline.test_holds import docked, legal_holds
from workers.footage.canonical import sha256_hex

pytestmark = pytest.mark.stack

OFFICER = "PC-SCR-1"
MONTH = "2026-02"
PLACE = ("--place", "51.5007,-0.1246,200", "--from", "2026-02-05T03:00+00:00", "--to", "2026-02-05T04:00+00:00")


async def given(system: Pipeline, *words: str, code: int = 0) -> Said:
    said = await system.bwv(*words)
    assert said.code == code, f"bwv {' '.join(words)}: {said}"
    return said


async def listed(system: Pipeline, tmp_path: Path) -> str:
    """Four encounters of a month, one of them filmed, told of in a sealed log; the clip."""
    sheet = tmp_path / "records.csv"
    sheet.write_text(
        "reference,kind,at,until,place,borough,officers\n"
        + "".join(f"SCR/{n},stop_account,2026-02-0{n}T03:10:00Z,2026-02-0{n}T03:20:00Z,High Street,Newham,{OFFICER}\n"
                  for n in range(2, 6))
    )  # fmt: skip
    await given(system, "encounters", "load", str(sheet))
    clip = await docked(
        system, "SCY-0001", "BAY-SCY-1", owner=OFFICER,
        started="2026-02-05T03:09:30+00:00", ended="2026-02-05T03:20:30+00:00",
    )  # fmt: skip
    await system.some(lambda: system.sql("SELECT 1 FROM encounter_clips WHERE clip_id = %s", clip), "the join")
    told = (
        "SELECT 1 FROM custody WHERE type = 'encounters.joined' AND told(payload, entry)->>'at' LIKE '2026-02-0%%'"
        " HAVING count(DISTINCT entry::jsonb->>'subject') = 4"
    )
    await system.some(lambda: system.sql(told), "the record of the joins")
    await sealed(system)
    return clip


async def test_a_month_under_scrutiny(system: Pipeline, tmp_path: Path) -> None:
    clip = await listed(system, tmp_path)

    # a complaint: its hold, the receipt, who may read of it
    page = tmp_path / "receipt.html"
    for words in (("open", "CO/SCR/1", *PLACE), ("outcome", "CO/SCR/1", "--sent", "2026-02-06"), ("list",)):
        await given(system, "complaint", *words, "--json", code=1)
    person = system.settings.person
    secret = tmp_path / "password"
    secret.write_text("three random words\n")
    await given(system, "people", "add", person, "--name", "P. S.", "--role", "professional-standards",
                "--password-file", str(secret))  # fmt: skip
    opened = (await given(system, "complaint", "open", "CO/SCR/1", *PLACE, "--restricted", "--receipt", str(page),
                          "--json")).json  # fmt: skip
    [hold] = opened["answer"]["details"]["holds"]
    assert "CO/SCR/1" in page.read_text(encoding="utf-8") and OFFICER not in page.read_text(encoding="utf-8")

    async def held() -> list[bool]:
        return [True] if all(found := await legal_holds(system, clip)) and found else []

    await system.some(held, "the hold of the complaint")
    early = await given(system, "hold", "lift", hold, "--reason", "over", code=1)
    assert "kept by the force, and no end" in early.err and "CO/SCR" not in early.err
    assert [one["complaint"]["reference"] for one in (await given(system, "complaint", "list", "--json")).json] == [
        "CO/SCR/1"
    ]
    receipt = (await given(system, "complaint", "receipt", "CO/SCR/1", "--out", str(page), "--json")).json["receipt"]
    assert [line["clips"] for line in receipt["kept"]] == [1]

    # the panel: the encounter of the complaint is passed over
    file = tmp_path / "draw.json"
    ids = tmp_path / "ids.txt"
    fixed = (await given(system, "panel", "fix", "--month", MONTH, "--out", str(ids), "--json")).json
    assert fixed["list_sha256"] == sha256_hex(ids.read_bytes()) and fixed["encounters"] == 4
    drawn = await given(
        system, "panel", "draw", "--month", MONTH, "--n", "4", "--checkpoint", str(fixed["size"]), "--seed", "tooting",
        "--out", str(file),
    )  # fmt: skip
    assert "passed over: live-case-or-complaint" in drawn.out
    assert (await given(system, "panel", "verify", str(file), "--list", str(ids), "--json")).json["faults"] == []
    document = msgspec.json.decode(file.read_bytes())
    assert document["list_sha256"] == fixed["list_sha256"]
    assert (len(document["encounters"]), len(document["drawn"]), len(document["passed_over"])) == (4, 3, 1)
    document["drawn"] = document["drawn"][::-1]
    changed = tmp_path / "changed.json"
    changed.write_bytes(msgspec.json.encode(document))
    assert "the seed draws" in (await given(system, "panel", "verify", str(changed), code=1)).out
    [kept] = (await given(system, "panel", "list", "--json")).json
    again = tmp_path / "again.json"
    shown = (await given(system, "panel", "show", kept["draw_id"], "--out", str(again), "--json")).json
    assert again.read_bytes() == file.read_bytes(), "made again from the log, byte by byte"
    assert [one["number"] for one in shown["encounters"]] == [1, 2, 3]
    graded = await given(system, "panel", "grade", kept["draw_id"], "1", "--grade", "amber", "--notes", "say why")
    assert OFFICER in graded.out
    back = (await given(system, "panel", "returned", "--officer", OFFICER, "--json")).json
    assert [(one["grade"], one["notes"]) for one in back] == [("amber", "say why")]
    scrutiny = (
        "SELECT count(lift) AS asked FROM holds WHERE reason = 'scrutiny' HAVING count(*) = 3 AND count(lift) = 1"
    )
    await system.some(lambda: system.sql(scrutiny), "three holds, and the first of two wishes to lift one")

    # a supervisor's sample
    sample = (
        await given(system, "dip-sample", "draw", "--unit", "newham", "--month", MONTH, "--n", "2", "--json")
    ).json
    about = sample["draw"]["draw_id"]
    await given(system, "dip-sample", "draw", "--unit", "Newham", "--month", MONTH, code=1)
    await given(system, "dip-sample", "result", about, "2", "--grade", "green", "--notes", "all well", "--json")
    assert [one["unit"] for one in (await given(system, "dip-sample", "list", "--json")).json] == ["newham"]
    results = (await given(system, "dip-sample", "show", about, "--json")).json["encounters"]
    assert [one["grade"] for one in results] == [None, "green"]

    # the end of the complaint
    outcome = (await given(system, "complaint", "outcome", "CO/SCR/1", "--sent", "2001-02-03", "--json", code=1)).json
    assert "when what it follows happened" in outcome["says"], "before it was opened"
    today = (await system.sql("SELECT (now() AT TIME ZONE 'Europe/London')::date::text AS day"))[0]["day"]
    outcome = (await given(system, "complaint", "outcome", "CO/SCR/1", "--sent", today, "--json")).json
    end = outcome["details"]["earliest_end"]
    ends = "SELECT 1 FROM holds WHERE hold_id = %s AND earliest_end = %s::timestamptz"
    await system.some(lambda: system.sql(ends, hold, end), "the end of the hold")
    await given(system, "complaint", "review", "CO/SCR/1", "--applied", today, "--json")
    assert (await given(system, "complaint", "show", "CO/SCR/1", "--json")).json["earliest_end"] is None
    feed = await given(system, "misuse", "list", "--reason", "weekly look at the feed", "--json")
    assert isinstance(feed.json, list)
    looks = "SELECT verb FROM custody WHERE type = 'misuse.consulted'"
    [look] = await system.some(lambda: system.sql(looks), "the look on record")
    assert look["verb"] == "consultation"
