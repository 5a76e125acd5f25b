"""Every poison that we could think of ends in the dead letters with its original bytes; redriving takes it back."""

from __future__ import annotations

import pytest

from streams import messages as m
from streams.dead_letters import redrive, show
from tests.streams.stream_world import REPORT, World, eventually
from workers.errors import RuleBroken

TOPIC = "receipts.requested"
GOOD = m.encode(m.ReceiptRequested("ok.DOCK.1", "CAM-1", "r", REPORT))
OTHER = m.encode(m.KeyRevoked("key", REPORT))
CORPUS: dict[str, tuple[bytes | None, bytes | None, str]] = {
    "not JSON": (b"k", b"\x00\xff{not json", f"bwv.{TOPIC}"),
    "not UTF-8": (b"ok.DOCK.1", GOOD.replace(b"CAM-1", b"\xff\xfe\xfd\xfc\xfb"), f"bwv.{TOPIC}"),
    "empty": (b"k", b"", f"bwv.{TOPIC}"),
    "tombstone": (b"k", None, f"bwv.{TOPIC}"),
    "a megabyte": (b"k", b'"' + b"x" * (1 << 20) + b'"', f"bwv.{TOPIC}"),
    "deeply nested": (b"k", b"[" * 50_000, f"bwv.{TOPIC}"),
    "another topic's": (b"ok.DOCK.1", GOOD, "bwv.clips.wiped"),
    "another type": (b"k", OTHER, f"bwv.{TOPIC}"),
    "a list": (b"k", b"[1, 2, 3]", f"bwv.{TOPIC}"),
    "another's key": (b"somebody-else", GOOD, f"bwv.{TOPIC}"),
    "no key": (None, GOOD, f"bwv.{TOPIC}"),
}
pytestmark = pytest.mark.stack


@pytest.mark.parametrize("kind", ["short", "long"])
async def test_poison_goes_to_the_dead_letters_with_its_bytes(world: World, kind: str) -> None:
    stage, topic = ("release", TOPIC) if kind == "short" else ("transfer", "clips.registered")
    await world.topics(TOPIC, "clips.registered", "clips.registered.urgent", f"dead-letters.{stage}")
    for key, value, type_ in CORPUS.values():
        said = type_.replace(TOPIC, topic)
        await world.send_raw(topic, key, value, type_=said, partition=0)
    await world.send_one(topic, "ok.DOCK.last", partition=0)
    process = world.start(kind)
    await eventually(lambda: world.all_committed(stage, topic, len(CORPUS) + 1), "all committed", every=0.3)
    assert await process.terminate() == 0
    letters = await world.letters(stage)
    key_of = lambda pair: (pair[0] or b"", pair[1] or b"")  # noqa: E731
    expected = [(key, value) for key, value, _ in CORPUS.values()]
    assert sorted(((x.key, x.value) for x in letters), key=key_of) == sorted(expected, key=key_of)
    assert {letter.error for letter in letters} == {"MessageInvalid"}
    assert all(letter.origin_topic == topic and letter.attempts == 1 for letter in letters)
    assert sorted(letter.origin_offset for letter in letters) == list(range(len(CORPUS)))
    assert world.done() == {"ok.DOCK.last"}


async def test_a_letter_is_listed_shown_redriven_once_and_read_again(world: World) -> None:
    await world.topics(TOPIC, "dead-letters.release")
    await world.send_raw(TOPIC, b"ok.DOCK.1", GOOD, type_="bwv.clips.wiped")
    await world.send_one(TOPIC, "defect.DOCK.2")
    process = world.start("short")
    await eventually(lambda: world.all_committed("release", TOPIC, 2), "both committed", every=0.3)
    letters = {letter.key: letter for letter in await world.letters("release")}
    assert len(letters) == 2
    defect = letters[b"defect.DOCK.2"]
    assert defect.error == "KeyError" and "stream_stages.py" in defect.trace
    assert await show(world.settings, defect.id) == defect
    assert defect.id == f"release/0/{defect.id.rsplit('/', 1)[1]}"
    redriven = await redrive(world.settings, defect.id)
    assert redriven == defect
    await eventually(lambda: world.all_committed("release", TOPIC, 3), "read again", every=0.3)
    assert await process.terminate() == 0
    now = await world.letters("release")
    assert defect.id not in {letter.id for letter in now}
    assert [letter.key for letter in now] == [b"ok.DOCK.1", b"defect.DOCK.2"]  # it failed again: a new letter
    assert now[1].headers == defect.headers and now[1].value == defect.value
    assert await show(world.settings, defect.id) == defect  # it is still there for whoever asks
    with pytest.raises(RuleBroken, match="redriven before"):
        await redrive(world.settings, defect.id)
    for wrong in ("release/0/999", "release/7/0", "nonsense"):
        with pytest.raises(RuleBroken):
            await show(world.settings, wrong)
