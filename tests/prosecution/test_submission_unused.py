"""Unused material goes to the prosecutor with its schedule, and to nobody else."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from console.cli.submitted import outcome_of
from console.cli.timeline import moments, sentence
from local.stack import BUCKET
from local.store import Store
from streams.messages import DerivativeFailed, LinkOpened, encode
from tests.prosecution.office import URN, Office
from tests.prosecution.packed import PROSECUTION, filmed, packer
from tests.prosecution.submitting import Desk, submitting
from tests.retention.desk import refused
from workers.catalogue.queries import history
from workers.custody.bwv_verify import check_package, read_keys
from workers.footage.recording import Kind
from workers.keys.statements import now_iso
from workers.prosecution import statements as s
from workers.prosecution.derivatives.needed import needed
from workers.prosecution.statements import Purpose, Recipient, Relevance
from workers.prosecution.submission.states import State

RELEVANT, SENSITIVE, NOT_RELEVANT = Relevance.RELEVANT, Relevance.SENSITIVE, Relevance.NOT_RELEVANT


@pytest.fixture
async def desk(office: Office, tmp_path: Path) -> AsyncIterator[Desk]:
    async with submitting(office, tmp_path) as made:
        await office.change(s.IncidentAdded("I-1"))
        yield made


async def marked(desk: Desk, relevance: Relevance, description: str = "the street", **changes: object) -> str:
    """A clip that the disclosure officer marked; it has the next number."""
    clip = await desk.office.clip(incident="I-1", **changes)  # type: ignore[arg-type]
    answer = await desk.office.change(s.UnusedMarked(clip, relevance, description))
    assert answer.verdict == "done", answer
    return clip


async def test_an_item_of_the_schedule_goes_to_the_cps_as_it_was_recorded(desk: Desk) -> None:
    await desk.exhibit("JS/1")
    plain, secret = await marked(desk, RELEVANT), await marked(desk, SENSITIVE, "a neighbour")
    plan = await desk.plan(f'urn,exhibits,purpose\n{URN},"js/1; unused / 02 ;Unused/1",trial\n')
    [one], faults = plan.rows, plan.faults
    assert faults == () and outcome_of(one).says == "SENSITIVE: UNUSED/2"
    assert (await desk.ask(one.order)).verdict == "done"
    await desk.deliver()
    sent = await desk.row(one.order.submission_id)
    assert sent.state is State.SENT
    items = sent.prepared().items[1:]
    assert [(item.reference, item.clip_id, item.kind, item.producer, item.start) for item in items] == [
        ("UNUSED/2", secret, "master", "", None),
        ("UNUSED/1", plain, "master", "", None),
    ]
    assert [item.description for item in items] == [
        "SENSITIVE unused material, MG6D item 2, not for the defence: a neighbour",
        "unused material, MG6C item 1: the street",
    ]
    told = await desk.told("clips.submitted")
    assert [(event["clip_id"], event["reference"]) for event in told[1:]] == [(secret, "UNUSED/2"), (plain, "UNUSED/1")]
    theirs = desk.receipt(sent.submission_id)
    assert [item.sha256 for item in theirs.items] == [item.sha256 for item in sent.prepared().items]


async def test_all_that_is_presumed_is_what_the_disclosure_officers_report_lists(desk: Desk) -> None:
    await marked(desk, RELEVANT)  # 1
    await marked(desk, NOT_RELEVANT)  # 2
    await marked(desk, SENSITIVE)  # 3
    await marked(desk, RELEVANT, kind=Kind.EVENT_LOG)  # 4
    gone = await marked(desk, RELEVANT)  # 5
    await desk.office.disposal(gone, "done")
    exhibited = await marked(desk, RELEVANT)  # 6
    await desk.exhibit("JS/1", clip=exhibited)
    part = await marked(desk, RELEVANT)  # 7
    await desk.exhibit("JS/2", clip=part, start=0.0, end=2.0)

    plan = await desk.plan(f"urn,exhibits,purpose\n{URN},unused/*,trial\n{URN},unused/3;JS/1;UNUSED/*,upgrade\n")
    assert plan.faults == ()
    assert [[item.reference for item in one.order.items] for one in plan.rows] == [
        ["UNUSED/1", "UNUSED/3", "UNUSED/7"],
        ["UNUSED/3", "JS/1", "UNUSED/1", "UNUSED/7"],
    ]
    assert all(item.derivative_id is None for one in plan.rows for item in one.order.items)
    [alone] = (await desk.plan(f"urn,exhibits,purpose\n{URN},unused/4,trial\n")).rows
    assert [item.reference for item in alone.order.items] == ["UNUSED/4"], "an event log goes where it is named"
    [rest] = (await desk.plan(f"urn,purpose\n{URN},charging\n")).rows
    assert [item.reference for item in rest.order.items] == ["JS/1", "JS/2"], "no unused material by itself"


async def test_what_may_not_go_is_refused_with_its_row_and_column(desk: Desk) -> None:
    await marked(desk, RELEVANT)  # 1
    await marked(desk, NOT_RELEVANT)  # 2
    await desk.exhibit("JS/1", clip=await marked(desk, RELEVANT))  # 3
    gone = await marked(desk, RELEVANT)  # 4
    await desk.office.disposal(gone, "done")
    await desk.office.opened("01AB0012407")
    plan = await desk.plan(
        "urn,exhibits,purpose,recipient\n"
        f"{URN},unused/1,disclosure,defence\n"
        f"{URN},unused/*,trial,defence\n"
        f"{URN},unused/2,trial,\n"
        f"{URN},unused/3,trial,\n"
        f"{URN},unused/4,trial,\n"
        f"{URN},unused/9,trial,\n"
        f"{URN},unused/x,trial,\n"
        f"{URN},unused/1;UNUSED/01,trial,\n"
        "01AB0012407,unused/*,trial,\n"
    )
    assert plan.rows == ()
    said = {fault.row: str(fault) for fault in plan.faults}
    served = "expected the recipient cps: the police send unused material to the CPS, and the CPS serves the defence"
    expected = {
        2: served,
        3: served,
        4: "UNUSED/2 is marked not relevant: it is on no schedule",
        5: "UNUSED/3 is the exhibit JS/1 by now; expected JS/1",
        6: f"UNUSED/4: its clip {gone} was disposed of",
        7: f"{URN} has no item 9 of unused material; expected one of 1, 3, 4",
        8: "'unused/x'; expected UNUSED/ and the number of an item of the schedules, or UNUSED/*",
        9: "UNUSED/01 is named twice",
        10: "UNUSED/*: 01AB0012407 has no such imagery that is kept",
    }
    assert {row: words for row, words in expected.items() if words not in said[row]} == {}
    assert all(line.startswith(f"row {row}, column exhibits: ") for row, line in said.items())


async def test_the_stage_says_the_same_of_an_order_and_of_what_was_marked_anew(desk: Desk) -> None:
    clip = await marked(desk, RELEVANT)
    defence = await desk.order("unused/1", purpose=Purpose.TRIAL, recipient=Recipient.DEFENCE)
    refused(await desk.ask(defence), "the CPS serves the defence")
    order = await desk.order("unused/1", purpose=Purpose.TRIAL)
    await desk.office.change(s.UnusedMarked(clip, NOT_RELEVANT, "somewhere else"))
    refused(await desk.ask(order), "UNUSED/1 is marked not relevant")
    refused(await desk.office.change(s.ExhibitAdded("Unused/1", clip, "PC 1", "x")), "an item of the schedules")


async def test_in_a_package_it_has_a_folder_of_its_own_and_the_timeline_says_who_got_it(
    evidence: tuple[Path, Store], dsn: str, tmp_path: Path
) -> None:
    home, store = evidence
    async with packer(home, store.endpoint, BUCKET, dsn, tmp_path) as packed:
        footage = filmed(tmp_path, "street.mp4")
        shown = await packed.clip(footage)
        await packed.office.opened(PROSECUTION, "I-1")
        await packed.change(s.ExhibitAdded("JS/1", shown, "PC 100", "the arrest", 0.5, 1.5), PROSECUTION)
        await packed.change(s.UnusedMarked(shown, SENSITIVE, "before the arrest"), PROSECUTION)
        [exhibit] = (await packed.office.known(PROSECUTION)).standing()
        order = needed(exhibit, by="ADMIN", at=now_iso(), reason="for charging")
        assert order is not None
        await packed.derive(order)
        submission = await packed.submit(PROSECUTION, Purpose.TRIAL, Recipient.CPS, "JS/1", "UNUSED/1")
        await packed.seal()

        out = tmp_path / "out"
        found, _ = await packed.pack(submission, out)
        assert check_package(str(out), read_keys([packed.key])).manifest["submission_id"] == submission
        assert (out / "data/exhibits/UNUSED-1/UNUSED-1.mp4").read_bytes() == footage
        rows = list(csv.DictReader(io.StringIO((out / "data/exhibits.csv").read_text())))
        assert [(row["exhibit"], row["produced by"]) for row in rows] == [("JS/1", "PC 100"), ("UNUSED/1", "")]
        page = (out / "index.html").read_text()
        assert "1 exhibit and 1 item of unused material" in page
        assert "SENSITIVE unused material, MG6D item 1, not for the defence: before the arrest" in page
        assert [path.name for path in (out / "data/statements").iterdir()] == ["MG11-JS-1.txt"]
        case = json.loads((out / "data/case.json").read_bytes())
        assert [one["reference"] for one in case["exhibits"]] == ["JS/1"]

        ours = [one for one in moments(await history(packed.database, shown)) if submission in one.what]
        range_, master = (item.about for item in found.items)
        assert [(one.who, one.type) for one in ours] == [("prosecution", "clips.submitted")] * 2
        assert ours[0].what == (
            f"{order.derivative_id}, made from it, was submitted to the CPS as JS/1 of {PROSECUTION}: SHA-256 "
            f"{range_.sha256[:16]}…; {submission}, whose manifest has SHA-256 {found.manifest.sha256[:16]}…"
        )
        assert ours[1].what.startswith(f"the master was submitted to the CPS as UNUSED/1 of {PROSECUTION}: SHA-256 "
                                       f"{master.sha256[:16]}…")  # fmt: skip
        [made] = [one for one in moments(await history(packed.database, shown)) if one.type == "derivatives.made"]
        assert made.who == "derivation"
        assert made.what.startswith("a range from 0.5 s to 1.5 s was made from it by ffmpeg ")
        assert f"ordered by ADMIN (for charging): {order.derivative_id}, {range_.size:,} bytes" in made.what


def test_the_timeline_tells_what_could_not_be_made_and_who_looked_through_a_link() -> None:
    failed = DerivativeFailed("derivative-a", "clip-a", "redaction", "x is outside the picture", "mend the file")
    assert sentence("derivatives.failed", encode(failed)) == (
        "a redacted copy cannot be made from it (derivative-a): x is outside the picture; mend the file"
    )
    looked = LinkOpened("link-a", "case-a", "submission-a", "j@cps.example", "play", "", "clip-a", "JS/1", "0-99")
    assert sentence("links.opened", encode(looked)) == (
        "played by j@cps.example as JS/1, by the link of submission-a, bytes 0-99"
    )
