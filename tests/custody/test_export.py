"""The export of one clip's custody, checked by the one-file verifier on a machine that has nothing of ours."""

from __future__ import annotations

import ast
import json
import random
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.custody.authority import Authority
from tests.custody.exports import (
    KEY,
    ORIGIN,
    SPACE,
    Clip,
    Expert,
    Log,
    erased,
    grown,
    laid_out,
    note_signer,
    verifier_keys,
)
from workers.custody import bwv_verify
from workers.custody.bwv_verify import PROOF, STAMPED, TOKEN, check_export
from workers.custody.export import Row, build_export, write_export
from workers.custody.merkle import Hashes
from workers.custody.tiles import hashes_from, needed
from workers.errors import MessageInvalid, NameInvalid, RuleBroken
from workers.footage.canonical import canonical

CLIPS = [Clip(number) for number in range(1, 61)]
CLIP = CLIPS[17]


@pytest.fixture(scope="module")
def log() -> Log:
    return grown(CLIPS)


@pytest.fixture(scope="module")
def expert(tmp_path_factory: pytest.TempPathFactory) -> Expert:
    return Expert(tmp_path_factory.mktemp("expert"))


def footage_of(clip: Clip, folder: Path) -> Path:
    path = folder / "footage.mp4"
    path.write_bytes(clip.footage)
    return path


# -- what an expert sees ---------------------------------------------------------------------------------------


def test_the_experts_machine_has_nothing_of_ours(expert: Expert) -> None:
    for module in ("workers", "streams", "msgspec", "rfc8785"):
        found = expert.python(f"import sys; sys.path.append(sys.argv[1]); import {module}", expert.site)
        assert found.returncode == 1 and "ModuleNotFoundError" in found.stderr, module
    assert expert.python("import sys; sys.path.append(sys.argv[1]); import cryptography", expert.site).returncode == 0


def test_the_verifier_is_one_file_of_the_standard_library_and_cryptography_for_python_3_9() -> None:
    source = Path(bwv_verify.__file__).read_text()
    tree = ast.parse(source, feature_version=(3, 9))
    imported = {name.name for node in ast.walk(tree) if isinstance(node, ast.Import) for name in node.names}
    imported |= {str(node.module) for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    tops = {name.partition(".")[0] for name in imported}
    assert "cryptography" in tops and tops - {"cryptography"} <= sys.stdlib_module_names


def test_an_export_is_proven_with_its_footage(log: Log, expert: Expert, tmp_path: Path) -> None:
    write_export(log.export(CLIP), tmp_path / "export")
    found = expert.run(tmp_path / "export", "--key", str(KEY.verifier), "--footage", footage_of(CLIP, tmp_path))
    assert (found.returncode, found.stderr) == (0, "")
    assert found.stdout.startswith(f"YES: 6 entries about {CLIP.id} stand in the signed log")
    assert f"{ORIGIN}, {log.size} entries" in found.stdout
    parts = [
        CLIP.camera,
        CLIP.recording,
        CLIP.sha256,
        "2026-11-22 10:00:34.000",
        "read back whole from local, SHA-256",
        "the camera's copy was erased in BAY-01 of DOCK-01",
        "footage    is what was declared",
        f"6 of its {log.size} entries are proven here",
    ]
    for part in parts:
        assert part in found.stdout, part


def test_the_same_as_json_with_a_file_of_keys(log: Log, expert: Expert, tmp_path: Path) -> None:
    keys = tmp_path / "keys"
    keys.write_text(f"# the log of force A\n\n{note_signer('other.example').verifier}\n{KEY.verifier}\n")
    write_export(log.export(CLIP), tmp_path / "export")
    found = expert.run(tmp_path / "export", "--key", keys, "--json")
    said = json.loads(found.stdout)
    assert (found.returncode, said["verdict"], said["entries_proven"], said["payloads_shown"]) == (0, "YES", 6, 6)
    assert said["declared"] == {"size": CLIP.size, "sha256": CLIP.sha256}
    assert said["log"]["size"] == log.size and said["footage_matches"] is None
    assert [row["type"] for row in said["timeline"]] == [topic for topic, _ in CLIP.events()]
    assert any("--footage" in line for line in said["not_proven"])


def test_every_clip_of_the_log_is_proven_at_every_stage_of_its_growth() -> None:
    clips = [Clip(number) for number in range(40)]
    log, proven = grown(clips), 0
    for clip in clips:
        rows = log.of(clip.id)
        for size in {rows[0].index + 1, rows[3].index + 7, log.size}:
            known = [row for row in rows if row.index < size]
            found = check_export(log.export(clip, rows=known, size=size), verifier_keys())
            assert [event.header["index"] for event in found.events] == [row.index for row in known]
            proven += len(known)
    print(f"proven {proven} entries of {len(clips)} clips")
    assert proven > 400


def test_other_footage_is_no(log: Log, expert: Expert, tmp_path: Path) -> None:
    write_export(log.export(CLIP), tmp_path / "export")
    path = footage_of(CLIP, tmp_path)
    path.write_bytes(CLIP.footage[:-1] + b"?")
    found = expert.run(tmp_path / "export", "--key", str(KEY.verifier), "--footage", path)
    assert found.returncode == 1 and found.stdout.startswith("NO: --footage") and CLIP.sha256 in found.stdout


def test_a_sample_of_changed_bytes_is_no_with_the_place(log: Log, expert: Expert, tmp_path: Path) -> None:
    proof = log.export(CLIP)[PROOF]
    chance = random.Random(5)
    for number, at in enumerate(chance.sample(range(len(proof)), 8)):
        changed = proof[:at] + bytes([proof[at] ^ 1]) + proof[at + 1 :]
        found = expert.run(laid_out({PROOF: changed}, tmp_path / str(number)), "--key", str(KEY.verifier), "--json")
        said = json.loads(found.stdout)
        assert (found.returncode, found.stderr, said["verdict"]) == (1, "", "NO"), at
        assert said["where"].startswith(PROOF) and said["expected"] and said["found"], at


def test_wrong_use_is_said_and_exits_2(log: Log, expert: Expert, tmp_path: Path) -> None:
    write_export(log.export(CLIP), tmp_path / "export")
    key, empty = str(KEY.verifier), tmp_path / "empty"
    empty.write_text("# no key\n")
    name, _, encoded = key.split("+", 2)
    uses: list[list[Any]] = [
        [tmp_path / "export"],
        [tmp_path / "nowhere", "--key", key],
        [tmp_path / "export", "--key", "no such key"],
        [tmp_path / "export", "--key", empty],
        [tmp_path / "export", "--key", f"{name}+00000000+{encoded}"],
        [tmp_path / "export", "--key", key[:-4]],
        [tmp_path / "export", "--key", key, "--footage", tmp_path / "nowhere"],
        [tmp_path / "export", "--key", key, "--footage", tmp_path],
    ]
    for use in uses:
        found = expert.run(*use)
        assert (found.returncode, found.stdout) == (2, ""), use
        assert found.stderr and "Traceback" not in found.stderr, use


# -- what an export may be -------------------------------------------------------------------------------------


def test_an_erased_clip_is_still_proven_to_have_been(log: Log, expert: Expert, tmp_path: Path) -> None:
    write_export(log.export(CLIP, rows=erased(log.of(CLIP.id))), tmp_path / "export")
    found = expert.run(tmp_path / "export", "--key", str(KEY.verifier))
    assert found.returncode == 0 and found.stdout.count("erased with the clip, or withheld") == 7
    assert CLIP.recording not in found.stdout and CLIP.sha256 not in found.stdout
    assert "which recording this clip was" in found.stdout
    footage = expert.run(tmp_path / "export", "--key", str(KEY.verifier), "--footage", footage_of(CLIP, tmp_path))
    assert footage.returncode == 1 and "erased or withheld" in footage.stdout


def test_bytes_that_a_person_accepted_are_compared_with_what_the_person_signed(tmp_path: Path) -> None:
    clip = Clip(3, accepted=True)
    proven = check_export(grown([Clip(1), clip]).export(clip), verifier_keys())
    assert proven.declared is not None and proven.declared.sha256 == clip.sha256
    bwv_verify.check_footage(proven, *bwv_verify.measure(str(footage_of(clip, tmp_path))))


def test_a_rotated_log_key_needs_both(log: Log, expert: Expert, tmp_path: Path) -> None:
    new = note_signer()
    write_export(log.export(CLIP, signers=(KEY, new)), tmp_path / "export")
    both = expert.run(tmp_path / "export", "--key", str(KEY.verifier), "--key", str(new.verifier))
    one = expert.run(tmp_path / "export", "--key", str(KEY.verifier))
    assert both.returncode == 0 and one.returncode == 1
    assert "signature 2" in one.stdout and "give both" in one.stdout


def test_an_export_that_leaves_an_entry_out_says_how_few_it_proves(log: Log) -> None:
    proven = check_export(log.export(CLIP, rows=log.of(CLIP.id)[:-1]), verifier_keys())
    said = bwv_verify.as_json(proven, "export", False)
    assert said["entries_proven"] == 5 and f"5 of its {log.size} entries are proven here" in said["not_proven"][0]


def test_payloads_that_came_malformed_are_proven_and_said_to_be_unread() -> None:
    clip, log = Clip(1), grown([Clip(1), Clip(2)])
    about = {"clip_id": clip.id, "camera": clip.camera}
    bodies = [b"\xff", b"[" * 5000, b'{"a":1,"a":2}', b"[]", b'{"n":' + b"9" * 5000 + b"}", b"{} {}", b""]
    for body in bodies:
        log.add("clips.probed", body, about)
    strange = {**about, "tool": "\x1b[2J\u202egpj.exe", "readable": {"a": []}, "duration": "\ud800"}
    log.add("clips.probed", json.dumps(strange).encode(), about)
    proven = check_export(log.export(clip), verifier_keys())
    assert sum(event.unread is not None for event in proven.events) == len(bodies)
    text = bwv_verify.as_text(proven, "export", False)
    assert text.count("it cannot be read") == len(bodies) and "\\x1b[2J\\u202egpj.exe" in text
    assert all(letter.isprintable() or letter == "\n" for letter in text)


def test_an_entry_that_names_another_camera_or_repeats_an_event_id_is_said_to() -> None:
    clip, log = Clip(1), grown([Clip(1), Clip(2)])
    log.add("clips.probed", b"{}", {"clip_id": clip.id, "camera": "BWC-9999"})
    proven = check_export(log.export(clip), verifier_keys())
    assert proven.camera == clip.camera
    assert bwv_verify.timeline(proven)[-1]["says"].endswith("(names another camera: BWC-9999)")


# -- the time-stamp --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("stamped", [100, 300, 420])
def test_a_timestamp_is_proven_to_be_about_the_same_log(log: Log, expert: Expert, tmp_path: Path, stamped: int) -> None:
    """The time-stamped checkpoint may be older than the export's, the same, or newer."""
    tsa = Authority(tmp_path)
    rows = log.of(CLIP.id)[:4]
    files = log.export(CLIP, rows=rows, size=300, timestamp=tsa.stamp(log.checkpoint(stamped)))
    write_export(files, tmp_path / "Regina's export")
    found = expert.run(tmp_path / "Regina's export", "--key", str(KEY.verifier), "--json")
    said = json.loads(found.stdout)
    assert (found.returncode, said["timestamp"]["size"]) == (0, stamped)
    assert bwv_verify.utc(said["timestamp"]["time"]) is not None
    command = shlex.split(said["timestamp"]["check_with"].replace("AUTHORITY.pem", str(tsa.root)))
    checked = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
    assert checked.returncode == 0 and "Verification: OK" in checked.stdout + checked.stderr


def test_a_token_about_something_else_is_no(log: Log, tmp_path: Path) -> None:
    token = Authority(tmp_path).stamp(log.checkpoint(99))
    other = msgspec.structs.replace(token, checkpoint=log.checkpoint(100))
    with pytest.raises(bwv_verify.Refused, match=f"{TOKEN}: expected a token about {STAMPED}"):
        check_export(log.export(CLIP, timestamp=other), verifier_keys())


# -- what is not exported --------------------------------------------------------------------------------------


def test_what_has_no_place_in_an_export_is_refused(log: Log) -> None:
    rows, hashes, note = log.of(CLIP.id), hashes_from(log.tiles), log.checkpoint()
    bare = msgspec.structs.replace(rows[0], salt=None)
    moved = msgspec.structs.replace(rows[0], index=rows[0].index + 1)
    cases: list[tuple[type[Exception], str, list[Row], int]] = [
        (RuleBroken, "has no place in the export", [*rows, log.of(CLIPS[3].id)[0]], log.size),
        (RuleBroken, "no entry about it", [], log.size),
        (RuleBroken, "the checkpoint is of", rows, log.size - 1),
        (RuleBroken, "a payload or a salt alone", [bare], log.size),
        (RuleBroken, "expected its own index", [moved], log.size),
        (MessageInvalid, "is not an entry", [Row(1, "{}", None, None)], log.size),
    ]
    for error, words, given, size in cases:
        with pytest.raises(error, match=words):
            build_export(SPACE, CLIP.id, given, size, hashes, note)
    with pytest.raises(RuleBroken, match="expected its own index, below the size"):
        log.export(CLIP, size=rows[-1].index)
    with pytest.raises(RuleBroken, match="a declaration from which"):
        build_export("force_b", CLIP.id, rows, log.size, hashes, note)


def test_an_export_reads_the_tiles_of_its_paths_and_no_others(log: Log) -> None:
    def question(hashes: Hashes) -> dict[str, bytes]:
        return build_export(SPACE, CLIP.id, log.of(CLIP.id), log.size, hashes, log.checkpoint())

    wanted = needed(question)
    assert 0 < len(wanted) <= len(log.tiles)
    assert question(hashes_from({place: log.tiles[place] for place in wanted})) == log.export(CLIP)


def test_an_export_is_canonical_json_and_nobody_elses_data(log: Log) -> None:
    proof = log.export(CLIP)[PROOF]
    assert proof == canonical(json.loads(proof))
    others = [clip for clip in CLIPS if clip is not CLIP]
    carried = proof + b"".join(row.payload or b"" for row in log.of(CLIP.id))
    for clip in others:
        for name in (clip.id, clip.camera, clip.recording, clip.sha256):
            assert name.encode() not in carried


def test_an_export_needs_a_folder_of_its_own(log: Log, tmp_path: Path) -> None:
    files = log.export(CLIP)
    write_export(files, tmp_path / "a" / "b")
    assert {path.name: path.read_bytes() for path in (tmp_path / "a" / "b").iterdir()} == files
    with pytest.raises(NameInvalid, match="not empty"):
        write_export(files, tmp_path / "a")
    (tmp_path / "file").touch()
    with pytest.raises(NameInvalid, match="cannot be written"):
        write_export(files, tmp_path / "file")


def test_the_words_for_payloads_name_fields_that_our_messages_have(log: Log) -> None:
    proven = check_export(log.export(CLIP), verifier_keys())
    said = [bwv_verify.phrase(event) for event in proven.events]
    assert len(said) == 6 and not any("?" in words for words in said), said
    assert {topic for topic, _ in CLIP.events()} <= set(bwv_verify.PHRASES)
