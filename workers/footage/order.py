"""What is to be secured: the bytes that somebody signed for, and where they shall lie."""

from __future__ import annotations

from msgspec import Struct

from workers.errors import RuleBroken
from workers.footage.clip import accepted_clip_id, clip_id
from workers.footage.recording import Report
from workers.keys.signing import Signed
from workers.keys.statements import Decision
from workers.vault.keys import ClipKeys, attempt_keys, quarantine_keys


class Order(Struct, frozen=True):
    """One attempt at a clip.

    Attributes:
        report: the dock's, verbatim; it goes into the manifest.
        size, sha256: the declaration that everything is compared with.
        sidecar_sha256: of the sidecar; None where it was taken over from the quarantine as it is.
        keys: of this attempt; apart: of the quarantine.
        conflict_with: the clip that already has this name; these bytes are set apart whatever they are.
    """

    clip_id: str
    attempt: int
    report: Signed
    size: int
    sha256: str
    sidecar_sha256: str | None
    media_type: str
    keys: ClipKeys
    apart: ClipKeys
    conflict_with: str | None = None


def declared(namespace: str, clip: str, report: Report, decision: Decision | None = None) -> tuple[int, str]:
    """Size and SHA-256 that were signed for this clip: the dock's, or those that a person accepted.

    The clip's id is derived from them, so a message cannot carry somebody else's declaration.

    Args:
        report, decision: opened, which means that their signatures hold.

    Raises:
        RuleBroken: they are about another clip.
    """
    recording = report.recording
    if decision is None:
        size, sha256 = recording.size, recording.sha256
        derived = clip_id(namespace, recording.camera, recording.recording, size, sha256)
    else:
        if not decision.accept:
            raise RuleBroken(f"{clip}: the decision of {decision.by} does not accept the bytes")
        if (decision.camera, decision.recording) != (recording.camera, recording.recording):
            raise RuleBroken(f"{clip}: the decision of {decision.by} is about another recording")
        size, sha256 = decision.size, decision.sha256
        derived = accepted_clip_id(namespace, recording.camera, recording.recording, size, sha256)
    if derived != clip:
        raise RuleBroken(f"{clip}: what was signed is about {derived}; the message is not what intake made")
    return size, sha256


def ordered(
    namespace: str,
    clip: str,
    attempt: int,
    signed: Signed,
    report: Report,
    *,
    decision: Decision | None = None,
    conflict_with: str | None = None,
) -> Order:
    """The order for one attempt; raises RuleBroken as `declared` does."""
    size, sha256 = declared(namespace, clip, report, decision)
    return Order(
        clip_id=clip,
        attempt=attempt,
        report=signed,
        size=size,
        sha256=sha256,
        sidecar_sha256=report.recording.sidecar_sha256 if decision is None else None,
        media_type=report.recording.media_type,
        keys=attempt_keys(namespace, clip, attempt),
        apart=quarantine_keys(namespace, clip),
        conflict_with=conflict_with,
    )
