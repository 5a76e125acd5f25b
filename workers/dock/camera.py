"""What a camera holds: a camera is a folder named by its enrolled id, `DOCK/BAY-01/BWC-0417/`.

A camera's folder holds recordings and beside each a sidecar `<stem>.json`, perhaps
`camera.json` (its clock), and `.dock`, which docks write. One bad thing never harms the others: it becomes a
RefusedItem that says what is wrong and what to do, and its footage stays where it is.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
from msgspec import Struct

from workers.dock.bays import Place
from workers.dock.folder import (
    Changed,
    NotPlain,
    Stamp,
    check_file_name,
    oddity,
    open_folder,
    printable,
    read_small,
    stamp_of,
)
from workers.dock.sidecars import RECORDING_BYTES, SIDECAR_BYTES, SidecarWrong, read_sidecar
from workers.errors import DockGone, NameInvalid
from workers.footage.canonical import sha256_hex
from workers.footage.recording import RefusedItem, Sidecar

NOTES = ".dock"
CLOCK = "camera.json"


class Found(Struct, frozen=True):
    """A recording with a good sidecar, as it lies on the camera now.

    Attributes:
        sidecar_size, sidecar_sha256: of the sidecar's bytes as they are.
        stamp, sidecar_stamp: what tells whether either was touched since.
    """

    sidecar: Sidecar
    sidecar_file: str
    sidecar_size: int
    sidecar_sha256: str
    sidecar_stamp: Stamp
    stamp: Stamp

    @property
    def complete(self) -> bool:
        """Whether as many bytes are there as were declared."""
        return self.stamp.size == self.sidecar.size


class Look(Struct, frozen=True):
    """What a camera's folder held at one moment.

    Attributes:
        clock: the camera's own clock as ISO 8601, where it tells it.
        stamps: name and stamp of everything; two equal looks mean that nothing moved between them.
    """

    recordings: tuple[Found, ...]
    refused: tuple[RefusedItem, ...]
    clock: str | None
    stamps: frozenset[tuple[str, Stamp]]


class Camera:
    """One camera in one bay. Every call opens its folder anew by its path: a camera that left is noticed.

    Raises (all calls):
        DockGone: the camera's folder is no longer there, or another one stands in its place.
    """

    def __init__(self, dock: Path, place: Place) -> None:
        self._dock = dock
        self.place = place
        self.name = place.camera
        self._sidecars: dict[tuple[str, Stamp], tuple[bytes, Sidecar | SidecarWrong]] = {}

    @contextmanager
    def opened(self) -> Iterator[int]:
        """The camera's folder as an open descriptor."""
        gone = f"camera {self.name} is no longer in {self.place.bay}"
        try:
            bay = open_folder(self._dock / self.place.bay)
            try:
                fd = open_folder(self.name, at=bay)
            finally:
                os.close(bay)
        except OSError as error:
            raise DockGone(gone) from error
        try:
            if os.fstat(fd).st_ino != self.place.inode:
                raise DockGone(f"{gone}; another folder of that name stands there")
            yield fd
        finally:
            os.close(fd)

    def look(self) -> Look:
        """List the recordings, check every sidecar, refuse what is odd."""
        with self.opened() as at:
            try:
                return self._look(at)
            except FileNotFoundError as error:
                raise DockGone(f"camera {self.name} left {self.place.bay} while it was looked at") from error

    def _look(self, at: int) -> Look:
        refused: list[RefusedItem] = []
        files: dict[str, os.stat_result] = {}
        with os.scandir(at) as entries:
            names = sorted(entry.name for entry in entries)
        for name in names:
            if name == NOTES:
                continue
            status = os.stat(name, dir_fd=at, follow_symlinks=False)
            if odd := oddity(status):
                refused.append(_refusal(name, f"is {odd} among the recordings", "remove it from the camera by hand"))
                continue
            try:
                files[check_file_name(name)] = status
            except NameInvalid as error:
                refused.append(_refusal(name, str(error), "rename it on the camera; it stays there"))
        stamps = frozenset((name, stamp_of(status)) for name, status in files.items())
        clock = self._clock(at, files.pop(CLOCK, None), refused)
        found = self._pair(at, files, refused)
        found = _without_duplicates(found, refused)
        self._sidecars = {key: kept for key, kept in self._sidecars.items() if key in stamps}
        return Look(tuple(found), tuple(refused), clock, stamps)

    def _clock(self, at: int, status: os.stat_result | None, refused: list[RefusedItem]) -> str | None:
        if status is None:
            return None
        try:
            told, _ = read_small(CLOCK, at, 1 << 16)
            clock = msgspec.json.decode(told, type=dict[str, object]).get("clock")
            if clock is None or isinstance(clock, str):
                return clock
            raise NotPlain(f"clock is {clock!r}; expected text")
        except (msgspec.DecodeError, UnicodeDecodeError, NotPlain, Changed, OSError) as error:
            refused.append(_refusal(CLOCK, f"the camera's clock cannot be read: {error}", "check the camera's clock"))
            return None

    def _pair(self, at: int, files: dict[str, os.stat_result], refused: list[RefusedItem]) -> list[Found]:
        """Join sidecars and recordings; whatever has no partner is refused."""
        found: list[Found] = []
        spoken_for: set[str] = set()
        for name in [n for n in files if n.endswith(".json")]:
            stem = name.removesuffix(".json")
            beside = [n for n in files if n != name and n.rpartition(".")[0] == stem]
            try:
                recording = self._found(at, name, files)
                spoken_for.add(recording.sidecar.file)
                found.append(recording)
            except SidecarWrong as error:
                spoken_for.update(beside)
                stays = f"; {', '.join(beside)} stays on the camera" if beside else ""
                refused.append(_refusal(name, f"{error}{stays}", error.action))
        refused += [
            _refusal(
                name,
                f"has no sidecar {name.rpartition('.')[0] or name}.json",
                "let the camera write the sidecar, or copy it beside the recording; the footage stays",
            )
            for name in files
            if not name.endswith(".json") and name not in spoken_for
        ]
        return found

    def _found(self, at: int, name: str, files: dict[str, os.stat_result]) -> Found:
        data, sidecar = self._sidecar(at, name, stamp_of(files[name]))
        status = files.get(sidecar.file)
        if status is None:
            raise SidecarWrong(
                f"names the recording {sidecar.file!r}, which is not on the camera as a plain file",
                "find the recording: it is missing, or the sidecar names another file",
            )
        if status.st_size == 0:
            raise SidecarWrong(
                f"{sidecar.file!r} holds 0 bytes, {sidecar.size} are declared",
                "look at the camera: the recording is lost or still being written; it stays there",
            )
        if status.st_size > RECORDING_BYTES:
            raise SidecarWrong(
                f"{sidecar.file!r} has {status.st_size} bytes; no camera makes that", "look at it by hand"
            )
        return Found(sidecar, name, len(data), sha256_hex(data), stamp_of(files[name]), stamp_of(status))

    def _sidecar(self, at: int, name: str, stamp: Stamp) -> tuple[bytes, Sidecar]:
        kept = self._sidecars.get((name, stamp))
        if kept is None:
            data = b""
            try:
                data, read = read_small(name, at, SIDECAR_BYTES)
                if read != stamp:
                    raise Changed(f"{name!r} changed since it was listed")
                kept = data, read_sidecar(data)
            except SidecarWrong as error:
                kept = data, error
            except (Changed, NotPlain, PermissionError, OSError) as error:
                if isinstance(error, FileNotFoundError):
                    raise
                words = error.strerror if isinstance(error, OSError) else str(error)
                raise SidecarWrong(f"the sidecar cannot be read: {words}", "check the camera's storage") from error
            self._sidecars[name, stamp] = kept
        data, sidecar = kept
        if isinstance(sidecar, SidecarWrong):
            raise SidecarWrong(str(sidecar), sidecar.action)
        return data, sidecar


def _without_duplicates(found: list[Found], refused: list[RefusedItem]) -> list[Found]:
    """Refuse all that claim the same file, recording id or running number: nobody can say which is right."""
    claims: dict[tuple[str, str | int], list[str]] = {}
    for f in found:
        for claim in (
            ("file", f.sidecar.file),
            ("recording id", f.sidecar.recording),
            ("sequence", f.sidecar.sequence),
        ):
            claims.setdefault(claim, []).append(f.sidecar_file)
    wrong = {
        name: f"{what} {value!r} is claimed by {', '.join(rivals)}"
        for (what, value), rivals in claims.items()
        if len(rivals) > 1
        for name in rivals
    }
    refused += [
        _refusal(name, reason, "a person decides which is right and corrects the other; all of them stay")
        for name, reason in wrong.items()
    ]
    return [f for f in found if f.sidecar_file not in wrong]


def _refusal(name: str, reason: str, action: str) -> RefusedItem:
    return RefusedItem(printable(name), reason, action)
