"""In-memory counterparts of what transfer works with, for tests: a camera's recording and the record of uploads."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from workers.errors import DockGone


class FakeSource:
    """A recording in memory whose readings can be told to differ, to end early, or to stop the world.

    Args:
        data: what a reading gives; of several, the nth reading gives the nth, and the last from then on.
        gone_after: bytes after which every reading ends with DockGone.
        at_stride: called with the position before each stride.
    """

    def __init__(
        self,
        *data: bytes,
        sidecar: bytes = b"{}",
        gone_after: int | None = None,
        at_stride: Callable[[int], None] = lambda _: None,
    ) -> None:
        self._data: Sequence[bytes] = data
        self._sidecar = sidecar
        self.gone_after = gone_after
        self.at_stride = at_stride
        self.readings = 0

    @property
    def size(self) -> int:
        """Length of the current reading."""
        return len(self._current)

    @property
    def _current(self) -> bytes:
        return self._data[min(max(self.readings, 1), len(self._data)) - 1]

    def open(self, offset: int = 0, length: int | None = None) -> _FakeReading:
        """Begin a reading."""
        if self.gone_after == 0:
            raise DockGone("the camera was taken out")
        self.readings += 1
        data = self._current
        return _FakeReading(self, data[offset : len(data) if length is None else offset + length])

    def sidecar(self) -> bytes:
        """The sidecar."""
        if self.gone_after == 0:
            raise DockGone("the camera was taken out")
        return self._sidecar


class _FakeReading:
    def __init__(self, source: FakeSource, data: bytes) -> None:
        self._source = source
        self._data = memoryview(data)
        self._at = 0

    def readinto(self, buffer: memoryview, /) -> int:
        self._source.at_stride(self._at)
        gone = self._source.gone_after
        if gone is not None and self._at >= gone:
            raise DockGone(f"the camera was taken out after {self._at} bytes")
        piece = self._data[self._at : self._at + buffer.nbytes]
        buffer[: piece.nbytes] = piece
        self._at += piece.nbytes
        return piece.nbytes

    def close(self) -> None:
        self._data = memoryview(b"")


class FakeUploads:
    """The record of unfinished uploads in a dict."""

    def __init__(self) -> None:
        self.recorded: dict[str, str] = {}

    def find(self, key: str) -> str | None:
        """See Uploads."""
        return self.recorded.get(key)

    def remember(self, key: str, upload_id: str) -> str:
        """See Uploads."""
        return self.recorded.setdefault(key, upload_id)

    def forget(self, key: str) -> None:
        """See Uploads."""
        self.recorded.pop(key, None)
