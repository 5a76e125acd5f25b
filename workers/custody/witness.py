"""Witnesses: checkpoints in a folder that this system cannot rewrite, such as another party's share or a stick.

A log that was rewritten by somebody who holds its key is caught only by a checkpoint that lay elsewhere.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from workers.custody.checkpoint import Checkpoint, read_checkpoint
from workers.custody.note import Verifier
from workers.errors import ConfigurationInvalid, LogForked, NoteInvalid

SUFFIX = ".checkpoint"


def publish(folder: Path, checkpoint: Checkpoint, note: str) -> Path:
    """Write a signed checkpoint into a witness folder; what is there is never overwritten.

    Raises:
        LogForked: the folder holds another checkpoint of this size.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{checkpoint.size:012d}{SUFFIX}"
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644), "w") as file:
            file.write(note)
    except FileExistsError:
        there = path.read_text()
        if there.split("\n\n")[0] != note.split("\n\n", maxsplit=1)[0]:
            raise LogForked(f"{path} was published with another root: two histories of this log exist") from None
    return path


def read_witness(folder: str | Path, verifiers: Sequence[Verifier], origin: str) -> list[tuple[str, Checkpoint]]:
    """Every checkpoint of a witness folder with its path, by size.

    Raises:
        ConfigurationInvalid: there is no such folder, or it is empty.
        LogForked: a checkpoint is not signed by a key that is known here.
    """
    paths = sorted(Path(folder).glob(f"*{SUFFIX}"))
    if not paths:
        raise ConfigurationInvalid(f"{folder}: no *{SUFFIX} here; fill it with: bwv custody publish {folder}")
    found = []
    for path in paths:
        try:
            found.append((str(path), read_checkpoint(path.read_bytes(), verifiers, origin)))
        except NoteInvalid as error:
            raise LogForked(f"{path}: {error}") from error
    return found
