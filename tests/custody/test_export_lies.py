"""Every well-formed lie that an export could tell: moved parts, other people's entries, other logs, other tokens."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.custody.authority import Authority
from tests.custody.exports import (
    KEY,
    ORIGIN,
    Clip,
    Log,
    erased,
    grown,
    note_signer,
    verifier_keys,
)
from workers.custody.bwv_verify import PROOF, SHA256_OID, STAMPED, TOKEN, TST_INFO, Refused, check_export
from workers.custody.export import Timestamp
from workers.custody.merkle import consistency_path, inclusion_path
from workers.custody.note import sign
from workers.custody.tiles import hashes_from
from workers.footage.canonical import canonical, sha256_hex

Proof = dict[str, Any]
CLIPS = [Clip(number) for number in range(1, 41)]
CLIP, OTHER = CLIPS[17], CLIPS[4]


@pytest.fixture(scope="module")
def log() -> Log:
    return grown(CLIPS)


@pytest.fixture(scope="module")
def proof(log: Log) -> Proof:
    value: Proof = json.loads(log.export(CLIP)[PROOF])
    return value


def entry(proof: Proof, number: int) -> Proof:
    found: Proof = proof["entries"][number]
    return found


def swap(proof: Proof, one: int, two: int, *names: str) -> None:
    first, second = entry(proof, one), entry(proof, two)
    for name in names:
        first[name], second[name] = second[name], first[name]


def header(proof: Proof, number: int, **changes: Any) -> None:
    item = entry(proof, number)
    item["entry"] = canonical({**json.loads(item["entry"]), **changes}).decode()


def move_the_cut(proof: Proof) -> None:
    """One byte of the payload becomes one of the salt: the digest of both together stays as it is."""
    item = entry(proof, 0)
    payload = base64.b64decode(item["payload"])
    item["salt"] += payload[:1].hex()
    item["payload"] = base64.b64encode(payload[1:]).decode()


def spell_otherwise(proof: Proof) -> None:
    """Other spare bits in the last base64 digit: the same bytes in another spelling."""
    for item in proof["entries"]:
        if item["payload"].endswith("="):
            digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
            body = item["payload"].rstrip("=")
            item["payload"] = body[:-1] + digits[digits.index(body[-1]) + 1] + item["payload"][len(body) :]
            return
    raise AssertionError("no payload has padding")


IN_PROOF: dict[str, tuple[str, Callable[[Proof], object]]] = {
    "two entries swapped": ("entries[1].index", lambda p: p["entries"].insert(0, p["entries"].pop(1))),
    "two texts swapped": ("entries[0].index", lambda p: swap(p, 0, 1, "entry")),
    "two entries at each other's index": ("entries[0].path", lambda p: swap(p, 0, 1, "path")),
    "two payloads swapped": ("entries[0].payload", lambda p: swap(p, 0, 1, "payload", "salt")),
    "an entry twice": ("entries[1].index", lambda p: p["entries"].insert(0, p["entries"][0])),
    "no entries": ("entries", lambda p: p["entries"].clear()),
    "a longer path": ("entries[2].path", lambda p: entry(p, 2)["path"].append("00" * 32)),
    "a shorter path": ("entries[2].path", lambda p: entry(p, 2)["path"].pop()),
    "no path": ("entries[2].path", lambda p: entry(p, 2)["path"].clear()),
    "a path in capitals": ("entries[2].path[0]", lambda p: entry(p, 2)["path"].insert(0, "AB" * 32)),
    "another verb": ("entries[5].path", lambda p: header(p, 5, verb="collection")),
    "another time": ("entries[5].path", lambda p: header(p, 5, time="2026-11-22T10:00:00+00:00")),
    "one more name in an entry": ("entries[5].path", lambda p: header(p, 5, person="SGT-0001")),
    "an entry of another clip": ("entries[5].entry", lambda p: header(p, 5, clip_id=OTHER.id)),
    "another index in text and item": (
        "entries[0].path",
        lambda p: (header(p, 0, index=entry(p, 0)["index"] + 1), entry(p, 0).update(index=entry(p, 0)["index"] + 1)),
    ),
    "an index beyond the log": ("entries[5].index", lambda p: entry(p, 5).update(index=10**6)),
    "an index below 0": ("entries[0].index", lambda p: entry(p, 0).update(index=-1)),
    "a text as index": ("entries[0].index", lambda p: entry(p, 0).update(index="7")),
    "true as index": ("entries[0].index", lambda p: entry(p, 0).update(index=True)),
    "a fraction as index": (PROOF, lambda p: entry(p, 0).update(index=1.5)),
    "an entry that is no object": ("entries[0].entry", lambda p: entry(p, 0).update(entry="[]")),
    "an entry with a name twice": (
        "entries[0].entry",
        lambda p: entry(p, 0).update(entry='{"clip_id":"x",' + entry(p, 0)["entry"][1:]),
    ),
    "an entry with spaces": ("entries[0].entry", lambda p: entry(p, 0).update(entry=" " + entry(p, 0)["entry"])),
    "an entry beyond its limit": ("entries[0].entry", lambda p: header(p, 0, subject="x" * 70_000)),
    "a payload alone": ("entries[0].salt", lambda p: entry(p, 0).update(salt=None)),
    "a salt alone": ("entries[0].salt", lambda p: entry(p, 0).update(payload=None)),
    "salt and payload cut elsewhere": ("entries[0].salt", move_the_cut),
    "base64 spelt otherwise": ("payload", spell_otherwise),
    "an empty payload": ("entries[0].payload", lambda p: entry(p, 0).update(payload="")),
    "one more name in an item": ("entries[0]", lambda p: entry(p, 0).update(note="x")),
    "one more name": (PROOF, lambda p: p.update(note="x")),
    "a name left out": (PROOF, lambda p: p.pop("recording")),
    "another format": ("format", lambda p: p.update(format="bwv-custody-proof/2")),
    "another clip": ("entries[0].entry", lambda p: p.update(clip_id=OTHER.id)),
    "no clip": ("clip_id", lambda p: p.update(clip_id="")),
    "another camera": ("camera", lambda p: p.update(camera=OTHER.camera)),
    "no camera": ("camera", lambda p: p.update(camera=None)),
    "another recording": ("recording", lambda p: p.update(recording=OTHER.recording)),
    "no recording": ("recording", lambda p: p.update(recording=None)),
    "another namespace": ("namespace", lambda p: p.update(namespace="force_b")),
    "a namespace of two": ("namespace", lambda p: p.update(namespace="force_a/intake")),
    "a file that is not there": (TOKEN, lambda p: p.update(files={TOKEN: "0" * 64})),
    "files that are none": ("files", lambda p: p.update(files=[])),
    "a time-stamp without files": ("timestamp", lambda p: p.update(timestamp={"size": 1, "consistency": []})),
    "a checkpoint of another size": (
        "checkpoint, signature 1",
        lambda p: p.update(checkpoint=p["checkpoint"].replace("\n280\n", "\n281\n")),
    ),
    "a note without signatures": ("checkpoint", lambda p: p.update(checkpoint=p["checkpoint"].partition("—")[0])),
    "a note without an end": ("checkpoint", lambda p: p.update(checkpoint=p["checkpoint"][:-1])),
    "a signature twice": (
        "checkpoint, signature 2",
        lambda p: p.update(checkpoint=p["checkpoint"] + p["checkpoint"][p["checkpoint"].index("—") :]),
    ),
    "a hyphen for the dash": ("signature 1", lambda p: p.update(checkpoint=p["checkpoint"].replace("—", "-"))),
    "Windows' line ends": ("checkpoint", lambda p: p.update(checkpoint=p["checkpoint"].replace("\n", "\r\n"))),
    "65 signatures": (
        "checkpoint",
        lambda p: p.update(checkpoint=p["checkpoint"] + "— a AAAAAA==\n" * 64),
    ),
}


@pytest.mark.parametrize("lie", IN_PROOF)
def test_a_lie_in_the_proof_is_caught_where_it_stands(proof: Proof, lie: str) -> None:
    where, tell = IN_PROOF[lie]
    told = msgspec.json.decode(msgspec.json.encode(proof))
    tell(told)
    assert told != proof
    with pytest.raises(Refused) as no:
        check_export({PROOF: canonical(told)}, verifier_keys())
    assert no.value.where.endswith(where), no.value


def refused(files: dict[str, bytes], *words: str) -> None:
    with pytest.raises(Refused) as no:
        check_export(files, verifier_keys())
    assert all(word in str(no.value) for word in words), no.value


def changed(files: dict[str, bytes], /, **fields: Any) -> dict[str, bytes]:
    return {**files, PROOF: canonical({**json.loads(files[PROOF]), **fields})}


def test_another_clips_entry_with_its_own_good_path_is_caught(log: Log, proof: Proof) -> None:
    row = log.of(OTHER.id)[0]
    path = [step.hex() for step in inclusion_path(row.index, log.size, hashes_from(log.tiles))]
    foreign = {**entry(proof, 0), "index": row.index, "entry": row.entry, "path": path}
    refused({PROOF: canonical({**proof, "entries": [foreign]})}, "entries[0].entry", CLIP.id, OTHER.id)


def test_a_payload_about_another_clip_in_an_entry_about_this_one_is_caught() -> None:
    log = grown([CLIP, OTHER])
    body = canonical({"clip_id": OTHER.id, "camera": OTHER.camera})
    log.add("clips.probed", body, {"clip_id": CLIP.id, "camera": CLIP.camera})
    refused(log.export(CLIP), "entries[6].payload", OTHER.id)


def test_an_older_checkpoint_under_newer_proofs_is_caught(log: Log, proof: Proof) -> None:
    last = log.of(CLIP.id)[-1].index
    for size in (last + 1, last, 1):
        refused({PROOF: canonical({**proof, "checkpoint": log.checkpoint(size)})}, "entries[0]")
    alone = {**proof, "entries": proof["entries"][5:], "checkpoint": log.checkpoint(last)}
    refused({PROOF: canonical(alone)}, "entries[0].index", f"below the log's size {last}")


def test_a_checkpoint_by_other_keys_is_caught(log: Log, proof: Proof) -> None:
    same_name, witness = note_signer(), note_signer("witness.example")
    for signers, words in [
        ((same_name,), "a signature by a key given with --key"),
        ((KEY, same_name), "signature 2"),
        ((witness,), "signature 1"),
    ]:
        refused({PROOF: canonical({**proof, "checkpoint": log.checkpoint(signers=signers)})}, words)
    alone = {PROOF: canonical({**proof, "checkpoint": log.checkpoint(signers=(witness,))})}
    with pytest.raises(Refused, match="a signature by the log itself"):
        check_export(alone, verifier_keys(KEY, witness))


def test_a_note_that_the_log_signed_and_that_is_no_checkpoint_is_caught(proof: Proof) -> None:
    root = base64.b64encode(bytes(32)).decode()
    for text in (
        f"{ORIGIN}\n280\n",
        f"{ORIGIN}\n0280\n{root}\n",
        f"{ORIGIN}\n-1\n{root}\n",
        f"{ORIGIN}\n٢٨٠\n{root}\n",
        f"{ORIGIN}\n280\n{root[:-4]}\n",
        f"{ORIGIN}\n280\n\n{root}\n",
        f"{ORIGIN}\n280\n{root}=\n",
    ):
        refused({PROOF: canonical({**proof, "checkpoint": sign(text, [KEY])})}, f"{PROOF}: checkpoint")


def test_a_control_character_in_a_note_is_caught(log: Log, proof: Proof) -> None:
    text = log.checkpoint().partition("\n\n")[0] + "\n\x1b[2J\n"
    refused({PROOF: canonical({**proof, "checkpoint": text + "\n" + KEY.line(text)})}, "a control character")


def test_a_report_of_another_recording_is_caught() -> None:
    clip = Clip(3)
    log = Log()
    for topic, message in clip.events():
        body = {**json.loads(msgspec.json.encode(message)), "report": msgspec.to_builtins(OTHER.report)}
        log.add(topic, canonical(body))
    whole = grown([clip]).export(clip)
    fields = {name: json.loads(whole[PROOF])[name] for name in ("camera", "recording")}
    gone = log.export(clip, rows=erased(log.of(clip.id)))
    kept = json.loads(gone[PROOF])
    for row, item in zip(log.rows, kept["entries"], strict=True):
        assert row.payload is not None and row.salt is not None
        item.update(payload=base64.b64encode(row.payload).decode(), salt=row.salt.hex())
    refused(changed({PROOF: canonical(kept)}, **fields), "entries[0].payload", "a report of another recording")


def test_an_erased_clip_cannot_be_given_a_recording_or_another_namespace(log: Log) -> None:
    files = log.export(CLIP, rows=erased(log.of(CLIP.id)))
    refused(changed(files, recording=CLIP.recording), "recording", "null")
    refused(changed(files, camera=OTHER.camera), "camera", CLIP.camera)
    refused(changed(files, namespace="force_b"), "namespace")


# -- the time-stamp --------------------------------------------------------------------------------------------


def test_lies_about_the_timestamp_are_caught(log: Log, tmp_path: Path) -> None:
    tsa = Authority(tmp_path)
    files = log.export(CLIP, timestamp=tsa.stamp(log.checkpoint(100)))
    stated = json.loads(files[PROOF])["timestamp"]
    path = [step.hex() for step in consistency_path(101, log.size, hashes_from(log.tiles))]
    refused(changed(files, timestamp=None), "timestamp")
    refused(changed(files, timestamp={**stated, "size": 101}), "timestamp.size")
    refused(changed(files, timestamp={**stated, "consistency": path}), "timestamp.consistency")
    refused(changed(files, timestamp={**stated, "consistency": []}), "timestamp.consistency")
    refused(changed(files, timestamp={**stated, "consistency": [*path, "00" * 32]}), "timestamp.consistency")
    refused(changed(files, files={}), "files")
    refused({name: data for name, data in files.items() if name != TOKEN}, TOKEN, "none")
    refused({name: data for name, data in files.items() if name == PROOF}, "none")
    forked = grown([*CLIPS[1:], CLIPS[0]])
    fork = tsa.stamp(forked.checkpoint(100))
    refused(_with_stamp(files, fork), "timestamp.consistency")
    other = note_signer("other.example")
    stranger = _with_stamp(files, tsa.stamp(log.checkpoint(100, (other,), "other.example")))
    with pytest.raises(Refused, match=f"{STAMPED}: expected a checkpoint of {ORIGIN}"):
        check_export(stranger, verifier_keys(KEY, other))
    nothing = _with_stamp(files, tsa.stamp(log.checkpoint(0)))
    refused(changed(nothing, timestamp={"size": 0, "consistency": []}), "timestamp.size", "not 0")
    later = log.export(CLIP, timestamp=tsa.stamp(log.checkpoint(log.size)))
    refused(changed(later, timestamp={"size": log.size, "consistency": path}), "hashes too many")
    refused(_with_stamp(later, tsa.stamp(forked.checkpoint())), "two different roots")
    refused(_with_stamp(files, Timestamp(b"0\x80" + files[TOKEN][2:], fork.checkpoint)), "timestamp.consistency")


def test_a_mangled_token_is_caught(log: Log, tmp_path: Path) -> None:
    """With its digest corrected, so that the token itself is read."""
    stamp = Authority(tmp_path).stamp(log.checkpoint(100))
    files, refusals, unread = log.export(CLIP, timestamp=stamp), 0, 0
    for at in range(len(stamp.token)):
        for token in (stamp.token[:at], stamp.token[:at] + bytes([stamp.token[at] ^ 0x81]) + stamp.token[at + 1 :]):
            try:
                check_export(_with_stamp(files, Timestamp(token, stamp.checkpoint)), verifier_keys())
            except Refused:
                refusals += 1
            else:
                unread += 1
    print(f"mangled tokens: {refusals} refused, {unread} changed only where openssl looks")
    assert refusals > len(stamp.token)


def test_a_token_that_is_no_granted_stamp_by_sha256_is_caught(log: Log, tmp_path: Path) -> None:
    stamp = Authority(tmp_path).stamp(log.checkpoint(100))
    files, content = log.export(CLIP, timestamp=stamp), stamp.token.index(TST_INFO)
    imprint = stamp.token.index(SHA256_OID, content)
    for at, words in [
        (stamp.token.index(b"\x30\x03\x02\x01\x00") + 4, "a granted time-stamp"),
        (content + len(TST_INFO) - 1, "signed time-stamp information"),
        (imprint + len(SHA256_OID) - 1, "an imprint by SHA-256"),
    ]:
        token = stamp.token[:at] + bytes([stamp.token[at] ^ 0x02]) + stamp.token[at + 1 :]
        refused(_with_stamp(files, Timestamp(token, stamp.checkpoint)), TOKEN, words)


def _with_stamp(files: dict[str, bytes], stamp: Timestamp) -> dict[str, bytes]:
    beside = {TOKEN: stamp.token, STAMPED: stamp.checkpoint.encode()}
    return changed({**files, **beside}, files={name: sha256_hex(data) for name, data in beside.items()})
