"""What a stage answers to a person's request: written in the transaction that decides, read by whoever asked."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

import msgspec
from msgspec import Struct

from workers.database.engine import Connection, Database, execute


class Verdict(StrEnum):
    """How a request ended, so far."""

    DONE = "done"
    PENDING = "pending"
    REFUSED = "refused"


class Answer(Struct, frozen=True):
    """An answer.

    Attributes:
        says: one sentence for the person.
        details: what a script would read.
    """

    verdict: Verdict
    says: str
    details: dict[str, Any] | None = None


async def answer(connection: Connection, request: str, stage: str, given: Answer) -> None:
    """Answer a request; what was said last counts, so that PENDING can become DONE.

    Args:
        request: event id of the request.
    """
    details = None if given.details is None else msgspec.json.encode(given.details).decode()
    await execute(
        connection,
        "INSERT INTO answers (request, stage, verdict, says, details) VALUES (%s, %s, %s, %s, %s)"
        " ON CONFLICT (request) DO UPDATE SET verdict = EXCLUDED.verdict, says = EXCLUDED.says,"
        " details = EXCLUDED.details, at = now()",
        (request, stage, given.verdict, given.says, details),
    )


async def answer_to(database: Database, request: str) -> Answer | None:
    """The answer to a request, or None while no stage has taken it."""
    row = await database.fetch_one("SELECT verdict, says, details FROM answers WHERE request = %s", (request,))
    return msgspec.convert(row, Answer) if row else None
