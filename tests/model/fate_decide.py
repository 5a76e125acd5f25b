"""When this clip's time comes, as coarse as the model's clock: what decides, not how long it takes."""

from __future__ import annotations

from tests.model.fate_table import FACTS, HELD
from tests.model.table import Row

BIN = 1
"""Hours before `dispose_from` at which it may be put into the bin."""


def dispose_from(row: Row, policy: int) -> int:
    """The hour from which it may go: the policy's, and what people said since."""
    category = shift = floor = 0
    base = 1 if policy == 1 else 2
    for fact in row[FACTS]:
        match fact:
            case "longer":
                category = 2
            case "confirmed":
                category = 0
            case "later":
                shift = 1
            case "not before":
                floor = max(floor, 2)
            case "keep":
                floor = max(floor, 3)
            case "early":
                base = 0
    return max(base + shift, category, floor)


def expires(row: Row, policy: int, now: int) -> bool:
    """Whether `decide` says Expire."""
    return not row[HELD] and now >= dispose_from(row, policy) - BIN
