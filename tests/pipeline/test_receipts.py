"""A camera erases only what a true receipt names; every other receipt is refused where people see it."""

from __future__ import annotations

import msgspec
import pytest

from streams.messages import ClipReleased
from tests.pipeline.pipeline import Pipeline, opened
from workers.footage.receipt import Receipt
from workers.keys.signing import Role, Signed, Signer
from workers.keys.statements import PURPOSES

pytestmark = pytest.mark.stack


async def publish(system: Pipeline, row: dict[str, object], receipt: Signed) -> None:
    """Publish a receipt for this clip, as release would."""
    clip, camera, recording = (str(row[name]) for name in ("clip_id", "camera", "recording"))
    message = ClipReleased(clip, 1, Signed(**row["report"]), camera, recording, receipt)  # type: ignore[arg-type]
    await system.say("clips.released", message, key=clip, cause=(receipt.signature,))


def release_key(system: Pipeline) -> Signer:
    """The key of the release service itself."""
    return Signer.load(Role.SERVICE, "release", system.settings.keys / "service" / "release.pem")


def receipt_for(row: dict[str, object], **other: object) -> Receipt:
    """What a true receipt of this clip would say, or something else."""
    said = opened(row["report"])["recording"]  # type: ignore[arg-type]
    names = ("camera", "recording", "size", "sha256")
    facts = {"clip_id": row["clip_id"], **{name: said[name] for name in names}, **other}
    return Receipt(**facts, copies=(), verified_at="2026-11-22T21:04:05Z")  # type: ignore[arg-type]


async def test_false_receipts_erase_nothing_and_show_and_the_true_one_still_works(system: Pipeline) -> None:
    camera = system.filled("REC-0001", [50_000, 60_000])
    await system.enrol("REC-0001")
    with system.frozen("verification"):  # nothing is proved yet, so no true receipt can come
        system.dock(camera, "BAY-REC-1")
        first, second = await system.has_clips("REC-0001", 2, standing="secured")
        mine = str(first["recording"])
        true = release_key(system)
        digest = opened(second["report"])["recording"]["sha256"]
        false = {
            "release service": Signer.new(Role.SERVICE, "release").sign(PURPOSES[Receipt], receipt_for(first)),
            f"not for REC-0001/{mine}": true.sign(PURPOSES[Receipt], receipt_for(second)),
            "no person decided": true.sign(PURPOSES[Receipt], receipt_for(first, sha256=digest)),
            "is wrong": msgspec.structs.replace(
                true.sign(PURPOSES[Receipt], receipt_for(first)),
                signature=Signer.new(Role.DOCK, "X").sign("x", 1).signature,
            ),
        }
        for words, receipt in false.items():
            await publish(system, first, receipt)
            await system.shows("REC-0001", mine, "refused", words)
        assert len(list(camera.folder.glob("*.mp4"))) == 2

    async def refusals() -> list[dict[str, str]] | None:
        rows = await system.sql("SELECT * FROM rejections WHERE camera = 'REC-0001' AND code = 'receipt_refused'")
        return rows if len(rows) >= len(false) else None

    told = await system.until(refusals, "each refusal to be told")
    assert all(any(words in row["reason"] for row in told) for words in false)
    assert set((await system.settled(camera)).values()) == {"wiped"}


async def test_a_receipt_that_came_while_the_camera_was_away_is_given_again(system: Pipeline) -> None:
    camera = system.filled("REC-0002", [50_000])
    await system.enrol("REC-0002")
    with system.frozen("release"):
        system.dock(camera, "BAY-REC-2")
        [row] = await system.has_clips("REC-0002", 1, standing="verified")
        await system.undock(camera)
    await system.has_clips("REC-0002", 1, standing="released", camera_copy="present")
    assert list(camera.folder.glob("*.mp4"))

    system.dock(camera, "BAY-REC-3")

    await system.has_clips("REC-0002", 1, camera_copy="wiped")
    assert not list(camera.folder.glob("*.mp4"))
    moments = (await system.known(row["clip_id"]))["timeline"]
    assert [m["type"] for m in moments].count("clips.secured") == 1, "its bytes moved once"
