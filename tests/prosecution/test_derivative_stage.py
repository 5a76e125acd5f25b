"""Derivatives from order to vault: a real store, a real database, a real ffmpeg."""

# ruff: noqa: ASYNC240 (small files, and nothing else runs)

from __future__ import annotations

import asyncio
import hashlib
import itertools
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest

from console.cli.deriving import check_again
from local.stack import BUCKET
from local.store import Store
from streams.rebuilding import _is_message as is_message
from streams.settings import load
from tests.footage.footage_stages import Scene
from tests.prosecution import screen
from tests.prosecution.studio import Studio
from tests.retention.rebuilt import record_outbox
from workers.database.engine import Database
from workers.database.schema import upgrade
from workers.errors import RuleBroken, SignatureInvalid
from workers.footage.recording import PreRoll
from workers.keys.signing import Role, Signer, check_signature
from workers.keys.statements import PURPOSES
from workers.prosecution.derivatives.keeping import finished
from workers.prosecution.derivatives.restoring import restore_derivatives
from workers.prosecution.statements import DerivativeKind as Kind
from workers.prosecution.statements import DerivativeOrder, Lineage
from workers.retention.answers import Verdict
from workers.vault.keys import derivative_keys

_NUMBERS = itertools.count(1)
STEPS = ("derivation.after_make", "derivation.after_media", "derivation.after_lineage", "derivation.after_row")


@pytest.fixture(scope="session")
def footage(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return screen.numbered(tmp_path_factory.mktemp("footage") / "numbered.mp4", pictures=25)


@pytest.fixture
async def studio(evidence: tuple[Path, Store], dsn: str, tmp_path: Path) -> AsyncIterator[Studio]:
    home, store = evidence
    settings = load(home, namespace=f"studio{next(_NUMBERS)}", store=store.endpoint, bucket=BUCKET, database=dsn,
                    ffmpeg=screen.TOOLS.ffmpeg, ffprobe=screen.TOOLS.ffprobe, derive_folder=str(tmp_path / "derive"),
                    derive_seconds=60.0, first_lock=5.0)  # fmt: skip
    upgrade(settings.database, settings.namespace)
    async with Database(settings.database, settings.namespace) as database:
        scene = Scene(settings, database)
        await scene.prepare()
        made = Studio(settings, database, scene)
        await made.stage.start()
        yield made
        await made.stage.stop()


async def test_what_is_ordered_lies_beside_its_master_with_a_signed_lineage(studio: Studio, footage: Path) -> None:
    clip = await studio.clip(footage, preroll=PreRoll(0.5))
    order = studio.order(clip, Kind.RANGE, 0.2, 0.8)
    answer = await studio.ask(order)
    assert answer.verdict is Verdict.DONE, answer
    row = await studio.row(order)
    assert row is not None and row.lineage is not None and row.state == "made"

    media = studio.media(row)
    assert (row.size, row.sha256) == (len(media), hashlib.sha256(media).hexdigest())
    check_signature(PURPOSES[Lineage], row.lineage, studio.stage.signer.enrolment())
    said = msgspec.json.decode(row.lineage.body, type=Lineage)
    assert said.parent_sha256 == hashlib.sha256(footage.read_bytes()).hexdigest()
    assert (said.parent_size, said.sha256, said.size) == (footage.stat().st_size, row.sha256, row.size)
    assert said.tool.startswith("ffmpeg ") and said.argv[0] == "ffmpeg"
    assert msgspec.json.decode(said.order.body, type=DerivativeOrder) == order
    # 0.5 s of the recording are before the button; 0.2 s of them are cut off.
    assert said.sound_from == pytest.approx(0.3)
    assert said.parameters["sound"].startswith("The first 0.3 s are without sound, as recorded")

    [told] = await studio.told("derivatives.made")
    assert (told["derivative_id"], told["key"], told["version_id"]) == (order.derivative_id, row.key, row.version_id)
    assert len(studio.lying(clip)) == 2
    keys = derivative_keys(studio.settings.namespace, clip, order.derivative_id)
    head = studio.stage.vault.head(keys.media)
    assert head is not None and head.lock.mode == "COMPLIANCE"
    assert finished(studio.stage.vault, studio.settings.namespace, clip, order.derivative_id) == row.lineage


async def test_the_same_order_again_makes_nothing_again(studio: Studio, footage: Path) -> None:
    clip = await studio.clip(footage)
    order = studio.order(clip, Kind.STILL, 0.4)
    first = await studio.ask(order)
    before = await studio.row(order)
    again = await studio.ask(studio.order(clip, Kind.STILL, 0.4))
    assert (first.verdict, again.verdict) == (Verdict.DONE, Verdict.DONE)
    assert await studio.row(order) == before
    assert len(studio.lying(clip)) == 2
    assert len(await studio.told("derivatives.made")) == 1


async def test_two_who_order_the_same_at_once_get_the_same(studio: Studio, footage: Path) -> None:
    clip = await studio.clip(footage)
    order = studio.order(clip, Kind.RANGE, 0.0, 0.4)
    answers = await asyncio.gather(studio.ask(order), studio.ask(order))
    assert [one.verdict for one in answers] == [Verdict.DONE] * 2
    assert len(studio.lying(clip)) == 2


async def test_a_lost_row_is_found_again_in_the_vault(studio: Studio, footage: Path) -> None:
    clip = await studio.clip(footage)
    order = studio.order(clip, Kind.STILL, 0.1)
    await studio.ask(order)
    before = await studio.row(order)
    await studio.database.execute("DELETE FROM derivatives")
    answer = await studio.ask(order)
    after = await studio.row(order)
    assert answer.verdict is Verdict.DONE and before is not None and after is not None
    assert (after.version_id, after.lineage) == (before.version_id, before.lineage)
    assert len(studio.lying(clip)) == 2


async def test_after_a_rebuild_it_is_known_again(studio: Studio, footage: Path) -> None:
    clip = await studio.clip(footage)
    order = studio.order(clip, Kind.STILL, 0.1)
    await studio.ask(order)
    before = await studio.row(order)
    await record_outbox(studio.database)
    await studio.database.execute("DELETE FROM derivatives")
    stranger = studio.scene.dock.enrolment()
    for keys, count in (([stranger], 0), (studio.stage.services.values(), 1)):
        known = {key.id: key for key in keys}
        async with studio.database.transaction() as connection:
            assert await restore_derivatives(connection, known, is_message) == count
    after = await studio.row(order)
    assert before is not None and after is not None
    assert msgspec.structs.replace(after, at=before.at) == before


async def test_other_bytes_in_the_way_stay_and_are_not_taken_for_it(studio: Studio, footage: Path) -> None:
    clip = await studio.clip(footage)
    order = studio.order(clip, Kind.STILL, 0.1)
    key = derivative_keys(studio.settings.namespace, clip, order.derivative_id).media
    studio.stage.vault.put_new(key, b"of another ffmpeg, before a crash", lock_until=None)
    answer = await studio.ask(order)
    row = await studio.row(order)
    assert answer.verdict is Verdict.DONE and row is not None
    assert row.key == f"{key}-2"
    assert studio.media(row).startswith(b"\x89PNG")


async def test_a_master_that_changed_in_the_vault_raises_the_alarm(
    studio: Studio, footage: Path, caplog: pytest.LogCaptureFixture
) -> None:
    data = bytearray(footage.read_bytes())
    data[-1] ^= 1
    clip = await studio.clip(footage, stored=bytes(data))
    order = studio.order(clip, Kind.STILL, 0.1)
    answer = await studio.ask(order)
    assert answer.verdict is Verdict.REFUSED
    assert "is not what was signed for it" in answer.says and "bwv verify" in answer.says
    assert "ALARM" in caplog.text
    row = await studio.row(order)
    assert row is not None and row.state == "failed" and studio.lying(clip) == []
    [told] = await studio.told("derivatives.failed")
    assert told["derivative_id"] == order.derivative_id


@pytest.mark.parametrize(
    ("column", "value", "says"),
    [
        ("disposal", "committed", "the disposal of"),
        ("standing", "registered", "is registered: it was not read back"),
        ("standing", "quarantined", "is quarantined"),
    ],
)
async def test_nothing_is_made_from_a_clip_that_is_not_there_for_it(
    studio: Studio, footage: Path, column: str, value: str, says: str
) -> None:
    clip = await studio.clip(footage)
    await studio.database.execute(f"UPDATE clip_fate SET {column} = %s WHERE clip_id = %s", (value, clip))
    answer = await studio.ask(studio.order(clip, Kind.STILL, 0.1))
    assert answer.verdict is Verdict.REFUSED and says in answer.says
    assert studio.lying(clip) == []


async def test_a_wrong_redaction_file_fails_with_its_place_and_may_be_ordered_again(
    studio: Studio, footage: Path
) -> None:
    clip = await studio.clip(footage)
    wrong = studio.order(clip, Kind.REDACTION, redaction="[[blur]]\nfrom=0\nto=1\nx=300\ny=0\nwidth=40\nheight=9\n")
    answer = await studio.ask(wrong)
    assert answer.verdict is Verdict.REFUSED
    assert "[[blur]] 1: x = 300 and width = 40 reach to 340; the picture has 320 × 240 pixels" in answer.says
    await studio.ask(wrong)
    assert len(await studio.told("derivatives.failed")) == 2, "each who asks is told"


async def test_a_clip_that_is_no_video_is_refused(studio: Studio, tmp_path: Path) -> None:
    log = tmp_path / "events.jsonl"
    log.write_bytes(b"{}\n")
    clip = await studio.clip(log, media_type="application/jsonl")
    answer = await studio.ask(studio.order(clip, Kind.PLAYBACK))
    assert answer.verdict is Verdict.REFUSED and "from which nothing can be made" in answer.says


async def test_what_was_not_signed_rightly_is_no_order(studio: Studio, footage: Path) -> None:
    clip = await studio.clip(footage)
    order = studio.order(clip, Kind.STILL, 0.1)
    stranger = Signer.new(Role.PERSON, "ADMIN").sign(PURPOSES[DerivativeOrder], order)
    message, envelope = studio.request(order, stranger)
    with pytest.raises(SignatureInvalid):
        await studio.stage.receive(message, envelope)
    assert (await studio.answered(envelope)).verdict is Verdict.REFUSED
    other = msgspec.structs.replace(order, start=0.2)
    message, envelope = studio.request(other)
    with pytest.raises(RuleBroken, match="what was signed is derivative-"):
        await studio.stage.receive(message, envelope)
    assert studio.lying(clip) == []


async def test_made_again_it_is_compared_to_the_bit(studio: Studio, footage: Path) -> None:
    clip = await studio.clip(footage)
    order = studio.order(clip, Kind.RANGE, 0.2, 0.6)
    await studio.ask(order)
    compared = await check_again(studio.settings, order.derivative_id)
    assert compared.equal, compared.says
    assert "the same to the bit" in compared.says
    assert compared.signed == compared.stored == compared.again


async def test_what_lies_in_the_vault_and_is_not_what_was_signed_is_found(studio: Studio, footage: Path) -> None:
    clip = await studio.clip(footage)
    order, other = studio.order(clip, Kind.RANGE, 0.2, 0.6), studio.order(clip, Kind.RANGE, 0.2, 0.4)
    await studio.ask(order)
    await studio.ask(other)
    await studio.database.execute(
        "UPDATE derivatives d SET key = o.key, version_id = o.version_id FROM derivatives o"
        " WHERE d.derivative_id = %s AND o.derivative_id = %s",
        (order.derivative_id, other.derivative_id),
    )
    compared = await check_again(studio.settings, order.derivative_id)
    assert not compared.equal
    assert "is not what was signed of it" in compared.says and compared.again == compared.signed != compared.stored


async def test_nothing_of_the_master_is_left_on_disk(studio: Studio, footage: Path) -> None:
    clip = await studio.clip(footage)
    await studio.ask(studio.order(clip, Kind.STILL, 0.1))
    await studio.ask(studio.order(clip, Kind.STILL, 99.0))
    assert list(Path(studio.settings.derive_folder).iterdir()) == []


async def test_a_disk_that_is_too_small_is_found_before_anything_is_read(
    studio: Studio, footage: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clip = await studio.clip(footage)
    usage = shutil.disk_usage("/")._replace(free=1 << 20)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage)
    answer = await studio.ask(studio.order(clip, Kind.STILL, 0.1))
    assert answer.verdict is Verdict.REFUSED and "0.0 GB free" in answer.says and "derive_folder" in answer.says


async def test_killed_at_any_step_it_is_finished_by_the_next_try(studio: Studio, footage: Path) -> None:
    clip = await studio.clip(footage)
    settings = studio.settings
    environment = os.environ | {
        "BWV_NAMESPACE": settings.namespace, "BWV_STORE": settings.store, "BWV_BUCKET": settings.bucket,
        "BWV_DATABASE": settings.database, "BWV_FFMPEG": settings.ffmpeg, "BWV_FFPROBE": settings.ffprobe,
        "BWV_DERIVE_FOLDER": settings.derive_folder, "BWV_FIRST_LOCK": "5",
    }  # fmt: skip
    killed, left = 0, 0
    for number, step in enumerate(STEPS):
        order = studio.order(clip, Kind.RANGE, 0.04 * number, 0.6)
        message, envelope = studio.request(order)
        argv = [sys.executable, "-m", "tests.prosecution.dying_derivation", str(settings.home), step,
                envelope.headers["ce_id"]]  # fmt: skip
        process = await asyncio.to_thread(
            subprocess.run, argv, input=envelope.body, env=environment, capture_output=True, timeout=60, check=False
        )
        assert process.returncode == -signal.SIGKILL, process.stderr.decode()[-500:]
        killed += 1
        left += len(list(Path(settings.derive_folder).glob("bwv-derive-*/master")))
        await studio.stage.receive(message, envelope)  # the broker gives it again
        assert (await studio.answered(envelope)).verdict is Verdict.DONE, step
        row = await studio.row(order)
        assert row is not None and row.state == "made" and len(studio.media(row)) == row.size
    assert killed == len(STEPS)
    assert left == 3, "three of them were killed while the master was on disk"
    assert len(studio.lying(clip)) == 2 * len(STEPS)
    assert len(await studio.told("derivatives.made")) == len(STEPS)
    assert list(Path(settings.derive_folder).iterdir()) == []
