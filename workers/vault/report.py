"""What a check of the store found, fit to be shown to people and to be kept."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from workers.errors import ConfigurationInvalid
from workers.vault.values import ChunkProtection


class Level(enum.Enum):
    """What follows when a check fails."""

    MUST = "must"
    """Ingest does not start."""
    SHOULD = "should"
    """Ingest works around it; the row says how."""


@dataclass(frozen=True, slots=True)
class Row:
    """One check.

    Args:
        name: stable, for scripts.
        sentence: what is true of the store if it passed.
        seen: what the store answered.
        advice: what to do if it failed.
    """

    name: str
    level: Level
    sentence: str
    passed: bool
    seen: str
    advice: str


@dataclass(frozen=True, slots=True)
class StoreReport:
    """The outcome of a run.

    Args:
        protection: how chunks are to be protected on this store; None if it checks nothing.
        seconds: how long the run took.
    """

    endpoint: str
    bucket: str
    rows: tuple[Row, ...]
    protection: ChunkProtection | None
    seconds: float

    @property
    def passed(self) -> bool:
        """May ingest use this store? Nothing checked is not a pass."""
        return bool(self.rows) and self.protection is not None and not self.failures(Level.MUST)

    def failures(self, level: Level) -> tuple[Row, ...]:
        """Rows of a level that did not pass."""
        return tuple(row for row in self.rows if row.level is level and not row.passed)

    def row(self, name: str) -> Row:
        """The row of that name.

        Raises:
            KeyError: no such check was run.
        """
        for row in self.rows:
            if row.name == name:
                return row
        raise KeyError(name)

    def demand(self) -> ChunkProtection:
        """How to protect chunks, if ingest may use this store.

        Raises:
            ConfigurationInvalid: a must check failed; the message names the first and what to do.
        """
        for row in self.failures(Level.MUST):
            raise ConfigurationInvalid(
                f"the store at {self.endpoint} is not fit for evidence: {row.name} failed. Expected: "
                f"{row.sentence} Seen: {row.seen}. {row.advice}"
            )
        if self.protection is None:
            raise ConfigurationInvalid(f"the store at {self.endpoint} was not checked")
        return self.protection
