"""Messages that can never succeed: kept with their original bytes, shown, sent again."""

from __future__ import annotations

import base64

import msgspec
import pytest

from streams.messages import UploadReported, encode
from tests.pipeline.broker import dead_letter, everything, send
from tests.pipeline.pipeline import Pipeline
from workers.keys.signing import Signed

pytestmark = pytest.mark.stack

POISON = {
    "not JSON": b"\xff\x00 this was never JSON \xfe",
    "half a message": b'{"camera": "DEA-0001", "recording": "x", "report": {"body": "{}"',
    "another message": b'{"camera": "DEA-0001", "key": 7}',
    "nothing": b"",
    "a report of nothing": encode(UploadReported("DEA-0001", "x", Signed("{}", "dock:DOCK-01:0", "AAAA"))),
}


@pytest.mark.parametrize("what", POISON)
async def test_a_poison_message_is_kept_as_it_came_and_holds_nobody_up(system: Pipeline, what: str) -> None:
    # The good camera has the same key's partition behind the poison.
    name = f"DEA-{sorted(POISON).index(what):04}"
    value = POISON[what].replace(b"DEA-0001", name.encode())
    await send(system, "uploads.reported", value, key=name)
    camera = system.filled(name, [1000])
    await system.enrol(name)
    system.dock(camera, f"BAY-{name}")

    assert list((await system.settled(camera)).values()) == ["wiped"]
    letter = await dead_letter(system, value)
    assert (letter.stage, letter.origin_topic, letter.key) == ("intake", "uploads.reported", name.encode())


async def test_a_dead_letter_is_listed_shown_and_sent_again_with_its_original_bytes(system: Pipeline) -> None:
    value = b"\xff\xfe\x00 these very bytes"
    await send(system, "uploads.reported", value, key="DEA-0100", id="evt-poison-shown")
    letter = await dead_letter(system, value)

    listed = await system.bwv("dead-letters", "list", "--stage", "intake", "--json")
    assert listed.code == 1, "there is something for a person"
    assert letter.id in {item["id"] for item in listed.json}

    shown = (await system.done("dead-letters", "show", letter.id, "--json")).json
    assert base64.b64decode(shown["value"]) == value
    assert base64.b64decode(dict(shown["headers"])["ce_id"]) == b"evt-poison-shown"
    text = (await system.done("dead-letters", "show", letter.id)).out
    assert "these very bytes" in text and f"bwv dead-letters redrive {letter.id}" in text

    await system.done("dead-letters", "redrive", letter.id)

    def sent(records: list[object]) -> list[object]:
        return [r for r in records if r.value == value and r.id == "evt-poison-shown"]  # type: ignore[attr-defined]

    assert len(sent(list(await everything(system, "uploads.reported")))) == 2, "original and redriven are the same"
    again = await system.until(lambda: another(system, value, letter.id), "the second burial: it is still poison")
    assert again.value == value  # type: ignore[attr-defined]
    twice = await system.bwv("dead-letters", "redrive", letter.id)
    assert twice.code == 1 and "redriven before" in twice.err
    unknown = await system.bwv("dead-letters", "show", "intake/0/999999")
    assert unknown.code == 1 and "no dead letter" in unknown.err


async def another(system: Pipeline, value: bytes, than: str) -> object | None:
    letter = await dead_letter(system, value)
    return letter if letter.id != than else None


async def test_a_message_on_the_wrong_topic_is_a_dead_letter(system: Pipeline) -> None:
    report = UploadReported("DEA-0200", "x", Signed("{}", "dock:DOCK-01:0", "AAAA"))
    value = msgspec.json.encode(report)
    await send(system, "cameras.docked", value, key="DEA-0200")
    letter = await dead_letter(system, value)
    assert letter.error == "MessageInvalid"
