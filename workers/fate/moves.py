"""Every move that a clip can make: from where, by whom, under which condition, with which event.

This table is the only source of the transitions. `workers/fate/row.py` turns a move into one statement, a
compare-and-set on the row together with its event; the model checker of the tests explores the same table.
The rules are those of docs/life-of-a-clip.md.

A move is written as what the row must be (`when`), what it becomes (`sets`), and which topics tell of it.
`same` names columns that must still have the value that the mover saw: a mover that slept, or a second one
beside it, finds them changed and is refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from msgspec import Struct


class Standing(StrEnum):
    """How far a clip has come; its furthest state."""

    REGISTERED = "registered"
    SECURED = "secured"
    VERIFIED = "verified"
    RELEASED = "released"
    QUARANTINED = "quarantined"
    DAMAGED = "damaged"


class CameraCopy(StrEnum):
    """What became of the recording on the camera."""

    PRESENT = "present"
    WIPED = "wiped"
    UNKNOWN = "unknown"


class Disposal(StrEnum):
    """How far disposal has come; null before it is intended."""

    INTENDED = "intended"
    COMMITTED = "committed"
    DONE = "done"


NEXT = "next attempt"
"""In `sets`: the attempt becomes one higher."""

MOST_ATTEMPTS = 5
"""After so many attempts nothing starts by itself: alarm, the recording stays on the camera."""

FINAL = (Disposal.COMMITTED, Disposal.DONE)
"""Decided for good: nothing brings the clip back."""

NOT_COMMITTED = (None, Disposal.INTENDED)
"""Disposal has not been committed, so the clip may still move."""


class Move(Struct, frozen=True):
    """One allowed transition of a clip's row.

    Attributes:
        name: verb.
        by: the stage that may make it.
        when: column → values it may have before.
        sets: column → value it has afterwards (None clears it, NEXT counts up).
        same: columns that must equal what the mover saw.
        gives: columns that the mover fills in.
        events: topics that tell of it, in order.
    """

    name: str
    by: str
    when: Mapping[str, tuple[Any, ...]]
    sets: Mapping[str, Any]
    same: tuple[str, ...] = ()
    gives: tuple[str, ...] = ()
    events: tuple[str, ...] = ()

    def allows(self, row: Mapping[str, Any], seen: Mapping[str, Any]) -> bool:
        """Whether `row` permits this move to a mover that saw `seen`."""
        return all(row[column] in allowed for column, allowed in self.when.items()) and all(
            row[column] == seen[column] for column in self.same
        )

    def applied(self, row: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
        """The row after the move; pure, for the model checker and the fake."""
        after = dict(row)
        for column, value in self.sets.items():
            after[column] = row["attempt"] + 1 if value == NEXT else value
        after.update({column: given[column] for column in self.gives})
        if "hold_reasons" in self.gives:
            after["held"] = bool(after["hold_reasons"])  # the table generates it
        return after


REGISTERED = {"standing": (Standing.REGISTERED,), "disposal": NOT_COMMITTED, "verified_version": (None,)}
SECURED = {"standing": (Standing.SECURED,), "disposal": NOT_COMMITTED, "verified_version": (None,)}

RELOCATE = Move(
    "relocate",
    by="intake",
    when={"standing": tuple(s for s in Standing if s is not Standing.RELEASED)},
    sets={},
    same=("docking",),
    gives=("docking", "report"),
)
"""The camera was docked again: remember where its recording can be read now."""

RESTART = Move(
    "restart",
    by="intake",
    when=REGISTERED | {"interrupted": (True,)},
    sets={"interrupted": False},
    same=("attempt", "docking"),
    events=("clips.registered",),
)
"""A dock repeats its report and the transfer had ended: it starts again from what the vault has."""

HASTEN = Move(
    "hasten",
    by="intake",
    when=REGISTERED | {"urgent": (False,), "attempt": tuple(range(1, MOST_ATTEMPTS + 1))},
    sets={"urgent": True},
    same=("attempt",),
    events=("clips.registered.urgent",),
)
"""A person asked for the urgent lane. An exhausted clip does not start again by being urgent."""

SECURE = Move(
    "secure",
    by="transfer",
    when=REGISTERED,
    sets={"standing": Standing.SECURED, "interrupted": False},
    same=("attempt",),
    gives=("stored_version",),
    events=("clips.secured",),
)
"""Bytes pulled, length and SHA-256 equal the declaration, stored, locked, manifest written."""

INTERRUPT = Move(
    "interrupt",
    by="transfer",
    when=REGISTERED | {"interrupted": (False,)},
    sets={"interrupted": True},
    same=("attempt", "docking"),
    events=("clips.transfer-interrupted",),
)
"""The dock has gone. The dock's next report starts it again."""

TRY_AGAIN = Move(
    "try again",
    by="transfer",
    when=REGISTERED | {"attempt": tuple(range(1, MOST_ATTEMPTS))},
    sets={"attempt": NEXT, "interrupted": False},
    same=("attempt",),
    events=("clips.registered",),
)
"""Put-if-absent found other bytes under this attempt's key (412): the next attempt has a key of its own."""

QUARANTINE = Move(
    "quarantine",
    by="transfer",
    when=REGISTERED,
    sets={"standing": Standing.QUARANTINED, "interrupted": False},
    same=("attempt",),
    gives=("quarantine",),
    events=("clips.quarantined",),
)
"""Digest or length differed after a second full read, or the name was taken by other bytes."""

RECOGNISE_DISPOSED = Move(
    "recognise disposed",
    by="transfer",
    when=REGISTERED | {"disposal": (None,)},
    sets={"disposal": Disposal.DONE, "camera_copy": CameraCopy.UNKNOWN},
    same=("attempt",),
    events=("receipts.requested",),
)
"""A certificate of disposal lies in the vault, so the row was lost and made again: nothing is stored again,
release answers from the certificate, and whether the camera was wiped before is not known."""

VERIFY = Move(
    "verify",
    by="verification",
    when=SECURED,
    sets={"standing": Standing.VERIFIED},
    same=("attempt", "stored_version"),
    gives=("verified_version",),
    events=("clips.verified",),
)
"""Full read by version id, other credentials, new connection: the digest is the one the dock signed."""

FAIL_READBACK = Move(
    "fail read-back",
    by="verification",
    when=SECURED | {"attempt": tuple(range(1, MOST_ATTEMPTS))},
    sets={"standing": Standing.REGISTERED, "attempt": NEXT, "stored_version": None},
    same=("attempt", "stored_version"),
    events=("clips.readback-failed", "clips.registered"),
)
"""What came back is not what was declared. The failed attempt stays visible, the next one begins."""

EXHAUST = Move(
    "exhaust",
    by="verification",
    when=SECURED | {"attempt": (MOST_ATTEMPTS,)},
    sets={"standing": Standing.REGISTERED, "attempt": NEXT, "stored_version": None},
    same=("attempt", "stored_version"),
    events=("clips.readback-failed",),
)
"""The last attempt failed too: alarm, the recording stays on the camera."""

RELEASE = Move(
    "release",
    by="release",
    when={"standing": (Standing.VERIFIED,), "disposal": NOT_COMMITTED},
    sets={"standing": Standing.RELEASED},
    same=("verified_version",),
    gives=("receipt",),
    events=("clips.released",),
)
"""Verified in as many stores as the force asks: the wipe receipt is signed."""

NOTE_WIPED = Move(
    "note wiped",
    by="release",
    when={
        "standing": (Standing.RELEASED, Standing.DAMAGED),
        "camera_copy": (CameraCopy.PRESENT, CameraCopy.UNKNOWN),
    },
    sets={"camera_copy": CameraCopy.WIPED},
)
"""The dock reports that it erased the recording; its own event tells of it. The receipt may have reached the dock
before the damage was found."""

NOTE_WIPED_AFTER_DISPOSAL = Move(
    "note wiped after disposal",
    by="release",
    when={"disposal": FINAL, "camera_copy": (CameraCopy.PRESENT, CameraCopy.UNKNOWN)},
    sets={"camera_copy": CameraCopy.WIPED},
)
"""The same for a recording whose receipt is in its certificate of disposal."""

DAMAGE = Move(
    "damage",
    by="scrub",
    when={"standing": (Standing.VERIFIED, Standing.RELEASED), "disposal": NOT_COMMITTED},
    sets={"standing": Standing.DAMAGED},
    same=("verified_version",),
    events=("clips.damaged",),
)
"""A later re-read of the verified version differs, or the version is gone: kept, alarm. No receipt is given from
now on, so a recording that is still on its camera stays there; holds and disposal treat it like any other."""

DECIDE_QUARANTINE = Move(
    "decide quarantine",
    by="intake",
    when={"standing": (Standing.QUARANTINED,), "decision": (None,)},
    sets={},
    gives=("decision",),
)
"""A person accepted the bytes as they are, or left them in quarantine; the signed decision is the event."""

PLACE_HOLD = Move(
    "place hold",
    by="holds",
    when={"disposal": NOT_COMMITTED},
    sets={"disposal": None, "intended_at": None, "intent": None, "dispose_from": None},
    same=("hold_reasons",),
    gives=("hold_reasons",),
    events=("holds.accepted",),
)
"""From this commit on the clip is protected, whatever the store does; what was in the bin is out of it."""

LIFT_HOLD = Move(
    "lift hold",
    by="holds",
    when={"disposal": NOT_COMMITTED, "held": (True,)},
    sets={},
    same=("hold_reasons",),
    gives=("hold_reasons",),
    events=("holds.lifted",),
)
"""Nothing happens at the store: its legal hold comes off in disposal alone, after the commit."""

CATEGORISE = Move(
    "categorise",
    by="retention",
    when={"disposal": NOT_COMMITTED},
    sets={"disposal": None, "intended_at": None, "intent": None, "dispose_from": None},
    same=("facts",),
    gives=("facts",),
    events=("clips.categorised",),
)
"""A person gave or confirmed a category."""

CORRECT_TIME = Move(
    "correct time",
    by="retention",
    when={"disposal": NOT_COMMITTED},
    sets={"disposal": None, "intended_at": None, "intent": None, "dispose_from": None},
    same=("facts",),
    gives=("facts",),
    events=("clips.time-corrected",),
)
"""A person corrected, or confirmed the correction of, the time of the recording."""

DECIDE_REVIEW = Move(
    "decide review",
    by="retention",
    when={"disposal": NOT_COMMITTED},
    sets={"disposal": None, "intended_at": None, "intent": None, "dispose_from": None},
    same=("facts",),
    gives=("facts",),
    events=("reviews.decided",),
)
"""A person ended a retention review."""

ALLOW_EARLY = Move(
    "allow early disposal",
    by="retention",
    when={"disposal": (None,)},
    sets={},
    same=("facts",),
    gives=("facts",),
    events=("disposals.early-approved",),
)
"""Accidental, private or privileged footage: an officer asked, data protection approved."""

INTEND = Move(
    "intend disposal",
    by="sweep",
    when={"disposal": (None,), "held": (False,)},
    sets={"disposal": Disposal.INTENDED},
    same=("facts", "standing"),
    gives=("intended_at", "intent", "dispose_from"),
    events=("disposals.intended",),
)
"""Its time has come: it is in the bin now, and a person can still take it out."""

RESTORE = Move(
    "restore",
    by="retention",
    when={"disposal": (Disposal.INTENDED,)},
    sets={"disposal": None, "intended_at": None, "intent": None, "dispose_from": None},
    same=("facts",),
    gives=("facts",),
    events=("disposals.cancelled",),
)
"""A person took it out of the bin, and said not before which day."""

WITHDRAW = Move(
    "withdraw intent",
    by="sweep",
    when={"disposal": (Disposal.INTENDED,)},
    sets={"disposal": None, "intended_at": None, "intent": None, "dispose_from": None},
    same=("intended_at",),
    events=("disposals.cancelled",),
)
"""Decided again before the commit, and its time has not come after all (another policy, a standing hold)."""

COMMIT = Move(
    "commit disposal",
    by="sweep",
    when={"disposal": (Disposal.INTENDED,), "held": (False,)},
    sets={"disposal": Disposal.COMMITTED},
    same=("facts", "standing", "intended_at", "lease_end"),
    events=("disposals.committed",),
)
"""The point of no return; nothing is deleted before the broker has confirmed the event."""

DISPOSE = Move(
    "dispose",
    by="disposal",
    when={"disposal": (Disposal.COMMITTED,)},
    sets={"disposal": Disposal.DONE},
    events=("clips.disposed",),
)
"""Nothing is left at the store, and the certificate lies there."""

RENEW_LEASE = Move(
    "renew lease",
    by="lease",
    when={
        "disposal": NOT_COMMITTED,
        "standing": (Standing.VERIFIED, Standing.RELEASED, Standing.DAMAGED, Standing.QUARANTINED),
    },
    sets={},
    same=("lease_end",),
    gives=("lease_end",),
)
"""The absolute date stands in the row before any lock is set to it: a late call can set no date that the row
does not know."""

CONFIRM_LEASE = Move(
    "confirm lease",
    by="lease",
    when={"disposal": NOT_COMMITTED},
    sets={},
    same=("lease_end",),
    gives=("lease_confirmed",),
)
"""Every version was seen to be locked until then."""

MOVES = (
    RELOCATE,
    RESTART,
    HASTEN,
    SECURE,
    INTERRUPT,
    TRY_AGAIN,
    QUARANTINE,
    RECOGNISE_DISPOSED,
    VERIFY,
    FAIL_READBACK,
    EXHAUST,
    RELEASE,
    NOTE_WIPED,
    NOTE_WIPED_AFTER_DISPOSAL,
    DAMAGE,
    DECIDE_QUARANTINE,
    PLACE_HOLD,
    LIFT_HOLD,
    CATEGORISE,
    CORRECT_TIME,
    DECIDE_REVIEW,
    ALLOW_EARLY,
    INTEND,
    RESTORE,
    WITHDRAW,
    COMMIT,
    DISPOSE,
    RENEW_LEASE,
    CONFIRM_LEASE,
)
