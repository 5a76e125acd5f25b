"""What the reference server keeps: submissions, items, rules and outcomes in SQLite, files beside it.

Everything that was answered is on disk, so that a server that was killed goes on where it was.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from workers.errors import ConfigurationInvalid
from workers.prosecution.gateway.contract import ItemState, Outcome, State
from workers.prosecution.gateway.stub.script import Rule, Submitted

TABLES = """
CREATE TABLE IF NOT EXISTS submissions (
    id TEXT PRIMARY KEY, attempt INTEGER NOT NULL, state TEXT NOT NULL, manifest BLOB NOT NULL, sha256 TEXT NOT NULL,
    verdict BLOB, complete_at REAL, receipt_id TEXT, answers INTEGER NOT NULL DEFAULT 0);
CREATE TABLE IF NOT EXISTS items (
    id TEXT NOT NULL, n INTEGER NOT NULL, wanted_sha256 TEXT NOT NULL, wanted_size INTEGER NOT NULL,
    sha256 TEXT, size INTEGER, state TEXT NOT NULL, url TEXT, PRIMARY KEY (id, n));
CREATE TABLE IF NOT EXISTS rules (place INTEGER PRIMARY KEY, rule BLOB NOT NULL, left_over INTEGER, until REAL);
CREATE TABLE IF NOT EXISTS outcomes (seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, outcome BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS done (what TEXT PRIMARY KEY, times INTEGER NOT NULL);
"""

PART = "."
"""What the name of a file begins with that is not all there yet."""


class Kept(Struct, frozen=True):
    """A submission as it is kept.

    Attributes:
        verdict: rule that decides about it, chosen when it was complete; None: accept.
        complete_at: seconds since 1970.
        answers: how often a final receipt was given.
    """

    id: str
    attempt: int
    state: State
    manifest: bytes
    sha256: str
    verdict: Rule | None
    complete_at: float | None
    receipt_id: str | None
    answers: int

    @property
    def about(self) -> Submitted:
        """What rules look at."""
        manifest = msgspec.json.decode(self.manifest)
        return Submitted(self.id, str(manifest["case"]["urn"]), str(manifest["purpose"]))


class KeptItem(Struct, frozen=True):
    """An item as it is kept; `wanted_…` as the manifest has it."""

    n: int
    wanted_sha256: str
    wanted_size: int
    sha256: str | None
    size: int | None
    state: ItemState
    url: str | None


class Shelf:
    """One folder.

    Args:
        folder: is made; holds `gateway.db` and `items/<submission>/<n>`.
    """

    def __init__(self, folder: Path) -> None:
        self.files = folder / "items"
        self.files.mkdir(parents=True, exist_ok=True)
        for part in self.files.glob(f"*/{PART}*"):
            part.unlink()  # a server that was killed was still receiving it
        try:
            self._db = sqlite3.connect(folder / "gateway.db", isolation_level=None)
            self._db.row_factory = sqlite3.Row
            self._db.execute("PRAGMA journal_mode = WAL")
            self._db.executescript(TABLES)
        except sqlite3.DatabaseError as error:
            raise ConfigurationInvalid(f"{folder}/gateway.db: not the database of a gateway: {error}") from error

    def close(self) -> None:
        """Close the database."""
        self._db.close()

    @contextmanager
    def changing(self) -> Iterator[None]:
        """Everything inside the block is kept, or nothing of it."""
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")

    # -- submissions ---------------------------------------------------------------------------------------

    def find(self, submission: str) -> Kept | None:
        """The submission, or None."""
        row = self._db.execute("SELECT * FROM submissions WHERE id = ?", (submission,)).fetchone()
        if row is None:
            return None
        verdict = msgspec.json.decode(row["verdict"], type=Rule) if row["verdict"] else None
        return Kept(**{**dict(row), "state": State(row["state"]), "verdict": verdict})

    def items(self, submission: str) -> list[KeptItem]:
        """Its items in order."""
        rows = self._db.execute("SELECT * FROM items WHERE id = ? ORDER BY n", (submission,))
        return [msgspec.convert({key: row[key] for key in KeptItem.__struct_fields__}, KeptItem) for row in rows]

    def add(self, submission: str, attempt: int, manifest: bytes, sha256: str, items: list[dict[str, Any]]) -> None:
        """A new submission of which only the manifest is there."""
        self._db.execute(
            "INSERT INTO submissions (id, attempt, state, manifest, sha256) VALUES (?, ?, ?, ?, ?)",
            (submission, attempt, State.RECEIVING, manifest, sha256),
        )
        self._db.executemany(
            "INSERT INTO items (id, n, wanted_sha256, wanted_size, state) VALUES (?, ?, ?, ?, ?)",
            [(submission, item["n"], item["sha256"], item["size"], ItemState.MISSING) for item in items],
        )

    def change(self, submission: str, **columns: Any) -> None:
        """Set columns of a submission."""
        self._set("submissions", columns, "id = :id_", {"id_": submission})

    def change_item(self, submission: str, n: int, **columns: Any) -> None:
        """Set columns of an item."""
        self._set("items", columns, "id = :id_ AND n = :n_", {"id_": submission, "n_": n})

    def forget(self, submission: str) -> None:
        """As if it had never come."""
        self._db.execute("DELETE FROM submissions WHERE id = ?", (submission,))
        self._db.execute("DELETE FROM items WHERE id = ?", (submission,))

    def states(self) -> dict[str, str]:
        """Id → state of every submission."""
        return {row["id"]: row["state"] for row in self._db.execute("SELECT id, state FROM submissions ORDER BY id")}

    # -- rules, outcomes, counts ---------------------------------------------------------------------------

    def add_rules(self, rules: tuple[Rule, ...], now: float) -> None:
        """Put rules behind those that are there."""
        for rule in rules:
            until = now + rule.seconds if rule.do == "away" and rule.seconds else None
            left = None if rule.times == 0 or until is not None else rule.times
            self._db.execute(
                "INSERT INTO rules (rule, left_over, until) VALUES (?, ?, ?)", (msgspec.json.encode(rule), left, until)
            )

    def rules(self, now: float) -> list[tuple[int, Rule]]:
        """Rules that may still be taken, in their order, each with its place."""
        rows = self._db.execute(
            "SELECT place, rule, left_over FROM rules WHERE (left_over IS NULL OR left_over > 0)"
            " AND (until IS NULL OR until > ?) ORDER BY place",
            (now,),
        )
        found = [(row["place"], row["left_over"], msgspec.json.decode(row["rule"], type=Rule)) for row in rows]
        return [(place, msgspec.structs.replace(rule, times=left or 0)) for place, left, rule in found]

    def take_rule(self, place: int) -> None:
        """A rule was taken once."""
        self._db.execute("UPDATE rules SET left_over = left_over - 1 WHERE place = ?", (place,))

    def forget_rules(self) -> None:
        """Take all rules away."""
        self._db.execute("DELETE FROM rules")

    def add_outcomes(self, outcomes: tuple[Outcome, ...]) -> None:
        """Give these outcomes from now on; the same id is given once."""
        for outcome in outcomes:
            self._db.execute(
                "INSERT OR IGNORE INTO outcomes (id, outcome) VALUES (?, ?)", (outcome.id, msgspec.json.encode(outcome))
            )

    def outcomes(self, after: int, most: int) -> list[tuple[int, Outcome]]:
        """Outcomes behind a place, oldest first."""
        rows = self._db.execute("SELECT seq, outcome FROM outcomes WHERE seq > ? ORDER BY seq LIMIT ?", (after, most))
        return [(row["seq"], msgspec.json.decode(row["outcome"], type=Outcome)) for row in rows]

    def count(self, what: str) -> None:
        """Something was done once more."""
        self._db.execute(
            "INSERT INTO done (what, times) VALUES (?, 1) ON CONFLICT (what) DO UPDATE SET times = times + 1", (what,)
        )

    def done(self) -> dict[str, int]:
        """How often everything was done."""
        return {row["what"]: row["times"] for row in self._db.execute("SELECT what, times FROM done ORDER BY what")}

    def _set(self, table: str, columns: dict[str, Any], where: str, found: dict[str, Any]) -> None:
        sets = ", ".join(f"{column} = :{column}" for column in columns)
        self._db.execute(f"UPDATE {table} SET {sets} WHERE {where}", {**columns, **found})
