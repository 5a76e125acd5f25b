"""Checks: who may do what. The whole table, role by action, is in the contract tests."""

from __future__ import annotations

from collections.abc import Iterable

from workers.vault import wire
from workers.vault.checksums import content_md5
from workers.vault.keys import SIDECAR
from workers.vault.lab import ANONYMOUS, Check, Lab
from workers.vault.probe import Reply
from workers.vault.report import Level


def _transfer_writes(lab: Lab) -> tuple[bool, str]:
    key, until = lab.key("by-transfer"), lab.until()
    reply = lab.role("transfer").put(key, b"x", wire.lock_headers(until) | {"If-None-Match": "*"})
    return reply.ok and lab.kept(key, reply.version_id, until), str(reply)


def _transfer_cannot_destroy(lab: Lab) -> tuple[bool, str]:
    key, version_id = lab.plain
    transfer = lab.role("transfer")
    lab.admin.about(key, version_id, "legal-hold", wire.legal_hold_body(True))
    off = transfer.about(key, version_id, "legal-hold", wire.legal_hold_body(False))
    shown = lab.admin.head(key, version_id).headers.get("x-amz-object-lock-legal-hold")
    lab.admin.about(key, version_id, "legal-hold", wire.legal_hold_body(False))
    delete = transfer.delete(key, version_id)
    marker = transfer.send("DELETE", key)
    there = lab.admin.head(key, version_id).ok and lab.admin.head(key).ok
    passed = _denied([off, delete, marker]) and shown == "ON" and there
    return passed, f"hold off {off}, delete {delete}, delete marker {marker}; still there: {there}"


def _verification_only_reads(lab: Lab) -> tuple[bool, str]:
    key, version_id = lab.plain
    role = lab.role("verification")
    got = role.send("GET", key, query={"versionId": version_id})
    others = [
        role.put(lab.key("by-verification"), b"x"),
        role.begin(lab.key("by-verification"))[0],
        role.delete(key, version_id),
        role.about(key, version_id, "legal-hold", wire.legal_hold_body(True)),
        role.about(key, version_id, "retention", wire.retention_body(lab.until())),
    ]
    return got.data == b"0123456789" and _denied(others), f"GET {got}; others {_statuses(others)}"


def _only_disposal_deletes(lab: Lab) -> tuple[bool, str]:
    key = lab.key("by-disposal")
    version_id = lab.admin.put(key, b"x").version_id
    roles = ("holds", "lease", "record", "prosecution", "derivation", "encounters")
    others = [lab.role(name).delete(key, version_id) for name in roles]
    mine = lab.role("disposal").delete(key, version_id)
    write = lab.role("disposal").put(key, b"x")
    gone = lab.admin.head(key, version_id).status == 404
    passed = _denied([*others, write]) and mine.ok and gone
    return passed, f"others {_statuses(others)}; disposal deletes {mine}, writes footage {write}"


def _encounters_only_reads_sidecars(lab: Lab) -> tuple[bool, str]:
    sidecar, (footage, version_id) = lab.key(SIDECAR), lab.plain
    lab.admin.put(sidecar, b"{}")
    role = lab.role("encounters")
    got = role.send("GET", sidecar)
    others = [
        role.send("GET", footage),
        role.send("GET", footage, query={"versionId": version_id}),
        role.put(lab.key("by-encounters"), b"x"),
    ]
    return got.data == b"{}" and _denied(others), f"GET {got}; others {_statuses(others)}"


def _strangers_are_refused(lab: Lab) -> tuple[bool, str]:
    key, version_id = lab.plain
    nobody = lab.role(ANONYMOUS)
    replies = [
        nobody.send("GET", key),
        nobody.send("PUT", lab.key("by-nobody"), headers={"Content-MD5": content_md5(b"x")}, body=b"x"),
        nobody.delete(key, version_id),
        nobody.send("GET", query={"versions": ""}),
    ]
    return _denied(replies), f"GET, PUT, DELETE, list: {_statuses(replies)}"


def may_not_delete(lab: Lab, role: str) -> tuple[bool, str]:
    """A delete by version id, of a version that does not exist, so that the answer tells the right alone."""
    reply = lab.role(role).delete(lab.key("never-written"), "0" * 32)
    return reply.status == 403, str(reply)


def _denied(replies: Iterable[Reply]) -> bool:
    return all(reply.status == 403 for reply in replies)


def _statuses(replies: Iterable[Reply]) -> str:
    return ", ".join(str(reply.status) for reply in replies)


_POLICIES = "Give each role its own key pair and its policy from deploy/policies/."

ROLE_CHECKS = (
    Check(
        "transfer-writes",
        Level.MUST,
        "Transfer may write locked footage.",
        _POLICIES,
        _transfer_writes,
    ),
    Check(
        "transfer-cannot-destroy",
        Level.MUST,
        "Transfer may neither delete footage nor take a legal hold off.",
        _POLICIES,
        _transfer_cannot_destroy,
    ),
    Check(
        "verification-only-reads",
        Level.MUST,
        "Verification may read footage by its version, and nothing else.",
        _POLICIES,
        _verification_only_reads,
    ),
    Check(
        "only-disposal-deletes",
        Level.MUST,
        "Of all roles at work only disposal may delete footage, and it may not write any.",
        _POLICIES,
        _only_disposal_deletes,
    ),
    Check(
        "encounters-only-reads-sidecars",
        Level.MUST,
        "Encounters may read the sidecar of a clip, and no footage.",
        _POLICIES,
        _encounters_only_reads_sidecars,
    ),
    Check(
        "strangers-refused",
        Level.MUST,
        "Without credentials nothing can be read, written, deleted or listed.",
        "Close the bucket to anonymous access.",
        _strangers_are_refused,
    ),
)
