"""The body of one answer of a dock: from the socket straight into the caller's buffer."""

from __future__ import annotations

import contextlib
import socket
import ssl
import struct
import time
from types import TracebackType
from typing import Self

from workers.errors import DockGone


class DockReader:
    """The body of one answer; made by DockSource.open."""

    def __init__(self, name: str, link: socket.socket, head: bytes, length: int, patience: float) -> None:
        self._name, self._link, self._head, self._patience = name, link, memoryview(head), patience
        self._left = length
        # TLS has no MSG_WAITALL: there a stride is a loop of recv under the socket's own timeout.
        self._flags = 0 if isinstance(link, ssl.SSLSocket) else socket.MSG_WAITALL
        if self._flags:
            link.settimeout(None)  # the kernel's timeout bounds the whole MSG_WAITALL, not one wait in it
            whole, rest = divmod(int(patience * 1e6), 1_000_000)
            link.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("@ll", whole, rest))
        else:
            link.settimeout(patience)

    @property
    def left(self) -> int:
        """Bytes of the range that are still to come."""
        return self._left

    def readinto(self, buffer: memoryview | bytearray) -> int:
        """Fill the buffer and return its length; less at the end of the range, 0 after it.

        Raises:
            DockGone: the body ended early, or the stride took longer than the patience.
        """
        view = memoryview(buffer)[: self._left]
        got = min(len(view), len(self._head))
        if got:
            view[:got] = self._head[:got]
            self._head = self._head[got:]
        until = time.monotonic() + self._patience
        try:
            while got < len(view):
                count = self._link.recv_into(view[got:], 0, self._flags)
                if count == 0:
                    missing = self._left - got
                    raise DockGone(f"{self._name}: the body ended {missing} bytes early; the camera has gone")
                got += count
                if got < len(view) and time.monotonic() > until:
                    raise TimeoutError
        except (TimeoutError, BlockingIOError) as error:
            raise DockGone(f"{self._name}: a stride took longer than {self._patience:g} s") from error
        except OSError as error:
            raise DockGone(f"{self._name}: the connection broke ({error.strerror or error})") from error
        self._left -= got
        return got

    def abort(self) -> None:
        """End it from another thread: whoever waits in `readinto` gets DockGone."""
        hang_up(self._link)

    def close(self) -> None:
        """Close the connection; only the thread that reads may do so."""
        self._link.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def hang_up(link: socket.socket) -> None:
    """End both directions; a thread that waits on the socket wakes up. The owner still closes it."""
    with contextlib.suppress(OSError):
        # Not SSLSocket.shutdown, which takes the TLS state from under the thread that reads.
        socket.socket.shutdown(link, socket.SHUT_RDWR)
