"""The looks of a machine in one file, so that a command that runs once goes on from what others have seen."""

from __future__ import annotations

import contextlib
import logging
import os
from collections.abc import Mapping
from pathlib import Path

import msgspec

from workers.operations.lag.history import Looks

log = logging.getLogger(__name__)


def read_looks(file: Path) -> dict[str, Looks]:
    """Stage → what was seen of it; nothing where there is no file, or one of another version."""
    try:
        return msgspec.json.decode(file.read_bytes(), type=dict[str, Looks])
    except FileNotFoundError:
        return {}
    except msgspec.DecodeError as error:
        log.warning("%s begins anew: %s", file, error)
        return {}


def write_looks(file: Path, looks: Mapping[str, Looks]) -> None:
    """Written whole or not at all; a disk that is full costs the memory of the next command and nothing else."""
    draft = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        draft.write_bytes(msgspec.json.encode(looks))
        draft.replace(file)
    except OSError as error:
        log.warning("what was seen of the lag is not kept: %s", error)
        with contextlib.suppress(OSError):
            draft.unlink()
