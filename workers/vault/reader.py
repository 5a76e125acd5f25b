"""Reading a version in strides, straight from the socket into the caller's buffer."""

from __future__ import annotations

import http.client
from types import TracebackType
from typing import Any, Self

from urllib3.exceptions import HTTPError
from urllib3.response import BaseHTTPResponse

from workers.errors import StoreAway
from workers.vault.deadline import Guard, Watchdog


class S3Reader:
    """The body of one GET.

    urllib3's own `readinto` reads into a new bytes object and copies it; the response of http.client
    underneath it receives into the buffer itself, so that one is used.

    Args:
        size: bytes that must come.
        stride: seconds that one `readinto` may take.
    """

    def __init__(
        self,
        response: BaseHTTPResponse,
        *,
        name: str,
        size: int,
        guard: Guard,
        watchdog: Watchdog,
        stride: float,
    ) -> None:
        self._response = response
        self._source: Any = response._original_response  # type: ignore[attr-defined]
        self._name = name
        self._size = size
        self._left = size
        self._guard = guard
        self._watchdog = watchdog
        self._stride = stride
        self._closed = False
        guard.pause()
        watchdog.add(guard)

    @property
    def size(self) -> int:
        """Bytes that the store announced."""
        return self._size

    def readinto(self, buffer: memoryview) -> int:
        """Fills `buffer` as far as the body goes; 0 is the end."""
        if self._left == 0 or not buffer.nbytes:
            return 0
        self._guard.renew(self._stride)
        try:
            count = int(self._source.readinto(buffer[: self._left]))
        except (HTTPError, http.client.HTTPException, OSError, ValueError) as error:
            raise self._broken(f"{type(error).__name__}: {error}") from error
        if count == 0 or self._guard.cut:
            raise self._broken("the connection ended")
        self._guard.pause()
        self._left -= count
        if self._left == 0:
            self.close()
        return count

    def close(self) -> None:
        """Gives the connection back to the pool if the body was read to its end, else closes it."""
        if self._closed:
            return
        self._closed = True
        self._watchdog.remove(self._guard)
        if self._left:
            self._response.close()
        self._response.release_conn()

    def _broken(self, why: str) -> StoreAway:
        done = self._size - self._left
        self.close()
        late = f" (a stride took more than {self._stride:.0f} s)" if self._guard.cut else ""
        return StoreAway(f"reading {self._name} stopped after {done} of {self._size} bytes{late}: {why}")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
