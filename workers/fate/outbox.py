"""An event that was decided together with a move, waiting in the outbox for the relay."""

from __future__ import annotations

from msgspec import Struct


class Event(Struct, frozen=True):
    """One message to be published.

    Attributes:
        topic: the topic's own name, without the namespace ("clips.secured").
        key: what orders it: the clip id or the camera id.
        id: derived from its cause; the same cause gives the same id.
        subject: what it is about.
        source: who decided ("transfer").
        body: the message as JSON.
        trace: W3C traceparent of the work that it came from; empty: nothing is traced. It travels beside the body and
            is never recorded.
    """

    topic: str
    key: str
    id: str
    subject: str
    source: str
    body: bytes
    trace: str = ""


EVENT_COLUMNS = "topic, key, event_id, subject, source, body, trace"
EVENT_TYPES = ("text", "text", "text", "text", "text", "bytea", "text")
EVENT_PLACES = ", ".join(["%s"] * len(EVENT_TYPES))
"""A placeholder for each of the columns."""


def event_row(event: Event) -> tuple[str, str, str, str, str, bytes, str | None]:
    """The event as the outbox stores it, in the order of EVENT_COLUMNS."""
    return event.topic, event.key, event.id, event.subject, event.source, event.body, event.trace or None
