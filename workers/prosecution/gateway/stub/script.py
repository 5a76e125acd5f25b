"""The script of the reference server: rules that say what it does with which submission, and outcomes that it gives.

    {"rules": [{"do": "reject", "urn": "01AB0012321", "reason": "the wrong unit"}, {"do": "lose_answer", "times": 3}],
     "outcomes": [{"id": "o-1", "urn": "01AB0012321", "defendant": "D1", "outcome": "charge", "on": "2026-10-01"}]}

Rules are looked at in their order. Of those that decide what becomes of a submission the first that fits is taken when
it is complete; none: it is accepted at once.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from workers.errors import ConfigurationInvalid
from workers.prosecution.gateway.contract import Outcome


class Do(StrEnum):
    """What a rule does."""

    ACCEPT = "accept"
    REJECT = "reject"
    DROP_ITEM = "drop_item"
    WRONG_DIGEST = "wrong_digest"
    FORGET = "forget"
    DUPLICATE = "duplicate"
    CHANGE_MIND = "change_mind"
    LOSE_ANSWER = "lose_answer"
    SLOW = "slow"
    AWAY = "away"


VERDICTS = frozenset({Do.ACCEPT, Do.REJECT, Do.DROP_ITEM, Do.WRONG_DIGEST, Do.FORGET, Do.DUPLICATE, Do.CHANGE_MIND})
"""Rules that decide what becomes of a submission once it is complete."""


class At(StrEnum):
    """Kinds of requests."""

    MANIFEST = "manifest"
    ITEM = "item"
    COMPLETE = "complete"
    RECEIPT = "receipt"
    OUTCOMES = "outcomes"


class Rule(Struct, frozen=True, forbid_unknown_fields=True):
    """One rule.

    Attributes:
        do: `accept` after `seconds`; `reject` with `reason`; `drop_item` and `wrong_digest` of item `n` in the receipt;
            `forget` it once it is complete; `duplicate`: another receipt with another number at each question;
            `change_mind`: accepted, and rejected when asked again; `lose_answer`: do what is asked and hang up;
            `slow`: answer after `seconds`; `away`: answer 503 to so many requests (`times`) or for `seconds`.
        submission, urn, purpose: only where these are the submission's.
        at: of `lose_answer`, `slow` and `away`: only these requests.
        times: how often, 0: always. An `away` that has `seconds` ends with them alone.
        n: number of the item.
    """

    do: Do
    submission: str | None = None
    urn: str | None = None
    purpose: str | None = None
    at: At | None = None
    times: Annotated[int, Meta(ge=0)] = 1
    seconds: Annotated[float, Meta(ge=0, le=86400)] = 0.0
    reason: str = "the script says so"
    n: Annotated[int, Meta(ge=1)] = 1

    def fits(self, about: Submitted | None) -> bool:
        """Whether it is for this submission; a rule that names none is for all, and for what is about none."""
        if about is None:
            return self.submission is self.urn is self.purpose is None
        return all(
            wanted is None or wanted == found
            for wanted, found in (
                (self.submission, about.submission_id),
                (self.urn, about.urn),
                (self.purpose, about.purpose),
            )
        )


class Submitted(Struct, frozen=True):
    """What rules look at."""

    submission_id: str
    urn: str
    purpose: str


class Script(Struct, frozen=True, forbid_unknown_fields=True):
    """What is posted: rules to add behind those that are there, and outcomes to give.

    Attributes:
        forget_rules: first take all rules away that are there.
    """

    rules: tuple[Rule, ...] = ()
    outcomes: tuple[Outcome, ...] = ()
    forget_rules: bool = False


class Standing(Struct, frozen=True):
    """Where the server stands, for people and tests.

    Attributes:
        rules: that are left, with how often each may still be taken.
        done: how often each kind of rule was taken.
        submissions: id → its state.
        received: id → how often it became complete; more than once only where it was forgotten or opened again.
        items_received: how often an item was stored; more than there are items where some were sent again.
    """

    rules: tuple[Rule, ...]
    done: dict[str, int]
    submissions: dict[str, str]
    received: dict[str, int]
    items_received: int


def read_script(text: bytes) -> Script:
    """A script from JSON.

    Raises:
        ConfigurationInvalid: where it is wrong.
    """
    try:
        return msgspec.json.decode(text, type=Script)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ConfigurationInvalid(f"not a script of the gateway (docs/gateway.md): {error}") from error
