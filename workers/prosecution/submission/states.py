"""The states of a submission and its moves: from where, to where, which topic tells of it.

    requested ─ PREPARE → prepared ─ SEND → sent ─ ACKNOWLEDGE → acknowledged
        │ ↑                  ↑               │ ├─ REJECT       → rejected
  REFUSE↓ │ASK_AGAIN         └─── RETURN ────┤ ├─ FALL_SHORT   → partial
       refused                               └─└─ CONTRADICT   → contradicted

"overdue" is no state of its own: it is sent, and its receipt is late. A submission that is sent again keeps its id,
its manifest and its link; only the number of its attempt rises.
"""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct


class State(StrEnum):
    """How far a submission has come."""

    REQUESTED = "requested"
    REFUSED = "refused"
    PREPARED = "prepared"
    SENT = "sent"
    ACKNOWLEDGED = "acknowledged"
    REJECTED = "rejected"
    PARTIAL = "partial"
    CONTRADICTED = "contradicted"


class Move(Struct, frozen=True):
    """One move.

    Attributes:
        when: states that it starts from.
        to: state that it ends in.
        tells: topics of its events, in order; `clips.submitted` is told once for each item.
    """

    name: str
    when: tuple[State, ...]
    to: State
    tells: tuple[str, ...]


PREPARE = Move("prepare", (State.REQUESTED,), State.PREPARED, ("submissions.prepared", "clips.submitted"))
REFUSE = Move("refuse", (State.REQUESTED,), State.REFUSED, ("requests.refused",))
ASK_AGAIN = Move("ask again", (State.REFUSED,), State.REQUESTED, ())
SEND = Move("send", (State.PREPARED,), State.SENT, ("submissions.sent",))

NOT_TAKEN = (State.REJECTED, State.PARTIAL, State.CONTRADICTED)
"""The gateway has answered, and not with the manifest: a person looks, and may have it sent again."""

RETURN = Move("return", (State.PREPARED, State.SENT, *NOT_TAKEN), State.PREPARED, ("submissions.returned",))

_ANSWERABLE = (State.SENT, State.ACKNOWLEDGED, *NOT_TAKEN)
"""A receipt may come late, or be followed by another one: what was said last counts, and each is told."""

ANSWERS = {
    state: Move(state.value, tuple(each for each in _ANSWERABLE if each is not state), state, (f"submissions.{state}",))
    for state in (State.ACKNOWLEDGED, *NOT_TAKEN)
}
"""State that a receipt amounts to → its move."""
