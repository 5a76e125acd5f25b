"""Checkpoints: the signed head of the custody log's tree (C2SP tlog-checkpoint, c2sp.org/tlog-checkpoint).

The text of the note is the log's name, the number of its entries and the tree's root in base64, a line each.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Sequence

from msgspec import Struct

from workers.custody.merkle import HASH_SIZE, empty_root
from workers.custody.note import CONTROL, Signer, Verifier, decode_base64, open_note, sign
from workers.errors import NoteInvalid

SIZE = re.compile(r"0|[1-9][0-9]{0,18}")
MAXIMUM_ENTRIES = (1 << 63) - 1
"""What readers in other languages hold in a signed 64-bit number."""


class Checkpoint(Struct, frozen=True):
    """How far the log had come, and what was in it.

    Attributes:
        origin: the log's name, first line of the text; one name is one log.
        size: entries.
        root: RFC 9162 root over them, 32 bytes.
        extensions: further lines. Nothing checks what they say; ours have none.

    Raises:
        NoteInvalid: a value that a checkpoint cannot carry.
    """

    origin: str
    size: int
    root: bytes
    extensions: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for line in (self.origin, *self.extensions):
            if not line or "\n" in line or CONTROL.search(line):
                raise NoteInvalid(f"{line[:100]!r} cannot be a line of a checkpoint: expected text on one line")
        if not 0 <= self.size <= MAXIMUM_ENTRIES:
            raise NoteInvalid(f"a checkpoint of {self.size} entries, expected 0 to {MAXIMUM_ENTRIES}")
        if len(self.root) != HASH_SIZE:
            raise NoteInvalid(f"a checkpoint with a root of {len(self.root)} bytes, expected {HASH_SIZE}")
        if self.size == 0 and self.root != empty_root():
            raise NoteInvalid(f"a checkpoint of 0 entries with root {self.root.hex()}, expected {empty_root().hex()}")

    def text(self) -> str:
        """The text that is signed."""
        lines = (self.origin, str(self.size), base64.b64encode(self.root).decode(), *self.extensions)
        return "".join(f"{line}\n" for line in lines)

    @classmethod
    def parse(cls, text: str) -> Checkpoint:
        """Read the text of a checkpoint; only what `text()` writes is taken.

        Raises:
            NoteInvalid: says which line is not as it has to be.
        """
        lines = text.split("\n")
        if len(lines) < 4 or lines[-1]:
            raise NoteInvalid("a checkpoint has three or more lines, each ending with a newline: origin, size, root")
        origin, size, root, *extensions = lines[:-1]
        if not SIZE.fullmatch(size):
            raise NoteInvalid(
                f"{size[:100]!r} is not the size of a tree, expected a whole number without leading zeros"
            )
        return cls(origin, int(size), decode_base64(root, "root of the checkpoint"), tuple(extensions))


def sign_checkpoint(checkpoint: Checkpoint, signers: Sequence[Signer]) -> str:
    """Sign a checkpoint; returns the note. Never sign one that does not extend every one signed before.

    Raises:
        NoteInvalid: no key to sign with.
    """
    return sign(checkpoint.text(), signers)


def read_checkpoint(note: str | bytes, verifiers: Sequence[Verifier], origin: str | None = None) -> Checkpoint:
    """Check the signatures of a checkpoint and read it.

    Args:
        verifiers: keys that may sign for this log.
        origin: the log that is asked for. Leave it out only where these keys sign for one log alone.

    Raises:
        NoteInvalid: malformed, not signed by a known key, or another log's.
    """
    checkpoint = Checkpoint.parse(open_note(note, verifiers).text)
    if origin is not None and checkpoint.origin != origin:
        raise NoteInvalid(f"the checkpoint is of log {checkpoint.origin!r}, expected {origin!r}")
    return checkpoint
