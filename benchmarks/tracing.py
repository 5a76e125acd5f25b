"""What tracing costs for each message: a context from its header, a span around its work, one header of what it tells.

    off        no collector is named, and nothing comes in
    carried    no collector is named; the context that comes in is passed on
    on         a span is recorded; sending goes on in a thread of its own, to a server that answers at once

`python -m benchmarks.tracing`
"""

from __future__ import annotations

import argparse
import threading
import time
from contextlib import AbstractContextManager, nullcontext
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from streams.engine import tracing
from streams.engine.publishing import cloud_headers
from streams.settings import Settings
from streams.stage import Envelope
from workers.fate.outbox import Event

CLIP = f"clip-{'a2' * 16}"
FEW = 2000
"""Spans that wait to be sent at most: more would be dropped, which costs less."""
PARENT = f"00-{tracing.trace_of(CLIP)}-{'cd' * 8}-01"


class Collector(BaseHTTPRequestHandler):
    """Takes everything."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        """Read it, say yes."""
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Nobody reads it."""


def one(envelope: Envelope, traced: bool) -> None:
    """What one message does, without its work."""
    work: AbstractContextManager[None] = tracing.working("release", envelope) if traced else nullcontext()
    with work:
        told = Event("clips.released", CLIP, "evt", CLIP, "release", b"{}", tracing.current() if traced else "")
        cloud_headers("bwv", told)


def nanoseconds(headers: dict[str, str], events: int, *, traced: bool = True) -> float:
    """Processor time of the whole process for each event."""
    envelope = Envelope("clips.verified", 0, 1, CLIP, 0.0, headers, b"{}")
    spent = time.process_time_ns()
    for _ in range(events):
        one(envelope, traced)
    return (time.process_time_ns() - spent) / events


def main() -> None:
    """Measure each, and print what it adds."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--events", type=int, default=50_000)
    events = parser.parse_args().events
    nanoseconds({}, events)
    base = min(nanoseconds({}, events, traced=False) for _ in range(3))
    print(f"without tracing at all   {base:9.0f} ns of processor an event, its headers made")
    for name, headers in (("off", {}), ("carried", {tracing.HEADER: PARENT})):
        print(f"{name:24} {min(nanoseconds(headers, events) for _ in range(3)) - base:+9.0f} ns")
    server = ThreadingHTTPServer(("127.0.0.1", 0), Collector)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with tracing.recording(Settings(otlp_endpoint=f"http://127.0.0.1:{server.server_port}"), "release"):
        began = time.process_time_ns()
        made = nanoseconds({tracing.HEADER: PARENT}, FEW)
    sent = (time.process_time_ns() - began) / FEW
    print(f"{'on':24} {made - base:+9.0f} ns, {sent - base:+9.0f} ns with sending and the server that takes it")
    server.shutdown()


if __name__ == "__main__":
    main()
