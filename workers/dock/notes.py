"""What docks write on a camera, in its `.dock` folder: it travels with the camera from dock to dock.

    docking.json            the docking counter, the last inventory and where it was taken
    measured.json           digests already measured, so that a restart does not hash again
    reports/<token>.json    the signed report of a recording, verbatim, so that a repeat has the same bytes
    wiped/<token>.json      an erasure that began: written before the first byte goes, removed once told

A camera is hostile, so nothing here is believed: our own signature is checked on what we wrote, a receipt in
`wiped` is checked like one that has just arrived, and a counter only ever makes the next one higher.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TypeVar

import msgspec
from msgspec import Struct

from workers.dock.camera import NOTES, Camera
from workers.dock.folder import Changed, NotPlain, open_folder, read_small, unlink_quietly, write_whole
from workers.dock.offers import token_of
from workers.errors import BwvError
from workers.keys.signing import Signed

S = TypeVar("S", bound=Struct)

_MOST = 64 << 20


class NotesUnfit(BwvError):
    """The camera's `.dock` cannot be used: it is not a folder, or cannot be written to."""


class Docking(Struct, frozen=True):
    """docking.json: the last docking of this camera.

    Attributes:
        docking: monotonic counter.
        inventory: SHA-256 of that docking's signed inventory body.
        dock, bay, inode, base: where it happened; the same again after a restart is the same docking.
        signed: the inventory, verbatim.
    """

    docking: int
    inventory: str
    dock: str = ""
    bay: str = ""
    inode: int = 0
    base: str = ""
    docked_at: str = ""
    signed: Signed | None = None


class Measured(Struct, frozen=True):
    """The digest of a file as it was when it had this stamp (text: RFC 8785 has no numbers of nanoseconds)."""

    stamp: str
    sha256: str


class Measurements(Struct, frozen=True):
    """measured.json, the body that the dock signs; by file name."""

    camera: str
    files: dict[str, Measured]


class Erasure(Struct, frozen=True):
    """wiped/<token>.json: everything that is needed to finish and to tell of it.

    Attributes:
        receipt: the permission, verbatim.
        size, sha256: measured just before erasing.
        at: when; the statement that is published says the same after a crash.
    """

    receipt: Signed
    recording: str
    file: str
    sidecar_file: str
    size: int
    sha256: str
    at: str


class Notes:
    """The `.dock` folder of one camera. Calls block; DockGone if the camera left."""

    def __init__(self, camera: Camera) -> None:
        self._camera = camera

    def docking(self) -> Docking | None:
        """The last docking, or None on a new or reset camera (or if it cannot be read: then it is reset)."""
        return self._read("docking.json", Docking)

    def keep_docking(self, docking: Docking) -> None:
        """Write the docking down before anything is told of it; reports of earlier ones go."""
        self._write("docking.json", docking)
        with self._folder("reports") as at:
            for name in os.listdir(at):
                unlink_quietly(name, at)

    def measured(self) -> Signed | None:
        """The signed measurements."""
        return self._read("measured.json", Signed)

    def keep_measured(self, signed: Signed) -> None:
        """Replace the measurements."""
        self._write("measured.json", signed)

    def report(self, recording: str) -> Signed | None:
        """The report of a recording, if one was made in the last docking."""
        return self._read(f"{token_of(recording)}.json", Signed, "reports")

    def keep_report(self, recording: str, signed: Signed) -> None:
        """Write a report down before it is published."""
        self._write(f"{token_of(recording)}.json", signed, "reports")

    def erasures(self) -> list[Erasure]:
        """Erasures that began and were not told of yet."""
        with self._folder("wiped") as at:
            names = sorted(name for name in os.listdir(at) if name.endswith(".json") and name[0] != ".")
        read = [self._read(name, Erasure, "wiped") for name in names]
        return [erasure for erasure in read if erasure is not None]

    def keep_erasure(self, erasure: Erasure) -> None:
        """Write down that this recording is about to be erased."""
        self._write(f"{token_of(erasure.recording)}.json", erasure, "wiped")

    def forget_erasure(self, recording: str) -> None:
        """Its ClipWiped was confirmed, or nothing was erased."""
        with self._folder("wiped") as at:
            unlink_quietly(f"{token_of(recording)}.json", at)
            os.fsync(at)

    def _read(self, name: str, kind: type[S], *inside: str) -> S | None:
        with self._folder(*inside) as at:
            try:
                return msgspec.json.decode(read_small(name, at, _MOST)[0], type=kind)
            except (OSError, NotPlain, Changed, msgspec.DecodeError, UnicodeDecodeError):
                return None

    def _write(self, name: str, value: Struct, *inside: str) -> None:
        with self._folder(*inside) as at:
            try:
                write_whole(name, msgspec.json.encode(value), at)
            except OSError as error:
                raise NotesUnfit(
                    f"camera {self._camera.name}: cannot write {NOTES}/{name} ({error.strerror}); "
                    "check that the camera is not full or read-only"
                ) from error

    @contextmanager
    def _folder(self, *inside: str) -> Iterator[int]:
        with self._camera.opened() as camera:
            at = os.dup(camera)
            try:
                for part in (NOTES, *inside):
                    try:
                        at, above = _opened_or_made(part, at), at
                    except OSError as error:
                        raise NotesUnfit(
                            f"camera {self._camera.name}: {NOTES} cannot be used ({error.strerror}); "
                            "it must be a folder that the dock may write to"
                        ) from error
                    os.close(above)
                yield at
            finally:
                os.close(at)


def _opened_or_made(name: str, at: int) -> int:
    try:
        return open_folder(name, at)
    except FileNotFoundError:
        os.mkdir(name, 0o755, dir_fd=at)
        os.fsync(at)
        return open_folder(name, at)
