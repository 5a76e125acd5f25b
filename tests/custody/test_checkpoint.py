"""Checkpoints are those of C2SP tlog-checkpoint, in one form only."""

from __future__ import annotations

import base64

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from workers.custody.checkpoint import Checkpoint, read_checkpoint, sign_checkpoint
from workers.custody.merkle import empty_root
from workers.custody.note import Signer, sign
from workers.errors import NoteInvalid

ORIGIN = "force.example/log"
SIGNER = Signer(ORIGIN, Ed25519PrivateKey.from_private_bytes(bytes([7] * 32)))
NEXT = Signer(ORIGIN, Ed25519PrivateKey.from_private_bytes(bytes([8] * 32)))

# The example of the specification.
PUBLISHED = "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n"
ROOT = base64.b64decode("CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=")


def test_the_published_example_is_read_and_written() -> None:
    checkpoint = Checkpoint("example.com/behind-the-sofa", 20852163, ROOT)
    assert Checkpoint.parse(PUBLISHED) == checkpoint
    assert checkpoint.text() == PUBLISHED


@pytest.mark.parametrize(
    "checkpoint",
    [
        Checkpoint(ORIGIN, 0, empty_root()),
        Checkpoint(ORIGIN, 1, ROOT),
        Checkpoint("Any text — with spaces + plus", 10, ROOT, ("an extension", "42")),
        Checkpoint(ORIGIN, 2**63 - 1, ROOT),
    ],
)
def test_a_signed_checkpoint_comes_back(checkpoint: Checkpoint) -> None:
    note = sign_checkpoint(checkpoint, [SIGNER, NEXT])
    for known in ([SIGNER.verifier], [NEXT.verifier]):
        assert read_checkpoint(note, known) == checkpoint
        assert read_checkpoint(note.encode(), known, checkpoint.origin) == checkpoint


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n",
        "\n\n\n",
        PUBLISHED[:-1],
        PUBLISHED + "\n",
        PUBLISHED + "extension",
        PUBLISHED + "extension\n\n",
        PUBLISHED + "\nextension\n",
        "\n".join(PUBLISHED.split("\n")[:2]) + "\n",
        PUBLISHED.replace("example.com/behind-the-sofa", ""),
        PUBLISHED.replace("20852163", ""),
        PUBLISHED.replace("20852163", "020852163"),
        PUBLISHED.replace("20852163", "00"),
        PUBLISHED.replace("20852163", "-1"),
        PUBLISHED.replace("20852163", "+1"),
        PUBLISHED.replace("20852163", " 1"),
        PUBLISHED.replace("20852163", "1_000"),
        PUBLISHED.replace("20852163", "٣"),
        PUBLISHED.replace("20852163", "1e3"),
        PUBLISHED.replace("20852163", str(2**63)),
        PUBLISHED.replace("20852163", "9" * 5000),
        PUBLISHED.replace("20852163", "0"),
        PUBLISHED.replace("q2I=", "q2I"),
        PUBLISHED.replace("q2I=", "q2J="),
        PUBLISHED.replace("q2I=", "q2I= "),
        PUBLISHED.replace("Xajj", "Xa-j"),
        PUBLISHED.replace("CsUY", ""),
        PUBLISHED.replace("CsUY", "CsUYCsUY"),
        PUBLISHED.replace("\n", "\r\n"),
        PUBLISHED.replace("sofa", "so\tfa"),
    ],
)
def test_a_malformed_checkpoint_is_refused(text: str) -> None:
    with pytest.raises(NoteInvalid):
        Checkpoint.parse(text)


def test_what_is_read_is_written_the_same() -> None:
    for at in range(len(PUBLISHED)):
        for bit in range(7):
            changed = PUBLISHED[:at] + chr(ord(PUBLISHED[at]) ^ 1 << bit) + PUBLISHED[at + 1 :]
            try:
                checkpoint = Checkpoint.parse(changed)
            except NoteInvalid:
                continue
            assert checkpoint.text() == changed
            assert checkpoint != Checkpoint.parse(PUBLISHED)


@pytest.mark.parametrize(
    "changes",
    [
        {"origin": ""},
        {"origin": "a\nb"},
        {"origin": "a\tb"},
        {"size": -1},
        {"size": 2**63},
        {"size": 0},
        {"root": bytes(31)},
        {"root": b""},
        {"extensions": ("",)},
        {"extensions": ("a\nb",)},
    ],
)
def test_a_checkpoint_that_cannot_be_written_cannot_be_made(changes: dict[str, object]) -> None:
    values: dict[str, object] = {"origin": ORIGIN, "size": 1, "root": ROOT, "extensions": ()} | changes
    with pytest.raises(NoteInvalid):
        Checkpoint(**values)  # type: ignore[arg-type]
    with pytest.raises(NoteInvalid):
        msgspec.structs.replace(Checkpoint(ORIGIN, 1, ROOT), **changes)


def test_every_changed_bit_of_a_signed_checkpoint_is_found() -> None:
    note = sign_checkpoint(Checkpoint(ORIGIN, 20852163, ROOT), [SIGNER]).encode()
    for at in range(len(note)):
        for bit in range(8):
            changed = bytearray(note)
            changed[at] ^= 1 << bit
            with pytest.raises(NoteInvalid):
                read_checkpoint(bytes(changed), [SIGNER.verifier], ORIGIN)


def test_another_logs_checkpoint_is_refused() -> None:
    note = sign_checkpoint(Checkpoint("other.example/log", 1, ROOT), [SIGNER])
    with pytest.raises(NoteInvalid, match=r"of log 'other\.example/log', expected 'force\.example/log'"):
        read_checkpoint(note, [SIGNER.verifier], ORIGIN)


def test_a_signed_text_that_is_no_checkpoint_is_refused() -> None:
    with pytest.raises(NoteInvalid, match="origin, size, root"):
        read_checkpoint(sign("hello\n", [SIGNER]), [SIGNER.verifier])
