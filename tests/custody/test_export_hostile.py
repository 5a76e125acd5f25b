"""Exports whose bytes are wrong: every changed byte, cuts, hostile JSON, files that do not belong."""

from __future__ import annotations

import base64
import json
import os
import random
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.custody.authority import Authority
from tests.custody.exports import (
    KEY,
    Clip,
    Expert,
    Log,
    grown,
    laid_out,
    verifier_keys,
)
from workers.custody import bwv_verify
from workers.custody.bwv_verify import LIMITS, PROOF, TOKEN, Refused, check_export
from workers.footage.canonical import canonical

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


# -- changed bytes ---------------------------------------------------------------------------------------------


def test_every_changed_byte_of_every_file_is_caught(tmp_path: Path) -> None:
    """Three changes of each byte; a verifier that fails in any other way than by saying NO fails this test."""
    log = grown(CLIPS[:30], events=2)
    stamp = Authority(tmp_path).stamp(log.checkpoint(40))
    files, keys = log.export(CLIP, timestamp=stamp), verifier_keys()
    check_export(files, keys)
    seed = int(os.environ.get("BWV_SEED", "20261122"))
    chance, flips, caught, places = random.Random(seed), 0, 0, set()
    started = time.process_time()
    for name, data in files.items():
        for at in range(len(data)):
            for mask in (0x01, 0x20, chance.choice([m for m in range(2, 256) if m != 0x20])):
                changed = data[:at] + bytes([data[at] ^ mask]) + data[at + 1 :]
                flips += 1
                try:
                    check_export({**files, name: changed}, keys)
                except Refused as no:
                    caught += 1
                    places.add(no.where)
                else:
                    print(f"missed: {name} byte {at} ^ {mask:#04x}")
    sizes = ", ".join(f"{name} {len(data)}" for name, data in files.items())
    spent = time.process_time() - started
    print(f"flips {flips}, caught {caught}, at {len(places)} places; bytes: {sizes}; seed {seed}; {spent:.1f} s CPU")
    assert caught == flips == 3 * sum(map(len, files.values()))


def test_every_cut_and_every_addition_is_caught(log: Log) -> None:
    proof, keys = log.export(CLIP, rows=log.of(CLIP.id)[:1])[PROOF], verifier_keys()
    lies = [proof[:length] for length in range(len(proof))]
    lies += [proof + byte for byte in (b"\n", b" ", b"\0", b"{}")] + [b" " + proof, b"\xef\xbb\xbf" + proof]
    lies += [json.dumps(json.loads(proof), indent=1).encode(), proof.replace(b'"', b'"\\u0062', 1)]
    for lie in lies:
        with pytest.raises(Refused):
            check_export({PROOF: lie}, keys)
    print(f"caught {len(lies)} cuts and additions")


# -- hostile JSON ----------------------------------------------------------------------------------------------

HOSTILE = [
    b"", b"null", b"[]", b"{}", b"0", b'"x"', b"\xff\xfe", b"\x00", b"[" * 200_000, b'{"a":' * 100_000,
    b'{"a":"\\ud800"}', b'{"a":1,"a":1}', b'{"a":NaN}', b'{"a":1e5}', b'{"a":-0}', b'{"a":' + b"9" * 10_000 + b"}",
    b'{"a":9007199254740992}', b'{"\\u0061":1}', b'{"b":1,"a":1}', b'{"a": 1}', b'{"a":"\xed\xa0\x80"}',
    b"[" * 900 + b"]" * 900,
]  # fmt: skip


@pytest.mark.parametrize("data", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_json_is_refused(data: bytes) -> None:
    with pytest.raises(Refused) as no:
        check_export({PROOF: data}, verifier_keys())
    assert no.value.where == PROOF


def test_json_nested_deeper_than_any_export_is_said_to_be() -> None:
    for levels in (9, 20, 5_000):
        with pytest.raises(Refused, match="deep"):
            check_export({PROOF: b"[" * levels + b"]" * levels}, verifier_keys())


def test_hostile_values_anywhere_are_refused(proof: Proof) -> None:
    """A value of the proof replaced by another, in canonical form: each is said to be wrong, and nothing breaks."""
    seed = int(os.environ.get("BWV_SEED", "20261122"))
    chance, keys, caught, same = random.Random(seed), verifier_keys(), 0, 0
    values: list[Any] = [
        None,
        True,
        0,
        -1,
        2**53 - 1,
        "",
        "\u202e",
        "\U0001f600" * 9,
        "00" * 32,
        [],
        {},
        [[]],
        {"a": []},
    ]
    data = canonical(proof)
    for _ in range(3000):
        told = json.loads(data)
        place = told
        while True:
            name = chance.choice(list(place) if isinstance(place, dict) else range(len(place)))
            if isinstance(place[name], dict | list) and place[name] and chance.random() < 0.8:
                place = place[name]
                continue
            place[name] = chance.choice(values)
            break
        lie = canonical(told)
        if lie == data:
            same += 1
            continue
        try:
            check_export({PROOF: lie}, keys)
        except Refused:
            caught += 1
        else:
            raise AssertionError(f"not caught: {name} = {place[name]!r}")
    print(f"replaced {caught + same} values: {caught} caught, {same} were that value already; seed {seed}")
    assert caught > 2500


# -- files and folders -----------------------------------------------------------------------------------------


def test_files_that_do_not_belong_are_refused(log: Log, tmp_path: Path) -> None:
    expert, key, files = Expert(tmp_path / "expert"), str(KEY.verifier), log.export(CLIP)
    alien, kind = "no file but", "a regular file"
    lies: dict[str, tuple[str, Callable[[Path], object]]] = {
        "a hidden file": (alien, lambda folder: (folder / ".x").touch()),
        "a name that moves the cursor": (alien, lambda folder: (folder / "\x1b[2K\u202e").touch()),
        "a name that is no UTF-8": (alien, lambda folder: open(os.fsencode(folder) + b"/\xff", "w").close()),
        "a folder": (alien, lambda folder: (folder / "more").mkdir()),
        "a token that proof.json does not name": ("files", lambda folder: (folder / TOKEN).write_bytes(b"0")),
        "no proof": ("none", lambda folder: (folder / PROOF).unlink()),
        "a link": (
            kind,
            lambda folder: (
                (folder / PROOF).rename(tmp_path / "elsewhere"),
                (folder / PROOF).symlink_to(tmp_path / "elsewhere"),
            ),
        ),
        "a pipe": (kind, lambda folder: ((folder / PROOF).unlink(), os.mkfifo(folder / PROOF))),
        "a folder for a file": (kind, lambda folder: ((folder / PROOF).unlink(), (folder / PROOF).mkdir())),
        "a file beyond its limit": ("at most", lambda folder: os.truncate(folder / PROOF, LIMITS[PROOF] + 1)),
        "an empty file": ("canonical JSON", lambda folder: os.truncate(folder / PROOF, 0)),
    }
    for number, (lie, (words, tell)) in enumerate(lies.items()):
        folder = laid_out(files, tmp_path / str(number))
        tell(folder)
        found = expert.run(folder, "--key", key)
        assert (found.returncode, found.stderr) == (1, ""), (lie, found)
        assert found.stdout.startswith("NO: ") and words in found.stdout, (lie, found.stdout)
        assert "\x1b" not in found.stdout and "\u202e" not in found.stdout, lie
    print(f"caught {len(lies)} lies about files")


def test_a_lie_reads_as_a_place_what_was_expected_and_what_was_found(proof: Proof, tmp_path: Path) -> None:
    told = json.loads(canonical(proof))
    told["entries"][3]["payload"] = base64.b64encode(b"{}").decode()
    expert = Expert(tmp_path / "expert")
    found = expert.run(laid_out({PROOF: canonical(told)}, tmp_path / "lie"), "--key", str(KEY.verifier))
    assert found.returncode == 1
    first, expected, got = found.stdout.splitlines()
    assert first == f"NO: {PROOF}: entries[3].payload"
    assert "SHA-256(salt || payload)" in expected and got.startswith("  found     ")
    assert bwv_verify.Refused("a", "b", "c").args == ("a: expected b; found c",)
