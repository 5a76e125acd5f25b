"""Statements, schedules, who may have what, and the month of a subject access request: all pure."""

from __future__ import annotations

import csv
import io
from datetime import UTC, date, datetime, timedelta
from html.parser import HTMLParser

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.prosecution.disclosed import case, exhibit, lineage, marked, material
from workers.errors import Refused
from workers.footage.recording import Kind, PreRoll, SourceType
from workers.prosecution.cases.case import Case, Exhibit, RefusedOn
from workers.prosecution.derivatives.needed import needed
from workers.prosecution.disclosure.grounds import GROUNDS, ground
from workers.prosecution.disclosure.material import Material
from workers.prosecution.disclosure.mg11 import mg11
from workers.prosecution.disclosure.months import EXTENDED_TO, end_of, last_day
from workers.prosecution.disclosure.recipients import may_go
from workers.prosecution.disclosure.schedules import PRESUMED, schedules, why_none
from workers.prosecution.disclosure.tables import FORMULA, Table, as_csv, as_html, inert
from workers.prosecution.disclosure.times import clock, length, span
from workers.prosecution.statements import (
    CaseKind,
    DerivativeKind,
    OrderedItem,
    Purpose,
    Recipient,
    Relevance,
    SubmissionOrder,
)

# -- MG11 ------------------------------------------------------------------------------------------------------


def test_the_first_sentence_says_what_a_court_asks_first() -> None:
    said = mg11(case(), exhibit(), material())
    assert said.startswith(
        "I produce body-worn video JS/1, 14:02:11–14:17:40 BST on 22 October 2026, camera clock 3 s slow,"
        f" first 30 s without sound, SHA-256 {'a' * 64}. "
    )
    assert "the camera itself shows 14:02:08 BST on 22 October 2026" in said
    assert "was docked at 19:05:00 BST on 22 October 2026" in said
    assert "\n" not in said


@pytest.mark.parametrize(
    ("changes", "start", "end", "says"),
    [
        ({}, 60.0, 120.0, "JS/1, 14:03:11–14:04:11 BST on 22 October 2026, camera clock 3 s slow, SHA-256"),
        ({}, 20.0, 60.0, "14:02:31–14:03:11 BST on 22 October 2026, camera clock 3 s slow, first 10 s without sound"),
        ({}, 0.0, 5.0, "first 5 s without sound"),
        ({"preroll": PreRoll(30.0, True)}, None, None, "camera clock 3 s slow, SHA-256"),
        ({"preroll": None}, None, None, "camera clock 3 s slow, SHA-256"),
        ({"incomplete": True}, None, None, "first 30 s without sound, recording cut off, SHA-256"),
        ({"clock_offset": 250.0}, None, None, "camera clock 4 min 10 s fast"),
        ({"clock_offset": 0.2}, None, None, "camera clock right to the second"),
        ({"corrected_by": "SMITH"}, None, None, "time as corrected by SMITH"),
        ({"source_type": SourceType.TASER}, None, None, "I produce Taser camera video JS/1"),
        ({"began": None, "shown": None, "ended": None}, None, None, "at a time that is not known"),
        ({"ended": None}, None, None, "from 14:02:11 BST on 22 October 2026, its end is not known"),
        ({"ended": None, "duration": 60.0}, None, None, "14:02:11–14:03:11 BST"),
    ],
)
def test_what_the_statement_says(changes: dict[str, object], start: float | None, end: float | None, says: str) -> None:
    assert says in mg11(case(), exhibit(start=start, end=end), material(**changes))


def test_silence_that_the_exhibit_does_not_show_is_not_told() -> None:
    assert "without sound" not in mg11(case(), exhibit(start=30.0, end=60.0), material())


def test_winter_is_gmt() -> None:
    began = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)
    said = mg11(case(), exhibit(), material(began=began, ended=began + timedelta(minutes=1)))
    assert "10:00:00–10:01:00 GMT on 22 November 2026" in said


def test_the_hour_that_comes_twice_is_told_apart() -> None:
    began = datetime(2026, 10, 25, 0, 59, 50, tzinfo=UTC)
    assert span(began, began + timedelta(seconds=20)) == (
        "01:59:50 BST on 25 October 2026 – 01:00:10 GMT on 25 October 2026"
    )


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        (DerivativeKind.RANGE, "It was copied from the master recording by"),
        (DerivativeKind.REDACTION, "a redacted copy of the master recording"),
        (DerivativeKind.PLAYBACK, "a playback copy"),
    ],
)
def test_of_a_derivative_both_digests_are_named(kind: DerivativeKind, words: str) -> None:
    said = mg11(case(), exhibit(), material(), lineage(kind, sound_from=12.5))
    assert f"first 12.5 s without sound, SHA-256 {'b' * 64}." in said
    assert words in said
    assert f"by ffmpeg 7.1; the master's SHA-256 is {'a' * 64}" in said


def test_a_derivative_without_any_sound_says_so() -> None:
    assert ", without sound, SHA-256" in mg11(
        case(), exhibit(), material(), lineage(DerivativeKind.REDACTION, sound_from=None)
    )


def test_a_still_has_a_moment_and_no_sound() -> None:
    said = mg11(case(), exhibit(start=61.0), material(), lineage(DerivativeKind.STILL, sound_from=None))
    assert "JS/1, 14:03:12 BST on 22 October 2026, camera clock 3 s slow, SHA-256" in said
    assert "sound" not in said


@pytest.mark.parametrize(
    ("seconds", "says"),
    [(3.0, "3 s"), (2.5, "2.5 s"), (59.97, "1 min"), (60.0, "1 min"), (250.0, "4 min 10 s"), (3723.0, "1 h 2 min 3 s")],
)
def test_lengths_in_words(seconds: float, says: str) -> None:
    assert length(seconds) == says


RIGHT = "camera clock right to the second"


@pytest.mark.parametrize(
    ("offset", "says"),
    [(-0.5, RIGHT), (0.49, RIGHT), (-3.2, "camera clock 3 s slow"), (3600.4, "camera clock 1 h fast")],
)
def test_a_clock_in_words(offset: float, says: str) -> None:
    assert clock(offset) == says


# -- schedules -------------------------------------------------------------------------------------------------

CLIPS = tuple(material(f"clip-{letter}", sha256=letter * 64) for letter in "abcdef")


def marked_case(**changes: object) -> Case:
    """Of six clips: a exhibit, b relevant, c sensitive, d not relevant, e not looked at, f relevant and only a part of
    it exhibited."""
    made = case(
        exhibits=(exhibit("JS/1", "clip-a"), exhibit("JS/2", "clip-f", start=1.0, end=2.0)),
        unused=(
            marked("clip-b", 1, description="the street before"),
            marked("clip-c", 2, Relevance.SENSITIVE, "an informant"),
            marked("clip-d", 3, Relevance.NOT_RELEVANT, "lunch"),
            marked("clip-f", 4, description="after the arrest"),
        ),
    )
    return msgspec.structs.replace(made, **changes)


def rows(text: str) -> list[dict[str, str]]:
    """The rows below the header of a schedule."""
    every = list(csv.reader(io.StringIO(text)))
    head = next(index for index, row in enumerate(every) if len(row) > 1)
    return [dict(zip(every[head], row, strict=True)) for row in every[head + 1 :]]


def drafted(recipient: Recipient = Recipient.CPS, **changes: object) -> dict[str, str]:
    return schedules(marked_case(**changes), CLIPS[1:], recipient)


def test_the_prosecutor_gets_every_draft_as_csv_and_html() -> None:
    names = {f"{name}.{ending}" for name in ("MG6C", "MG6D", "MG6E", "SDC", "unused") for ending in ("csv", "html")}
    assert set(drafted()) == names


def test_every_clip_that_is_no_whole_exhibit_has_a_line_of_the_working_list() -> None:
    lines = {row["clip"]: row["where it stands"] for row in rows(drafted()["unused.csv"])}
    assert lines == {
        "clip-b": "MG6C item 1",
        "clip-c": "MG6D item 2",
        "clip-d": "not relevant: on no schedule",
        "clip-e": "not yet marked by the disclosure officer",
        "clip-f": "MG6C item 4",
    }


def test_each_schedule_lists_its_own() -> None:
    drafts = drafted()
    assert [(row["item"], row["clip"]) for row in rows(drafts["MG6C.csv"])] == [("1", "clip-b"), ("4", "clip-f")]
    assert [(row["item"], row["clip"]) for row in rows(drafts["MG6D.csv"])] == [("2", "clip-c")]
    assert [row["clip"] for row in rows(drafts["SDC.csv"])] == ["clip-b", "clip-f"]
    mg6e = rows(drafts["MG6E.csv"])
    assert [row["schedule item"] for row in mg6e] == ["MG6C 1", "MG6C 4", "MG6D 2"]
    assert all(row["why it may meet the test"] == PRESUMED for row in mg6e)
    assert "what is outside exhibit JS/2" in rows(drafts["MG6C.csv"])[1]["description"]


def test_an_event_log_is_no_imagery() -> None:
    clips = (material("clip-b", kind=Kind.EVENT_LOG),)
    drafts = schedules(case(unused=(marked("clip-b", 1),)), clips, Recipient.CPS)
    assert len(rows(drafts["MG6C.csv"])) == 1
    assert rows(drafts["MG6E.csv"]) == []


def test_what_was_deleted_is_told_and_on_no_schedule() -> None:
    drafts = schedules(case(unused=(marked("clip-b", 1),)), (material("clip-b", gone=True),), Recipient.CPS)
    assert rows(drafts["MG6C.csv"]) == []
    assert rows(drafts["unused.csv"])[0]["where it stands"].startswith("no longer held")


def test_every_draft_says_that_it_is_one_who_signs_and_what_is_missing() -> None:
    for text in drafted().values():
        assert "DRAFT" in text
        assert "disclosure officer checks it, completes it and signs it" in text
        assert "INCOMPLETE: 1 clip of the case is not yet marked" in text


def test_the_defence_sees_nothing_of_what_is_sensitive_or_unmarked() -> None:
    drafts = drafted(Recipient.DEFENCE)
    assert set(drafts) == {"MG6C.csv", "MG6C.html"}
    for text in drafts.values():
        for hidden in ("clip-c", "clip-d", "clip-e", "informant", "lunch", "MG6D", "MG6E", "INCOMPLETE", "sensitive i"):
            assert hidden not in text


@pytest.mark.parametrize("recipient", [Recipient.DATA_SUBJECT, Recipient.TRAINING])
def test_others_get_no_schedule(recipient: Recipient) -> None:
    assert drafted(recipient) == {}
    assert "none here" in (why_none(marked_case(), recipient) or "")


def test_a_guilty_plea_that_is_anticipated_needs_none_and_the_package_says_why() -> None:
    assert drafted(guilty_plea_anticipated=True) == {}
    assert "guilty plea is anticipated" in (why_none(case(guilty_plea_anticipated=True), Recipient.CPS) or "")
    assert why_none(case(), Recipient.CPS) is None


@pytest.mark.parametrize("nasty", ["=1+1", "+44", "-1", "@SUM(A1)", "\t=1", "\r=1", " =1", "＝1", "\n@x"])
def test_no_cell_is_a_formula(nasty: str) -> None:
    drafts = schedules(case(unused=(marked("clip-b", 1, description=nasty),)), CLIPS[1:2], Recipient.CPS)
    described = rows(drafts["MG6C.csv"])[0]["description"]
    assert described.startswith("'")
    assert "\n" not in described


@given(st.text())
def test_a_cell_is_inert_whatever_it_says(text: str) -> None:
    cell = inert(text)
    assert cell[:1] not in FORMULA
    [[read]] = csv.reader(io.StringIO(f'"{cell.replace(chr(34), chr(34) * 2)}"'))
    assert read == cell


class Read(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.tags.append(tag)

    def handle_data(self, data: str) -> None:
        self.text += data


def test_html_shows_what_was_written_and_makes_nothing_of_it() -> None:
    nasty = "<script>alert(1)</script>&\"'"
    drafts = schedules(case(unused=(marked("clip-b", 1, description=nasty),)), CLIPS[1:2], Recipient.CPS)
    page = Read()
    page.feed(drafts["MG6C.html"])
    assert "script" not in page.tags
    assert nasty in page.text


def test_an_empty_schedule_says_that_there_is_none() -> None:
    table = Table("MG6D", "title", "about", ("item",), (), ("DRAFT",))
    assert "No item." in as_html(table)
    assert as_csv(table).splitlines()[-1] == '"item"'


# -- who may have what -----------------------------------------------------------------------------------------

TODAY = date(2026, 11, 22)
REDACTED = "[[blur]]"


def order(recipient: Recipient, *items: OrderedItem, nobody_else: str = "") -> SubmissionOrder:
    return SubmissionOrder(
        "submission-a", "case-a", "URN", Purpose.TRIAL, recipient, items, "ADMIN", "now", nobody_else=nobody_else
    )


def whole(made: Exhibit) -> OrderedItem:
    """The master."""
    return OrderedItem(made.reference, made.clip_id)


def cut(made: Exhibit) -> OrderedItem:
    """The exhibit as it stands."""
    derivative = needed(made, by="", at="")
    return OrderedItem(made.reference, made.clip_id, derivative.derivative_id if derivative else None)


PLAIN, RANGE, BLURRED = exhibit(), exhibit(start=1.0, end=2.0), exhibit(redaction=REDACTED)
APPROVED = {"kind": CaseKind.TRAINING, "approved_until": "2026-11-22"}
SUBJECT = {"kind": CaseKind.SUBJECT_ACCESS}


@pytest.mark.parametrize(
    ("recipient", "about", "made", "item", "nobody_else", "refused"),
    [
        (Recipient.CPS, {}, PLAIN, whole, "", None),
        (Recipient.CPS, {}, BLURRED, whole, "", None),
        (Recipient.DEFENCE, {}, PLAIN, whole, "", None),
        (Recipient.DEFENCE, {}, RANGE, cut, "", None),
        (Recipient.DEFENCE, {}, BLURRED, cut, "", None),
        (Recipient.DEFENCE, {}, BLURRED, whole, "", "the defence gets the redacted copy alone"),
        (Recipient.DEFENCE, {}, RANGE, whole, "", "the defence gets the range alone"),
        (Recipient.DATA_SUBJECT, SUBJECT, PLAIN, whole, "", "other people may be seen or heard"),
        (Recipient.DATA_SUBJECT, SUBJECT, PLAIN, whole, " ", "other people may be seen or heard"),
        (Recipient.DATA_SUBJECT, SUBJECT, PLAIN, whole, "watched it: an empty cell", None),
        (Recipient.DATA_SUBJECT, SUBJECT, BLURRED, cut, "", None),
        (Recipient.DATA_SUBJECT, SUBJECT, BLURRED, whole, "nobody", "the data subject gets the redacted copy alone"),
        (Recipient.TRAINING, APPROVED, BLURRED, cut, "", None),
        (Recipient.TRAINING, APPROVED, BLURRED, whole, "", "training gets the redacted copy alone"),
        (Recipient.TRAINING, APPROVED, PLAIN, whole, "nobody", "redacted footage alone"),
        (Recipient.TRAINING, APPROVED | {"approved_until": None}, BLURRED, cut, "", "no second person has approved"),
        (Recipient.TRAINING, APPROVED | {"approved_until": "2026-11-21"}, BLURRED, cut, "", "ended on 2026-11-21"),
    ],
)
def test_who_may_have_what(
    recipient: Recipient,
    about: dict[str, object],
    made: Exhibit,
    item: object,
    nobody_else: str,
    refused: str | None,
) -> None:
    asked = order(recipient, item(made), nobody_else=nobody_else)  # type: ignore[operator]
    held = case(exhibits=(made,), **about)
    if refused is None:
        may_go(held, asked, TODAY)
    else:
        with pytest.raises(Refused, match=refused):
            may_go(held, asked, TODAY)


HIDDEN = exhibit(reference="AB/1", start=10.0, end=20.0, redaction=REDACTED)


@pytest.mark.parametrize("part", [{}, {"start": 15.0}, {"end": 10.1}])
def test_no_exhibit_shows_what_another_one_of_its_clip_hides(part: dict[str, float]) -> None:
    bare = exhibit(**part)
    held = case(exhibits=(bare, HIDDEN))
    items = ((cut if part else whole)(bare), cut(HIDDEN))
    may_go(held, order(Recipient.CPS, *items), TODAY)
    with pytest.raises(Refused, match="JS/1 shows without redaction what AB/1"):
        may_go(held, order(Recipient.DEFENCE, *items), TODAY)


@pytest.mark.parametrize("part", [{"start": 20.0}, {"start": 0.0, "end": 10.0}, {"clip_id": "clip-b"}])
def test_what_shows_something_else_goes_beside_it(part: dict[str, object]) -> None:
    bare = exhibit(**part)
    items = ((whole if "clip_id" in part else cut)(bare), cut(HIDDEN))
    may_go(case(exhibits=(bare, HIDDEN)), order(Recipient.DEFENCE, *items), TODAY)


@pytest.mark.parametrize("clips", [(), ("clip-a",)])
def test_what_is_refused_does_not_go(clips: tuple[str, ...]) -> None:
    refusal = RefusedOn(ground("crime"), clips, "2026-11-01T00:00:00Z", "ADMIN")
    held = case(exhibits=(BLURRED,), refusals=(refusal,), **SUBJECT)
    with pytest.raises(Refused, match=r"s\.45\(4\)\(b\)"):
        may_go(held, order(Recipient.DATA_SUBJECT, cut(BLURRED)), TODAY)


def test_a_refusal_of_another_clip_leaves_this_one() -> None:
    refusal = RefusedOn(ground("crime"), ("clip-z",), "2026-11-01T00:00:00Z", "ADMIN")
    may_go(case(exhibits=(BLURRED,), refusals=(refusal,)), order(Recipient.DATA_SUBJECT, cut(BLURRED)), TODAY)


@pytest.mark.parametrize("item", [OrderedItem("JS/9", "clip-a"), OrderedItem("JS/1", "clip-b")])
def test_what_is_no_exhibit_does_not_go(item: OrderedItem) -> None:
    with pytest.raises(Refused, match="has no exhibit"):
        may_go(case(exhibits=(BLURRED,)), order(Recipient.DEFENCE, item), TODAY)


# -- subject access: grounds and the month ---------------------------------------------------------------------


def test_each_ground_names_its_place_in_the_law() -> None:
    for name, (place, _) in GROUNDS.items():
        assert ground(name).startswith(f"{name} ({place}): ")
    with pytest.raises(Refused, match="no ground of refusal"):
        ground("because")


@pytest.mark.parametrize(
    ("received", "due"),
    [
        ("2026-09-03", "2026-10-03"),
        ("2026-01-31", "2026-02-28"),
        ("2028-01-31", "2028-02-29"),
        ("2026-03-31", "2026-04-30"),
        ("2026-12-31", "2027-01-31"),
        ("2026-12-01", "2027-01-01"),
    ],
)
def test_a_month_by_the_calendar(received: str, due: str) -> None:
    assert last_day(date.fromisoformat(received)) == date.fromisoformat(due)


def test_an_extension_counts_from_the_same_day() -> None:
    assert last_day(date(2026, 11, 30), EXTENDED_TO) == date(2027, 2, 28)


@given(st.dates(date(2000, 1, 1), date(2100, 12, 31)))
def test_a_month_is_neither_short_nor_long(received: date) -> None:
    due = last_day(received)
    assert timedelta(28) <= due - received <= timedelta(31)
    assert due.day <= received.day
    assert end_of(due) - end_of(received) <= timedelta(31, hours=1)


def test_a_day_ends_by_local_time() -> None:
    assert end_of(date(2026, 7, 1)).astimezone(UTC) == datetime(2026, 7, 1, 23, tzinfo=UTC)


def test_material_is_called_by_its_device() -> None:
    made: Material = material(kind=Kind.EVENT_LOG)
    assert made.device == "camera event log"
