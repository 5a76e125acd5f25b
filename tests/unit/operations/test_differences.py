"""What reconciling adds to the invariants, on a vault in memory: locks, manifests, gaps, names, the page."""

from __future__ import annotations

import asyncio
import itertools
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from typing import Any

import msgspec
import pytest

from tests.unit.operations.worlds import CAMERA, CLIPS, KEYS, SPACE, START, healthy, manifest, told
from workers.errors import SignatureInvalid
from workers.footage.canonical import canonical
from workers.footage.clip import clip_id
from workers.keys.signing import Role, Signed, Signer, check_signature
from workers.keys.statements import PURPOSES
from workers.operations.counting import Totals
from workers.operations.differences import REMEDIES, difference
from workers.operations.invariants import check_all
from workers.operations.locks import check_locks
from workers.operations.page import page
from workers.operations.reconcile import Outcome, check_reported, check_undamaged, last_change
from workers.operations.scope import Scope
from workers.operations.shelves import Prefixes, Wanted, manifests, with_locks
from workers.operations.statement import Amount, CustodyHead, Difference, Looked, Reconciliation
from workers.operations.stating import stated
from workers.operations.violation import Kind, Violation
from workers.operations.world import Gap, OpenUpload, World
from workers.vault.fake import FakeVault
from workers.vault.keys import attempt_keys

replace = msgspec.structs.replace
R1 = KEYS["R1"]
PROMISED = START + timedelta(days=7)


def vault(*, footage: timedelta | None = timedelta(days=7), sidecar: timedelta | None = timedelta(days=7)) -> FakeVault:
    """R1 as transfer stored it, with these locks."""
    made = FakeVault(now=lambda: START)

    def put(key: str, data: bytes, lock: timedelta | None) -> str:
        return made.put_new(key, data, lock_until=START + lock if lock else None).version_id

    version = put(R1.footage, b"first recording", footage)
    beside = put(R1.sidecar, b"{}", sidecar)
    said = replace(manifest("R1"), footage_version=version, sidecar_version=beside, locked_until=PROMISED.isoformat())
    put(R1.manifest, canonical(said), timedelta(days=7))
    return made


def seen(made: FakeVault) -> World:
    """R1's shelf as a reconciliation sees it."""
    listed = asyncio.run(Prefixes(made, SPACE).objects([Wanted(CLIPS["R1"], True, True)]))
    read, unreadable = manifests(made, listed)
    return World(SPACE, objects=tuple(with_locks(made, listed)), manifests=read, unreadable=unreadable)


def test_locks_that_were_promised_and_are_there_are_no_difference() -> None:
    world = seen(vault())
    assert len(world.objects) == 3 and all(o.lock and o.lock.mode == "COMPLIANCE" for o in world.objects)
    assert world.manifests[R1.manifest].size == len(b"first recording")
    assert check_locks(world) == []


@pytest.mark.parametrize(
    ("locks", "subject", "word"),
    [
        ({"footage": timedelta(days=6, hours=23)}, R1.footage, "its lock was set to 2026-11-29"),
        ({"footage": timedelta(seconds=1)}, R1.footage, "is locked until 2026-11-22"),
        ({"footage": None}, R1.footage, "no lock"),
        ({"sidecar": None}, R1.sidecar, "no lock"),
    ],
)
def test_a_lock_that_is_shorter_than_promised_is_found(locks: dict[str, Any], subject: str, word: str) -> None:
    [found] = check_locks(seen(vault(**locks)))
    assert (found.kind, found.subject) == (Kind.LOCK, subject)
    assert word in found.reason


def test_the_custody_log_promises_a_lock_even_if_the_manifest_was_replaced() -> None:
    world = seen(vault(footage=timedelta(days=6)))
    version = next(o.version_id for o in world.objects if o.key == R1.footage)
    event = told("clips.secured", "R1", 1, key=R1.footage, version_id=version, locked_until=PROMISED.isoformat())
    assert [v.kind for v in check_locks(replace(world, manifests={}, events=(event,)))] == [Kind.LOCK]
    assert check_locks(replace(world, manifests={})) == []


def test_a_manifest_that_is_none_is_found_and_one_that_went_meanwhile_is_not_read() -> None:
    made = vault()
    listed = asyncio.run(Prefixes(made, SPACE).objects([Wanted(CLIPS["R1"], False, False)]))
    made._now = lambda: START + timedelta(days=30)
    [shown] = [o for o in listed if o.key == R1.manifest]
    made.delete_version(shown.key, shown.version_id)
    assert manifests(made, listed) == ({}, ())
    assert len(with_locks(made, listed)) == 2
    made.put_new(R1.manifest, b"[]", lock_until=None)
    world = seen(made)
    assert world.unreadable == (R1.manifest,)
    assert Kind.MANIFEST in {v.kind for v in check_all(world)}


def test_gaps_and_uploads_of_nobody_are_found() -> None:
    stranger = attempt_keys(SPACE, clip_id(SPACE, CAMERA, "R9", 1, "9" * 64), 1).footage
    world = replace(healthy(), gaps=(Gap(CAMERA, 4, 6),), uploads=(OpenUpload(stranger, "the store"),))
    assert {(v.kind, v.subject) for v in check_all(world)} == {(Kind.GAP, CAMERA), (Kind.UPLOAD, stranger)}


def test_what_was_listed_and_never_reported_is_found_after_its_grace() -> None:
    world = replace(healthy(), rejections=())
    [found] = check_reported(world, START + timedelta(seconds=1))
    assert (found.kind, found.subject) == (Kind.NEVER_REPORTED, f"{CAMERA}/R3")
    assert check_reported(world, START) == [], "it may be on its way"
    assert check_reported(healthy(), START + timedelta(days=1)) == [], "its rejection is on record"


def test_a_clip_that_was_found_damaged_is_named_although_it_was_told() -> None:
    damaged = replace(healthy().fates[0], standing="damaged")
    tells = told("clips.damaged", "R1", 9, reason="chunk 1 differs")
    world = replace(healthy(), fates=(damaged, healthy().fates[1]), events=(*healthy().events, tells))
    [found] = check_undamaged(world)
    assert (found.kind, found.subject, found.reason) == (Kind.DAMAGED, f"{CAMERA}/R1", "chunk 1 differs")
    assert check_undamaged(healthy()) == []


def test_an_event_that_waits_in_the_outbox_is_told_apart_from_one_that_was_sent() -> None:
    waiting = replace(told("clips.probed", "R1", 9), sent=False)
    [found] = check_all(replace(healthy(), events=(*healthy().events, waiting)))
    assert found.kind is Kind.EVENT and "never sent" in found.reason


def test_every_kind_has_a_cause_and_a_remedy() -> None:
    assert set(REMEDIES) == set(Kind)
    for kind in Kind:
        named = difference(Violation("I1", "subject", "what is there", kind))
        assert all(getattr(named, part) for part in Difference.__struct_fields__)
        assert (named.kind, named.subject, named.found) == (kind.value, "subject", "what is there")


@pytest.mark.parametrize(
    ("subject", "minute"),
    [(CLIPS["R1"], 5), (R1.footage, 5), (f"{CAMERA}/R1", 5), ("evt-clips.released-R1", 5), (f"{CAMERA}/R3", 0)],
)
def test_when_it_last_moved_is_told_by_row_events_and_docking(subject: str, minute: int) -> None:
    assert last_change(Violation("I1", subject, ""), healthy()) == START + timedelta(minutes=minute)


def test_what_is_about_no_clip_never_moved() -> None:
    for subject in ("custody", "DOCK-01 2026-11-22", f"{SPACE}/notes.txt", CAMERA):
        assert last_change(Violation("I1", subject, ""), healthy()) is None


def test_sums_are_to_the_file_and_to_the_byte() -> None:
    totals = Totals()
    totals.add(healthy())
    sizes = {"R1": 15, "R2": 15, "R3": 7}
    assert totals.declared == Amount(3, sum(sizes.values()))
    assert totals.stored == totals.verified == totals.wiped == Amount(1, 15)
    assert {line.standing: (line.files, line.bytes) for line in totals.lines()} == {
        "stored": (1, 15), "quarantined": (1, 15), "rejected": (1, 7)}  # fmt: skip
    assert [(apart.clip_id, apart.reason) for apart in totals.quarantined] == [(CLIPS["R2"], "other bytes")]
    secured = replace(healthy().fates[0], standing="secured", camera_copy="present", verified_version=None)
    on_its_way = Totals()
    on_its_way.add(replace(healthy(), fates=(secured,), on_camera={(CAMERA, "R1"): 15}))
    assert (on_its_way.stored, on_its_way.verified) == (Amount(1, 15), Amount())


SIGNER = Signer.new(Role.SERVICE, "reconcile")


def statement(*differences: Difference) -> Reconciliation:
    totals = Totals()
    totals.add(healthy())
    return stated(
        Outcome(totals, differences, ("I7 x: <moves>",) if differences else ()),
        Scope(START.date(), "DOCK-01"),
        namespace=SPACE, store="local", by="ADMIN", now=START,
        looked=Looked(True, True, False, 6, 0.1), head=CustodyHead(7, "0" * 64, None),
    )  # fmt: skip


class Pieces(HTMLParser):
    """Elements and texts of a page; every element must be closed."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))
        if tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def read(text: str) -> Pieces:
    pieces = Pieces()
    pieces.feed(text)
    pieces.close()
    assert pieces.open == []
    return pieces


def test_the_page_has_the_sentence_and_needs_nothing_else() -> None:
    signed = SIGNER.sign(PURPOSES[Reconciliation], statement())
    pieces = read(page(signed, "statement.json"))
    for part in ("3 declared, 1 stored, 1 verified, 0 unexplained.", "It adds up.", signed.key, signed.signature,
                 "statement.json", "2026-11-22", "DOCK-01", "other bytes", "7 entries"):  # fmt: skip
        assert part in pieces.text, part
    assert dict(pieces.seen)["html"]["lang"] == "en-GB"
    assert not any("src" in found or "href" in found for _, found in pieces.seen), "it fetches something"
    heads = [found for tag, found in pieces.seen if tag == "th"]
    assert heads and all(found.get("scope") in ("col", "row") for found in heads)
    headings = [int(tag[1]) for tag, _ in pieces.seen if tag in ("h1", "h2", "h3")]
    assert headings[0] == 1 and headings.count(1) == 1
    assert all(after - before <= 1 for before, after in itertools.pairwise(headings))


def test_what_a_camera_named_is_only_text_on_the_page() -> None:
    nasty = "BWC/<script>alert(1)</script>$key\"'&"
    pieces = read(page(SIGNER.sign(PURPOSES[Reconciliation], statement(
        difference(Violation("I1", nasty, nasty, Kind.LOST)))), "s.json"))  # fmt: skip
    assert pieces.text.count(nasty) == 2
    assert "script" not in {tag for tag, _ in pieces.seen}
    assert "It does not add up: 1 difference has a name below." in pieces.text
    assert "I7 x: <moves>" in pieces.text


def test_every_change_of_a_signed_statement_is_caught() -> None:
    signed = SIGNER.sign(PURPOSES[Reconciliation], statement())
    check_signature(PURPOSES[Reconciliation], signed, SIGNER.enrolment())
    flips = caught = 0
    for place in range(len(signed.body)):
        changed = signed.body[:place] + chr(ord(signed.body[place]) ^ 1) + signed.body[place + 1 :]
        flips += 1
        try:
            check_signature(PURPOSES[Reconciliation], Signed(changed, signed.key, signed.signature), SIGNER.enrolment())
        except SignatureInvalid:
            caught += 1
    print(f"\nflips {flips}, caught {caught}")
    assert caught == flips > 500


def test_a_day_is_that_of_the_signed_docking() -> None:
    inventory = healthy().inventories[0].inventory
    assert Scope(START.date()).covers(inventory) and Scope(dock="DOCK-01").covers(inventory)
    assert not Scope(START.date() - timedelta(days=1)).covers(inventory)
    assert not Scope(START.date(), "DOCK-02").covers(inventory)
    assert Scope().whole and not Scope(dock="DOCK-01").whole
    assert Scope(START.date()).bounds()[0] == datetime(2026, 11, 22, tzinfo=UTC)
