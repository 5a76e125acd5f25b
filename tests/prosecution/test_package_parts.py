"""The pure parts of a package: who sees what, names of folders, numbers as RFC 8785 writes them."""

from __future__ import annotations

import math
import random
import struct
from pathlib import Path

import msgspec
import pytest
import rfc8785

from workers.custody.bwv_verify import Refused, canonical, exhibit_folders, media_name, strict_json
from workers.custody.export import Row
from workers.errors import NameInvalid
from workers.footage.canonical import canonical as canonical_bytes
from workers.footage.passage import Stopped
from workers.keys.signing import Signed
from workers.prosecution.package.bag import STRIDE, BagWriter
from workers.prosecution.package.extract import CONTINUITY, SAID_BY_PEOPLE, extract
from workers.prosecution.package.recipients import (
    HOLDS,
    Part,
    has,
    may_have_lineage,
    may_have_schedule,
)
from workers.prosecution.statements import DerivativeKind, DerivativeOrder, Lineage, Recipient
from workers.vault.fake import FakeReader

CPS, DEFENCE, SUBJECT, TRAINING = Recipient.CPS, Recipient.DEFENCE, Recipient.DATA_SUBJECT, Recipient.TRAINING

TABLE = """
                cps  defence  data_subject  training
defendants      yes  yes      no            no
whole_case      yes  no       no            no
schedules       yes  yes      no            no
sensitive       yes  no       no            no
statements      yes  yes      no            no
sidecar         yes  no       no            no
redaction       yes  no       no            no
payloads        yes  yes      no            no
"""


def test_the_table_of_recipients_cell_by_cell() -> None:
    head, *rows = (line.split() for line in TABLE.strip().splitlines())
    assert [Part(row[0]) for row in rows] == list(Part) and set(head) == set(HOLDS)
    for part, *cells in rows:
        for recipient, cell in zip(head, cells, strict=True):
            assert has(Recipient(recipient), Part(part)) is (cell == "yes"), (part, recipient)


@pytest.mark.parametrize("name", ["MG6C.csv", "MG6D.csv", "MG6E.html", "SDC.csv", "unused.html", "something-new.csv"])
def test_the_defence_sees_one_schedule_and_nobody_but_the_cps_the_others(name: str) -> None:
    assert [one for one in Recipient if may_have_schedule(one, name)] == (
        [CPS, DEFENCE] if name.startswith("MG6C") else [CPS]
    )


def lineage(kind: DerivativeKind, reason: str) -> Lineage:
    order = DerivativeOrder("derivative-a", "clip-a", kind, "ADMIN", "now", reason=reason)
    return Lineage("derivative-a", "clip-a", kind, "0", 1, "1", 1, "video/mp4", "ffmpeg", (), {}, "", 0.0, None, None,
                   "now", Signed(canonical_bytes(order).decode(), "key", "signature"))  # fmt: skip


def test_how_something_was_made_is_told_to_whom_it_concerns() -> None:
    ours, theirs = "exhibit JS/1 of 01AB", "a complaint against PC 100"
    for kind, reason, who in (
        (DerivativeKind.RANGE, ours, [CPS, DEFENCE]),
        (DerivativeKind.RANGE, theirs, [CPS]),
        (DerivativeKind.REDACTION, ours, [CPS]),
    ):
        assert [one for one in Recipient if may_have_lineage(one, lineage(kind, reason), ours)] == who, (kind, reason)


def row(index: int, kind: str, **said: str) -> Row:
    return Row(index, msgspec.json.encode({"type": kind}).decode(), msgspec.json.encode(said), b"0" * 16)


ROWS = [
    row(0, "clips.registered.urgent"),
    row(1, "clips.attributed"),
    row(2, "holds.accepted"),
    row(3, "derivatives.made", derivative_id="ours"),
    row(4, "derivatives.made", derivative_id="theirs"),
    row(5, "clips.submitted", submission_id="ours"),
    row(6, "clips.submitted", submission_id="theirs"),
    row(7, "something.new"),
    Row(8, '{"type":"clips.submitted"}', b"\xff", b"0" * 16),
    Row(9, '{"type":"clips.verified"}', None, None),
]


@pytest.mark.parametrize(
    ("recipient", "told", "redacted", "shown"),
    [(CPS, {"ours"}, True, {0, 1, 3, 5}), (DEFENCE, {"ours"}, False, {0, 1, 3, 5}), (DEFENCE, set(), True, {0, 5}),
     (SUBJECT, set(), True, {5}), (TRAINING, set(), True, {5})],
)  # fmt: skip
def test_entries_of_a_clip_are_shown_with_or_without_their_content(
    recipient: Recipient, told: set[str], redacted: bool, shown: set[int]
) -> None:
    found = extract(ROWS, recipient, "ours", made={"ours"}, told=told, redacted=redacted)
    assert [one.index for one in found] == [0, 1, 3, 5, 9]
    assert {one.index for one in found if one.payload is not None} == shown
    assert all((one.payload is None) == (one.salt is None) for one in found)


def test_no_decision_about_keeping_a_clip_is_continuity() -> None:
    from streams.topics import TOPICS

    known = {topic.name for topic in TOPICS}
    assert known >= CONTINUITY | SAID_BY_PEOPLE
    kept = ("holds.", "reviews.", "disposals.", "sweeps.", "policies.", "clips.categorised", "clips.disposed")
    assert not [name for name in CONTINUITY | SAID_BY_PEOPLE if name.startswith(kept)]


def test_a_build_that_is_given_up_leaves_nothing_and_its_thread_ends(tmp_path: Path) -> None:
    """The reader is asked once more after the build was left; what it gives is written nowhere."""
    with BagWriter(tmp_path / "package") as bag:
        bag.write("data/case.json", b"{}")
        left: list[int] = []

        def leave(count: int) -> None:
            left.append(count)
            bag.__exit__(None, None, None)

        with pytest.raises(Stopped):
            bag.copy("data/exhibits/JS-1/JS-1.mp4", FakeReader(b"x" * (3 * STRIDE)), leave)
        with pytest.raises(Stopped):
            bag.write("data/late.txt", b"late")
    assert left == [STRIDE] and list(tmp_path.iterdir()) == []


def test_a_name_that_is_taken_is_refused(tmp_path: Path) -> None:
    (tmp_path / "package").symlink_to("nowhere")
    for name in ("package", "unfinished"):
        (tmp_path / ".unfinished.unfinished").mkdir(exist_ok=True)
        with pytest.raises(NameInvalid), BagWriter(tmp_path / name):
            pass
    assert len(list(tmp_path.iterdir())) == 2


def test_folders_are_unique_on_every_system() -> None:
    given = ["JS/1", "JS-1", "js.1", "../../etc", "CON", "/", "Ä", "x" * 90, "x" * 91, "AB/1\n", "com1"]
    names = exhibit_folders(given)
    assert names[0] == "JS-1" and len({name.lower() for name in names}) == len(given)
    assert all(name.replace("-", "").isalnum() and name.isascii() and len(name) < 60 for name in names)
    assert not {name.lower() for name in names} & {"con", "com1"}
    assert media_name("JS-1", "Video/MP4; codecs=x") == "data/exhibits/JS-1/JS-1.mp4"
    assert media_name("JS-1", "../x") == "data/exhibits/JS-1/JS-1.bin"


def test_the_verifier_writes_numbers_as_rfc_8785_does() -> None:
    chance, compared = random.Random(20261122), 0
    values = [round(chance.uniform(-1e4, 1e4), chance.randrange(9)) for _ in range(2000)]
    values += [struct.unpack("d", chance.randbytes(8))[0] for _ in range(2000)]
    values += [one * 10.0**power for power in range(-12, 25) for one in (1.0, -2.5, 9.25)]
    for value in values:
        if math.isfinite(value):
            assert canonical(value).encode() == rfc8785.dumps(value), value
            compared += 1
    assert compared > 3000


@pytest.mark.parametrize("text", [b"1.0", b"1e3", b"-0.0", b"0.10", b"1.5e1", b"1e999", b"NaN", b"1.5 ", b"+1.5"])
def test_a_number_has_one_spelling(text: bytes) -> None:
    assert strict_json("x", b"1.5", fractions=True) == 1.5
    with pytest.raises(Refused):
        strict_json("x", text, fractions=True)
    with pytest.raises(Refused):
        strict_json("x", b"1.5")
