"""The copy for the person concerned: what it says, what it never says, and that it needs nothing but itself."""

from __future__ import annotations

from datetime import UTC, datetime
from html.parser import HTMLParser
from typing import Any

import pytest

from tests.encounters.force import an_encounter
from workers.encounters.person import copy_number, kept, page
from workers.encounters.queries import Known, ListedGap, ShownClip
from workers.encounters.rows import Recorded
from workers.encounters.words import Ethnicity, GapKind, Kind, Outcome, Power, Sought
from workers.footage.recording import SourceType
from workers.keys.signing import Signed
from workers.retention.decision import Outcome as Verdict
from workers.retention.decision import Plan
from workers.retention.explaining import Explanation, State

NOW = datetime(2026, 3, 10, 9, tzinfo=UTC)
AT = datetime(2026, 3, 2, 14, tzinfo=UTC)


def recorded(version: int = 1, **values: Any) -> Recorded:
    said = {
        "kind": Kind.STOP_SEARCH, "power": Power.PACE_S1, "object": Sought.STOLEN_PROPERTY, "ethnicity": Ethnicity.B1,
        "grounds": 'seen to try the doors of "three" cars <script>', "outcome": Outcome.NONE,
    }  # fmt: skip
    encounter = an_encounter("SS/2026/1", officers=("PC-4711", "PC-2203"), **(said | values))
    return Recorded("encounter-a", version, encounter, Signed("{}", "person:ADMIN:0", ""), "ADMIN", AT)


def gap(officer: str, kind: GapKind, **values: Any) -> ListedGap:
    said: dict[str, Any] = {"explained_by": None, "reason": None, "reason_by": None, "note": "switched off at 13:00"}
    return ListedGap(
        about="encounter-a", reference="SS/2026/1", what="stop_search", at=AT, borough=None, bcu=None, officer=officer,
        gap=kind, seconds=60.0, open=True, days=8, **(said | values),
    )  # fmt: skip


def clip(name: str = "clip-a", officer: str = "PC-4711") -> ShownClip:
    return ShownClip(name, officer, "time", SourceType.BODY_WORN, None, "BWC-1", AT, NOW)


def text_of(known: Known, explained: dict[str, Explanation] | None = None, held: str | None = None, **of: Any) -> str:
    return page(recorded(**of), known, explained or {}, now=NOW, contact="Ask at any station.", held=held).decode()


class Outside(HTMLParser):
    """Collects whatever a page would fetch or run."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in ("script", "img", "link", "iframe", "object", "form"):
            self.found.append(tag)
        self.found += [f"{tag} {name}" for name, _ in attrs if name in ("src", "href") or name.startswith("on")]


def test_it_says_what_the_code_asks_and_needs_nothing_from_outside() -> None:
    text = text_of(Known((clip(),), (gap("PC-2203", GapKind.NONE, reason="left on charge", reason_by="PC-2203"),), 1))
    for words in (
        "Record of a stop and search", "SS/2026/1", "02 March 2026, 14:00", "High Street", "PC-4711",
        "section 1 of the Police and Criminal Evidence Act 1984", "stolen property", "&#34;three&#34; cars &lt;",
        "Black Caribbean", "no further action", "<dd>Filmed.</dd>", "the reason given is: left on charge",
        "02 June 2026", "Ask at any station.", copy_number(recorded(), NOW),
    ):  # fmt: skip
        assert words in text, words
    assert "switched off" not in text, "what the records say besides is not the officer's word"
    parser = Outside()
    parser.feed(text)
    assert parser.found == []


REASONS = {
    "no reason has been given yet": gap("PC-4711", GapKind.NONE),
    "its battery was flat": gap("PC-4711", GapKind.NONE, explained_by="battery_flat"),
    "starts after the beginning": gap("PC-4711", GapKind.LATE),
    "stops before the end, or pauses": gap("PC-4711", GapKind.EARLY),
    "part of it has no sound": gap("PC-4711", GapKind.MUTED),
}


@pytest.mark.parametrize("words", REASONS)
def test_it_says_what_was_not_filmed_and_why(words: str) -> None:
    assert words in text_of(Known((), (REASONS[words],), 1))


def explanation(state: State = State.KEPT, day: datetime | None = None, *, is_held: bool = False) -> Explanation:
    plan = Plan(Verdict.EXPIRE, "uncategorised", "r", 1, (), ends_at=day, dispose_from=day, held=is_held)
    return Explanation("clip-a", NOW, state, "kept", plan=plan)


def test_it_promises_no_day_that_the_policy_does_not_say() -> None:
    soon, later = datetime(2026, 4, 1, tzinfo=UTC), datetime(2026, 5, 1, tzinfo=UTC)
    assert kept([explanation(day=later), explanation(day=soon)]).day == soon, "the first that goes"
    assert kept([explanation(day=soon, is_held=True)]).day is None
    assert kept([]).says == "There is no footage of it."
    assert "deleted" in kept([explanation(State.GONE)]).says
    assert kept([explanation(State.GONE), explanation(day=soon)]).says.startswith("Part of the footage was deleted")
    text = text_of(Known((clip(),), (), 1), {"clip-a": explanation(day=soon)}, held="10 March 2026, 09:00")
    assert "until at least 01 April 2026" in text and "You asked for it: since 10 March 2026, 09:00" in text


def test_a_correction_is_said() -> None:
    assert "version 2 of the record, corrected on" in text_of(Known((), (), 2), version=2)
