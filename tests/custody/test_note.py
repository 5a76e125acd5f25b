"""Notes are those of C2SP signed-note, and a changed byte anywhere is found."""

from __future__ import annotations

import base64
import hashlib
import random
import re

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from workers.custody.note import MAXIMUM_SIZE, Signer, Verifier, open_note, sign
from workers.errors import NoteInvalid

# The example that implementations of notes are compared by, with its private key.
PETER_SEED = base64.b64decode("AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz")[1:]
PETER = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
ENOCH = "EnochRoot+af0cfe78+ATtqJ7zOtqQtYqOo0CpvDXNlMhV3HeJDpjrASKGLWdop"
TEXT = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n"
BY_PETER = (
    "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
)
BY_ENOCH = "— EnochRoot rwz+eBzmZa0SO3NbfRGzPCpDckykFXSdeX+MNtCOXm2/5n2tiOHp+vAF1aGrQ5ovTG01oOTGwnWLox33WWd1RvMc+QQ=\n"

OLD = Signer("force.example/log", Ed25519PrivateKey.from_private_bytes(bytes([1] * 32)))
NEW = Signer("force.example/log", Ed25519PrivateKey.from_private_bytes(bytes([2] * 32)))


def test_a_published_note_is_read() -> None:
    note = open_note(f"{TEXT}\n{BY_PETER}{BY_ENOCH}", [Verifier.parse(PETER), Verifier.parse(ENOCH)])
    assert note.text == TEXT
    assert [signer.name for signer in note.signers] == ["PeterNeumann", "EnochRoot"]
    assert note.unknown == ()
    note = open_note(f"{TEXT}\n{BY_PETER}{BY_ENOCH}".encode(), [Verifier.parse(PETER)])
    assert (note.signers, note.unknown) == ((Verifier.parse(PETER),), ("EnochRoot",))


def test_the_example_of_the_specification_is_read() -> None:
    verifier = Verifier.parse("example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k")
    note = (
        "This is an example message.\n\n— example.com/foo "
        "Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n"
    )
    assert open_note(note, [verifier]).text == "This is an example message.\n"


def test_a_published_note_is_made_again_byte_by_byte() -> None:
    peter = Signer("PeterNeumann", Ed25519PrivateKey.from_private_bytes(PETER_SEED))
    assert str(peter.verifier) == PETER
    assert sign(TEXT, [peter]) == f"{TEXT}\n{BY_PETER}"


def test_a_verifier_key_is_read_as_it_is_written() -> None:
    for signer in (OLD, NEW):
        assert Verifier.parse(str(signer.verifier)) == signer.verifier
    assert str(OLD.verifier).startswith("force.example/log+")
    public = OLD.verifier.public
    assert OLD.verifier.key_id == hashlib.sha256(b"force.example/log\n\x01" + public).digest()[:4]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "PeterNeumann",
        PETER.rsplit("+", 1)[0],
        PETER.replace("c74f20a3", "C74F20A3"),
        PETER.replace("c74f20a3", "c74f20a4"),
        PETER.replace("c74f20a3", "c74f20a"),
        PETER.replace("PeterNeumann", "Peter Neumann"),
        PETER.replace("PeterNeumann", ""),
        PETER + "\n",
        PETER + "=",
        " " + PETER,
        PETER[:-4],
        "PeterNeumann+cc469956+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TWBADKEY==",
        "PeterNeumann+173116ae+ZRpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
        "PeterNeumann+00000000+",
    ],
)
def test_a_malformed_verifier_key_is_refused(text: str) -> None:
    with pytest.raises(NoteInvalid):
        Verifier.parse(text)


def test_every_changed_letter_of_a_verifier_key_is_found() -> None:
    text = str(OLD.verifier)
    for at, letter in enumerate(text):
        for bit in range(7):
            changed = text[:at] + chr(ord(letter) ^ 1 << bit) + text[at + 1 :]
            with pytest.raises(NoteInvalid):
                Verifier.parse(changed)


def test_every_changed_bit_of_a_note_is_found() -> None:
    note = sign("force.example/log\n42\nlast line\n", [OLD]).encode()
    flips = 0
    for at in range(len(note)):
        for bit in range(8):
            changed = bytearray(note)
            changed[at] ^= 1 << bit
            with pytest.raises(NoteInvalid):
                open_note(bytes(changed), [OLD.verifier])
            flips += 1
    assert flips == 8 * len(note) > 1000


def test_every_byte_left_out_or_put_in_is_found() -> None:
    note = sign("force.example/log\n42\nlast line\n", [OLD]).encode()
    for at in range(len(note) + 1):
        for changed in (note[:at] + note[at + 1 :], note[:at] + b"\n" + note[at:], note[:at] + b"A" + note[at:]):
            if changed != note:
                with pytest.raises(NoteInvalid):
                    open_note(changed, [OLD.verifier])
        if at < len(note):
            with pytest.raises(NoteInvalid):
                open_note(note[:at], [OLD.verifier])


def test_in_a_note_of_two_known_keys_a_changed_byte_is_found_or_its_signer_is_missed() -> None:
    text = "force.example/log\n42\nlast line\n"
    note = sign(text, [OLD, NEW]).encode()
    known = [OLD.verifier, NEW.verifier]
    assert open_note(note, known).signers == (OLD.verifier, NEW.verifier)
    for at in range(len(note)):
        changed = bytearray(note)
        changed[at] ^= 1
        try:
            opened = open_note(bytes(changed), known)
        except NoteInvalid:
            continue
        assert opened.text == text
        assert len(opened.signers) == len(opened.unknown) == 1


def test_while_a_key_is_rotated_whoever_knows_either_key_accepts() -> None:
    note = sign("text\n", [OLD, NEW])
    for known, signers, unknown in [
        ([OLD.verifier], (OLD.verifier,), ("force.example/log",)),
        ([NEW.verifier], (NEW.verifier,), ("force.example/log",)),
        ([NEW.verifier, OLD.verifier], (OLD.verifier, NEW.verifier), ()),
    ]:
        opened = open_note(note, known)
        assert (opened.text, opened.signers, opened.unknown) == ("text\n", signers, unknown)


def test_a_note_that_no_known_key_signed_is_refused() -> None:
    with pytest.raises(NoteInvalid, match=re.escape(f"known: force.example/log+{NEW.verifier.key_id.hex()}")):
        open_note(sign("text\n", [OLD]), [NEW.verifier])
    with pytest.raises(NoteInvalid, match="known: none"):
        open_note(sign("text\n", [OLD]), [])


def test_a_false_signature_by_a_known_key_is_not_made_good_by_another() -> None:
    good, false = sign("text\n", [NEW]), sign("other\n", [OLD]).splitlines()[-1]
    assert open_note(good + false + "\n", [NEW.verifier]).signers == (NEW.verifier,)
    with pytest.raises(NoteInvalid, match="does not fit the text"):
        open_note(good + false + "\n", [NEW.verifier, OLD.verifier])


def test_the_same_key_under_another_name_is_another_key() -> None:
    private = Ed25519PrivateKey.from_private_bytes(bytes([1] * 32))
    elsewhere = Signer("other.example/log", private)
    assert elsewhere.verifier.key_id != OLD.verifier.key_id
    with pytest.raises(NoteInvalid, match="no known key"):
        open_note(sign("text\n", [elsewhere]), [OLD.verifier])


def test_a_key_signs_a_note_once() -> None:
    note = sign("text\n", [OLD])
    with pytest.raises(NoteInvalid, match="twice"):
        open_note(note + note.splitlines()[-1] + "\n", [OLD.verifier])


@pytest.mark.parametrize(
    "text", ["\n", "a\n", "a\n\n", "\n\na\n", "a\n\nb\n", "a\n\n— x AAAAAAA=\n", "ä €😀 \u2028\x7f\n"]
)
def test_any_text_of_lines_comes_back_as_it_was(text: str) -> None:
    assert open_note(sign(text, [OLD]), [OLD.verifier]).text == text


@pytest.mark.parametrize("text", ["", "a", "\na", "a\r\n", "a\x00\n", "a\tb\n", "\x1f\n", "\ud800\n"])
def test_a_text_that_a_note_cannot_carry_is_refused(text: str) -> None:
    with pytest.raises(NoteInvalid):
        sign(text, [OLD])


def test_a_note_without_a_key_is_refused() -> None:
    with pytest.raises(NoteInvalid, match="0 keys were given"):
        sign("text\n", [])


@pytest.mark.parametrize("name", ["", "a b", "a+b", "a\u00a0b", "a\u3000", "a\n", "a\tb", "\x00", "\ud800"])
def test_a_name_that_a_key_cannot_have_is_refused(name: str) -> None:
    with pytest.raises(NoteInvalid):
        Signer(name, Ed25519PrivateKey.from_private_bytes(bytes([1] * 32)))


@pytest.mark.parametrize(
    "note",
    [
        "",
        "\n",
        "\n\n",
        TEXT,
        f"{TEXT}\n",
        f"{TEXT}\n\n",
        f"{TEXT}{BY_PETER}",
        f"{TEXT}\n{BY_PETER}"[:-1],
        f"{TEXT}\n{BY_PETER}\n",
        f"{TEXT}\n{BY_PETER}\n{BY_PETER}",
        f"\x01{TEXT}\n{BY_PETER}",
        f"{TEXT}\n{BY_PETER}Unexpected line.\n",
        f"{TEXT}\n{BY_PETER}".replace("\n", "\r\n"),
        f"{TEXT}\n{BY_PETER}".replace("—", "-"),
        f"{TEXT}\n{BY_PETER}".replace("—", "–"),
        f"{TEXT}\n{BY_PETER}".replace("— ", "—"),
        f"{TEXT}\n{BY_PETER}".replace("PeterNeumann ", "PeterNeumann  "),
        f"{TEXT}\n{BY_PETER}".replace("PeterNeumann ", "Peter Neumann "),
        f"{TEXT}\n{BY_PETER}".replace("PeterNeumann ", ""),
        f"{TEXT}\n{BY_PETER}".replace("JnAM=", "JnAM"),
        f"{TEXT}\n{BY_PETER}".replace("JnAM=", "JnAN="),  # the same bytes, with a spare bit set
        f"{TEXT}\n{BY_PETER}".replace("JnAM=", "JnAM=="),
        f"{TEXT}\n{BY_PETER}".replace("+p", "-p").replace("/Z", "_Z"),
        f"{TEXT}\n{BY_PETER}— short AAAA\n",
        f"{TEXT}\n{BY_PETER}— short AAAAAA==\n",  # a key id and no signature
        f"{TEXT}\n{BY_PETER}— none \n",
        f"{TEXT}\n{BY_PETER}— a+b AAAAAAA=\n",
        f"{TEXT}\n{BY_PETER}" + "— x AAAAAAA=\n" * 100,
        f"{TEXT}\n{BY_PETER}— x " + "A" * MAXIMUM_SIZE + "\n",
        f"\ud800{TEXT}\n{BY_PETER}",
        b"\xff" + f"{TEXT}\n{BY_PETER}".encode(),
        f"{TEXT}\n{BY_PETER}".encode("utf-16"),
    ],
)
def test_a_malformed_note_is_refused(note: str | bytes) -> None:
    with pytest.raises(NoteInvalid):
        open_note(note, [Verifier.parse(PETER)])


def test_sixteen_large_signatures_by_unknown_keys_are_passed_over() -> None:
    large = base64.b64encode(bytes(5000)).decode()
    note = f"{TEXT}\n" + f"— witness {large}\n" * 15 + BY_PETER
    opened = open_note(note, [Verifier.parse(PETER)])
    assert opened.unknown == ("witness",) * 15


def test_a_text_that_is_too_long_is_refused_before_it_is_signed() -> None:
    with pytest.raises(NoteInvalid, match="at most 1000000"):
        sign("a" * MAXIMUM_SIZE + "\n", [OLD])


def test_two_keys_that_share_name_and_id_are_refused() -> None:
    # 32 bits are few: among enough keys two have the same id.
    rng = random.Random(1)
    seen: dict[bytes, Verifier] = {}
    while True:
        verifier = Verifier("n", rng.randbytes(32))
        other = seen.setdefault(verifier.key_id, verifier)
        if other != verifier:
            break
    with pytest.raises(NoteInvalid, match="two keys are both"):
        open_note(sign("text\n", [OLD]), [OLD.verifier, verifier, other])
    assert open_note(sign("text\n", [OLD]), [OLD.verifier, OLD.verifier, verifier]).signers == (OLD.verifier,)
