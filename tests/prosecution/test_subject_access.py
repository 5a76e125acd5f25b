"""The register of subject access requests, and training copies: by the stage cases, over a real database."""

from __future__ import annotations

import asyncio
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.pipeline.pipeline import Said, command
from tests.prosecution.disclosed import case
from tests.prosecution.office import Office
from workers.errors import Refused
from workers.prosecution import statements as s
from workers.prosecution.cases.case import RefusedOn
from workers.prosecution.disclosure.grounds import ground
from workers.prosecution.disclosure.register import clock_from, entry_of, extended
from workers.prosecution.disclosure.times import LONDON

RECEIVED = date(2026, 9, 3)
NOW = datetime(2026, 9, 20, tzinfo=UTC)
CLOCK = clock_from(RECEIVED)
REQUEST = case(
    kind=s.CaseKind.SUBJECT_ACCESS, urn="SAR-1", clock_since=CLOCK.since, clock_ends=CLOCK.ends, subject="A. Brown"
)

# -- the month, pure -------------------------------------------------------------------------------------------


def test_a_request_is_answered_by_the_corresponding_day() -> None:
    entry = entry_of(REQUEST, (), NOW)
    assert (entry.received, entry.answer_by) == (RECEIVED, date(2026, 10, 3))
    assert not entry.overdue and entry.answered_at is None


@pytest.mark.parametrize(
    ("now", "overdue"), [("2026-10-03T22:59:59+00:00", False), ("2026-10-03T23:00:00+00:00", True)]
)
def test_it_is_overdue_when_the_last_day_is_over_by_local_time(now: str, overdue: bool) -> None:
    assert entry_of(REQUEST, (), datetime.fromisoformat(now)).overdue is overdue


@pytest.mark.parametrize(
    ("changes", "prepared"),
    [
        ({}, "2026-10-04T10:00:00+00:00"),
        ({"refusals": (RefusedOn(ground("crime"), (), "2026-10-04T10:00:00+00:00", "ADMIN"),)}, None),
        ({"closed_at": "2026-10-04T10:00:00+00:00"}, None),
    ],
)
def test_what_answers_it_and_too_late(changes: dict[str, object], prepared: str | None) -> None:
    times = (datetime.fromisoformat(prepared),) if prepared else ()
    entry = entry_of(msgspec.structs.replace(REQUEST, **changes), times, datetime(2026, 12, 1, tzinfo=UTC))
    assert entry.answered_at == datetime(2026, 10, 4, 10, tzinfo=UTC)
    assert entry.late and not entry.overdue


def test_a_refusal_of_one_clip_answers_nothing() -> None:
    refusal = RefusedOn(ground("crime"), ("clip-a",), "2026-09-10T10:00:00+00:00", "ADMIN")
    assert entry_of(msgspec.structs.replace(REQUEST, refusals=(refusal,)), (), NOW).answered_at is None


def test_an_extension_is_given_within_the_month_and_once() -> None:
    longer = extended(REQUEST, NOW)
    again = msgspec.structs.replace(REQUEST, clock_ends=longer.ends)
    assert entry_of(again, (), NOW).answer_by == date(2026, 12, 3)
    with pytest.raises(Refused, match="extended already, to 2026-12-03"):
        extended(again, NOW)
    with pytest.raises(Refused, match=r"ended on 2026-10-03.*s\.54\(3B\)"):
        extended(REQUEST, datetime(2026, 10, 4, tzinfo=UTC))


# -- the register, on a real database --------------------------------------------------------------------------


@pytest.fixture
def home(office: Office, tmp_path: Path) -> Path:
    """Where the commands find this namespace."""
    (tmp_path / "settings.toml").write_text(
        f'database = "{office.settings.database}"\nnamespace = "{office.settings.namespace}"\n'
    )
    return tmp_path


async def bwv(home: Path, *words: str) -> Said:
    return await asyncio.to_thread(command, ["--home", str(home), *words])


async def listed(home: Path, *words: str) -> list[dict[str, Any]]:
    said = await bwv(home, *words, "--json")
    found: list[dict[str, Any]] = said.json
    return found


async def requested(office: Office, urn: str, days_ago: int) -> None:
    clock = clock_from(datetime.now(LONDON).date() - timedelta(days=days_ago))
    about = {"subject": "A. Brown", "clock_since": clock.since, "clock_ends": clock.ends}
    await office.opened(urn, "INC-1", kind=s.CaseKind.SUBJECT_ACCESS, **about)


async def test_the_register_says_what_is_overdue_and_what_is_answered(office: Office, home: Path) -> None:
    clip = await office.clip(incident="INC-1")
    await requested(office, "SAR-1", 40)
    await requested(office, "SAR-2", 3)
    assert (await office.fate(clip)).held
    await office.change(s.ExhibitAdded("AB/1", clip, "PC 1", "the arrest"), urn="SAR-2")
    refused = await office.change(s.RequestRefusedOn(ground("rights-of-others"), (clip,)), urn="SAR-2")
    assert refused.verdict == "done", refused

    both = await listed(home, "subject-access", "list")
    assert [(entry["reference"], entry["overdue"]) for entry in both] == [("SAR-1", True), ("SAR-2", False)]
    assert [entry["reference"] for entry in await listed(home, "subject-access", "list", "--overdue")] == ["SAR-1"]
    text = (await bwv(home, "subject-access", "list")).out
    assert "2, 1 overdue" in text and "OVERDUE for" in text
    shown = (await bwv(home, "subject-access", "show", "sar-2")).out
    assert "AB/1, not redacted" in shown
    assert f"refused  {clip}: rights-of-others (DPA 2018 s.45(4)(e))" in shown

    await office.change(s.RequestRefusedOn(ground("unfounded")), urn="SAR-1")
    assert [entry["reference"] for entry in await listed(home, "subject-access", "list")] == ["SAR-2"]
    [late] = [entry for entry in await listed(home, "subject-access", "list", "--all") if entry["late"]]
    assert late["reference"] == "SAR-1"
    assert (await bwv(home, "subject-access", "show", "SAR-9")).code == 2


async def test_what_was_prepared_for_the_subject_answers_the_request(office: Office, home: Path) -> None:
    await requested(office, "SAR-1", 3)
    made = await office.known("SAR-1")
    for recipient, prepared in (("data_subject", None), ("cps", "now()")):
        await submitted(office, made.case_id, recipient, prepared)
    assert len(await listed(home, "subject-access", "list")) == 1
    await submitted(office, made.case_id, "data_subject", "now()")
    assert await listed(home, "subject-access", "list") == []


async def submitted(office: Office, case_id: str, recipient: str, prepared: str | None) -> None:
    await office.database.execute(
        "INSERT INTO submissions (submission_id, case_id, urn, purpose, recipient, state, ordered, items, urgent,"
        f" requested_at, prepared_at) VALUES (gen_random_uuid(), %s, 'u', 'subject_access', %s, 'prepared', '{{}}', 1,"
        f" false, now(), {prepared or 'NULL'})",
        (case_id, recipient),
    )


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("open", "SAR-1", "--about", "B", "--handler", "H", "--received", "2099-01-01"), "is in the future"),
        (("open", "SAR-1", "--about", "B", "--handler", "H", "--received", "soon"), "expected a day"),
        (("refuse", "SAR-1", "--ground", "because", "--reason", "r"), "because"),
        (("clock", "SAR-1", "--reason", "r"), "expected --from DAY, or --extend"),
        (("clock", "SAR-1", "--reason", "r", "--extend", "--from", "2026-01-01"), "expected --from DAY, or --extend"),
    ],
)
async def test_wrong_use_is_said(tmp_path: Path, words: tuple[str, ...], says: str) -> None:
    said = await bwv(tmp_path, "subject-access", *words)
    assert said.code == 2
    assert says in said.err


async def test_the_grounds_are_those_of_the_law(tmp_path: Path) -> None:
    said = await bwv(tmp_path, "subject-access", "grounds")
    assert "DPA 2018 s.45(4)(e)" in said.out and "DPA 2018 s.53(1)" in said.out


# -- training copies -------------------------------------------------------------------------------------------


async def test_a_training_copy_waits_is_used_and_expires(office: Office, home: Path) -> None:
    today = datetime.now(LONDON).date()
    for name in ("T-1", "T-2"):
        await office.opened(name, kind=s.CaseKind.TRAINING)
    own = await office.change(s.Approved((today + timedelta(days=9)).isoformat()), urn="T-1")
    assert own.verdict == "refused" and "second person" in own.says
    approved = await office.change(s.Approved((today + timedelta(days=9)).isoformat()), by="BAKER", urn="T-1")
    assert approved.verdict == "done", approved
    found = {one["reference"]: one for one in await listed(home, "training", "list")}
    assert (found["T-1"]["usable"], found["T-1"]["approved_by"]) == (True, "BAKER")
    assert (found["T-2"]["usable"], found["T-2"]["expired"]) == (False, False)
    assert await listed(home, "training", "expired") == []

    made = await office.known("T-1")
    await office.database.execute(
        "UPDATE cases SET body = jsonb_set(body, '{approved_until}', to_jsonb(%s::text)) WHERE case_id = %s",
        ((today - timedelta(days=1)).isoformat(), made.case_id),
    )
    assert (await bwv(home, "training", "expired")).code == 0, "nothing leads to it"
    await office.database.execute(
        "INSERT INTO links (link_id, token_sha256, submission_id, case_id, made_at) VALUES ('link-a', 't', 's', %s,"
        " now())",
        (made.case_id,),
    )
    said = await bwv(home, "training", "expired")
    assert said.code == 1
    assert "EXPIRED" in said.out and "to be withdrawn: bwv link revoke link-a" in said.out
    await office.database.execute("UPDATE links SET revoked_at = now()")
    assert (await bwv(home, "training", "expired")).code == 0
