"""The file of records: CSV or JSON, each row with every fault that it has. Pure; docs/encounters.md has the columns."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from msgspec import Struct

from workers.encounters import words as w
from workers.encounters.check import faults, moment
from workers.encounters.statements import Encounter, OfficerThere
from workers.sheets import MORE_CELLS, Fault, Sheet, rows_of

E = TypeVar("E", bound=StrEnum)

LONDON = ZoneInfo("Europe/London")
"""Where a time that names no zone is of: the records are of England and Wales."""

NEEDED = ("reference", "kind", "at", "place", "officers")
OPTIONAL = tuple(name for name in Encounter.__struct_fields__ if name not in NEEDED)
SHEET = Sheet("file", "record", NEEDED, OPTIONAL, most_bytes=64 << 20, most_rows=50_000)

PERSONAL = (
    "name", "forename", "surname", "first_name", "last_name", "address", "postcode", "dob", "date_of_birth", "phone",
    "telephone", "email", "registration", "vrm",
)  # fmt: skip
"""Columns that forces' exports have, and that no record of ours may."""

LIST_OF = ("officers", "tactics", "ced")
YES, NO = ("yes", "true", "y", "1"), ("no", "false", "n", "0")


class Load(Struct, frozen=True):
    """The records that are whole, by row, and what is wrong with the others."""

    records: tuple[tuple[int, Encounter], ...]
    faults: tuple[Fault, ...]


def read(data: bytes, name: str, now: datetime) -> Load:
    """Read a file of records.

    Args:
        name: of the file, for errors; JSON if it ends so or begins as JSON does, else CSV.

    Raises:
        SheetUnreadable: it is not text, not CSV or JSON, has other columns, or is too large.
    """
    records: list[tuple[int, Encounter]] = []
    wrong: list[Fault] = []
    first: dict[str, int] = {}
    for number, cells in rows_of(data, name, SHEET):
        row = _Row(number, cells)
        encounter = row.read(now)
        if encounter is not None:
            before = first.setdefault("".join(encounter.reference.split()).upper(), number)
            if before != number:
                row.wrong("reference", f"{encounter.reference}, which row {before} has too", "each record once")
            else:
                records.append((number, encounter))
        wrong += row.faults
    return Load(tuple(records), tuple(wrong))


class _Row:
    """One row while it is read; collects its faults."""

    def __init__(self, number: int, cells: Mapping[str, Any]) -> None:
        self.number = number
        self.faults: list[Fault] = []
        self._cells = cells

    def read(self, now: datetime) -> Encounter | None:
        """The record, if the row is whole."""
        self._columns()
        made = {name: self._value(name) for name in Encounter.__struct_fields__}
        for name in NEEDED:
            if made[name] in (None, ()) and not self._has_fault(name):
                self.wrong(name, "nothing", "something in every record")
        if self.faults:
            return None
        encounter = Encounter(**{name: value for name, value in made.items() if value is not None})
        for fault in faults(encounter, now):
            self.wrong(fault.field, fault.found, fault.expected)
        return None if self.faults else encounter

    def wrong(self, column: str | None, found: str, expected: str) -> None:
        """Note a fault; what a cell holds is told only where it is no text of a person."""
        self.faults.append(Fault(self.number, column, found, expected))

    def _columns(self) -> None:
        for column in self._cells:
            if column == MORE_CELLS:
                self.wrong(None, "more cells than columns", "quotes around what contains a comma")
            elif column.lower() in PERSONAL:
                self.wrong(column, "a personal detail", "none: name, address and birth are not recorded (Code A 4.3A)")
            elif column not in SHEET.columns:
                self.wrong(column[:40], "an unknown column", ", ".join(SHEET.columns))

    def _has_fault(self, column: str) -> bool:
        return any(fault.column == column for fault in self.faults)

    def _value(self, name: str) -> Any:
        if name in ("at", "until"):
            return self._time(name)
        if name in ("lat", "lon"):
            return self._number(name)
        if name in ("linked", "more_than_outer", "vehicle"):
            return self._flag(name)
        if name == "officers":
            return self._officers()
        if name in LIST_OF:
            kind: type[StrEnum] = w.Tactic if name == "tactics" else w.Ced
            return tuple(found for text in self._list(name) if (found := self._one_of(name, text, kind)) is not None)
        if (chosen := CHOICES.get(name)) is not None:
            text = self._text(name)
            return self._one_of(name, text, chosen) if text else None
        return self._text(name) or None

    def _text(self, name: str) -> str:
        value = self._cells.get(name)
        if value is None:
            return ""
        if not isinstance(value, str):
            self.wrong(name, f"a {type(value).__name__}", "text")
            return ""
        return value.strip()

    def _list(self, name: str) -> list[str]:
        value = self._cells.get(name)
        given = value if isinstance(value, list) else self._text(name).split(";")
        if not all(isinstance(each, str) for each in given):
            self.wrong(name, "something that is no text", "a list of texts")
            return []
        return [text for each in given if (text := each.strip())]

    def _one_of(self, name: str, text: str, kind: type[E]) -> E | None:
        said = text.strip().replace(" ", "_").replace("-", "_")
        for one in kind:
            if one.value.lower() == said.lower():
                return one
        self.wrong(name, repr(text[:40]), ", ".join(kind))
        return None

    def _officers(self) -> tuple[OfficerThere, ...]:
        value = self._cells.get("officers")
        if isinstance(value, list) and any(isinstance(each, dict) for each in value):
            return self._officers_with_roles(value)
        names = self._list("officers")
        return tuple(OfficerThere(name, w.Role.PRESENT if place else w.Role.LEAD) for place, name in enumerate(names))

    def _officers_with_roles(self, given: list[Any]) -> tuple[OfficerThere, ...]:
        found = []
        for each in given:
            if not (
                isinstance(each, dict) and isinstance(each.get("officer"), str) and set(each) <= {"officer", "role"}
            ):
                self.wrong("officers", "something else", 'each as {"officer": "PC-4711", "role": "lead"}')
                return ()
            role = self._one_of("officers", str(each.get("role") or w.Role.PRESENT), w.Role)
            found.append(OfficerThere(each["officer"].strip(), role or w.Role.PRESENT))
        return tuple(found)

    def _time(self, name: str) -> str | None:
        text = self._text(name)
        if not text:
            return None
        found = moment(text)
        if found is None:
            found = self._local(name, text)
        return None if found is None else found.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")

    def _local(self, name: str, text: str) -> datetime | None:
        """A time of England and Wales; one that the clocks show twice, or never, needs its offset."""
        try:
            naive = datetime.fromisoformat(text)
        except ValueError:
            self.wrong(name, repr(text[:40]), "a time such as 2026-11-22 21:04 (local), or 2026-11-22T21:04:00Z")
            return None
        early, late = (naive.replace(tzinfo=LONDON, fold=fold) for fold in (0, 1))
        if early.utcoffset() == late.utcoffset():
            return early
        again = late.astimezone(UTC).astimezone(LONDON).replace(tzinfo=None) == naive
        what = "a time that the clocks showed twice" if again else "a time that the clocks skipped"
        self.wrong(name, f"{text[:40]}, {what}", "it with its offset, such as 2026-10-25T01:30:00+01:00")
        return None

    def _number(self, name: str) -> float | None:
        value = self._cells.get(name)
        if isinstance(value, int | float) and not isinstance(value, bool):
            return float(value)
        text = self._text(name)
        if not text:
            return None
        try:
            return float(text)
        except ValueError:
            self.wrong(name, repr(text[:40]), "a number of degrees")
            return None

    def _flag(self, name: str) -> bool | None:
        value = self._cells.get(name)
        if isinstance(value, bool):
            return value
        text = self._text(name).lower()
        if not text:
            return None
        if text not in (*YES, *NO):
            self.wrong(name, repr(text[:40]), "yes or no")
            return None
        return text in YES


CHOICES: dict[str, type[StrEnum]] = {
    "kind": w.Kind,
    "power": w.Power,
    "object": w.Sought,
    "ethnicity": w.Ethnicity,
    "perceived": w.Perceived,
    "age_band": w.AgeBand,
    "gender": w.Gender,
    "outcome": w.Outcome,
}
"""Column → the words that it may hold."""
