"""One row of a batch file, cell by cell: what it asks for, and every fault that it has. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, TypeVar

from msgspec import Struct

from workers.prosecution.statements import Purpose, Recipient
from workers.sheets import Fault

E = TypeVar("E", bound=StrEnum)

NEEDED = ("urn", "purpose")
COLUMNS = (
    "urn",
    "exhibits",
    "purpose",
    "purpose_item",
    "recipient",
    "address",
    "urgent",
    "nobody_else",
    "not_recorded",
)

LONGEST = 1_000
"""Characters of a cell."""

_YES, _NO = ("yes", "true", "1"), ("no", "false", "0", "")


class Row(Struct, frozen=True):
    """One submission as the file asks for it.

    Attributes:
        exhibits: references; none: all of the case.
        recipient: None: the one that the purpose is for.
        not_recorded: why there is no footage of the case.
    """

    row: int
    urn: str
    purpose: Purpose
    exhibits: tuple[str, ...] = ()
    purpose_item: int | None = None
    recipient: Recipient | None = None
    address: str | None = None
    urgent: bool = False
    nobody_else: str = ""
    not_recorded: str | None = None


class Cells:
    """One row while it is read; collects its faults."""

    def __init__(self, number: int, cells: Mapping[str, Any]) -> None:
        self.number = number
        self.faults: list[Fault] = []
        self._cells = cells

    def read(self) -> Row | None:
        """The row, as far as it is well formed; see `faults`."""
        for column in self._cells:
            if column == "":
                self._wrong(None, "more cells than columns", "quotes around what contains a comma")
            elif column not in COLUMNS:
                self._wrong(column, "an unknown column", ", ".join(COLUMNS))
        urn = self._text("urn")
        if not urn and not self._has_fault("urn"):
            self._wrong("urn", "nothing", "the case's Unique Reference Number")
        purpose = self._one_of("purpose", Purpose)
        if purpose is None and not self._has_fault("purpose"):
            self._wrong("purpose", "nothing", ", ".join(Purpose))
        return self._made(urn, purpose)

    def _made(self, urn: str, purpose: Purpose | None) -> Row | None:
        exhibits, item = self._references(), self._whole("purpose_item")
        recipient, urgent = self._one_of("recipient", Recipient), self._flag("urgent")
        address, nobody_else, not_recorded = (self._text(name) for name in ("address", "nobody_else", "not_recorded"))
        if self.faults or purpose is None:
            return None
        return Row(
            row=self.number,
            urn=urn,
            purpose=purpose,
            exhibits=exhibits,
            purpose_item=item,
            recipient=recipient,
            address=address or None,
            urgent=urgent,
            nobody_else=nobody_else,
            not_recorded=not_recorded or None,
        )

    def _wrong(self, column: str | None, found: str, expected: str) -> None:
        self.faults.append(Fault(self.number, column, found, expected))

    def _has_fault(self, column: str) -> bool:
        return any(fault.column == column for fault in self.faults)

    def _text(self, column: str) -> str:
        value = self._cells.get(column)
        if value is None:
            return ""
        if not isinstance(value, str):
            self._wrong(column, f"a {type(value).__name__}", "text")
            return ""
        if len(value) > LONGEST:
            self._wrong(column, f"{len(value):,} characters", f"at most {LONGEST:,}")
            return ""
        if any(character < " " or character == "\x7f" for character in value):
            self._wrong(column, "a line break or another control character", "one line of text")
            return ""
        return value.strip()

    def _references(self) -> tuple[str, ...]:
        value = self._cells.get("exhibits")
        given = value if isinstance(value, list) else self._text("exhibits").split(";")
        if not all(isinstance(each, str) for each in given):
            self._wrong("exhibits", "something that is no text", "references")
            return ()
        return tuple(reference for each in given if (reference := each.strip()))

    def _one_of(self, column: str, kind: type[E]) -> E | None:
        text = self._text(column)
        if not text:
            return None
        try:
            return kind(text.lower().replace(" ", "_").replace("-", "_"))
        except ValueError:
            self._wrong(column, repr(text[:60]), ", ".join(kind))
            return None

    def _whole(self, column: str) -> int | None:
        value = self._cells.get(column)
        if isinstance(value, int) and not isinstance(value, bool):
            return value
        text = self._text(column)
        if not text:
            return None
        if not (text.isascii() and text.isdigit() and len(text) <= 6):
            self._wrong(column, repr(text[:60]), "a whole number")
            return None
        return int(text)

    def _flag(self, column: str) -> bool:
        value = self._cells.get(column)
        if isinstance(value, bool):
            return value
        text = self._text(column).lower()
        if text not in (*_YES, *_NO):
            self._wrong(column, repr(text[:60]), "yes or no")
        return text in _YES
