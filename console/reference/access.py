"""Who reads and who writes which topic: one principal a stage, a dock, a person's command line.

A stage writes directly only what is no move of a clip; every move's event goes through the outbox, so it is
the relay that writes it. A dock may write reports and read answers, nothing else (safety.md §5).
"""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from console.reference.schemas import COMMENT
from streams.listening import LISTENS
from streams.topics import STAGES_WITH_DEAD_LETTERS, TOPICS, dead_letters_of, full_name
from workers.fate.moves import MOVES

NAMESPACE = "bwv"


class Access(Struct, frozen=True):
    """What one principal may do.

    Attributes:
        reads, writes: topics without the namespace.
        group: commits offsets under a consumer group of its own name.
        sees_topics: describes topics and their properties, which a stage checks before it starts.
        each: one principal for each of these ("dock"), named after it.
        watches: reads dead letters, the age of what waits, and describes every group: it looks at lag.
    """

    reads: tuple[str, ...] = ()
    writes: tuple[str, ...] = ()
    group: bool = True
    sees_topics: bool = True
    each: str = ""
    watches: bool = False


def _told_by_moves() -> tuple[str, ...]:
    told = {topic for move in MOVES for topic in move.events}
    twins = {topic.name for topic in TOPICS if topic.name.endswith(".urgent") and topic.name[: -len(".urgent")] in told}
    return tuple(topic.name for topic in TOPICS if topic.name in told | twins)


TOLD_BESIDE_MOVES = (
    "cameras.gap-found",
    "custody.sealed",
    "policies.adopted",
    "reviews.due",
    "sweeps.stopped",
    "sweeps.decided",
    "holds.placed",
    "holds.refused",
    "holds.standing-placed",
    "holds.standing-lifted",
    "holds.lift-asked",
    "holds.cleared",
    "requests.refused",
    "cases.requested",
    "cases.changed",
    "cases.end-set",
    "cases.review-due",
    "holds.requested",
    "holds.lift-requested",
    "derivatives.made",
    "derivatives.failed",
    "submissions.prepared",
    "clips.submitted",
    "submissions.sent",
    "submissions.returned",
    "submissions.acknowledged",
    "submissions.rejected",
    "submissions.partial",
    "submissions.contradicted",
    "submissions.overdue",
    "links.changed",
    "encounters.recorded",
    "encounters.reasoned",
    "encounters.joined",
    "scrutiny.recorded",
    "complaints.end-set",
)
"""Events of what is decided in one transaction with its outbox entry and is no move of a clip's row."""

ACCESS = {
    "intake": Access(
        reads=LISTENS["intake"],
        writes=("uploads.rejected",),
    ),
    "transfer": Access(
        reads=LISTENS["transfer"],
        writes=("transfers.progressed",),
    ),
    "verification": Access(
        reads=LISTENS["verification"],
        writes=("transfers.progressed",),
    ),
    "release": Access(
        reads=LISTENS["release"],
        writes=("clips.released", "uploads.rejected"),
    ),
    "probe": Access(reads=LISTENS["probe"], writes=("clips.probed",)),
    "record": Access(reads=LISTENS["record"]),
    "relay": Access(writes=(*_told_by_moves(), *TOLD_BESIDE_MOVES), group=False),
    "scrub": Access(writes=("clips.reread",), group=False, sees_topics=False),
    "retention": Access(
        reads=LISTENS["retention"],
    ),
    "sweep": Access(group=False),
    "holds": Access(
        reads=LISTENS["holds"],
        writes=("holds.matched",),
    ),
    "disposal": Access(reads=LISTENS["disposal"]),
    "lease": Access(group=False, sees_topics=False),
    "cases": Access(reads=LISTENS["cases"]),
    "derivation": Access(reads=LISTENS["derivation"], writes=("transfers.progressed",)),
    "prosecution": Access(
        reads=LISTENS["prosecution"],
    ),
    "receipts": Access(group=False, sees_topics=False),
    "links": Access(reads=LISTENS["links"], writes=("links.opened",)),
    "alarms": Access(group=False, watches=True),
    "encounters": Access(reads=LISTENS["encounters"]),
    "dock": Access(
        reads=("clips.released", "uploads.rejected", "clips.quarantined"),
        writes=("cameras.docked", "uploads.reported", "clips.wiped"),
        group=False,
        sees_topics=False,
        each="dock",
    ),
    "board": Access(
        writes=(
            "clips.consulted",
            "categories.requested",
            "holds.requested",
            "holds.lift-requested",
            "derivatives.requested",
        ),
        group=False,
        watches=True,
    ),
    "person": Access(
        writes=(
            "clips.viewing-set",
            "viewings.set",
            "clips.attributed",
            "clips.reread",
            "cameras.issued",
            "cameras.returned",
            "urgency.requested",
            "quarantine.decided",
            "keys.enrolled",
            "keys.revoked",
            "reconciliations.stated",
            "categories.requested",
            "corrections.requested",
            "policies.requested",
            "reviews.requested",
            "disposals.early-requested",
            "restores.requested",
            "sweeps.requested",
            "holds.requested",
            "holds.lift-requested",
            "cases.requested",
            "derivatives.requested",
            "submissions.requested",
            "submissions.requested.urgent",
            "submissions.retry-requested",
            "links.requested",
            "packages.built",
            "encounters.requested",
            "encounters.reason-requested",
            "scrutiny.requested",
            "misuse.consulted",
        ),
        group=False,
    ),
}
"""Stage, dock or person → what it reads and writes. Dead letters are added to every stage that has them."""


def writers_of(topic: str) -> list[str]:
    """Who writes a topic."""
    return [name for name, access in ACCESS.items() if topic in access.writes]


def readers_of(topic: str) -> list[str]:
    """Who reads a topic."""
    return [name for name, access in ACCESS.items() if topic in access.reads]


def acls() -> dict[str, Any]:
    """Every permission, as kafka-acls takes them. What is not listed is refused."""
    rows: list[dict[str, str]] = []
    for name, access in ACCESS.items():
        rows += _of(name, access)
    rows += _operator()
    return {"$comment": COMMENT, "namespace": NAMESPACE, "acls": rows}


def _of(name: str, access: Access) -> list[dict[str, str]]:
    principal = f"User:{NAMESPACE}-{name}" + ("-{DOCK}" if access.each else "")
    writes = list(access.writes)
    if name in STAGES_WITH_DEAD_LETTERS:
        writes.append(dead_letters_of(name))
    rows = [_row(principal, "READ", "TOPIC", full_name(NAMESPACE, topic)) for topic in access.reads]
    rows += [_row(principal, "WRITE", "TOPIC", full_name(NAMESPACE, topic)) for topic in writes]
    if access.group:
        rows.append(_row(principal, "READ", "GROUP", full_name(NAMESPACE, name)))
    if access.sees_topics:
        rows += [
            _row(principal, operation, "TOPIC", f"{NAMESPACE}.", "PREFIXED")
            for operation in ("DESCRIBE", "DESCRIBE_CONFIGS")
        ]
    return rows + (_watching(principal) if access.watches else [])


def _watching(principal: str) -> list[dict[str, str]]:
    """What whoever looks at lag needs (streams/lag_readings.py): how far each group is and who is in it, and when the
    first message that waits was appended, which Kafka tells only with the message. It joins no group."""
    prefix = f"{NAMESPACE}."
    return [
        _row(principal, "DESCRIBE", "GROUP", prefix, "PREFIXED"),
        _row(principal, "READ", "TOPIC", prefix, "PREFIXED"),
    ]


def _operator() -> list[dict[str, str]]:
    """Makes topics, looks at lag, and gives a dead letter back to the topic that it came from."""
    principal = f"User:{NAMESPACE}-operator"
    # Record reads everything and waits rather than giving a letter up; for its sake nobody may write everything.
    redriven = [stage for stage in STAGES_WITH_DEAD_LETTERS if stage != "record"]
    read_by_stages = {topic for stage in redriven for topic in ACCESS[stage].reads} | {
        dead_letters_of(stage) for stage in STAGES_WITH_DEAD_LETTERS
    }
    rows = [
        _row(principal, operation, "TOPIC", f"{NAMESPACE}.", "PREFIXED")
        for operation in ("CREATE", "DESCRIBE", "DESCRIBE_CONFIGS")
    ]
    rows += _watching(principal)
    rows += [_row(principal, "WRITE", "TOPIC", full_name(NAMESPACE, topic)) for topic in sorted(read_by_stages)]
    return rows


def _row(principal: str, operation: str, kind: str, name: str, pattern: str = "LITERAL") -> dict[str, str]:
    return {
        "principal": principal,
        "host": "*",
        "operation": operation,
        "permission": "ALLOW",
        "resource": kind,
        "pattern": pattern,
        "name": name,
    }
