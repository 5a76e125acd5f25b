"""A difference by name: what is found, what was expected, what it is likely to come from, and what to do."""

from __future__ import annotations

from msgspec import Struct

from workers.operations.statement import Difference
from workers.operations.violation import Kind, Violation


class Remedy(Struct, frozen=True):
    """What every difference of one kind has in common."""

    expected: str
    cause: str
    action: str


REMEDIES = {
    Kind.LOST: Remedy(
        "each declared recording is in the vault, in quarantine, disposed of with a certificate, or on its camera",
        "its clip's row or its object was removed, or the camera lost it before it was stored",
        "secure camera and docking station as evidence; bwv trace the recording; tell the data controller today",
    ),
    Kind.NEVER_REPORTED: Remedy(
        "a dock reports each recording of its inventory within minutes",
        "the camera left its bay too early, or the dock or intake has stopped",
        "dock the camera again and wait for the green sign; look at bwv status and bwv dead-letters list",
    ),
    Kind.SUM: Remedy(
        "the bytes of each day and dock are those declared",
        "an object or an inventory has another size than the signed report",
        "look for another difference of the same day; bwv verify its clips",
    ),
    Kind.UNDECLARED: Remedy(
        "each clip's recording stands in a signed inventory of its camera",
        "an inventory was removed from the database, or a row was made by hand",
        "compare with the custody log (bwv trace); restore the inventory from it",
    ),
    Kind.STRAY: Remedy(
        "whatever lies in the vault belongs to a declared clip",
        "somebody wrote with a role's key, or the clip's row was removed",
        "do not delete it; find out whose key wrote it (the store's access log), then renew that key",
    ),
    Kind.MISSING: Remedy(
        "a settled clip has footage, sidecar and manifest",
        "the object was deleted, or the store lost it",
        "find out who deleted (the store's access log); restore it from the replica or from the camera's copy",
    ),
    Kind.VERSIONS: Remedy(
        "each key has one version",
        "somebody wrote the key again; the first version is still there and is the one that was verified",
        "keep both; find out whose key wrote the second; bwv verify the clip",
    ),
    Kind.MARKER: Remedy(
        "no key has a delete marker",
        "somebody deleted without a version id; the bytes are still there",
        "find out whose key did it; remove the marker alone, with two people",
    ),
    Kind.MANIFEST: Remedy(
        "a manifest names the versions and sizes that lie beside it",
        "the footage or the manifest was replaced",
        "keep all versions; bwv verify the clip; compare with its clips.secured entry (bwv trace)",
    ),
    Kind.BYTES: Remedy(
        "the bytes are those whose digest the manifest names",
        "the store's disk rots, or the bytes were replaced",
        "bwv verify the clip; restore it from the replica or from the camera if its copy is there",
    ),
    Kind.DAMAGED: Remedy(
        "what was verified stays as it was verified",
        "the store's disk rots, or an object was replaced or removed; a re-read has found it",
        "bwv verify the clip to see which chunks; restore it from the replica; tell the data controller",
    ),
    Kind.UPLOAD: Remedy(
        "no upload of a settled or unknown clip is open",
        "transfer was killed between two steps and has not swept since, or somebody uploads with its key",
        "transfer aborts its own within seconds of its next start; if it stays, renew transfer's key",
    ),
    Kind.LOCK: Remedy(
        "COMPLIANCE, at least until the date in the manifest and the custody log",
        "the store does not keep locks, or its metadata was changed from outside S3",
        "bwv store-check; set the lock again (it can only be extended); have the store's operators explain",
    ),
    Kind.GAP: Remedy(
        "a camera's running numbers have no gap",
        "recordings were deleted on the camera, or it was repaired or reset",
        "ask the officer and the camera's keeper; examine the camera; write down the answer",
    ),
    Kind.RECEIPT: Remedy(
        "a wipe receipt rests on a full read-back of what the dock signed",
        "a row or an event was changed by hand, or release's key was misused",
        "stop release; revoke its key if it was misused; bwv verify the clip",
    ),
    Kind.SIGNATURE: Remedy(
        "signed by an enrolled key of the right role",
        "the row was changed, or its key was removed from the enrolled keys",
        "compare with the custody log (bwv trace); have the dock examined",
    ),
    Kind.EVENT: Remedy(
        "every change of a clip's state is in the custody log",
        "relay or record has stopped, or a row was changed by hand",
        "look at bwv status; if both run, the change was made behind their back: compare row and log",
    ),
    Kind.CUSTODY: Remedy(
        "an append-only log without gaps whose leaves are the hashes of its entries",
        "entries were removed or rewritten in the database",
        "bwv custody verify; restore the log from the sealed bundles",
    ),
    Kind.CERTIFICATE: Remedy(
        "whatever was disposed of has a certificate that disposal signed and that names its decision",
        "the certificate was removed, or somebody else wrote it; the row was changed by hand",
        "compare with the clip's clips.disposed entry (bwv trace); tell the data controller; renew disposal's key",
    ),
    Kind.LEFT: Remedy(
        "nothing is left of a disposed clip but its certificate",
        "a transfer that slept has put it there; disposal looks again after the first lock, and deletes it",
        "wait for disposal's second look (bwv status); if it stays, find out whose key wrote it",
    ),
    Kind.OTHER: Remedy("every invariant holds", "unknown", "look at the clip with bwv trace and ask for help"),
}  # fmt: skip
"""Kind → what was expected, the likely cause, and what to do."""


def difference(violation: Violation) -> Difference:
    """Name a violation."""
    remedy = REMEDIES[violation.kind]
    return Difference(
        kind=violation.kind.value,
        subject=violation.subject,
        found=violation.reason,
        expected=remedy.expected,
        cause=remedy.cause,
        action=remedy.action,
    )
