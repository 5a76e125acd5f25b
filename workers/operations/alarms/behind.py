"""Behind which alarms others are held back: what follows from a fault that people are told of is not told beside it."""

from __future__ import annotations

from collections.abc import Callable

from workers.errors import BrokerAway, DatabaseAway, StoreAway
from workers.operations.alarms.figures import Figures

Behind = Callable[[Figures, str], tuple[str, ...]]
"""Figures and a subject → alarms behind which it is held back while they stand: "alarm", or "alarm subject"."""

OF_PART = {StoreAway.part: "store-red", DatabaseAway.part: "database-away", BrokerAway.part: "blind"}
"""Part of the system → the alarm that tells that it is away."""


MOVES_BYTES = frozenset({"transfer", "verification", "probe", "disposal", "derivation", "prosecution"})
"""Stages that finish no message without the store. One that hangs in a request does not say yet that it waits."""


def alone(f: Figures, subject: str) -> tuple[str, ...]:
    """Held back behind nothing."""
    return ()


def after(*names: str) -> Behind:
    """Held back while one of these stands: "alarm", or "alarm subject"."""
    return lambda f, subject: names


def what_it_waits_for(f: Figures, subject: str) -> tuple[str, ...]:
    """A stage that says for which part it waits, or cannot work without it: that part's alarm tells."""
    waits = f.stages[subject].waits_for if f.stages and subject in f.stages else ()
    needs = (OF_PART[StoreAway.part],) if subject in MOVES_BYTES else ()
    return (*(OF_PART[part] for part in waits if part in OF_PART), *needs)
