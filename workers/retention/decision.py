"""What a retention decision says; every answer is made of sentences that name the source of their rule."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from msgspec import Struct


class Reason(Struct, frozen=True):
    """One sentence of the explanation.

    Attributes:
        rule: short name of the rule in the policy or of the protocol ("uncategorised", "hold", "late docking").
        source: where the rule comes from, as the policy names it (a statute, a code, the force's own schedule).
    """

    says: str
    rule: str
    source: str


class Outcome(StrEnum):
    """What becomes of a clip when its time comes."""

    EXPIRE = "expire"
    REVIEW = "review"
    NEVER = "never"


class Plan(Struct, frozen=True):
    """When a clip's time comes under a policy, whatever the day is today; holds are part of it.

    Attributes:
        outcome: NEVER for what nobody can date, and for what must be kept whatever its age.
        category: the one that counts.
        rule: name of the policy's rule that decides.
        policy: version.
        ends_at: the period's end: everything is gone by then.
        dispose_from: nothing is deleted before; `ends_at` less the policy's disposal window. None: never by itself.
        intend_from: it goes into the bin then; `dispose_from` less the bin.
        review_from: a person decides from then on.
        held: whether a hold stands; then nothing is intended whatever the dates say.
        exception: why it is kept longer than its period; None if it is not.
    """

    outcome: Outcome
    category: str
    rule: str
    policy: int
    reasons: tuple[Reason, ...]
    ends_at: datetime | None = None
    dispose_from: datetime | None = None
    intend_from: datetime | None = None
    review_from: datetime | None = None
    held: bool = False
    exception: str | None = None


class Keep(Struct, frozen=True, tag="keep"):
    """It stays. `plan` says until when."""

    plan: Plan
    reasons: tuple[Reason, ...]


class Expire(Struct, frozen=True, tag="expire"):
    """Its time has come: it may be put into the bin, and from `plan.dispose_from` on be disposed of."""

    plan: Plan
    reasons: tuple[Reason, ...]


class Review(Struct, frozen=True, tag="review"):
    """Its period is over and a person decides."""

    plan: Plan
    reasons: tuple[Reason, ...]


Decision = Keep | Expire | Review
