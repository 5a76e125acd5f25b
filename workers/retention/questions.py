"""What is asked of the custody log about retention: a clip's past, the policy of a moment, what a day deleted."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

import msgspec
from msgspec import Struct

from workers.custody.entry import Entry
from workers.database.engine import Database, Row
from workers.fate.moves import FINAL
from workers.fate.row import Fate, find
from workers.keys.signing import EnrolledKey, Signed
from workers.retention.explaining import Explanation, Named, explain, past_of_row
from workers.retention.facts import Hold, hold_entry
from workers.retention.history import PAST_TYPES, past_of
from workers.retention.past import Told, hold_of
from workers.retention.policy import Policy, parse
from workers.retention.statements import Adoption, HoldRequest


async def explained_by_row(
    database: Database, clip_id: str, now: datetime, *, restricted: bool, named: Named = True
) -> Explanation | None:
    """Why a clip is as it is, by the row that decides; None where the log alone can tell."""
    found = await row_and_holds(database, clip_id)
    if found is None or found[0].disposal in FINAL:
        return None
    policies = await policies_until(database, now)
    seen = await database.fetch_one("SELECT waits FROM schedule WHERE clip_id = %s", (clip_id,))
    return explain(
        clip_id,
        past_of_row(*found),
        policies[-1] if policies else None,
        now,
        restricted=restricted,
        named=named,
        waits=seen["waits"] if seen else None,
    )


async def explained_by_log(
    database: Database, clip_id: str, at: datetime, *, restricted: bool, named: Named = True
) -> tuple[Explanation, int]:
    """Why a clip was as it was at a moment, by the custody log alone, and how many of its entries say so."""
    past = past_of(clip_id, await told_about(database, clip_id), at, await docks(database))
    policies = await policies_until(database, at)
    policy = policies[-1] if policies else None
    if past is not None and past.disposal in FINAL and past.decided is not None:
        version = past.decided.policy
        policy = next((other for other in policies if other.version == version), None)
    explained = explain(clip_id, past, policy, at, restricted=restricted, named=named)
    return explained, past.entries if past else 0


SAID_WHERE_IT_BELONGS = "COALESCE(topic, type) = type AND conflicts_with IS NULL"
"""In SQL: the topic is the one of its type, so that only who may write there can have said it. The topic goes with
the payload when a log is made again."""


async def told_about(database: Database, clip_id: str) -> list[Told]:
    """Every custody entry that says anything about a clip's retention, in the order of time and of the log."""
    rows = await database.fetch(
        "SELECT time, type, entry, payload FROM custody WHERE clip_id = %s AND type = ANY(%s)"
        f" AND {SAID_WHERE_IT_BELONGS} ORDER BY time, index",
        (clip_id, list(PAST_TYPES)),
    )
    return [_told(row) for row in rows]


def _told(row: Row) -> Told:
    header = msgspec.json.decode(row["entry"], type=Entry)
    readable = row["payload"] is not None and header.unreadable is None
    content: dict[str, Any] | None = msgspec.json.decode(row["payload"]) if readable else None
    return Told(row["time"], row["type"].removesuffix(".urgent"), header, content)


async def docks(database: Database) -> dict[str, EnrolledKey]:
    """The keys of all docks, by id."""
    rows = await database.fetch("SELECT id, role, owner, public FROM enrolled_keys WHERE role = 'dock'")
    return {row["id"]: msgspec.convert(row, EnrolledKey) for row in rows}


async def policies_until(database: Database, at: datetime) -> list[Policy]:
    """Every policy that was adopted by a moment, oldest first; the last was in force."""
    rows = await database.fetch(
        "SELECT payload FROM custody WHERE type = 'policies.adopted' AND time <= %s"
        f" AND {SAID_WHERE_IT_BELONGS} ORDER BY time, index",
        (at,),
    )
    adopted = [_adoption(row["payload"]) for row in rows]
    return [parse(adoption.toml, adoption.version) for adoption in sorted(adopted, key=lambda a: a.version)]


class _Adopted(Struct, frozen=True):
    adoption: Signed


def _adoption(payload: bytes) -> Adoption:
    return msgspec.json.decode(msgspec.json.decode(payload, type=_Adopted).adoption.body, type=Adoption)


async def row_and_holds(database: Database, clip_id: str) -> tuple[Fate, list[Hold]] | None:
    """A clip's row, and its holds with what their requests say; None where it has no row."""
    fate = await find(database, clip_id)
    if fate is None:
        return None
    entries = [hold_entry(entry) for entry in fate.hold_reasons]
    rows = await database.fetch(
        "SELECT hold_id, request FROM holds WHERE hold_id = ANY(%s)", ([hold.hold_id for hold in entries],)
    )
    asked = {row["hold_id"]: msgspec.json.decode(row["request"]["body"], type=HoldRequest) for row in rows}
    return fate, list(_with_requests(entries, asked))


def _with_requests(entries: Iterable[Hold], asked: Mapping[str, HoldRequest]) -> Iterable[Hold]:
    for hold in entries:
        request = asked.get(hold.hold_id)
        yield hold_of(hold.hold_id, hold.reason.value, request) if request else hold


class DisposedEntry(Struct, frozen=True):
    """An entry that tells of a finished disposal.

    Attributes:
        certificate: None where the entry cannot be read; that is a finding.
    """

    index: int
    clip_id: str
    time: datetime
    certificate: Signed | None


class _Gone(Struct, frozen=True):
    certificate: Signed


async def disposed_between(database: Database, since: datetime, until: datetime) -> list[DisposedEntry]:
    """Every disposal that the log has from one moment (included) to another (not), in the order of the log."""
    rows = await database.fetch(
        "SELECT index, clip_id, time, payload FROM custody WHERE type = 'clips.disposed' AND time >= %s AND time < %s"
        f" AND {SAID_WHERE_IT_BELONGS} ORDER BY index",
        (since, until),
    )
    return [DisposedEntry(row["index"], row["clip_id"] or "", row["time"], _gone(row["payload"])) for row in rows]


def _gone(payload: bytes | None) -> Signed | None:
    if payload is None:
        return None
    try:
        return msgspec.json.decode(payload, type=_Gone).certificate
    except msgspec.DecodeError:
        return None


async def disposal_of(database: Database, clip_id: str) -> DisposedEntry | None:
    """A clip's finished disposal, or None."""
    row = await database.fetch_one(
        "SELECT index, clip_id, time, payload FROM custody WHERE type = 'clips.disposed' AND clip_id = %s"
        f" AND {SAID_WHERE_IT_BELONGS} ORDER BY index LIMIT 1",
        (clip_id,),
    )
    return DisposedEntry(row["index"], clip_id, row["time"], _gone(row["payload"])) if row else None


async def unfinished(database: Database) -> list[str]:
    """Clips whose disposal is decided for good and that are not gone yet, the oldest decision first."""
    rows = await database.fetch("SELECT clip_id FROM clip_fate WHERE disposal = 'committed' ORDER BY moved_at, clip_id")
    return [row["clip_id"] for row in rows]
