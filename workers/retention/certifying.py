"""The certificate of a disposal: signed, put under lock once, and the same after any crash."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta

import msgspec

from workers.errors import AlreadyThere, PermanentFault, RuleBroken
from workers.fate.row import Fate
from workers.footage.certificate import Certificate
from workers.keys.signing import EnrolledKey, Role, Signed, as_it_signed, opened
from workers.keys.statements import PURPOSES, Decision, now_iso
from workers.retention.disposals import Name, Noted
from workers.retention.statements import Disposed
from workers.vault.keys import certificate_key
from workers.vault.vault import Vault

LARGEST = 16 << 20
"""Bytes of a certificate that is read; one that names 100,000 versions is smaller."""

FindKey = Callable[[str], EnrolledKey | None]
"""Looks up a service's public key by its id."""


def statement(fate: Fate, noted: Noted, versions: Iterable[Name], uploads: int, gone_at: datetime) -> Disposed:
    """What disposal signs.

    Args:
        fate: names the recording; the bytes that a person accepted count, not those that the dock declared.
        versions: that were deleted; uploads: how many were aborted.
    """
    report, decided = fate.declared(), noted.committed
    recording = report.recording
    size, sha256 = recording.size, recording.sha256
    if fate.declaration is not None:
        accepted = msgspec.json.decode(fate.declaration.body, type=Decision)
        size, sha256 = accepted.size, accepted.sha256
    return Disposed(
        clip_id=fate.clip_id,
        camera=fate.camera,
        recording=fate.recording,
        source_type=recording.source_type.value,
        size=size,
        sha256=sha256,
        recorded_at=recording.recorded_at or None,
        docked_at=report.docked_at,
        policy=decided.policy,
        category=decided.category,
        rule=decided.rule,
        reasons=decided.reasons,
        intended_at=decided.intended_at,
        committed_at=decided.committed_at,
        gone_at=now_iso(gone_at),
        versions=tuple(sorted(versions)),
        uploads=uploads,
    )


def put_certificate(
    vault: Vault, namespace: str, certificate: Certificate, *, lock: timedelta, find: FindKey
) -> Certificate:
    """Put a certificate under lock, once; returns the one that lies there.

    A try before a crash may have put one; that one stands.

    Raises:
        RuleBroken: what lies there was not signed by disposal for this clip: somebody else wrote it.
        NotAsWritten, StoreAway: nothing is known to lie there; begin again.
    """
    key, body = certificate_key(namespace, certificate.clip_id), msgspec.json.encode(certificate)
    until = datetime.now(UTC) + lock
    try:
        version = vault.put_new(key, body, lock_until=until, content_type="application/json")
    except AlreadyThere:
        return read_certificate(vault, namespace, certificate.clip_id, find)
    vault.ensure_locked(version, len(body), until)
    return certificate


def read_certificate(vault: Vault, namespace: str, clip_id: str, find: FindKey) -> Certificate:
    """The certificate of a clip, its signature checked.

    Raises:
        RuleBroken: it was not signed by disposal for this clip.
        NotThere: there is none.
    """
    key = certificate_key(namespace, clip_id)
    try:
        there = msgspec.json.decode(vault.get_small(key, limit=LARGEST), type=Certificate)
        says = signed_statement(there.statement, find)
    except (msgspec.DecodeError, PermanentFault) as error:
        raise RuleBroken(
            f"{key} is no certificate that disposal signed ({error}): find out whose key wrote it (the store's access "
            "log) and renew that key; the disposal stays committed"
        ) from error
    if (there.clip_id, says.clip_id) != (clip_id, clip_id):
        raise RuleBroken(f"{key} is the certificate of {says.clip_id}: find out whose key wrote it there")
    return there


def signed_statement(signed: Signed | None, find: FindKey) -> Disposed:
    """What a certificate states; raises SignatureInvalid, MessageInvalid or RuleBroken."""
    if signed is None:
        raise RuleBroken("it has no signed statement")
    # A key that was renewed since still proves what it signed.
    return opened(PURPOSES[Disposed], signed, Disposed, role=Role.SERVICE, find=lambda key: as_it_signed(find(key)))
