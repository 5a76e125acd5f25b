"""Files that are whole or absent, and locks that end with their holder."""

from __future__ import annotations

import fcntl
import os
import tempfile
from pathlib import Path

from workers.errors import ConfigurationInvalid


def write_private(path: Path, text: str) -> None:
    """Replace `path` by `text` in one step, readable by us alone (0600)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fd, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(fd, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.replace(name, path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def private_folder(path: Path) -> Path:
    """Make the folder (0700) unless it is there."""
    path.mkdir(parents=True, exist_ok=True, mode=0o700)
    return path


def tail(path: Path, lines: int = 20) -> str:
    """The last lines of a log, or a sentence when there is none."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - 16384))
            text = file.read().decode("utf-8", "replace")
    except OSError:
        return f"(no log at {path})"
    return "\n".join(text.splitlines()[-lines:])


class Lock:
    """One holder per path. The kernel frees it when the holder ends, however it ends."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._fd: int | None = None

    def acquire(self) -> None:
        """Take the lock or raise at once.

        Raises:
            ConfigurationInvalid: another process holds it (with its pid), or the folder is not ours.
        """
        if self._fd is not None:
            return
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            fd = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except PermissionError as error:
            raise ConfigurationInvalid(f"{self.path.parent} belongs to another user: {error}") from error
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(fd, 32, 0).decode() or "unknown"
            os.close(fd)
            raise ConfigurationInvalid(
                f"{self.path.parent} is in use by process {holder}: stop that one first or use another folder"
            ) from None
        os.ftruncate(fd, 0)
        os.pwrite(fd, str(os.getpid()).encode(), 0)
        self._fd = fd

    def release(self) -> None:
        """Let the next one in."""
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None
