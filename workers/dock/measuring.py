"""Reading a recording once, from beginning to end, for its SHA-256."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable

from workers.dock.camera import Camera
from workers.dock.folder import Changed, Stamp, open_plain, stamp_of
from workers.errors import BwvError, DockGone

STRIDE = 512 << 10


class Stopped(BwvError):
    """Measuring was called off: the camera left or the dock stops."""


def measure(
    camera: Camera,
    name: str,
    expected: Stamp,
    *,
    progress: Callable[[int], None] = lambda done: None,
    stopped: Callable[[], bool] = lambda: False,
) -> tuple[str, int]:
    """Read a recording from beginning to end; returns SHA-256 and size.

    Args:
        expected: the stamp that it must have before and after, so that one state of it was read.
        progress: called with the bytes read so far, every stride.
        stopped: asked every stride.

    Raises:
        Changed: it changed, or is another file; read it again once it is still.
        DockGone: the camera left.
        Stopped: called off.
    """
    with camera.opened() as at:
        try:
            fd, before = open_plain(name, at)
        except FileNotFoundError as error:
            raise Changed(f"{name!r} is no longer on camera {camera.name}") from error
    digest, done = hashlib.sha256(), 0
    buffer = memoryview(bytearray(STRIDE))
    with os.fdopen(fd, "rb", buffering=0) as file:
        if stamp_of(before) != expected:
            raise Changed(f"{name!r} changed since it was listed")
        try:
            # Not past the size it had: a file that grows as fast as we read would never end.
            while done < before.st_size and (count := file.readinto(buffer[: before.st_size - done])):
                digest.update(buffer[:count])
                done += count
                progress(done)
                if stopped():
                    raise Stopped(f"{name!r} was not measured to its end")
            after = os.fstat(fd)
        except OSError as error:
            raise DockGone(f"camera {camera.name} cannot be read: {error.strerror}") from error
    if done != before.st_size or stamp_of(after) != expected:
        raise Changed(f"{name!r} changed while it was read")
    return digest.hexdigest(), done
