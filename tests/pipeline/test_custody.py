"""The custody log as people and other parties see it: sealed head, proofs, whole check, witness."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.pipeline.pipeline import Pipeline
from workers.custody.checkpoint import read_checkpoint
from workers.custody.keys import load_verifiers

pytestmark = pytest.mark.stack


async def sealed_clip(system: Pipeline, camera_name: str, bay: str) -> str:
    """A clip that is wiped, on record and sealed; its id."""
    camera = system.filled(camera_name, [30_000])
    await system.enrol(camera_name)
    system.dock(camera, bay)
    await system.settled(camera)
    [row] = await system.clips(camera_name)
    await system.some(lambda: system.told("clips.wiped", "clip_id", row["clip_id"]), "the record of the wiping")
    await sealed(system)
    return str(row["clip_id"])


async def sealed(system: Pipeline) -> dict[str, Any]:
    """Wait until everything that is on record now is sealed; the seal."""
    [head] = await system.sql("SELECT size FROM custody_head")
    rows = await system.some(
        lambda: system.sql(
            "SELECT * FROM custody_seals WHERE size >= %s AND sealed_at IS NOT NULL ORDER BY size DESC LIMIT 1",
            head["size"],
        ),
        f"a seal of {head['size']} entries",
    )
    return rows[0]


async def test_the_head_is_a_signed_note_that_lies_in_the_vault_under_lock(system: Pipeline) -> None:
    await sealed_clip(system, "CUS-0001", "BAY-CUS-1")
    said = (await system.done("custody", "head", "--json")).json
    known = load_verifiers(system.settings.keys / "custody")
    checkpoint = read_checkpoint(said["checkpoint"], known, system.settings.origin)
    assert (checkpoint.size, checkpoint.root.hex()) == (said["size"], said["root"])
    key = f"{system.settings.namespace}/custody/checkpoints/{said['size']}"
    head = await asyncio.to_thread(system.vault("record").head, key)
    assert head is not None and head.lock.mode == "COMPLIANCE"
    note = await asyncio.to_thread(system.vault("record").get_small, key)
    assert note.decode() == said["checkpoint"]
    plain = await system.done("custody", "head")
    assert plain.out.startswith(f"{system.settings.origin}\n") and "\n— " in plain.out


async def test_a_sealed_log_is_told_on_its_topic(system: Pipeline) -> None:
    await sealed_clip(system, "CUS-0002", "BAY-CUS-2")
    seal = await sealed(system)
    sent = await system.some(
        lambda: system.sql(
            "SELECT body FROM outbox WHERE topic = 'custody.sealed' AND subject = %s", str(seal["size"])
        ),
        "the event of the seal",
    )
    assert seal["checkpoint"] in bytes(sent[0]["body"]).decode().replace("\\n", "\n")


async def test_the_export_convinces_a_python_that_has_nothing_of_ours(system: Pipeline, tmp_path: Path) -> None:
    clip = await sealed_clip(system, "CUS-0003", "BAY-CUS-3")
    out, verifier, keys = tmp_path / "export", tmp_path / "bwv_verify.py", tmp_path / "log.vkey"
    said = await system.done("custody", "prove", clip, "--out", str(out))
    assert clip in said.out
    await system.done("custody", "verifier", "--out", str(verifier))
    keys.write_text((await system.done("custody", "keys")).out)

    def check() -> subprocess.CompletedProcess[str]:
        # -I: no environment, no user's packages, no working folder on the path; started outside the project.
        words = [sys.executable, "-I", str(verifier), str(out), "--key", str(keys)]
        return subprocess.run(words, capture_output=True, text=True, cwd=tmp_path, check=False, timeout=60)

    yes = await asyncio.to_thread(check)
    assert yes.returncode == 0, yes.stdout + yes.stderr
    assert clip in yes.stdout
    others = {row["clip_id"] for row in await system.sql("SELECT clip_id FROM clip_fate WHERE clip_id <> %s", clip)}
    text = (out / "proof.json").read_text()
    assert others and not [other for other in others if other in text], "another case's data is in the export"

    data = bytearray((out / "proof.json").read_bytes())
    data[len(data) // 2] ^= 1
    (out / "proof.json").write_bytes(data)
    no = await asyncio.to_thread(check)
    assert no.returncode == 1 and "proof.json" in no.stdout + no.stderr


async def test_the_whole_log_is_verified_and_a_change_behind_its_back_is_named(system: Pipeline) -> None:
    clip = await sealed_clip(system, "CUS-0004", "BAY-CUS-4")
    said = await system.done("custody", "verify", "--json")
    assert said.json["findings"] == [] and said.json["checkpoints"] >= 2
    early = (await system.sql("SELECT min(size) AS size FROM custody_seals"))[0]["size"]
    past = await system.done("custody", "verify", "--as-of", str(early), "--json")
    assert past.json["size"] == early
    now = (await system.done("trace", clip, "--json")).json["timeline"]
    then = (await system.done("trace", clip, "--as-of", str(early), "--json")).json["timeline"]
    assert len(now) >= 6 and then == [moment for moment in now if moment["index"] < early]

    change = "UPDATE custody SET payload = payload || %s WHERE clip_id = %s AND type = 'clips.verified' RETURNING index"
    [row] = await system.sql(change, b" ", clip)
    try:
        found = await system.bwv("custody", "verify")
        assert found.code == 1
        assert f"entry {row['index']}, payload" in found.out
    finally:
        await system.sql("UPDATE custody SET payload = substr(payload, 1, length(payload) - 1) WHERE index = %s"
                         " RETURNING index", row["index"])  # fmt: skip
    await system.done("custody", "verify")


async def test_a_published_checkpoint_is_a_witness(system: Pipeline, tmp_path: Path) -> None:
    await sealed_clip(system, "CUS-0005", "BAY-CUS-5")
    await system.done("custody", "publish", str(tmp_path))
    [path] = await asyncio.to_thread(lambda: list(tmp_path.glob("*.checkpoint")))
    plain = (await system.done("custody", "verify", "--json")).json["checkpoints"]
    with_witness = await system.done("custody", "verify", "--witness", str(tmp_path), "--json")
    assert with_witness.json["checkpoints"] >= plain + 1
    assert (await system.bwv("custody", "verify", "--witness", str(tmp_path / "none"))).code == 2

    path.write_text(path.read_text().replace("\n", "\n1", 1))  # the size that was signed is another now
    broken = await system.bwv("custody", "verify", "--witness", str(tmp_path))
    assert broken.code == 2 and "does not fit" in broken.err


async def test_a_second_record_beside_the_first_ends_and_the_log_has_no_fork(system: Pipeline) -> None:
    words = [sys.executable, "-m", "console.cli.main", "--home", str(system.home), "stage", "record"]
    second = await asyncio.create_subprocess_exec(*words, stderr=asyncio.subprocess.DEVNULL)
    try:
        ended = asyncio.create_task(second.wait())
        before = system.restarts("record")
        # The second takes its time to start; from then on the next batch of either refuses the other.
        for number in range(20):
            if ended.done() or system.restarts("record") > before:
                break
            await sealed_clip(system, f"CUS-01{number:02}", f"BAY-CUS-1{number}")
        assert ended.done() or system.restarts("record") > before, "two wrote side by side, and neither was refused"
    finally:
        if second.returncode is None:
            second.terminate()
        await second.wait()
    log = await system.sql("SELECT index, event_id, conflicts_with FROM custody ORDER BY index")
    assert [entry["index"] for entry in log] == list(range(len(log)))
    assert len({entry["event_id"] for entry in log}) == len(log)
    await system.until(lambda: ready(system), "record to be ready again")
    await system.done("custody", "verify")


async def ready(system: Pipeline) -> bool:
    """Whether the supervisor's record runs."""
    return system.pid("record") is not None


async def test_a_record_that_slept_while_another_wrote_is_refused_when_it_wakes(system: Pipeline) -> None:
    before = system.restarts("record")
    words = [sys.executable, "-m", "console.cli.main", "--home", str(system.home), "stage", "record"]
    with system.frozen("record"):
        second = await asyncio.create_subprocess_exec(*words, stderr=asyncio.subprocess.DEVNULL)
        await sealed_clip(system, "CUS-0007", "BAY-CUS-7")
    try:
        # Both are awake now. Whoever appends second is refused; the supervisor's own starts again and reads the head.
        await sealed_clip(system, "CUS-0008", "BAY-CUS-8")
        await system.until(lambda: one_left(system, second, before), "one of the two to be refused")
    finally:
        if second.returncode is None:
            second.terminate()
        await second.wait()
    log = await system.sql("SELECT index, event_id FROM custody WHERE conflicts_with IS NULL ORDER BY index")
    assert [entry["index"] for entry in log] == list(range(len(log)))
    assert len({entry["event_id"] for entry in log}) == len(log)
    assert (await system.done("custody", "verify", "--json")).json["findings"] == []


async def one_left(system: Pipeline, second: asyncio.subprocess.Process, before: int) -> bool:
    return second.returncode is not None or system.restarts("record") > before
