"""Cases and their exhibits, made again from the custody log: each is the fold of its signed changes.

A change counts if a known person signed it, or the outcomes' service an outcome. What no key proves, or what may not
be done, is passed over and named; so is a change whose content was erased.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from itertools import groupby
from typing import Any

import msgspec
from msgspec import Struct

from workers.custody.entry import Entry
from workers.database.engine import Connection, Row, execute, fetch
from workers.errors import BwvError
from workers.keys.proving import proved
from workers.keys.signing import EnrolledKey, Role, Signed, check_signer
from workers.prosecution.cases.apply import apply
from workers.prosecution.cases.case import Case
from workers.prosecution.cases.case_holds import hold_of
from workers.prosecution.cases.cpia import not_before
from workers.prosecution.cases.outcomes import TOLD_BY
from workers.prosecution.cases.rows import store
from workers.prosecution.statements import CaseChange, CaseKind, OutcomeRecorded
from workers.retention.lifting import set_ends

Keys = Mapping[str, EnrolledKey]
IsMessage = Callable[[str, bytes], bool]

TYPES = ("cases.changed", "cases.review-due")


class RestoredCases(Struct, frozen=True):
    """What was made again.

    Attributes:
        passed_over: one sentence for each change that has no effect now, with its case and version.
        unplaced: signed requests for holds that the cases have and of which the log knows nothing: they were asked
            for when the database was lost, and are asked for again.
    """

    cases: int
    passed_over: tuple[str, ...]
    unplaced: tuple[Signed, ...]


class _Fold:
    """One case while its changes are read."""

    def __init__(self, case_id: str) -> None:
        self.case_id = case_id
        self.case: Case | None = None
        self.holds: dict[str, Signed] = {}
        self.passed_over: list[str] = []

    def take(self, content: dict[str, Any], keys: Keys) -> None:
        """One change, as the log has it."""
        version = int(content["version"])
        expected = 1 if self.case is None else self.case.version + 1
        if version < expected:
            self.pass_over(version, "another change has this number")
            return
        if version > expected:
            self.pass_over(expected, f"the log has nothing of it up to {version}")
        asked = _proved(content["change"], keys)
        if asked is None or asked.case_id != self.case_id:
            self.pass_over(version, "no known key signed it for this case")
            return
        try:
            changed = apply(self.case, asked)
        except BwvError as error:
            self.pass_over(version, str(error))
            return
        self.case = msgspec.structs.replace(changed, version=version)
        self.holds |= {hold_of(signed).hold_id: signed for signed in asked.holds}

    def pass_over(self, version: int | str, why: str) -> None:
        """Name a change that has no effect now."""
        name = self.case.urn if self.case is not None else self.case_id
        self.passed_over.append(f"change {version} of {name}: {why}")


async def restore_cases(connection: Connection, keys: Keys, is_message: IsMessage) -> RestoredCases:
    """Make every case and exhibit again, and give their holds the end that they had.

    Called after every hold is entered.

    Args:
        keys: by id, with those of the services; one that was revoked since still proves what it signed before.
        is_message: whether bytes are a message of the type that a topic carries; what is not had no effect.
    """
    rows = await fetch(
        connection,
        "SELECT type, topic, time, entry, payload FROM custody WHERE type = ANY(%s) AND conflicts_with IS NULL"
        " AND entry::jsonb->>'unreadable' IS NULL ORDER BY entry::jsonb->>'subject', index",
        (list(TYPES),),
    )
    count, passed_over, unplaced = 0, [], []
    for case_id, group in groupby(rows, key=lambda row: msgspec.json.decode(row["entry"], type=Entry).subject):
        told = list(group)
        fold = _folded(case_id, told, keys, is_message)
        passed_over += fold.passed_over
        if fold.case is None:
            continue
        count += 1
        await store(connection, fold.case)
        await _reviews_told(connection, fold.case, told)
        unplaced += await _with_ends(connection, fold)
    return RestoredCases(count, tuple(passed_over), tuple(unplaced))


def _folded(case_id: str, told: Iterable[Row], keys: Keys, is_message: IsMessage) -> _Fold:
    fold = _Fold(case_id)
    changes: list[dict[str, Any]] = []
    for row in told:
        if row["type"] != "cases.changed":
            continue
        if row["payload"] is None:
            fold.pass_over("(number unknown)", f"told at {row['time']:%Y-%m-%d %H:%M %Z}, its content was erased")
        elif is_message(row["topic"], row["payload"]):
            changes.append(msgspec.json.decode(row["payload"]))
    for content in sorted(changes, key=lambda content: int(content["version"])):
        fold.take(content, keys)
    return fold


def _proved(change: Any, keys: Keys) -> CaseChange | None:
    """What a person signed for themselves, or a service of an outcome."""
    asked = proved(change, CaseChange, Role.PERSON, keys)
    if asked is None:
        asked = proved(change, CaseChange, Role.SERVICE, keys)
        if asked is not None and not (asked.by == TOLD_BY and isinstance(asked.change, OutcomeRecorded)):
            return None
    if asked is None:
        return None
    try:
        check_signer(asked.by, msgspec.convert(change, Signed))
    except BwvError:
        return None
    return asked


async def _reviews_told(connection: Connection, case: Case, told: Iterable[Row]) -> None:
    for row in told:
        if row["type"] == "cases.review-due" and row["payload"] is not None:
            due_at = msgspec.json.decode(row["payload"])["due_at"]
            await execute(
                connection,
                "UPDATE cases SET review_told_at = %s WHERE case_id = %s AND review_from = %s::timestamptz",
                (row["time"], case.case_id, due_at),
            )


async def _with_ends(connection: Connection, fold: _Fold) -> list[Signed]:
    """Give the case's holds their end; returns the requests of those that were never placed."""
    case = fold.case
    assert case is not None
    if case.kind is CaseKind.PROSECUTION:
        await set_ends(connection, fold.holds, case.version, not_before(case))  # those of a closed case too
    rows = await fetch(connection, "SELECT hold_id FROM holds WHERE hold_id = ANY(%s)", (list(case.holds),))
    there = {row["hold_id"] for row in rows}
    return [fold.holds[hold] for hold in case.holds if hold not in there and hold in fold.holds]
