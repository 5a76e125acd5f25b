"""Ids of cases, derivatives and submissions: each derived from its content, so that a repeat has the same id."""

from __future__ import annotations

import re
from collections.abc import Sequence

from workers.footage.canonical import derived_id
from workers.prosecution.statements import DerivativeKind, OrderedItem, Purpose, Recipient

CASE_ID = re.compile(r"case-[a-z2-7]{32}")
DERIVATIVE_ID = re.compile(r"derivative-[a-z2-7]{32}")
SUBMISSION_ID = re.compile(r"submission-[a-z2-7]{32}")
LINK_ID = re.compile(r"link-[a-z2-7]{32}")


def case_id(namespace: str, urn: str) -> str:
    """One case for each reference, whatever its capitals and blanks."""
    return derived_id("case", namespace, plain(urn))


def plain(reference: str) -> str:
    """A reference as it is compared: "js / 1" is "JS/1"."""
    return "".join(reference.split()).upper()


def derivative_id(
    clip_id: str, kind: DerivativeKind, start: float | None, end: float | None, redaction: str | None
) -> str:
    """One derivative for each clip and recipe.

    Args:
        start, end: seconds into the clip; milliseconds count.
        redaction: text of the redaction file.
    """
    at = [None if second is None else round(second * 1000) for second in (start, end)]
    return derived_id("derivative", clip_id, kind.value, *at, redaction)


def submission_id(
    namespace: str,
    case: str,
    purpose: Purpose,
    purpose_item: int | None,
    recipient: Recipient,
    items: Sequence[OrderedItem],
    not_recorded: str | None = None,
) -> str:
    """One submission for each case, purpose, recipient and content; also the gateway's idempotency key."""
    content = sorted([plain(item.reference), item.clip_id, item.derivative_id or ""] for item in items)
    about = (namespace, case, purpose.value, purpose_item, recipient.value)
    return derived_id("submission", *about, content, not_recorded)


def link_id(submission: str) -> str:
    """The link of a submission; known to nobody who does not know the submission, and no secret by itself."""
    return derived_id("link", submission)
