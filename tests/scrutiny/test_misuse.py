"""The rules of the misuse feed over golden histories, and over a real catalogue."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from console.cli import misuse
from console.web.people import PEOPLE, People, Role
from streams import messages as m
from streams.messages import MisuseConsulted
from tests.encounters.force import an_encounter
from tests.scrutiny.scrutinised import Scrutinised
from workers.encounters.day import ClipSeen
from workers.encounters.words import Kind, Tactic
from workers.errors import PartUnreachable, Refused
from workers.footage.recording import SourceType
from workers.scrutiny.histories import findings
from workers.scrutiny.misuse import Force, Look, What, Wish, is_thin, of_looks, of_stops, of_wishes

T0 = datetime(2026, 3, 2, 14, tzinfo=UTC)


@pytest.mark.parametrize(
    ("reason", "thin"),
    [
        ("checking footage", True),
        ("for work purposes", True),
        ("review", True),
        ("xxxx aaaa", True),
        ("asdf", True),
        ("...", True),
        ("to see the evidence for the job", True),
        ("complaint CO/00123/26", False),
        ("INC 4471", False),
        ("robbery statement for DC Malik", False),
        ("witness disputes the arrest time", False),
    ],
)
def test_a_reason_says_something_or_nothing(reason: str, thin: bool) -> None:
    assert is_thin(reason) is thin


def test_looks_without_a_case_and_with_a_thin_reason() -> None:
    looks = [
        Look("clip-1", "PC-1", "robbery statement for DC Malik", T0, case=True),
        Look("clip-2", "PC-2", "robbery statement for DC Malik", T0, case=False),
        Look("clip-3", "PC-3", "just checking", T0, case=True),
        Look("clip-4", "PC-4", "just checking", T0, case=False),
    ]
    assert [(one.what, one.person) for one in of_looks(looks)] == [
        (What.LOOK_WITHOUT_CASE, "PC-2"),
        (What.THIN_REASON, "PC-3"),
        (What.LOOK_WITHOUT_CASE, "PC-4"),
        (What.THIN_REASON, "PC-4"),
    ]


def worn(name: str, began: int, ended: int | None, *, camera: str = "BWC-1", taser: bool = False) -> ClipSeen:
    """Seconds from the use of force."""
    source = SourceType.TASER if taser else SourceType.BODY_WORN
    over = None if ended is None else T0 + timedelta(seconds=ended)
    return ClipSeen(name, camera, source, T0 + timedelta(seconds=began), over)


FORCE = Force("encounter-1", "UOF/1", "PC-1", T0, T0 + timedelta(seconds=120))


@pytest.mark.parametrize(
    ("clips", "says"),
    [
        ([worn("a", -600, -61)], None),
        ([worn("a", -600, -60)], "60 s before force was used"),
        ([worn("a", -600, -2)], "2 s before force was used"),
        ([worn("a", -600, 100)], "20 s before the use of force was over"),
        ([worn("a", -600, 150)], "30 s after the use of force was over"),
        ([worn("a", -600, 181)], None),
        ([worn("a", -600, None)], None),
        # cut into files by the camera, or by a second camera that went on
        ([worn("a", -600, -2), worn("b", -1, 400)], None),
        ([worn("a", -600, -2), worn("b", -300, 400, camera="BWC-2")], None),
        # a Taser's recording does not stand in for the body-worn one, and its end is its safety's
        ([worn("a", -600, -2), worn("t", -5, 400, taser=True)], "2 s before force was used"),
        ([worn("t", -5, 30, taser=True)], None),
        # one that begins again too late is no continuation
        ([worn("a", -600, -20), worn("b", 30, 400)], "20 s before force was used"),
    ],
)
def test_a_stop_near_the_use_of_force(clips: list[ClipSeen], says: str | None) -> None:
    found = of_stops(FORCE, clips)
    assert [one.says for one in found] == ([] if says is None else [f"UOF/1: BWC-1 stopped {says}"])
    assert all((one.person, one.encounter_id) == ("PC-1", "encounter-1") for one in found)


def test_a_flat_battery_is_not_switched_off() -> None:
    explained = Force("encounter-1", "UOF/1", "PC-1", T0, None, explained=True)
    assert of_stops(explained, [worn("a", -600, -2)]) == []
    open_end = Force("encounter-1", "UOF/1", "PC-1", T0, None)
    assert [one.says for one in of_stops(open_end, [worn("a", -600, 40)])] == [
        "UOF/1: BWC-1 stopped 40 s after the use of force began"
    ]


def test_only_what_the_recording_officer_asked_is_listed() -> None:
    wishes = [
        Wish(What.DELETION_ASKED, "clip-1", "PC-1", "PC-1", T0, "asked"),
        Wish(What.DELETION_ASKED, "clip-2", "PC-2", "PC-1", T0, "asked"),
        Wish(What.SHORTER_CATEGORY, "clip-3", "PC-3", None, T0, "shorter"),
    ]
    assert [one.clip_id for one in of_wishes(wishes)] == ["clip-1"]


async def test_the_histories_are_those_of_the_catalogue(scrutinised: Scrutinised) -> None:
    force, database = scrutinised.force, scrutinised.database
    force.issue("BWC-1", "PC-4711", T0 - timedelta(hours=5))
    clip = force.clip("c1", "BWC-1", T0 - timedelta(minutes=10), T0 - timedelta(seconds=5))
    await force.put_on_record(an_encounter("UOF-1", T0.isoformat(), kind=Kind.USE_OF_FORCE, tactics=(Tactic.CUFFS,)))
    await force.looked()
    for person, reason, at in (
        ("PC-9", "just checking", T0 + timedelta(hours=1)),
        ("PC-9", "robbery statement for DC Malik", T0 + timedelta(days=40)),
    ):
        await database.execute(
            "INSERT INTO consultations VALUES (%s, %s, %s, 'reason', 'reason', %s, %s, false)",
            (f"evt-{reason}", clip, person, reason, at),
        )
    asked = "INSERT INTO early_requests (clip_id, asked_by, asked_at, request) VALUES (%s, 'PC-4711', %s, '{}')"
    await database.execute(asked, (clip, T0 + timedelta(hours=2)))
    async with database.connection() as connection:
        found = await findings(connection, T0 - timedelta(days=1), T0 + timedelta(days=30))
    assert [(one.what, one.person, one.clip_id) for one in found] == [
        (What.STOPPED_NEAR_FORCE, "PC-4711", clip),
        (What.LOOK_WITHOUT_CASE, "PC-9", clip),
        (What.THIN_REASON, "PC-9", clip),
        (What.DELETION_ASKED, "PC-4711", clip),
    ]
    async with database.connection() as connection:
        span = (T0 - timedelta(days=1), T0 + timedelta(days=30))
        theirs = await findings(connection, *span, reader="PC-4711")
        assert theirs == [], "neither what they did nor who looked at their clip"
        assert [one.person for one in await findings(connection, *span, reader="PC-9")] == ["PC-4711"] * 2
    await database.execute("DELETE FROM early_requests")
    early = {"type": "early", "asked_by": "PC-9", "approved_by": "PC-4711", "at": (T0 + timedelta(hours=3)).isoformat()}
    await database.execute(
        "INSERT INTO clip_fate (clip_id, camera, recording, standing, docking, report, facts)"
        " VALUES (%s, 'BWC-1', 'c1', 'released', 1, '{}', %s)",
        (clip, json.dumps([early])),
    )
    async with database.connection() as connection:
        [approved] = [one for one in await findings(connection, *span) if one.what is What.DELETION_ASKED]
    in_vain = m.RequestRefused("evt-r", "early disposal", "PC-4711", "it is kept by the force", "ask later", clip)
    of_another = m.RequestRefused("evt-s", "early disposal", "PC-9", "it is kept by the force", "ask later", clip)
    for told in (in_vain, of_another):
        cause = (told.request,)
        force.told.append(
            m.event("requests.refused", told, key="evt", subject=told.request, source="retention", cause=cause)
        )
    await force.recorded()
    async with database.connection() as connection:
        found = await findings(connection, datetime.now(UTC) - timedelta(hours=1), datetime.now(UTC))
    assert [(one.what, one.person, one.says) for one in found] == [
        (What.DELETION_ASKED, "PC-4711", "asked in vain that the clip goes before its time: it is kept by the force")
    ]
    assert (approved.person, approved.says) == ("PC-4711", "approved that the clip goes before its time; PC-9 asked")
    await database.execute(
        "INSERT INTO cases (case_id, urn, kind, version, officer, clock, incidents, opened_at, body) VALUES"
        " ('case-1', 'U', 'prosecution', 1, 'PC-9', 'none', '{}', %s, '{}')",
        (T0,),
    )
    await database.execute("INSERT INTO exhibits VALUES ('case-1', 'A/1', 'A/1', %s, false)", (clip,))
    async with database.connection() as connection:
        later = await findings(connection, T0 - timedelta(days=1), T0 + timedelta(days=60))
    assert [one.what for one in later if one.person == "PC-9"] == [What.THIN_REASON], "it is an exhibit of an open case"


async def test_each_look_at_the_feed_is_on_record_before_anything_is_shown(
    scrutinised: Scrutinised, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = scrutinised.database
    clip = scrutinised.force.clip("c1", "BWC-1", T0, T0 + timedelta(minutes=5))
    await scrutinised.force.looked()
    await database.execute(
        "INSERT INTO consultations VALUES ('evt-1', %s, 'PC-9', 'reason', 'reason', 'just checking', %s, false)",
        (clip, T0),
    )
    (tmp_path / "settings.toml").write_text(f'database = "{database.dsn}"\nnamespace = "{database.schema}"\n')
    told: list[tuple[str, MisuseConsulted]] = []

    async def announce(settings: Any, topic: str, message: MisuseConsulted, **more: Any) -> None:
        told.append((topic, message))

    async def away(*given: Any, **more: Any) -> None:
        raise PartUnreachable("the broker does not answer")

    async def feed(*words: str) -> Result:
        given = ["list", "--from", "2026-03-01", "--to", "2026-03-03", *words]
        return await asyncio.to_thread(CliRunner().invoke, misuse.misuse, given, obj={"home": str(tmp_path)})

    monkeypatch.setattr(misuse, "announce", announce)
    refused = await feed("--reason", "weekly look")
    assert isinstance(refused.exception, Refused) and told == [], "an auditor, say, or whoever is looked into"
    People(tmp_path / PEOPLE).add("ADMIN", "P. S.", [Role.STANDARDS])
    assert (await feed()).exit_code == 2 and (await feed("--reason", " ")).exit_code == 2 and told == []
    shown = await feed("--reason", "weekly look", "--person", "PC-9")
    assert shown.exit_code == 0 and clip in shown.output, shown
    [(topic, look)] = told
    assert (topic, look.person, look.reason, look.of, look.what) == (
        "misuse.consulted", "ADMIN", "weekly look", "PC-9", None,
    )  # fmt: skip
    assert look.since.startswith("2026-03-01") and look.until.startswith("2026-03-03")
    monkeypatch.setattr(misuse, "announce", away)
    nothing = await feed("--reason", "weekly look")
    assert isinstance(nothing.exception, PartUnreachable) and clip not in nothing.output
