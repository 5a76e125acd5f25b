"""What people sign about cases and submissions: the bodies of `Signed`, each bound to its purpose."""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct

from workers.keys.signing import Signed


class CaseKind(StrEnum):
    """What a case is kept for. All are the same machinery with another clock, another hold and other recipients."""

    PROSECUTION = "prosecution"
    SUBJECT_ACCESS = "subject_access"
    TRAINING = "training"


class Clock(StrEnum):
    """Where a suspect stands; it orders the work (docs/prosecution.md)."""

    DETAINED = "detained"
    BAIL = "bail"
    UNDER_INVESTIGATION = "under_investigation"
    CHARGED = "charged"


class OutcomeKind(StrEnum):
    """What became of a defendant, or of one offence of his."""

    CHARGE = "charge"
    PLEA_GUILTY = "plea_guilty"
    PLEA_NOT_GUILTY = "plea_not_guilty"
    CONVICTION = "conviction"
    ACQUITTAL = "acquittal"
    SENTENCE = "sentence"
    HOSPITAL_ORDER = "hospital_order"
    RELEASED = "released"
    DISCHARGED_FROM_HOSPITAL = "discharged_from_hospital"
    NO_FURTHER_ACTION = "no_further_action"
    OUT_OF_COURT = "out_of_court"
    DISCONTINUED = "discontinued"
    APPEAL_OPENED = "appeal_opened"
    APPEAL_ENDED = "appeal_ended"
    CCRC_OPENED = "ccrc_opened"
    CCRC_ENDED = "ccrc_ended"


class Relevance(StrEnum):
    """What the disclosure officer says of a clip that is no exhibit."""

    RELEVANT = "relevant"
    NOT_RELEVANT = "not_relevant"
    SENSITIVE = "sensitive"


class Offence(Struct, frozen=True):
    """One offence of one defendant.

    Attributes:
        offence: short label, unique for the defendant ("O1").
        wording: as it is charged.
        committed: day (ISO 8601), if known.
    """

    offence: str
    wording: str
    committed: str | None = None


class Opened(Struct, frozen=True, tag="opened"):
    """A case begins.

    Attributes:
        urn: Unique Reference Number; the request's own reference for subject access, the course's for training.
        officer: in the case, or who handles the request.
        incidents: whose clips are kept with the case, docked now or later.
        clock_ends: the time by which the clock demands a decision (PACE: relevant time + 24, 36 or 96 h).
        subject: of a subject access request or a training copy: whom or what it is about.
    """

    kind: CaseKind
    urn: str
    title: str
    officer: str
    incidents: tuple[str, ...] = ()
    clock: Clock = Clock.UNDER_INVESTIGATION
    clock_since: str | None = None
    clock_ends: str | None = None
    first_hearing: str | None = None
    subject: str | None = None


class Amended(Struct, frozen=True, tag="amended"):
    """What is given replaces what was."""

    title: str | None = None
    officer: str | None = None
    first_hearing: str | None = None
    guilty_plea_anticipated: bool | None = None


class ClockSet(Struct, frozen=True, tag="clock"):
    """The suspect's standing changed."""

    clock: Clock
    since: str
    ends: str | None = None


class IncidentAdded(Struct, frozen=True, tag="incident"):
    """The clips of this incident are kept with the case too."""

    incident: str


class DefendantAdded(Struct, frozen=True, tag="defendant"):
    """A defendant, with the offences known so far.

    Attributes:
        defendant: short label, unique in the case ("D1").
    """

    defendant: str
    name: str
    offences: tuple[Offence, ...] = ()


class OffenceAdded(Struct, frozen=True, tag="offence"):
    """One more offence of a defendant."""

    defendant: str
    offence: Offence


class ExhibitAdded(Struct, frozen=True, tag="exhibit"):
    """A clip, or a part of it, becomes an exhibit.

    Attributes:
        reference: initials and number ("JS/1"), unique in the case whatever its capitals and blanks.
        start, end: seconds into the clip; None: from its beginning, to its end.
        producer: who produces it.
        mg11: date (ISO 8601) of the producing statement, None while there is none.
        redaction: text of a redaction file (docs/derivatives.md), verbatim; None: nothing is redacted.
    """

    reference: str
    clip_id: str
    producer: str
    description: str
    start: float | None = None
    end: float | None = None
    mg11: str | None = None
    redaction: str | None = None


class ExhibitWithdrawn(Struct, frozen=True, tag="exhibit-withdrawn"):
    """An exhibit is one no more; its reference is never given again."""

    reference: str


class ExhibitAmended(Struct, frozen=True, tag="exhibit-amended"):
    """What is given replaces what was: the producing statement comes later than the exhibit. What it shows stays."""

    reference: str
    producer: str | None = None
    mg11: str | None = None
    description: str | None = None


class UnusedMarked(Struct, frozen=True, tag="unused"):
    """The disclosure officer looked at a clip of the incident that is no exhibit."""

    clip_id: str
    relevance: Relevance
    description: str


class OutcomeRecorded(Struct, frozen=True, tag="outcome"):
    """What became of a defendant, or of one offence.

    Attributes:
        offence: None: of all of the defendant's.
        on: day (ISO 8601) on which it happened.
        ends: day on which a sentence of custody or a hospital order is expected to end, if known.
        custodial: whether the sentence is one of custody (CPIA Code 5.9).
    """

    defendant: str
    outcome: OutcomeKind
    on: str
    offence: str | None = None
    ends: str | None = None
    custodial: bool = False
    says: str = ""


class OutcomeWithdrawn(Struct, frozen=True, tag="outcome-withdrawn"):
    """An outcome that was recorded by mistake: a person takes it back. The record keeps both."""

    defendant: str
    outcome: OutcomeKind
    on: str
    offence: str | None = None


class RequestRefusedOn(Struct, frozen=True, tag="request-refused"):
    """A subject access request is refused, wholly or for these clips, on this ground (DPA 2018 s.45, s.53)."""

    ground: str
    clips: tuple[str, ...] = ()


class Approved(Struct, frozen=True, tag="approved"):
    """A second person approves a training copy until this day (ISO 8601)."""

    until: str


class CaseReviewed(Struct, frozen=True, tag="reviewed"):
    """A person looked at a case whose earliest end had come: keep it until a day, or close it.

    Attributes:
        keep_until: day (ISO 8601) of the next review; None closes the case.
    """

    keep_until: str | None = None


Change = (
    Opened
    | Amended
    | ClockSet
    | IncidentAdded
    | DefendantAdded
    | OffenceAdded
    | ExhibitAdded
    | ExhibitWithdrawn
    | ExhibitAmended
    | UnusedMarked
    | OutcomeRecorded
    | OutcomeWithdrawn
    | RequestRefusedOn
    | Approved
    | CaseReviewed
)


class CaseChange(Struct, frozen=True):
    """Body of CaseRequested and CaseChanged: one change of one case.

    Attributes:
        holds: signed hold requests that go with it, of the same person: the case's incidents and exhibits are held
            from the moment that the case has them.
        lifts: signed wishes to lift the case's holds, when it is closed.
    """

    case_id: str
    change: Change
    reason: str
    by: str
    at: str
    holds: tuple[Signed, ...] = ()
    lifts: tuple[Signed, ...] = ()


class Purpose(StrEnum):
    """Why something is submitted."""

    EARLY_ADVICE = "early_advice"
    CHARGING = "charging"
    FIRST_HEARING = "first_hearing"
    UPGRADE = "upgrade"
    ACTION_PLAN = "action_plan"
    TRIAL = "trial"
    DISCLOSURE = "disclosure"
    SUBJECT_ACCESS = "subject_access"
    TRAINING = "training"


class Recipient(StrEnum):
    """For whom a package is made; it decides what may be in it."""

    CPS = "cps"
    DEFENCE = "defence"
    DATA_SUBJECT = "data_subject"
    TRAINING = "training"


class OrderedItem(Struct, frozen=True):
    """One exhibit, or item of unused material ("UNUSED/3"), as it was when it was ordered.

    Attributes:
        derivative_id: what goes instead of the master; None: the master itself.
    """

    reference: str
    clip_id: str
    derivative_id: str | None = None


class SubmissionOrder(Struct, frozen=True):
    """Body of SubmissionRequested: these exhibits go to this recipient.

    Attributes:
        submission_id: derived from the content (`identity.submission_id`): the same order twice is one submission.
        purpose_item: N of an action-plan item.
        address: where the one-time codes of its link are sent; None: whoever holds the link is "holder of the link".
        batch, row: of the file that it came from.
        not_recorded: why there is no footage of the case; then there are no items.
        nobody_else: why what goes to a data subject unredacted shows nobody else; empty: everything is redacted.
    """

    submission_id: str
    case_id: str
    urn: str
    purpose: Purpose
    recipient: Recipient
    items: tuple[OrderedItem, ...]
    by: str
    at: str
    purpose_item: int | None = None
    address: str | None = None
    urgent: bool = False
    batch: str | None = None
    row: int | None = None
    nobody_else: str = ""
    not_recorded: str | None = None


class SubmissionRetry(Struct, frozen=True):
    """Body of SubmissionRetryRequested: send it again, after a person looked at why it was not taken."""

    submission_id: str
    reason: str
    by: str
    at: str


class DerivativeKind(StrEnum):
    """What is made from a master."""

    RANGE = "range"
    STILL = "still"
    PLAYBACK = "playback"
    REDACTION = "redaction"


class DerivativeOrder(Struct, frozen=True):
    """Body of DerivativeRequested: make this from that clip.

    Attributes:
        derivative_id: derived from the clip and the recipe (`identity.derivative_id`).
        start, end: seconds into the clip; of a still, `start` is its moment.
        redaction: text of a redaction file, verbatim.
    """

    derivative_id: str
    clip_id: str
    kind: DerivativeKind
    by: str
    at: str
    start: float | None = None
    end: float | None = None
    redaction: str | None = None
    reason: str = ""


class Lineage(Struct, frozen=True):
    """What the derivation service signs: from which bytes, by which tool, with which parameters this was made.

    Attributes:
        parent_sha256: of the master, as the dock declared it; measured again when it was read for this.
        argv: of the tool, without paths of this machine; run again on the parent it gives the same bytes where
            `repeatable` is empty, else that says why not.
        sound: from which second on the derivative has sound (silent pre-roll), None where it has none at all.
        order: what the person signed.
    """

    derivative_id: str
    clip_id: str
    kind: DerivativeKind
    parent_sha256: str
    parent_size: int
    sha256: str
    size: int
    media_type: str
    tool: str
    argv: tuple[str, ...]
    parameters: dict[str, str]
    repeatable: str
    sound_from: float | None
    start: float | None
    end: float | None
    made_at: str
    order: Signed


class LinkChange(Struct, frozen=True):
    """Body of LinkRequested: a submission's link is revoked, or made valid for another address."""

    link_id: str
    revoked: bool
    reason: str
    by: str
    at: str
    address: str | None = None
