"""Checks: versions, locks and holds."""

from __future__ import annotations

import time

from workers.vault import wire
from workers.vault.checksums import CRC_HEADER, content_md5, crc64nvme, encoded
from workers.vault.lab import Check, Lab
from workers.vault.probe import Reply
from workers.vault.report import Level
from workers.vault.values import Part

_NAMESPACE = 'xmlns="http://s3.amazonaws.com/doc/2006-03-01/"'


def versioning_is_on(lab: Lab) -> tuple[bool, str]:
    """GetBucketVersioning."""
    reply = lab.admin.send("GET", query={"versioning": ""})
    return b">Enabled<" in reply.data, f"{reply}, {_inside(reply.data, 'Status') or 'no status'}"


def object_lock_is_on(lab: Lab) -> tuple[bool, str]:
    """GetObjectLockConfiguration."""
    reply = lab.admin.send("GET", query={"object-lock": ""})
    return b">Enabled<" in reply.data, str(reply)


def _suspending_is_refused(lab: Lab) -> tuple[bool, str]:
    if not (versioning_is_on(lab)[0] and object_lock_is_on(lab)[0]):
        return False, "not tried: versions or Object Lock are off"
    reply = _set_versioning(lab, "Suspended")
    still_on, seen = versioning_is_on(lab)
    if not still_on:
        _set_versioning(lab, "Enabled")
    return reply.refused and still_on, f"{reply}; then versions {seen}"


def _set_versioning(lab: Lab, status: str) -> Reply:
    body = f"<VersioningConfiguration {_NAMESPACE}><Status>{status}</Status></VersioningConfiguration>".encode()
    headers = {"Content-MD5": content_md5(body)}
    return lab.admin.send("PUT", query={"versioning": ""}, headers=headers, body=body)


def lock_on_put_is_kept(lab: Lab) -> tuple[bool, str]:
    """PUT with lock headers, then HEAD."""
    key, version_id, until = lab.locked
    return lab.kept(key, version_id, until), f"asked for {until}, HEAD shows {_lock(lab, key, version_id)}"


def _lock_on_create_is_kept(lab: Lab) -> tuple[bool, str]:
    key, until, body = lab.key("locked-parts"), lab.until(), b"part"
    _, upload = lab.admin.begin(key, wire.lock_headers(until))
    crc = encoded(crc64nvme(body))
    sent = lab.admin.part(key, upload, body, {CRC_HEADER: crc})
    lab.admin.complete(key, upload, Part(1, len(body), sent.etag, crc64nvme(body)), {CRC_HEADER: crc})
    version_id = lab.admin.head(key).version_id
    return lab.kept(key, version_id, until), f"HEAD after Complete shows {_lock(lab, key, version_id)}"


def _lock_after_complete_is_kept(lab: Lab) -> tuple[bool, str]:
    key = lab.key("locked-parts")
    version_id, until = lab.admin.head(key).version_id, lab.until(lab.lock_seconds + 1)
    reply = lab.admin.about(key, version_id, "retention", wire.retention_body(until))
    return reply.ok and lab.kept(key, version_id, until), f"{reply}; HEAD shows {_lock(lab, key, version_id)}"


def _delete_is_refused(lab: Lab) -> tuple[bool, str]:
    key, version_id, until = lab.locked
    plain = lab.admin.delete(key, version_id)
    bypass = lab.admin.send(
        "DELETE",
        key,
        query={"versionId": version_id},
        headers={"x-amz-bypass-governance-retention": "true"},
    )
    kept = lab.kept(key, version_id, until)
    return plain.refused and bypass.refused and kept, f"{plain}, with bypass {bypass}; kept: {kept}"


def _shortening_is_refused(lab: Lab) -> tuple[bool, str]:
    key, version_id, until = lab.locked
    reply = lab.admin.about(key, version_id, "retention", wire.retention_body(lab.until(1)))
    kept = lab.kept(key, version_id, until)
    return reply.refused and kept, f"{reply}; lock unchanged: {kept}"


def _downgrade_is_refused(lab: Lab) -> tuple[bool, str]:
    key, version_id, until = lab.locked
    body = wire.retention_body(lab.until(lab.lock_seconds + 2), mode="GOVERNANCE")
    reply = lab.admin.about(key, version_id, "retention", body)
    kept = lab.kept(key, version_id, until)
    return reply.refused and kept, f"{reply}; lock unchanged: {kept}"


def _hold_forbids_deletion(lab: Lab) -> tuple[bool, str]:
    key = lab.key("held")
    version_id = lab.admin.put(key, b"x").version_id
    on = lab.admin.about(key, version_id, "legal-hold", wire.legal_hold_body(True))
    shown = lab.admin.head(key, version_id).headers.get("x-amz-object-lock-legal-hold", "nothing")
    held = lab.admin.delete(key, version_id)
    off = lab.admin.about(key, version_id, "legal-hold", wire.legal_hold_body(False))
    freed = lab.admin.delete(key, version_id)
    gone = lab.admin.head(key, version_id).status == 404
    passed = on.ok and shown == "ON" and held.refused and off.ok and freed.ok and gone
    return passed, f"on {on}, HEAD shows {shown}, delete {held}; off {off}, delete {freed}, gone: {gone}"


def _an_ended_lock_frees(lab: Lab) -> tuple[bool, str]:
    key, version_id, until = lab.locked
    begun = time.monotonic()
    while True:
        reply = lab.admin.delete(key, version_id)
        if reply.ok or time.monotonic() - begun > lab.lock_seconds + 4:
            break
        time.sleep(0.1)
    early = lab.store_now < until
    head, got = lab.admin.head(key, version_id), lab.admin.send("GET", key, query={"versionId": version_id})
    listed = any(v.key == key for v in lab.leftovers())
    passed = reply.ok and not early and head.status == got.status == 404 and not listed
    return passed, f"{reply}, too early: {early}; HEAD {head}, GET {got}, still listed: {listed}"


def _lock(lab: Lab, key: str, version_id: str) -> str:
    headers = lab.admin.head(key, version_id).headers
    mode = headers.get("x-amz-object-lock-mode", "no lock")
    return f"{mode} {headers.get('x-amz-object-lock-retain-until-date', '')}".strip()


def _inside(data: bytes, tag: str) -> str:
    return data.decode("utf-8", "replace").partition(f"<{tag}>")[2].partition("<")[0]


_LOCK_STORE = "Use a store that enforces S3 Object Lock, and a bucket that was made with it."

LOCK_CHECKS = (
    Check(
        "versioning-on",
        Level.MUST,
        "The bucket keeps every version of an object.",
        "Make the bucket with Object Lock (bwv up does so locally).",
        versioning_is_on,
    ),
    Check(
        "object-lock-on",
        Level.MUST,
        "The bucket was made with Object Lock.",
        "Most stores cannot add it later: make another bucket.",
        object_lock_is_on,
    ),
    Check(
        "versioning-stays",
        Level.MUST,
        "The store refuses to stop keeping versions.",
        _LOCK_STORE,
        _suspending_is_refused,
    ),
    Check(
        "lock-on-put",
        Level.MUST,
        "An object is locked from the moment it is written.",
        _LOCK_STORE,
        lock_on_put_is_kept,
    ),
    Check(
        "lock-on-create",
        Level.SHOULD,
        "An object sent in parts is locked from the moment it is complete.",
        "The lock is set after completion instead, and read back before anything is told to be secured.",
        _lock_on_create_is_kept,
    ),
    Check(
        "lock-after-complete",
        Level.MUST,
        "The lock of a version can be set and extended, and is read back as it was set.",
        _LOCK_STORE,
        _lock_after_complete_is_kept,
    ),
    Check(
        "lock-forbids-delete",
        Level.MUST,
        "The store refuses to delete locked footage before its date, whoever asks.",
        _LOCK_STORE,
        _delete_is_refused,
    ),
    Check(
        "lock-not-shortened",
        Level.MUST,
        "The store refuses to bring the end of a lock forward.",
        "versitygw before 1.8 fails this: use a newer one.",
        _shortening_is_refused,
    ),
    Check(
        "lock-not-weakened",
        Level.MUST,
        "The store refuses to turn a COMPLIANCE lock into one that an administrator can lift.",
        _LOCK_STORE,
        _downgrade_is_refused,
    ),
    Check(
        "hold-forbids-delete",
        Level.MUST,
        "The store refuses to delete footage under legal hold, and deletes it once the hold is off.",
        _LOCK_STORE,
        _hold_forbids_deletion,
    ),
)

EXPIRY_CHECK = Check(
    "lock-ends",
    Level.MUST,
    "Once its lock has ended a version can be deleted by its id, and is then gone.",
    "Footage that cannot be deleted breaks the retention policy: use another store, or look for a default "
    "lock of the bucket that is longer than the one asked for.",
    _an_ended_lock_frees,
)
