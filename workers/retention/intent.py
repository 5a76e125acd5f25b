"""What a sweep says of a clip that it acts on, and the events that tell of it."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

import msgspec
from msgspec import Struct

from workers.fate.outbox import Event
from workers.fate.row import Fate
from workers.keys.statements import now_iso
from workers.retention.clips import clip_of
from workers.retention.decide import decide
from workers.retention.decision import Decision, Expire, Reason, Review
from workers.retention.facts import hold_entry
from workers.retention.policy import Policy


class Intent(Struct, frozen=True):
    """What `disposals.intended` says and `clip_fate.intent` keeps.

    Attributes:
        reasons: sentences of the decision, each with the source of its rule.
        intended_at, dispose_from, ends_at: RFC 3339; nothing is deleted before `dispose_from`, all is gone by
            `ends_at`.
        sweep: id of the sweep that decided it.
    """

    policy: int
    category: str
    rule: str
    reasons: tuple[str, ...]
    intended_at: str
    dispose_from: str
    ends_at: str
    sweep: str


class Tells(Protocol):
    """Makes the events that tell of what a sweep does; the messages are the streams' own."""

    def review_due(self, clip_id: str, due_at: datetime, review: Review) -> Event:
        """A person has to decide."""

    def intended(self, clip_id: str, intent: Intent) -> Event:
        """A clip is in the bin."""

    def withdrawn(self, fate: Fate, reason: str) -> Event:
        """A clip is out of the bin, since its time has not come after all."""

    def committed(self, fate: Fate, expired: Expire, at: datetime) -> Event:
        """A disposal is decided for good."""

    def stopped(self, sweep_id: str, policy: int, due: int, reason: str) -> Event:
        """A sweep stopped."""


def decided(fate: Fate, policy: Policy, now: datetime) -> Decision:
    """The decision about a row as it stands."""
    return decide(clip_of(fate), fate.facts, tuple(map(hold_entry, fate.hold_reasons)), policy, now)


def intent_of(expired: Expire, policy: Policy, sweep: str, at: datetime) -> tuple[Intent, datetime]:
    """The intent behind an expiry, and from when on it may be committed.

    Whatever its period says, a clip that comes late into the bin lies there for as long as any other.
    """
    plan = expired.plan
    dispose_from = max(plan.dispose_from or at, at + policy.bin)
    intent = Intent(
        plan.policy,
        plan.category,
        plan.rule,
        sentences(expired.reasons),
        now_iso(at),
        now_iso(dispose_from),
        now_iso(plan.ends_at or dispose_from),
        sweep,
    )
    return intent, dispose_from


def stored(intent: Intent) -> dict[str, object]:
    """The intent as the row keeps it."""
    kept: dict[str, object] = msgspec.to_builtins(intent)
    return kept


def sentences(reasons: tuple[Reason, ...]) -> tuple[str, ...]:
    """Each reason as one sentence with the source of its rule."""
    return tuple(f"{reason.says} ({reason.source})" if reason.source else reason.says for reason in reasons)
