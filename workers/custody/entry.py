"""A custody entry: a header that may be shown, and the salted digest of a payload that may go.

The leaf is SHA-256(0x00 || canonical JSON of the entry), as in RFC 9162, so that a tree can be built over the
log. The payload's digest is salted, so that once the payload is erased with its clip nobody can guess a
short one from the digest.
"""

from __future__ import annotations

import hashlib
import os
import re
from typing import Any

import msgspec
from msgspec import Struct

from workers.custody.merkle import leaf_hash
from workers.footage.canonical import canonical
from workers.footage.clip import CLIP_ID, ENROLLED_ID
from workers.footage.recording import Report

PERSONS_KEY = re.compile(rf"person:(?:{ENROLLED_ID.pattern}):[0-9a-f]{{16}}")

REGISTERED = "clips.registered"
"""Type of the entry that says that a recording became a clip; `.urgent` may stand behind it."""

WORD = re.compile(r"[a-z0-9][a-z0-9 _-]{0,63}")
"""What names of categories, rules and hold reasons look like; anything else stays in the payload."""


class Entry(Struct, frozen=True, omit_defaults=True):
    """Header of one event.

    Attributes:
        verb: DPA 2018 s.62: collection, alteration, consultation, disclosure, combination, erasure.
        person: whose key signed the decision, where a person decided.
        payload: SHA-256(salt || body), hex.
        category, policy, rule, hold_reason, hold: of a retention decision; they stay when the payload goes, so that
            what was decided can still be told (docs/life-of-a-clip.md §5).
        dock, device, kind: of a recording that became a clip; they stay too, so that figures of a past month can be
            made again (docs/statistics.md). They name no person.
    """

    index: int
    event_id: str
    type: str
    time: str
    source: str
    subject: str
    verb: str
    payload: str
    clip_id: str | None = None
    camera: str | None = None
    person: str | None = None
    unreadable: str | None = None
    conflicts_with: int | None = None
    category: str | None = None
    policy: int | None = None
    rule: str | None = None
    hold_reason: str | None = None
    dock: str | None = None
    device: str | None = None
    kind: str | None = None
    hold: str | None = None


class Recorded(Struct, frozen=True):
    """One message as the record received it.

    Attributes:
        content: the decoded body; empty when it is unreadable.
        about: the clip, where the body does not name it itself.
    """

    topic: str
    partition: int
    offset: int
    event_id: str
    type: str
    time: str
    source: str
    subject: str
    verb: str
    body: bytes
    content: dict[str, Any]
    unreadable: str | None = None
    about: str | None = None

    @property
    def clip_id(self) -> str | None:
        """The clip it is about, if it is about one."""
        named = self.content.get("clip_id")
        return named if isinstance(named, str) and CLIP_ID.fullmatch(named) else self.about

    @property
    def camera(self) -> str | None:
        """The camera it is about."""
        named = self.content.get("camera")
        return named if isinstance(named, str) and ENROLLED_ID.fullmatch(named) else None

    def word(self, name: str) -> str | None:
        """A short name of the body that may stand in the header, such as a category."""
        value = self.content.get(name)
        return value if isinstance(value, str) and WORD.fullmatch(value) else None

    def report(self) -> Report | None:
        """The dock's declaration, where it tells of a recording that became a clip."""
        signed = self.content.get("report")
        if self.type.removesuffix(".urgent") != REGISTERED or not isinstance(signed, dict):
            return None
        try:
            return msgspec.json.decode(signed.get("body", ""), type=Report)
        except (msgspec.DecodeError, UnicodeDecodeError, TypeError):
            return None  # recorded all the same; the header says nothing of it

    def number(self, name: str) -> int | None:
        """A small number of the body that may stand in the header, such as a policy's version."""
        value = self.content.get(name)
        return value if type(value) is int and 0 <= value < 1 << 31 else None

    @property
    def person(self) -> str | None:
        """The person whose key signed it, if one did."""
        for value in self.content.values():
            key = value.get("key", "") if isinstance(value, dict) else ""
            if isinstance(key, str) and PERSONS_KEY.fullmatch(key):
                return key.split(":")[1]
        return None


def entry_for(recorded: Recorded, index: int, salt: bytes, conflicts_with: int | None = None) -> Entry:
    """Make the entry that stands at `index` of the log for this message."""
    report = recorded.report()
    return Entry(
        index=index,
        event_id=recorded.event_id,
        type=recorded.type,
        time=recorded.time,
        source=recorded.source,
        subject=recorded.subject,
        verb=recorded.verb,
        payload=hashlib.sha256(salt + recorded.body).hexdigest(),
        clip_id=recorded.clip_id,
        camera=recorded.camera,
        person=recorded.person,
        unreadable=recorded.unreadable,
        conflicts_with=conflicts_with,
        category=recorded.word("category"),
        policy=recorded.number("policy"),
        rule=recorded.word("rule"),
        hold_reason=recorded.word("hold_reason"),
        dock=report.dock if report and ENROLLED_ID.fullmatch(report.dock) else None,
        device=report.recording.source_type.value if report else None,
        kind=report.recording.kind.value if report else None,
        hold=recorded.word("hold_id"),
    )


def new_salt() -> bytes:
    """Sixteen random bytes."""
    return os.urandom(16)


def leaf(entry: Entry) -> tuple[str, bytes]:
    """The entry's canonical JSON and its RFC 9162 leaf hash."""
    text = canonical(entry)
    return text.decode(), leaf_hash(text)


def content_of(body: bytes) -> tuple[dict[str, Any], str | None]:
    """Decode a body for its ids; what cannot be decoded is recorded all the same, with the reason."""
    try:
        content = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        return {}, f"not JSON: {error}"
    return (content, None) if isinstance(content, dict) else ({}, "not a JSON object")
