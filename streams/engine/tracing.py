"""Traces: where a clip's time went, for whoever has a collector of OpenTelemetry.

    docking → uploads.reported → intake → outbox → transfer → outbox → verification → … → release → the dock's erasure

Each step is a span, and what it tells carries the step's context: in the CloudEvents attribute `traceparent`
(distributed tracing extension) as a header, and in the outbox as a column while an event waits there. It is never in
a body, so nothing of it is recorded. The trace of a clip has an id that follows from the clip's id: a report that is
repeated and a transfer that goes on a day later are in the same trace, and `bwv trace CLIP` names it.

Without `otlp_endpoint` nothing of OpenTelemetry is imported, no span is made, and a context that comes in is passed
on as it is. Traces are for people: a collector that is away costs the spans of that time and nothing else.
"""

from __future__ import annotations

import contextlib
import hashlib
import re
import time
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from contextvars import ContextVar
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

from streams.settings import Settings
from workers.errors import ConfigurationInvalid
from workers.footage.clip import CLIP_ID

if TYPE_CHECKING:
    from streams.stage import Envelope

HEADER = "ce_traceparent"
"""As Kafka's binding of CloudEvents calls the attribute."""

TRACEPARENT = re.compile(r"00-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})")
"""W3C Trace Context: version, trace, span, flags. What is not this comes from a stranger and is dropped."""

About = Mapping[str, str | int]

_current: ContextVar[str] = ContextVar("traceparent", default="")


class Span(Protocol):
    """Work that is recorded.

    Attributes:
        context: its traceparent.
    """

    context: str

    def end(self, error: BaseException | None = None) -> None:
        """It has ended, well or with this."""


class Recorder(Protocol):
    """Makes spans: `streams/engine/spans.py`, or nobody."""

    def start(self, name: str, kind: str, parent: str, clip: str, about: About, began: float | None = None) -> Span:
        """Begin a span.

        Args:
            kind: `producer`, `consumer` or `internal`, as OpenTelemetry calls them.
            parent: traceparent; empty: it is the first, of the clip's trace where there is a clip.
            clip: what it is about; empty: no clip.
            about: attributes, as OpenTelemetry's conventions name them.
            began: seconds since 1970; now, if not given.
        """

    def stop(self) -> None:
        """Hand over what is left, within seconds."""


class _Process:
    """What this process has: traces are the process's, as its log is."""

    recorder: Recorder | None = None


@contextlib.contextmanager
def recording(settings: Settings, stage: str) -> Iterator[None]:
    """Record spans inside this block, where the settings name a collector.

    Raises:
        ConfigurationInvalid: they do, and OpenTelemetry is not installed.
    """
    if not settings.otlp_endpoint:
        yield
        return
    try:
        from streams.engine.spans import Spans  # noqa: PLC0415 (only whoever traces has it)
    except ImportError as error:
        raise ConfigurationInvalid(
            f"otlp_endpoint = {settings.otlp_endpoint!r}: traces need what is not installed ({error.name}); install "
            "bwv-ingest[tracing], or leave otlp_endpoint empty"
        ) from error
    recorder = Spans(settings.otlp_endpoint, settings.namespace, stage)
    _Process.recorder = recorder
    try:
        yield
    finally:
        _Process.recorder = None
        recorder.stop()


def current() -> str:
    """Traceparent of the work that is under way here; empty when nothing is traced."""
    return _current.get()


def trace_of(clip: str) -> str:
    """Id of the trace of a clip, 32 hexadecimal digits."""
    return hashlib.sha256(f"bwv-trace-1/{clip}".encode()).hexdigest()[:32]


def carry(headers: Mapping[str, str | bytes]) -> None:
    """What is done here from now on belongs to the trace of the message with these headers."""
    _current.set(_told(headers))


def working(stage: str, message: Envelope) -> AbstractContextManager[None]:
    """A stage works on a message inside this block; what is told in it belongs to the message's trace."""
    parent = _told(message.headers)
    if _Process.recorder is None:
        return _carried(parent) if parent else _NOTHING
    about: About = {
        "messaging.system": "kafka",
        "messaging.operation.type": "process",
        "messaging.destination.name": message.topic,
        "messaging.destination.partition.id": str(message.partition),
        "messaging.kafka.offset": message.offset,
        "cloudevents.event_id": message.headers.get("ce_id", ""),
    }
    return _spanned(_Process.recorder, f"{stage} {message.topic}", "consumer", parent, message.key, about)


def doing(name: str, key: str, parent: str = "", *, waited: float = 0.0) -> AbstractContextManager[None]:
    """Something is done inside this block that no message asked for, or one that came earlier.

    Args:
        key: a clip's id, or something else.
        parent: traceparent of what asked for it.
        waited: seconds ago it began.
    """
    if _Process.recorder is None:
        return _carried(parent) if parent else _NOTHING
    return _spanned(_Process.recorder, name, "producer", parent, key, {}, waited)


def waited(name: str, key: str, parent: str, since: datetime) -> None:
    """Something has waited from then until now, and its trace shows it."""
    if _Process.recorder is not None and parent:
        _Process.recorder.start(name, "internal", parent, _clip(key), {}, since.timestamp()).end()


_NOTHING = contextlib.nullcontext()


def _clip(key: str) -> str:
    return key if CLIP_ID.fullmatch(key) else ""


def _told(headers: Mapping[str, str | bytes]) -> str:
    told = headers.get(HEADER, "")
    text = told if isinstance(told, str) else told.decode("ascii", "replace")
    return text if text and TRACEPARENT.fullmatch(text) else ""


@contextlib.contextmanager
def _carried(parent: str) -> Iterator[None]:
    token = _current.set(parent)
    try:
        yield
    finally:
        _current.reset(token)


@contextlib.contextmanager
def _spanned(
    recorder: Recorder, name: str, kind: str, parent: str, key: str, about: About, ago: float = 0.0
) -> Iterator[None]:
    span = recorder.start(name, kind, parent, _clip(key), about, time.time() - ago if ago else None)
    token = _current.set(span.context)
    error: BaseException | None = None
    try:
        yield
    except BaseException as raised:
        error = raised
        raise
    finally:
        _current.reset(token)
        span.end(error)
