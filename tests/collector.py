"""A collector of traces for tests: takes OTLP over HTTP on loopback, and keeps what it was sent."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self

from msgspec import Struct
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.common.v1.common_pb2 import KeyValue


class Span(Struct, frozen=True):
    """A span as it arrived.

    Attributes:
        service: who recorded it.
        trace, id, parent: hexadecimal; no parent: it is the first of its trace.
        began, ended: nanoseconds since 1970.
        failed: whether its status is an error.
    """

    service: str
    name: str
    trace: str
    id: str
    parent: str
    began: int
    ended: int
    about: dict[str, str | int]
    failed: bool


class Collector:
    """Listens while it is entered."""

    def __init__(self) -> None:
        self.spans: list[Span] = []
        self.bodies: list[bytes] = []
        collector = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if self.path == "/v1/traces":
                    collector.take(body)
                answer = ExportTraceServiceResponse().SerializeToString()
                self.send_response(200 if self.path == "/v1/traces" else 404)
                self.send_header("Content-Type", "application/x-protobuf")
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, format: str, *args: object) -> None:
                """Nobody reads it."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.1,), daemon=True)

    @property
    def endpoint(self) -> str:
        """For the setting otlp_endpoint."""
        return f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def take(self, body: bytes) -> None:
        """A batch came."""
        self.bodies.append(body)
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
            service = _told(resource.resource.attributes)["service.name"]
            for scope in resource.scope_spans:
                for span in scope.spans:
                    self.spans.append(
                        Span(
                            str(service), span.name, span.trace_id.hex(), span.span_id.hex(), span.parent_span_id.hex(),
                            span.start_time_unix_nano, span.end_time_unix_nano, _told(span.attributes),
                            span.status.code == 2,
                        )
                    )  # fmt: skip

    def of(self, trace: str) -> list[Span]:
        """The spans of one trace, in the order in which they began."""
        return sorted((span for span in list(self.spans) if span.trace == trace), key=lambda span: span.began)


def _told(attributes: list[KeyValue]) -> dict[str, str | int]:
    return {one.key: one.value.int_value if one.value.HasField("int_value") else one.value.string_value
            for one in attributes}  # fmt: skip
