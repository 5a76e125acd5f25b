"""What `bwv reconcile` signs: so many declared, so many stored, so many verified, and every difference by name."""

from __future__ import annotations

from msgspec import Struct

LISTED = 300
"""Differences and quarantined recordings that a statement lists; all of them are counted, and in the report."""


class Difference(Struct, frozen=True):
    """One thing that does not add up.

    Attributes:
        kind: see workers/operations/violation.py.
        subject: clip, key, camera, recording or event that it is about.
        cause: the likely one.
        action: what a person should do.
    """

    kind: str
    subject: str
    found: str
    expected: str
    cause: str
    action: str


class Amount(Struct, frozen=True):
    """Files and their bytes, by their signed declarations."""

    files: int = 0
    bytes: int = 0


class Line(Struct, frozen=True):
    """What of one dock's recordings stands where."""

    dock: str
    standing: str
    files: int
    bytes: int


class Apart(Struct, frozen=True):
    """A quarantined recording, and why it is kept apart."""

    clip_id: str
    camera: str
    recording: str
    reason: str


class CustodyHead(Struct, frozen=True):
    """The custody log when the statement was made.

    Attributes:
        root: of its tree, hex; None while the tree is not there.
        checkpoint: the newest sealed checkpoint, a C2SP signed note; None before the first.
    """

    size: int
    root: str | None
    checkpoint: str | None


class Looked(Struct, frozen=True):
    """How closely it was looked.

    Attributes:
        heads: a HEAD of each object, its lock, and each manifest read.
        proofs: receipts, events and custody entries compared.
        strays: the whole vault listed.
        objects: versions and delete markers seen.
        seconds: that it took.
    """

    heads: bool
    proofs: bool
    strays: bool
    objects: int
    seconds: float


class Reconciliation(Struct, frozen=True):
    """The statement: the body that the reconciling service signs.

    Attributes:
        day: of docking, UTC; None: every day.
        dock: None: every dock.
        by: the person who gave the command.
        stored: lie whole in the vault, read back or not; verified: read back in full, and there now.
        wiped: erased from their cameras.
        lines: every declared recording once, by dock and standing; `unexplained` is a standing too.
        unexplained: differences, whether listed or not.
        in_flight: what did not agree while it was moving; it is looked at in the next reconciliation.
    """

    namespace: str
    store: str
    day: str | None
    dock: str | None
    stated_at: str
    by: str
    sentence: str
    declared: Amount
    stored: Amount
    verified: Amount
    wiped: Amount
    lines: tuple[Line, ...]
    quarantined: tuple[Apart, ...]
    unexplained: int
    differences: tuple[Difference, ...]
    in_flight: tuple[str, ...]
    looked: Looked
    custody: CustodyHead


def sentence(declared: int, stored: int, verified: int, unexplained: int) -> str:
    """The one sentence that is signed for."""
    return f"{declared:,} declared, {stored:,} stored, {verified:,} verified, {unexplained:,} unexplained"
