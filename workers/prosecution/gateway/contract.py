"""The gateway's HTTP contract, version 1: what is said over the wire. docs/gateway.openapi.json is made from it.

    PUT  /v1/submissions/{id}?attempt=N      the manifest (RFC 8785 bytes); its digest makes a repeat known
    PUT  /v1/submissions/{id}/items/{n}      the file with its Content-Digest (RFC 9530), or an ItemLink as JSON
    POST /v1/submissions/{id}/complete       that was all of it: 202, or 409 while items are missing
    GET  /v1/submissions/{id}                the receipt as far as it is; 404: nothing is known of it
    GET  /v1/outcomes?after=CURSOR           what became of defendants, oldest first

Every request may be repeated and then changes nothing. The interface of the Crown Prosecution Service is not public:
an adapter speaks this contract on one side and whatever the recipient asks for on the other.
"""

from __future__ import annotations

import base64
from enum import StrEnum
from typing import Annotated

from msgspec import Meta, Struct

from workers.prosecution.statements import OutcomeKind

SUBMISSIONS = "/v1/submissions"
OUTCOMES = "/v1/outcomes"

MANIFEST_BYTES = 8 << 20
"""A manifest is at most so large; a gateway may refuse more with 413."""

Sha256 = Annotated[str, Meta(pattern="^[0-9a-f]{64}$", description="SHA-256, lower-case hex.")]
Size = Annotated[int, Meta(ge=0, description="Bytes.")]
Day = Annotated[str, Meta(pattern="^[0-9]{4}-[0-9]{2}-[0-9]{2}$", description="ISO 8601.")]
Number = Annotated[int, Meta(ge=1, description="Of the item in the manifest, from 1.")]


class State(StrEnum):
    """How far a submission is at the gateway."""

    RECEIVING = "receiving"
    RECEIVED = "received"
    ACCEPTED = "accepted"
    REJECTED = "rejected"


class ItemState(StrEnum):
    """How far one item is at the gateway."""

    MISSING = "missing"
    RECEIVED = "received"
    REJECTED = "rejected"


class ItemLink(Struct, frozen=True):
    """An item that is given by its link: `PUT …/items/{n}` with `Content-Type: application/json`.

    Attributes:
        sha256, size, media_type: of the file that the link leads to.
        url: of the submission's link, where the item is number `n`.
    """

    n: Number
    reference: str
    sha256: Sha256
    size: Size
    media_type: str
    url: str


class ItemReceipt(Struct, frozen=True):
    """What the gateway has of one item: measured where it was given the bytes, noted where it was given a link.

    Attributes:
        sha256, size: None while it is missing.
    """

    n: Number
    sha256: Sha256 | None
    size: Size | None
    state: ItemState


class Receipt(Struct, frozen=True):
    """What the gateway says of a submission. It is compared with the manifest item by item, and is final with
    `accepted` or `rejected`.

    Attributes:
        attempt: the highest that it was sent with.
        manifest_sha256: of the manifest as it was received.
        reason: why it is rejected, or what the recipient adds, for people.
        receipt_id: the recipient's own number of it.
        at: time of the answer (RFC 3339).
    """

    submission_id: str
    state: State
    attempt: Annotated[int, Meta(ge=1)]
    manifest_sha256: Sha256
    items: tuple[ItemReceipt, ...]
    reason: str = ""
    receipt_id: str | None = None
    at: str | None = None

    @property
    def final(self) -> bool:
        """Whether the recipient has decided."""
        return self.state in (State.ACCEPTED, State.REJECTED)


class Outcome(Struct, frozen=True):
    """What became of a defendant, or of one of his offences.

    Attributes:
        id: the gateway's own, for ever the same: an outcome that is given twice is taken once.
        urn: of the case, as its manifests have it.
        defendant, offence: labels of the case ("D1", "O1"); no offence: all of the defendant's.
        on: day on which it happened.
        ends: day on which a sentence of custody or a hospital order is expected to end, if known.
        custodial: whether the sentence is one of custody.
        says: for people.
    """

    id: Annotated[str, Meta(min_length=1, max_length=200)]
    urn: str
    defendant: str
    outcome: OutcomeKind
    on: Day
    offence: str | None = None
    ends: Day | None = None
    custodial: bool = False
    says: str = ""


class Outcomes(Struct, frozen=True):
    """A page of outcomes, oldest first.

    Attributes:
        cursor: to ask with next time; the same as was asked with where there is nothing new.
    """

    outcomes: tuple[Outcome, ...]
    cursor: str


class Problem(Struct, frozen=True):
    """Why a request was refused: the body of every 4xx and 5xx.

    Attributes:
        error: short and stable: bad_request, unauthorised, unknown, other_manifest, not_receiving, incomplete,
            digest_differs, too_large, away.
        reason: for people.
    """

    error: str
    reason: str


def path_of(submission_id: str, n: int | None = None) -> str:
    """Path of a submission, or of one of its items. Both come from our own manifest, never from outside."""
    return f"{SUBMISSIONS}/{submission_id}" + ("" if n is None else f"/items/{n}")


def content_digest(sha256: str) -> str:
    """The `Content-Digest` header (RFC 9530) for a SHA-256 in hex."""
    return f"sha-256=:{base64.b64encode(bytes.fromhex(sha256)).decode()}:"
