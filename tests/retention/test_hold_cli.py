"""What `bwv hold` shows, from a real database; the commands that ask a stage are in tests/pipeline/test_holds.py."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from console.web.people import PEOPLE, People, Role
from tests.pipeline.pipeline import Said, command
from tests.retention.held import TEN, Held
from workers.retention.hold_queries import BY_THE_FORCE


@pytest.fixture
def home(held: Held, tmp_path: Path) -> Path:
    """Where the commands find this namespace."""
    (tmp_path / "settings.toml").write_text(
        f'database = "{held.settings.database}"\nnamespace = "{held.settings.namespace}"\n'
    )
    return tmp_path


def roles(home: Path, *given: Role | None) -> None:
    """Write the file of people: ADMIN, who gives the commands, with these roles; nobody, if there are none."""
    (home / PEOPLE).unlink(missing_ok=True)
    if wanted := [role for role in given if role is not None]:
        People(home / PEOPLE).add("ADMIN", "A. Admin", wanted)


async def bwv(home: Path, *words: str) -> Said:
    return await asyncio.to_thread(command, ["--home", str(home), "hold", *words])


async def listed(home: Path, *words: str) -> list[dict[str, Any]]:
    said = await bwv(home, "list", *words, "--json")
    assert said.code == 0, said
    found: list[dict[str, Any]] = said.json
    return found


async def test_the_list_says_why_what_and_how_far(held: Held, home: Path) -> None:
    clips = [await held.clip(incident="INC-1") for _ in range(2)]
    waiting = await held.clip(incident="INC-1", stored=False)
    one, _ = await held.ask(scope="incident", incident="INC-1", reason="inquest", reference="COR/12")
    two, _ = await held.ask(clip_id=clips[0], reason="manual")

    assert [hold["hold_id"] for hold in await listed(home, "--clip", clips[0])] == [two, one]
    [standing] = await listed(home, "--standing")
    assert (standing["hold_id"], standing["covers"], standing["reference"]) == (one, "incident INC-1", "COR/12")
    assert (standing["clips"]["active"], standing["clips"]["pending"]) == (2, 1)
    assert [hold["hold_id"] for hold in await listed(home, "--reason", "manual")] == [two]

    await held.lift(two)
    assert [hold["hold_id"] for hold in await listed(home)] == [one]
    assert {hold["hold_id"] for hold in await listed(home, "--lifted")} == {one, two}

    text = (await bwv(home, "show", one)).out
    assert "inquest" in text and waiting in text and "legal hold on 3 versions" in text
    assert (await bwv(home, "show", "hold-nobody")).code == 2


async def test_a_restricted_hold_is_only_kept_by_the_force(held: Held, home: Path) -> None:
    clip = await held.clip(owner="PC-100")
    hold, _ = await held.ask(
        scope="officer", officers=["PC-100"], since=TEN, until=TEN.replace(hour=11), reason="conduct",
        reference="PSD/7", restricted=True,
    )  # fmt: skip

    more, _ = await held.ask(clip_id=clip, reason="dsi", reference="PSD/9", restricted=True)
    for words in (("list",), ("list", "--json"), ("show", hold), ("show", hold, "--json"), ("list", "--by-clip")):
        said = await bwv(home, *words)
        assert said.out.count(BY_THE_FORCE) in (1, 2), ("one line for all of them", said)
        secrets = ("conduct", "dsi", "PC-100", "PSD/7", "ADMIN", more, "active", "legal hold on")
        assert not any(word in said.out.replace('"active":0', "").replace('"active": 0', "") for word in secrets), said
    assert (await bwv(home, "show", hold, "--json")).json["clips"] == []
    for words in (("--reason", "conduct"), ("--standing",)):
        assert await listed(home, *words) == [], "what is asked for would tell what it is"
    [one] = await listed(home, "--clip", clip)
    assert (one["hold_id"], one["reason"], sum(one["clips"].values())) == ("", BY_THE_FORCE, 0)
    await held.database.execute("UPDATE holds SET lifted_at = now() WHERE hold_id = %s", (more,))
    assert len(await listed(home, "--lifted")) == 1

    for role in (None, Role.OFFICER, Role.SUPERVISOR, Role.AUDITOR, Role.ADMINISTRATOR):
        roles(home, role)
        for words in (["hold", "list"], ["hold", "show", hold], ["explain", clip], ["trace", clip]):
            said = await asyncio.to_thread(command, ["--home", str(home), *words, "--restricted"])
            assert said.code != 0 and "PSD/7" not in said.out and "has not the role" in said.err, (role, words, said)
    roles(home, Role.RECORDS)
    said = await asyncio.to_thread(command, ["--home", str(home), "trace", clip, "--restricted"])
    assert said.code != 0 and "professional-standards" in said.err, "looks of theirs are for them alone"
    [known] = await listed(home, "--restricted", "--reason", "conduct")
    assert (known["reference"], known["placed_by"]) == ("PSD/7", "ADMIN") and "PC-100" in known["covers"]
    [by_clip] = await listed(home, "--by-clip", "--restricted")
    assert by_clip["clip_id"] == clip and f"conduct/{hold}" in by_clip["holds"]
    assert (await bwv(home, "show", hold, "--restricted", "--json")).json["clips"][0]["clip_id"] == clip
    People(home / PEOPLE).leave("ADMIN", "2026-11-22T12:00:00Z")
    left = await bwv(home, "show", hold, "--restricted")
    assert left.code != 0 and "has not the role" in left.err


async def test_what_is_not_theirs_to_lift_reads_as_a_restricted_hold_does(held: Held, home: Path) -> None:
    plain, restricted = await held.clip(owner="PC-100"), await held.clip(owner="PC-100")
    manual, _ = await held.ask(clip_id=plain, reason="manual")
    await held.ask(clip_id=plain, reason="foi", reference="FOI/1")
    await held.ask(clip_id=restricted, reason="manual")
    await held.ask(clip_id=restricted, reason="conduct", restricted=True)

    async def told(clip: str) -> list[str]:
        found = [one["reason"] for one in await listed(home, "--clip", clip)]
        [row] = [row for row in await listed(home, "--by-clip") if row["clip_id"] == clip]
        assert {why.partition("/")[0] for why in row["holds"]} == set(found)
        assert row["holds"].count(BY_THE_FORCE) <= 1 and (BY_THE_FORCE not in found or found[-1] == BY_THE_FORCE)
        said = await asyncio.to_thread(command, ["--home", str(home), "explain", clip, "--json"])
        reasons = {hold["reason"] or hold["says"] for hold in said.json["explanation"]["holds"]}
        assert reasons == set(found) and (said.out.count("foi") == 0 or "foi" in found)
        return found

    roles(home, Role.SUPERVISOR)
    assert await told(plain) == await told(restricted) == ["manual", BY_THE_FORCE]
    roles(home, Role.OFFICER)
    assert await told(plain) == await told(restricted) == [BY_THE_FORCE]
    roles(home, Role.RECORDS)
    assert set(await told(plain)) == {"manual", "foi"}
    await held.database.execute(
        "INSERT INTO attributions VALUES ('evt-1', %s, 'ADMIN', 'theirs', 'BOB', now())", (plain,)
    )
    People(home / PEOPLE).leave("ADMIN", "2026-11-22T12:00:00Z")
    assert await told(restricted) == [BY_THE_FORCE], "whoever has left has no roles"
    for role in (Role.RECORDS, None):
        roles(home, role)
        assert await told(plain) == [BY_THE_FORCE], "of their own clip nobody reads more, whatever their roles"
    assert manual not in (await bwv(home, "list", "--clip", plain)).out


async def test_whom_a_restricted_hold_concerns_reads_no_more_whatever_their_roles(held: Held, home: Path) -> None:
    clip = await held.clip(owner="ADMIN", incident="INC-1")
    await held.clip(owner="PC-100", incident="INC-1")
    hold, _ = await held.ask(scope="incident", incident="INC-1", reason="conduct", reference="PSD/8", restricted=True)
    theirs = "INSERT INTO attributions VALUES ('evt-1', %s, 'ADMIN', 'theirs', 'BOB', now())"
    await held.database.execute(theirs, (clip,))
    roles(home, Role.STANDARDS)
    assert await listed(home, "--restricted", "--reason", "conduct") == []
    [one] = await listed(home, "--restricted", "--clip", clip)
    assert (one["hold_id"], one["reason"], one["reference"]) == ("", BY_THE_FORCE, None)
    assert {line for row in await listed(home, "--restricted", "--by-clip") for line in row["holds"]} == {BY_THE_FORCE}
    assert "PSD/8" not in (await bwv(home, "show", hold, "--restricted")).out
    for word in ("explain", "trace"):
        said = await asyncio.to_thread(command, ["--home", str(home), word, clip, "--restricted"])
        assert said.code != 0 and "own" in said.err, said


async def test_every_held_clip_is_listed_with_its_reasons_also_those_found_after_a_restore(
    held: Held, home: Path
) -> None:
    clip, free = await held.clip(), await held.clip()
    await held.database.execute("UPDATE clip_fate SET hold_reasons = '{restored/}' WHERE clip_id = %s", (clip,))
    [row] = await listed(home, "--by-clip")
    assert row["clip_id"] == clip != free and "after a restore" in row["holds"][0]


async def test_what_came_too_late_is_shown_with_its_certificate(held: Held, home: Path) -> None:
    clip = await held.clip()
    await held.disposal(clip, "done")
    hold, _ = await held.ask(clip_id=clip)
    shown = (await bwv(home, "show", hold, "--json")).json
    assert shown["hold"] is None and f"certificates/{clip}" in shown["clips"][0]["says"]
