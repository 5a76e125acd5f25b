"""I6: what was disposed of is gone, and its certificate says by which decision (I5, second half)."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from workers.fate.moves import Disposal
from workers.fate.row import Fate
from workers.keys.signing import Role, Signed
from workers.operations.violation import Kind, Violation, signed_by
from workers.operations.world import World
from workers.retention.statements import Disposed
from workers.vault.keys import certificate_key, clip_id_in


class _Told(msgspec.Struct, frozen=True):
    """What a clips.disposed event says, as far as it is looked at."""

    certificate: Signed


def check_disposed(world: World) -> list[Violation]:
    """I6: of a clip that is gone nothing lies in the vault but its certificate, not even a delete marker or an upload.

    I5: the certificate names policy, category and rule, and an intent that is older than the commit.
    """
    gone = {row.clip_id: row for row in world.fates if row.disposal == Disposal.DONE}
    if not gone:
        return []
    found = []
    certificates = set()
    for stored in world.objects:
        clip = clip_id_in(stored.key)
        if clip not in gone:
            continue
        if stored.key == certificate_key(world.namespace, clip) and not stored.delete_marker:
            certificates.add(clip)
        else:
            what = "a delete marker" if stored.delete_marker else f"{stored.size} bytes"
            reason = f"version {stored.version_id}, {what}: {clip} was disposed of"
            found.append(Violation("I6", stored.key, reason, Kind.LEFT))
    for upload in world.uploads:
        if (clip := clip_id_in(upload.key)) in gone:
            reason = f"an upload is open at {upload.known_to}: {clip} was disposed of"
            found.append(Violation("I6", upload.key, reason, Kind.LEFT))
    for clip in gone.keys() - certificates:
        found.append(Violation("I6", clip, "was disposed of, and no certificate lies in the vault", Kind.CERTIFICATE))
    for event in world.events:
        if event.topic == "clips.disposed" and event.body and (row := gone.get(event.clip_id or "")) is not None:
            found += _stated(world, row, event.body)
    return found


def _stated(world: World, row: Fate, body: bytes) -> Iterable[Violation]:
    try:
        signed = msgspec.json.decode(body, type=_Told).certificate
        yield from signed_by("I6", row.clip_id, world, signed, Disposed, Role.SERVICE)
        says = msgspec.json.decode(signed.body, type=Disposed)
    except msgspec.DecodeError as error:
        yield Violation("I6", row.clip_id, f"clips.disposed states nothing: {error}", Kind.CERTIFICATE)
        return
    if (says.clip_id, says.camera, says.recording) != (row.clip_id, row.camera, row.recording):
        reason = f"its certificate is about {says.clip_id}, {says.camera}/{says.recording}"
        yield Violation("I6", row.clip_id, reason, Kind.CERTIFICATE)
    if says.policy < 1 or not says.category or not says.rule or not says.intended_at < says.committed_at:
        reason = (
            f"its certificate names policy {says.policy}, category {says.category!r}, rule {says.rule!r}, intended "
            f"{says.intended_at}, committed {says.committed_at}"
        )
        yield Violation("I5", row.clip_id, reason, Kind.CERTIFICATE)
