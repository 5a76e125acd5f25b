"""Spans by OpenTelemetry's SDK, sent over HTTP: the only module that imports it, and only where traces are wanted.

A span has the name of the work, the clip, and where its message lay; of a fault its class and no word more, since a
message may name people. What cannot be sent in time is dropped: the queue is bounded and nobody waits for it.
"""

from __future__ import annotations

import asyncio
import logging
import time

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.sdk.trace.sampling import ALWAYS_ON, ParentBased
from opentelemetry.trace import (
    NonRecordingSpan,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
    set_span_in_context,
)
from opentelemetry.trace import Span as Recorded

from streams.engine.tracing import TRACEPARENT, About, trace_of
from workers.errors import MoveRefused

SEND_WITHIN = 2.0
"""Seconds for one batch, tries included; so long a process may end later while the collector is away."""
SEND_EVERY = 1000
"""Milliseconds between two batches."""
MOST_WAIT = 2048
"""Spans that wait to be sent; the oldest are dropped first."""
TELL_EVERY = 60.0
"""Seconds between two lines of the log about a collector that is away."""

KINDS = {"producer": SpanKind.PRODUCER, "consumer": SpanKind.CONSUMER, "internal": SpanKind.INTERNAL}

HARMLESS = (MoveRefused, asyncio.CancelledError)
"""Somebody was first; or the message belongs to somebody else now."""


class Spans:
    """Makes spans and sends them.

    Args:
        endpoint: base URL of the collector, as `http://collector:4318`.
        stage: what this process is called in traces, with the namespace.
    """

    def __init__(self, endpoint: str, namespace: str, stage: str) -> None:
        logging.getLogger("opentelemetry").addFilter(_seldom)
        for name in list(logging.Logger.manager.loggerDict):
            if name.startswith("opentelemetry."):
                logging.getLogger(name).addFilter(_seldom)  # a filter of a logger is not asked for its children
        self._ids = _Ids()
        self._provider = TracerProvider(
            sampler=ParentBased(ALWAYS_ON),
            # Not Resource.create: it would read the environment, which is the settings' business.
            resource=Resource({"service.name": f"bwv.{stage}", "service.namespace": namespace}),
            id_generator=self._ids,
            shutdown_on_exit=False,
        )
        exporter = OTLPSpanExporter(f"{endpoint.rstrip('/')}/v1/traces", timeout=SEND_WITHIN)
        self._provider.add_span_processor(
            BatchSpanProcessor(exporter, max_queue_size=MOST_WAIT, schedule_delay_millis=SEND_EVERY)
        )
        self._tracer = self._provider.get_tracer("bwv-ingest")

    def start(self, name: str, kind: str, parent: str, clip: str, about: About, began: float | None = None) -> _Span:
        """See `streams.engine.tracing.Recorder`."""
        context = None
        if found := TRACEPARENT.fullmatch(parent):
            trace, span, flags = (int(part, 16) for part in found.groups())
            before = SpanContext(trace, span, is_remote=True, trace_flags=TraceFlags(flags))
            context = set_span_in_context(NonRecordingSpan(before))
        self._ids.clip = clip
        made = self._tracer.start_span(
            name,
            context,
            KINDS[kind],
            {**about, "bwv.clip": clip} if clip else about,
            start_time=None if began is None else int(began * 1e9),
        )
        return _Span(made)

    def stop(self) -> None:
        """Hand over what is left; gives up after a few times SEND_WITHIN."""
        self._provider.shutdown()


class _Span:
    """One span; its traceparent, and its end."""

    def __init__(self, recorded: Recorded) -> None:
        self._recorded = recorded
        is_in = recorded.get_span_context()
        self.context = f"00-{is_in.trace_id:032x}-{is_in.span_id:016x}-{is_in.trace_flags:02x}"

    def end(self, error: BaseException | None = None) -> None:
        """It has ended, well or with this."""
        if error is not None:
            self._recorded.set_attribute("error.type", type(error).__name__)
            if not isinstance(error, HARMLESS):
                self._recorded.set_status(Status(StatusCode.ERROR))
        self._recorded.end()


class _Ids(RandomIdGenerator):
    """A clip's first span opens the clip's own trace. Spans are begun in the one thread of the loop."""

    clip = ""

    def generate_trace_id(self) -> int:
        return int(trace_of(self.clip), 16) if self.clip else super().generate_trace_id()

    def is_trace_id_random(self) -> bool:
        return False


class _Seldom(logging.Filter):
    """Lets a line through now and then: a collector that is away is no reason to fill the log."""

    def __init__(self) -> None:
        super().__init__()
        self._next = 0.0

    def filter(self, record: logging.LogRecord) -> bool:
        now = time.monotonic()
        if now < self._next:
            return False
        self._next = now + TELL_EVERY
        return True


_seldom = _Seldom()
