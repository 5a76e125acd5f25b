"""What `bwv hold list` and `show` say of the end of a case's hold."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tests.pipeline.pipeline import Said, command
from tests.prosecution.office import URN, Office
from workers.prosecution.statements import OutcomeKind


async def test_before_an_outcome_is_known_no_day_is_made_up(office: Office, tmp_path: Path) -> None:
    settings = office.settings
    (tmp_path / "settings.toml").write_text(f'database = "{settings.database}"\nnamespace = "{settings.namespace}"\n')

    async def bwv(*words: str) -> Said:
        return await asyncio.to_thread(command, ["--home", str(tmp_path), "hold", *words])

    await office.clip(incident="I-1")
    [hold] = (await office.opened(URN, "I-1")).holds
    shown, listed = await bwv("show", hold), await bwv("list")
    assert "ends  not before an outcome is known\n" in shown.out and "not before an" in listed.out
    assert "9000-" not in shown.out + listed.out
    [told] = (await bwv("list", "--json")).json
    assert (told["earliest_end"], told["ends"]) == (None, "not before an outcome is known")

    today = datetime.now(UTC).date()
    for outcome in (OutcomeKind.CONVICTION, OutcomeKind.SENTENCE):
        await office.outcome(outcome, today.isoformat())
    [told] = (await bwv("list", "--json")).json
    end = datetime.fromisoformat(told["earliest_end"])
    assert end.date() - today > timedelta(days=170), "CPIA Code 5.9: six months from conviction"
    assert told["ends"] == f"not before {end:%Y-%m-%d %H:%M} UTC"
    assert f"ends  {told['ends']}\n" in (await bwv("show", hold)).out

    await office.outcome(OutcomeKind.APPEAL_OPENED, today.isoformat())
    assert (await bwv("show", hold, "--json")).json["hold"]["ends"] == "not before an outcome is known"
