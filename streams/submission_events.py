"""Events about one submission, as prosecution and receipts make them. One cause each: a repeat is recognised."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec

from streams.messages import (
    ClipSubmitted,
    Message,
    RequestRefused,
    SubmissionAnswered,
    SubmissionOverdue,
    SubmissionPrepared,
    SubmissionReturned,
    SubmissionSent,
    event,
    event_id,
)
from workers.errors import Refused
from workers.fate.outbox import Event
from workers.footage.canonical import sha256_hex
from workers.keys.signing import Signed
from workers.keys.statements import now_iso
from workers.prosecution.statements import SubmissionOrder
from workers.prosecution.submission.manifest import Manifest
from workers.prosecution.submission.rows import Submission
from workers.prosecution.submission.states import State

PROSECUTION, RECEIPTS = "prosecution", "receipts"


def lane(urgent: bool) -> str:
    """Topic of an order."""
    return "submissions.requested.urgent" if urgent else "submissions.requested"


def asked_by(order: SubmissionOrder, signed: Signed) -> str:
    """Event id of an order: whoever asks makes it of this cause, so that a late answer finds who waits."""
    return event_id(lane(order.urgent), signed.signature)


def prepared(manifest: Manifest, ordered: Signed) -> list[Event]:
    """What goes is fixed: of the case, and of each clip. With the order, its row can be made again."""
    digest, case = manifest.sha256, manifest.case
    told = SubmissionPrepared(
        submission_id=manifest.submission_id,
        case_id=case.case_id,
        urn=case.urn,
        purpose=manifest.purpose,
        recipient=manifest.recipient,
        manifest_sha256=digest,
        manifest=manifest.plain(),
        order=ordered,
    )
    first = _of_case("submissions.prepared", told, case.case_id, manifest.submission_id, PROSECUTION, digest)
    return [first, *submitted(manifest)]


def submitted(manifest: Manifest) -> list[Event]:
    """What goes, for the record of each clip."""
    digest = manifest.sha256
    return [_submitted(manifest, digest, position) for position in range(len(manifest.items))]


def _submitted(manifest: Manifest, digest: str, position: int) -> Event:
    item = manifest.items[position]
    told = ClipSubmitted(
        clip_id=item.clip_id,
        submission_id=manifest.submission_id,
        case_id=manifest.case.case_id,
        urn=manifest.case.urn,
        reference=item.reference,
        recipient=manifest.recipient,
        sha256=item.sha256,
        manifest_sha256=digest,
        derivative_id=item.derivative_id,
    )
    cause = (manifest.submission_id, item.n, digest)
    return event("clips.submitted", told, key=item.clip_id, subject=item.clip_id, source=PROSECUTION, cause=cause)


def refused(seen: Submission, request: str, why: Refused) -> Event:
    """It was taken and cannot be prepared."""
    order = seen.order()
    told = RequestRefused(
        request=request,
        what=f"submit {seen.submission_id}",
        by=order.by,
        reason=why.reason,
        action=why.action,
    )
    return event("requests.refused", told, key=request, subject=request, source=PROSECUTION, cause=(request,))


def sent(seen: Submission, due_at: datetime) -> Event:
    """The gateway has taken all of it, this time."""
    attempt = seen.attempt + 1
    told = SubmissionSent(seen.submission_id, seen.case_id, attempt, seen.manifest_sha256 or "", now_iso(due_at))
    return _of_case("submissions.sent", told, seen.case_id, seen.submission_id, PROSECUTION, attempt)


def returned(seen: Submission, reason: str, source: str, *, cause: object, retry: Signed | None = None) -> Event:
    """It goes again.

    Args:
        cause: what makes this return itself: the attempt that got lost, or the person's signature.
    """
    told = SubmissionReturned(seen.submission_id, seen.case_id, reason, retry)
    return _of_case("submissions.returned", told, seen.case_id, seen.submission_id, source, cause)


def answered(seen: Submission, state: State, differences: Sequence[str], receipt: Mapping[str, Any]) -> Event:
    """The gateway's receipt amounts to this state."""
    told = SubmissionAnswered(seen.submission_id, seen.case_id, state.value, tuple(differences), dict(receipt))
    about = (seen.attempt, sha256_hex(msgspec.json.encode(receipt, order="sorted")))
    return _of_case(f"submissions.{state}", told, seen.case_id, seen.submission_id, RECEIPTS, *about)


def overdue(seen: Submission) -> Event:
    """No receipt came in time."""
    assert seen.due_at is not None
    told = SubmissionOverdue(seen.submission_id, seen.case_id, now_iso(seen.due_at))
    return _of_case("submissions.overdue", told, seen.case_id, seen.submission_id, RECEIPTS, seen.attempt)


def outcome_cause(case: str, outcome: str) -> tuple[str, str, str]:
    """Cause of a request to record an outcome: by the gateway's id of it, so that it is taken once."""
    return case, "outcome", outcome


def outcome_request(case: str, outcome: str) -> str:
    """Event id of such a request."""
    return event_id("cases.requested", *outcome_cause(case, outcome))


def _of_case(topic: str, told: Message, case: str, submission: str, source: str, *cause: object) -> Event:
    return event(topic, told, key=case, subject=submission, source=source, cause=(submission, *cause))
