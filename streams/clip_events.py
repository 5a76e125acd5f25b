"""Events about one clip, as transfer and verification make them."""

from __future__ import annotations

import msgspec
from msgspec import Struct

from streams.messages import (
    ClipMessage,
    ClipQuarantined,
    ClipRegistered,
    ClipSecured,
    Message,
    event,
)
from workers.errors import MessageInvalid
from workers.fate.outbox import Event
from workers.fate.row import Fate
from workers.footage.conclusion import Secured
from workers.footage.quarantine import Quarantined
from workers.keys.signing import Signed


class _Where(Struct):
    dock: str


def dock_of(message: Message) -> str:
    """The dock that a message's report names; for fairness alone, so the signature is not looked at."""
    if not isinstance(message, ClipMessage):
        raise MessageInvalid(f"{type(message).__name__} is not about one clip")
    try:
        return msgspec.json.decode(message.report.body, type=_Where).dock
    except (msgspec.DecodeError, UnicodeError) as error:
        raise MessageInvalid(f"{message.clip_id}: its report names no dock ({error})") from error


def clip_event(
    topic: str, told: ClipMessage, source: str, *, urgent: bool = False, cause: tuple[object, ...] = ()
) -> Event:
    """The event that tells of `told`.

    Args:
        cause: if it can happen more than once in an attempt; else clip and attempt are the cause.
    """
    return event(
        f"{topic}.urgent" if urgent else topic,
        told,
        key=told.clip_id,
        subject=told.clip_id,
        source=source,
        cause=cause or (told.clip_id, told.attempt),
    )


def next_attempt(seen: Fate, declaration: Signed | None, source: str) -> Event:
    """The attempt after the one that the row is at, in the same lane."""
    following = ClipRegistered(
        clip_id=seen.clip_id,
        attempt=seen.attempt + 1,
        report=seen.report,
        urgent=seen.urgent,
        declaration=declaration,
    )
    return clip_event("clips.registered", following, source, urgent=seen.urgent)


def secured(seen: Fate, declaration: Signed | None, found: Secured, *, store: str) -> Event:
    """Footage, sidecar and manifest lie in the vault under lock."""
    manifest = found.manifest
    told = ClipSecured(
        clip_id=seen.clip_id,
        attempt=seen.attempt,
        report=manifest.report,
        key=manifest.footage_key,
        version_id=manifest.footage_version,
        manifest_key=found.manifest_key,
        manifest_version=found.manifest_version,
        size=manifest.size,
        sha256=manifest.sha256,
        locked_until=manifest.locked_until,
        store=store,
        urgent=seen.urgent,
        declaration=declaration,
    )
    return clip_event("clips.secured", told, "transfer", urgent=seen.urgent)


def quarantined(seen: Fate, conflict_with: str | None, apart: Quarantined) -> ClipQuarantined:
    """The bytes that are not the declared ones; the row keeps the same facts."""
    return ClipQuarantined(
        clip_id=seen.clip_id,
        attempt=seen.attempt,
        report=seen.report,
        reason=apart.reason,
        expected_sha256=apart.expected_sha256,
        expected_size=apart.expected_size,
        found_sha256=apart.found_sha256,
        found_size=apart.found_size,
        key=apart.key,
        version_id=apart.version_id,
        conflict_with=conflict_with,
    )
