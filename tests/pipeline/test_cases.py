"""A case on the whole system, by its commands: opened, filled, decided about, closed, as a case file office does it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.pipeline.pipeline import Pipeline, Said
from tests.pipeline.test_holds import docked, legal_holds

pytestmark = pytest.mark.stack

URN = "12CD0045626"
TODAY = datetime.now(UTC).date()
LONG_AGO = (TODAY - timedelta(days=300)).isoformat()


def at(hour: int) -> dict[str, str]:
    """When a camera recorded: far from other tests' cameras, of which nobody shall be asked whether they were there."""
    return {"started": f"2026-01-05T{hour:02}:00:00+00:00", "ended": f"2026-01-05T{hour:02}:05:00+00:00"}


async def case(system: Pipeline, *words: str, code: int = 0) -> Said:
    said = await system.bwv("case", *words)
    assert said.code == code, f"bwv case {' '.join(words)}: {said}"
    return said


async def shown(system: Pipeline) -> dict[str, Any]:
    found: dict[str, Any] = (await case(system, "show", URN, "--json")).json
    return found


async def test_a_case_from_its_opening_to_its_review(system: Pipeline) -> None:
    first = await docked(system, "CAS-0001", "BAY-CAS-1", incident="INC-CASE-1", **at(1))
    outside = await docked(system, "CAS-0002", "BAY-CAS-2", **at(9))
    relevant = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=2)
    opened = await case(
        system, "open", URN.lower(), "--title", "R v Doe", "--officer", "PC 100", "--incident", "INC-CASE-1",
        "--clock", "detained", "--relevant-time", relevant.isoformat(), "--hours", "24", "--json",
    )  # fmt: skip
    [hold] = opened.json["holds"]
    assert (hold["state"], hold["clips"]["active"]) == ("active", 1) and all(await legal_holds(system, first))
    again = await case(system, "open", URN, "--title", "x", "--officer", "y", code=1)
    assert "was opened at" in again.err

    await case(system, "defendant", URN, "D1", "John Doe", "--offence", "O1:common assault")
    await case(system, "offence", URN, "d1", "O2", "affray", "--committed", "2026-01-05")
    await case(system, "exhibit", "add", URN, "JS/1", first, "--producer", "PC 100", "--description", "the arrest")
    taken = await case(
        system, "exhibit", "add", URN, "js / 1", outside, "--producer", "PC 200", "--description", "x", code=1
    )
    assert all(word in taken.err for word in (first, outside, "PC 100", "PC 200", "JS/2")), taken
    assert (await case(system, "next-reference", URN, "JS")).out == "JS/2\n"
    part = await case(
        system, "exhibit", "add", URN, "JS/2", outside, "--producer", "PC 200", "--description", "the street",
        "--from", "0:00.5", "--to", "1", "--json",
    )  # fmt: skip
    assert part.json["holds"][0]["state"] == "active" and all(await legal_holds(system, outside))
    await case(system, "exhibit", "amend", URN, "JS/2", "--mg11", TODAY.isoformat())
    later = await docked(system, "CAS-0003", "BAY-CAS-3", incident="INC-CASE-1", **at(1))

    async def kept() -> bool:
        return {c["clip_id"]: c["state"] for c in (await shown(system))["clips"]} == dict.fromkeys(
            (first, outside, later), "active"
        )

    await system.until(kept, "the later clip to be kept with the case")
    assert (await shown(system))["unmarked"] == [later]
    await case(system, "unused", URN, later, "not-relevant", "--description", "an empty yard")
    await case(system, "amend", URN, "--first-hearing", "2027-01-05T10:00", "--guilty-plea")
    await case(system, "clock", URN, "--clock", "charged")

    refused = await case(system, "review", URN, "close", "--reason", "over", code=1)
    assert "nothing says yet when" in refused.err
    await case(system, "outcome", URN, "D1", "acquittal", "--on", TODAY.isoformat())
    await case(system, "outcome", URN, "D1", "acquittal", "--on", TODAY.isoformat(), "--withdraw")
    await case(system, "outcome", URN, "D1/O1", "discontinued", "--on", LONG_AGO)
    ended = await case(system, "outcome", URN, "D1/O2", "no-further-action", "--on", LONG_AGO)
    assert f"kept at least to {LONG_AGO}" in ended.out
    seen = (await case(system, "show", URN)).out
    for words in ("R v Doe", "JS/2", "0:00:00.500–0:00:01", "an empty yard", "discontinued", "CPIA Code 5.8", "affray",
                  f"kept at least to {LONG_AGO}", "3 active"):  # fmt: skip
        assert words in seen, f"{words!r} is not in {seen}"
    assert [c["urn"] for c in (await case(system, "list", "--json")).json] == [URN]

    async def due() -> bool:
        return URN in (await system.done("reviews", "list")).out

    await system.until(due, "the review to be due")
    case_id = (await shown(system))["case_id"]

    async def told() -> list[dict[str, Any]]:
        return await system.sql(
            "SELECT convert_from(payload, 'UTF8')::jsonb AS said FROM custody WHERE type = 'cases.end-set'"
            " AND entry::jsonb->>'subject' = %s ORDER BY index DESC",
            case_id,
        )

    assert len((await system.some(told, "the record of the case's end"))[0]["said"]["holds"]) == 2

    await case(system, "review", URN, "keep", "--until", (TODAY + timedelta(days=2)).isoformat(), "--reason", "costs")
    await case(system, "exhibit", "withdraw", URN, "JS/2", "--reason", "not relied upon")
    closed = (await case(system, "review", URN, "close", "--reason", "over")).out
    assert "closed" in closed and closed.count("LIFTED") == 2

    async def free() -> bool:
        rows = await system.sql("SELECT held FROM clip_fate WHERE clip_id = ANY(%s)", [first, outside, later])
        return [row["held"] for row in rows] == [False] * 3

    await system.until(free, "the clips of the closed case to be free")
    assert URN not in (await case(system, "list")).out and URN in (await case(system, "list", "--closed")).out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("show 99ZZ0000099", "no case"),
        ("open 123 --title x --officer y", "two digits, two letters"),
        ("open 99ZZ0000099 --title x --officer y --clock detained", "--relevant-time and --hours"),
        ("open 99ZZ0000099 --title x --officer y --hours 24", "--clock detained"),
        ("review 99ZZ0000099 keep --reason x", "keep --until DAY"),
        ("exhibit add 99ZZ0000099 JS/1 clip --producer x --description y --from 1:99:00", "a place in the clip"),
    ],
)
async def test_wrong_use_of_a_case_says_2_and_what_was_expected(system: Pipeline, words: str, said: str) -> None:
    answered = await case(system, *words.split(), code=2)
    assert said in answered.err
