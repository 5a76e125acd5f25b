"""What a change may do to a case, and the one sentence that says why not."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from workers.errors import Refused
from workers.keys.signing import Signed
from workers.prosecution import statements as s
from workers.prosecution.cases.apply import CHANGES, apply
from workers.prosecution.cases.case import Case
from workers.prosecution.cases.case_holds import wanted_holds
from workers.prosecution.cases.references import next_free
from workers.prosecution.cases.wording import said
from workers.prosecution.statements import OutcomeKind

CASE = "case-" + "a" * 32
CLIP = "clip-" + "b" * 32
AT = "2026-11-22T10:00:00+00:00"
OPENED = s.Opened(s.CaseKind.PROSECUTION, "01ab 0012326", "R v Doe", "PC 100")


def asked(change: s.Change, case: Case | None = None, by: str = "ADMIN", **more: Any) -> s.CaseChange:
    """A change with the holds that it needs; signatures are not looked at here."""
    urn, kind = (case.urn, case.kind) if case else ("01AB0012326", getattr(change, "kind", s.CaseKind.PROSECUTION))
    holds = wanted_holds(urn, kind, change, by=by, at=AT)
    signed = tuple(Signed(msgspec.json.encode(hold).decode(), "", "") for hold in holds)
    return s.CaseChange(
        **{"case_id": CASE, "change": change, "reason": "x", "by": by, "at": AT, "holds": signed} | more
    )


def changed(case: Case | None, *changes: s.Change, by: str = "ADMIN") -> Case:
    for change in changes:
        case = apply(case, asked(change, case, by))
    assert case is not None
    return case


def exhibit(reference: str, **more: Any) -> s.ExhibitAdded:
    return s.ExhibitAdded(**{"reference": reference, "clip_id": CLIP, "producer": "PC 1", "description": "x"} | more)


DOE = s.DefendantAdded("d1", " John Doe ", (s.Offence("o1", "assault"),))


def test_a_case_is_what_its_changes_say() -> None:
    case = changed(
        None,
        msgspec.structs.replace(OPENED, incidents=("INC-1",)),
        DOE,
        s.OffenceAdded("D1", s.Offence("O2", "affray", "2026-11-20")),
        s.ClockSet(s.Clock.DETAINED, "2026-11-22T08:00:00+00:00", "2026-11-23T08:00:00+00:00"),
        s.Amended(officer="PC 200", guilty_plea_anticipated=True),
        exhibit("js / 1", start=1.0, end=2.5, mg11="2026-11-21"),
        exhibit("JS/2", redaction="{}"),
        s.ExhibitAmended("JS/2", mg11="2026-11-22", producer="PC 2"),
        s.ExhibitWithdrawn("js/1"),
        s.IncidentAdded("INC-2"),
    )
    assert case.version == 10 and case.urn == "01AB0012326"
    assert case.incidents == case.held_incidents == ("INC-1", "INC-2") and len(case.holds) == 2
    assert (case.clock, case.clock_ends) == (s.Clock.DETAINED, "2026-11-23T08:00:00+00:00")
    assert (case.officer, case.title, case.guilty_plea_anticipated) == ("PC 200", "R v Doe", True)
    [doe] = case.defendants
    assert (doe.label, doe.name, [o.offence for o in doe.offences]) == ("D1", "John Doe", ["O1", "O2"])
    assert [(e.reference, e.withdrawn, e.mg11) for e in case.exhibits] == [
        ("JS/1", True, "2026-11-21"),
        ("JS/2", False, "2026-11-22"),
    ]
    assert [e.reference for e in case.standing()] == ["JS/2"] and case.exhibit("js/2") == case.exhibits[1]
    assert next_free(case, "JS/1") == next_free(case, "js") == "JS/3" and next_free(case, "AB") == "AB/1"
    assert msgspec.json.decode(msgspec.json.encode(case), type=Case) == case


OPEN = changed(None, OPENED, DOE, exhibit("JS/1"), exhibit("JS/1A"))
WRONG: list[tuple[s.Change, str]] = [
    (exhibit("JS/01"), "next free reference is JS/2"),
    (exhibit("js /1a"), "JS/1A in 01AB0012326 is"),
    (exhibit("JS1"), "expected initials, a slash and a number"),
    (exhibit("JS/2", start=5.0, end=5.0), "not after its start"),
    (exhibit("JS/2", end=0.0), "not after its start"),
    (exhibit("JS/2", start=-1.0), "seconds from the beginning"),
    (exhibit("JS/2", start=float("nan")), "seconds from the beginning"),
    (exhibit("JS/2", mg11="2026-11-24"), "is in the future"),
    (exhibit("JS/2", mg11="22/11/2026"), "expected a day"),
    (exhibit("JS/2", description=" "), "description: expected 1 to"),
    (exhibit("JS/2", producer="a\x00b"), "cannot be printed"),
    (s.ExhibitWithdrawn("JS/9"), "is no exhibit"),
    (s.ExhibitAmended("JS/1"), "nothing is amended"),
    (s.Amended(), "nothing is amended"),
    (s.Amended(first_hearing="tomorrow"), "expected a time with its zone"),
    (s.ClockSet(s.Clock.DETAINED, AT), "relevant time and 24, 36 or 96"),
    (s.ClockSet(s.Clock.BAIL, AT, AT), "before it begins"),
    (s.DefendantAdded("D1", "x"), "a defendant of 01AB0012326 already"),
    (s.DefendantAdded("John Doe, 1 High Street", "x"), "expected up to 16"),
    (s.OffenceAdded("D1", s.Offence("O1", "x")), "an offence of D1 already"),
    (s.OffenceAdded("D2", s.Offence("O1", "x")), "its defendants: D1"),
    (s.OutcomeRecorded("D2", OutcomeKind.CHARGE, "2026-11-22"), "its defendants: D1"),
    (s.OutcomeRecorded("D1", OutcomeKind.CHARGE, "2026-11-22", "O9"), "the offences of D1: O1"),
    (s.OutcomeRecorded("D1", OutcomeKind.CHARGE, "2026-11-24"), "is in the future"),
    (s.OutcomeRecorded("D1", OutcomeKind.CHARGE, "2026-11-20", custodial=True), "only a sentence"),
    (s.OutcomeRecorded("D1", OutcomeKind.SENTENCE, "2026-11-20", ends="2027-01-01"), "expected end"),
    (s.OutcomeRecorded("D1", OutcomeKind.SENTENCE, "2026-11-20", ends="2026-01-01", custodial=True), "lies before"),
    (s.Approved("2026-12-22"), "is no training copy"),
    (s.RequestRefusedOn("unfounded"), "no subject access request"),
    (s.CaseReviewed(), "nothing says yet when"),
    (s.CaseReviewed("2026-11-22"), "not in the future"),
    (s.UnusedMarked(CLIP, s.Relevance.RELEVANT, "x"), "is exhibit JS/1"),
    (OPENED, "was opened at"),
]


@pytest.mark.parametrize(("change", "words"), WRONG, ids=lambda value: str(value)[:60])
def test_what_is_wrong_is_refused_with_one_sentence(change: s.Change, words: str) -> None:
    with pytest.raises(Refused) as refused:
        apply(OPEN, asked(change, OPEN))
    assert words in str(refused.value) and refused.value.action


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"urn": "01AB001232"}, "two digits, two letters and seven digits"),
        ({"urn": "01AB00123260"}, "two digits, two letters"),
        ({"title": ""}, "the title"),
        ({"incidents": ("INC-1", "INC-1")}, "given twice"),
        ({"clock": s.Clock.DETAINED}, "relevant time"),
        ({"first_hearing": "2026-11-22T10:00:00"}, "with its zone"),
    ],
)
def test_a_case_is_opened_whole(given: dict[str, Any], words: str) -> None:
    with pytest.raises(Refused) as refused:
        changed(None, msgspec.structs.replace(OPENED, **given))
    assert words in str(refused.value)


def test_other_cases_have_references_of_their_own_form() -> None:
    case = changed(None, msgspec.structs.replace(OPENED, kind=s.CaseKind.SUBJECT_ACCESS, urn="SAR 2026/7"))
    assert case.urn == "SAR 2026/7"
    with pytest.raises(Refused, match="1 to 40 characters"):
        changed(None, msgspec.structs.replace(OPENED, kind=s.CaseKind.TRAINING, urn="x" * 41))


def test_a_change_without_a_case_a_reason_or_a_time_is_refused() -> None:
    with pytest.raises(Refused, match="there is no case"):
        changed(None, DOE)
    with pytest.raises(Refused, match="the reason"):
        apply(OPEN, asked(s.Amended(title="y"), OPEN, reason=" "))
    with pytest.raises(Refused, match="the time of the request"):
        apply(OPEN, asked(s.Amended(title="y"), OPEN, at="2026-11-22"))


def test_nobody_lifts_what_is_not_the_cases_or_before_its_end() -> None:
    lift = {"hold_id": "hold-" + "c" * 32, "reason": "x", "by": "ADMIN", "at": AT}
    signed = (Signed(msgspec.json.encode(lift).decode(), "", ""),)
    over = changed(OPEN, s.OutcomeRecorded("D1", OutcomeKind.NO_FURTHER_ACTION, "2026-11-20"))
    with pytest.raises(Refused, match="no hold of"):
        apply(over, asked(s.CaseReviewed(), over, lifts=signed))
    with pytest.raises(Refused, match="review that closes"):
        apply(over, asked(s.Amended(title="y"), over, lifts=signed))
    today = changed(OPEN, s.OutcomeRecorded("D1", OutcomeKind.NO_FURTHER_ACTION, "2026-11-22"))
    with pytest.raises(Refused, match="not before 2026-11-23"):
        changed(today, s.CaseReviewed())
    closed = changed(over, s.CaseReviewed())
    assert (closed.closed_at, closed.closed_by) == (AT, "ADMIN")
    with pytest.raises(Refused, match="was closed at"):
        changed(closed, s.IncidentAdded("INC-1"), DOE)


def test_every_change_says_what_it_did() -> None:
    assert set(CHANGES) | {s.Opened} == set(s.Change.__args__)  # type: ignore[attr-defined]
    for change in (s.Amended(title="y"), s.OutcomeRecorded("D1", OutcomeKind.CHARGE, "2026-11-20"), DOE):
        after = OPEN if change is DOE else changed(OPEN, change)
        assert said(OPEN, after, asked(change, OPEN)).startswith("01AB0012326: ")
