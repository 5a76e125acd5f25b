"""An S3 server that throws every body away, so that a client shows what it costs when no store is in its way.

Threads and `recv_into`, a quarter of a CPU second a GB. It answers what uploads ask and checks nothing.

    python -m benchmarks.sink        prints its port and serves until it is ended
"""

from __future__ import annotations

import re
import socket
import threading

_LENGTH = re.compile(rb"content-length: *(\d+)", re.I)
_MOST_HEAD = 1 << 16

_CREATED = b"<R><Bucket>b</Bucket><Key>k</Key><UploadId>u</UploadId></R>"
_COMPLETED = b'<R><Location>l</Location><Bucket>b</Bucket><Key>k</Key><ETag>"e"</ETag></R>'
_NONE = b"<R><IsTruncated>false</IsTruncated></R>"


def serve(listener: socket.socket) -> None:
    """Serve for ever."""
    while True:
        link, _ = listener.accept()
        threading.Thread(target=_serve, args=(link,), daemon=True).start()


def _serve(link: socket.socket) -> None:
    link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    buffer = memoryview(bytearray(1 << 20))
    have = 0
    with link:
        while True:
            while (end := bytes(buffer[:have]).find(b"\r\n\r\n")) < 0:
                count = link.recv_into(buffer[have:_MOST_HEAD]) if have < _MOST_HEAD else 0
                if count == 0:
                    return
                have += count
            head = bytes(buffer[:end])
            found = _LENGTH.search(head)
            left = (int(found[1]) if found else 0) - (have - end - 4)
            if b"expect: 100-continue" in head.lower():
                link.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
            while left > 0:
                count = link.recv_into(buffer[: min(left, len(buffer))])
                if count == 0:
                    return
                left -= count
            have = 0
            link.sendall(_answer(head.partition(b"\r\n")[0]))


def _answer(line: bytes) -> bytes:
    method, target, _ = line.split(b" ", 2)
    body = b""
    if method == b"POST":
        body = _CREATED if b"uploads" in target else _COMPLETED
    elif method == b"GET":
        body = _NONE
    return (
        b'HTTP/1.1 200 OK\r\nETag: "e"\r\nx-amz-version-id: v\r\nContent-Type: application/xml\r\n'
        b"Date: Sun, 22 Nov 2026 06:00:00 GMT\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)
    )


def main() -> None:
    listener = socket.create_server(("127.0.0.1", 0), backlog=64)
    print(listener.getsockname()[1], flush=True)
    serve(listener)


if __name__ == "__main__":
    main()
