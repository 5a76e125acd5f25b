"""An RFC 3161 authority on the loopback: openssl signs, and it can be away, refuse, stall and lie."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self

import pytest

from workers.custody.export import Timestamp

CONFIGURATION = """\
[tsa]
default_tsa = here
[here]
serial = serial
default_policy = 1.2.3.4.1
digests = sha256
signer_digest = sha256
ess_cert_id_alg = sha256
"""
FOR_TIME_STAMPS = "extendedKeyUsage=critical,timeStamping\nkeyUsage=critical,digitalSignature\n"
EC = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")

Answer = tuple[int, bytes]
"""HTTP status and body."""


def run_openssl(folder: Path, *arguments: str | Path) -> subprocess.CompletedProcess[bytes]:
    command = ["openssl", *map(str, arguments)]
    return subprocess.run(command, cwd=folder, capture_output=True, timeout=60, check=False)


class Authority:
    """A root, a certificate for time stamps under it, and a port that answers while the block lasts.

    Attributes:
        behave: what to answer to a query; one of the methods below.
        asked: queries that arrived.
        misbehaved: answers that were not honest.
        hung_up: the other side left while it was answered byte by byte.
    """

    def __init__(self, folder: Path) -> None:
        if shutil.which("openssl") is None:
            reason = "the program openssl is not there; it plays the time-stamping authority"
            if os.environ.get("CI"):
                pytest.fail(reason)
            pytest.skip(reason)
        self.folder = folder
        self.root = folder / "ca.pem"
        self.behave: Callable[[bytes], Answer] = self.honest
        self.asked = self.misbehaved = 0
        self.together = threading.Barrier(1)
        self._mutex = threading.Lock()
        self._port = 0
        self._server: ThreadingHTTPServer | None = None
        self._last: bytes = b""
        self.hung_up = threading.Event()
        self._make()

    # -- the port ----------------------------------------------------------------------------------------------

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}/stamp"

    def open(self) -> None:
        """Answer; on the same port as before."""
        authority = self

        class Asked(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                query = self.rfile.read(int(self.headers["Content-Length"]))
                authority.serve(self, query)

            def log_message(self, *_: Any) -> None:
                """Tests print what matters."""

        ThreadingHTTPServer.allow_reuse_address = True
        self._server = ThreadingHTTPServer(("127.0.0.1", self._port), Asked)
        self._port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def close(self) -> None:
        """Go away: connections are refused."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    def __enter__(self) -> Self:
        self.open()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def serve(self, asked: BaseHTTPRequestHandler, query: bytes) -> None:
        """Answer one request; requests wait for one another at the barrier `together`."""
        self.together.wait(30)
        with self._mutex:  # openssl counts serial numbers in a file
            self.asked += 1
            self.misbehaved += self.behave != self.honest
            status, body = self.behave(query)
        asked.send_response(status)
        asked.send_header("Content-Type", "application/timestamp-reply")
        if self.behave == self.dripping:
            asked.end_headers()
            self._drip(asked, body)
            return
        asked.send_header("Content-Length", str(len(body)))
        asked.end_headers()
        asked.wfile.write(body[: len(body) // 2] if self.behave == self.cut_short else body)

    def _drip(self, asked: BaseHTTPRequestHandler, body: bytes) -> None:
        try:
            for byte in body:
                asked.wfile.write(bytes([byte]))
                asked.wfile.flush()
                self.hung_up.wait(0.1)
        except OSError:
            self.hung_up.set()

    # -- what it may answer ------------------------------------------------------------------------------------

    def honest(self, query: bytes) -> Answer:
        self._last = self._reply(query)
        return 200, self._last

    def refusing(self, query: bytes) -> Answer:
        """What openssl answers to a query that it cannot read: status 2 (rejection), no token."""
        return 200, self._reply(query[: len(query) // 2])

    def broken(self, query: bytes) -> Answer:
        return 500, b"out of order"

    def moved(self, query: bytes) -> Answer:
        return 302, b""

    def garbage(self, query: bytes) -> Answer:
        return 200, os.urandom(900)

    def page(self, query: bytes) -> Answer:
        return 200, b"<html>please log in</html>"

    def empty(self, query: bytes) -> Answer:
        return 200, b""

    def granted_without_token(self, query: bytes) -> Answer:
        return 200, bytes.fromhex("30053003020100")

    def of_unknown_status(self, query: bytes) -> Answer:
        return 200, bytes.fromhex("30053003020109")

    def other_nonce(self, query: bytes) -> Answer:
        """About the same bytes, but an answer to another question: it may be an old one."""
        return 200, self._reply(self._query("-digest", self._digest(query).hex()))

    def no_nonce(self, query: bytes) -> Answer:
        return 200, self._reply(self._query("-digest", self._digest(query).hex(), "-no_nonce"))

    def other_imprint(self, query: bytes) -> Answer:
        digest = self._digest(query)
        return 200, self._reply(query.replace(digest, hashlib.sha256(digest).digest()))

    def replayed(self, query: bytes) -> Answer:
        """The last honest answer once more."""
        assert self._last, "nothing was answered yet"
        return 200, self._last

    def badly_signed(self, query: bytes) -> Answer:
        """The last byte of an answer belongs to its signature."""
        body = self._reply(query)
        return 200, body[:-1] + bytes([body[-1] ^ 1])

    def with_more_behind(self, query: bytes) -> Answer:
        return 200, self._reply(query) + b"\x00"

    def too_large(self, query: bytes) -> Answer:
        return 200, self._reply(query) + bytes(2 << 20)

    def cut_short(self, query: bytes) -> Answer:
        return 200, self._reply(query)

    def dripping(self, query: bytes) -> Answer:
        """A byte now and then, never silent long enough for a timeout between two bytes."""
        return 200, self._reply(query)

    # -- openssl -----------------------------------------------------------------------------------------------

    def verify(self, token: Path, data: Path) -> subprocess.CompletedProcess[bytes]:
        """What somebody outside does with a token, our root in hand."""
        return run_openssl(self.folder, "ts", "-verify", "-in", token, "-data", data, "-CAfile", self.root)

    def stamp(self, checkpoint: str) -> Timestamp:
        """Stamp a checkpoint without the way over the port."""
        (self.folder / "data").write_text(checkpoint)
        return Timestamp(self._reply(self._query("-data", "data")), checkpoint)

    def _make(self) -> None:
        self.folder.mkdir(exist_ok=True)
        (self.folder / "tsa.cnf").write_text(CONFIGURATION)
        (self.folder / "extensions").write_text(FOR_TIME_STAMPS)
        (self.folder / "serial").write_text("01\n")
        self._openssl("req", "-x509", *EC, "-keyout", "ca.key", "-out", "ca.pem", "-days", "30", "-subj", "/CN=root")
        self._openssl("req", *EC, "-keyout", "tsa.key", "-out", "tsa.csr", "-subj", "/CN=authority")
        self._openssl("x509", "-req", "-in", "tsa.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-set_serial", "2",
                      "-days", "30", "-extfile", "extensions", "-out", "tsa.pem")  # fmt: skip

    def _query(self, *arguments: str) -> bytes:
        self._openssl("ts", "-query", *arguments, "-sha256", "-cert", "-out", "query")
        return (self.folder / "query").read_bytes()

    def _reply(self, query: bytes) -> bytes:
        (self.folder / "query").write_bytes(query)
        self._openssl("ts", "-reply", "-config", "tsa.cnf", "-queryfile", "query", "-signer", "tsa.pem", "-inkey",
                      "tsa.key", "-out", "reply")  # fmt: skip
        return (self.folder / "reply").read_bytes()

    def _digest(self, query: bytes) -> bytes:
        """The imprint of a SHA-256 query: the one octet string of 32 bytes in it."""
        start = query.index(b"\x04\x20") + 2
        return query[start : start + 32]

    def _openssl(self, *arguments: str) -> None:
        done = run_openssl(self.folder, *arguments)
        assert done.returncode == 0, done.stderr.decode()
