"""Exhibits and unused clips, as changes of the case."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec

from workers.errors import Refused
from workers.prosecution import statements as s
from workers.prosecution.cases import checks, references
from workers.prosecution.cases.case import Case, Exhibit, Unused
from workers.prosecution.cases.checks import need

changed = msgspec.structs.replace


def exhibit_added(case: Case, change: s.ExhibitAdded, asked: s.CaseChange, at: datetime) -> Case:
    """Add an exhibit under a reference that the case never had."""
    producer = checks.text(change.producer, "the producer", 100)
    checks.second(change.start, "the exhibit's start")
    checks.second(change.end, "the exhibit's end")
    need(
        change.end is None or change.end > (change.start or 0.0),
        f"the exhibit ends at {change.end} s, which is not after its start at {change.start or 0.0} s",
    )
    if change.mg11 is not None:
        checks.day_past(change.mg11, "the MG11's day", at)
    exhibit = Exhibit(
        reference=references.checked(case, change.reference, change.clip_id, producer),
        clip_id=change.clip_id,
        producer=producer,
        description=checks.text(change.description, "the description"),
        added_at=asked.at,
        added_by=asked.by,
        start=change.start,
        end=change.end,
        mg11=change.mg11,
        redaction=change.redaction,
    )
    return changed(case, exhibits=(*case.exhibits, exhibit))


def exhibit_withdrawn(case: Case, change: s.ExhibitWithdrawn, asked: s.CaseChange, at: datetime) -> Case:
    """An exhibit is one no more; its reference stays taken."""
    return _with_exhibit(case, change.reference, {"withdrawn": True})


def exhibit_amended(case: Case, change: s.ExhibitAmended, asked: s.CaseChange, at: datetime) -> Case:
    """What is said of an exhibit; what it shows stays."""
    given: dict[str, Any] = {}
    if change.producer is not None:
        given["producer"] = checks.text(change.producer, "the producer", 100)
    if change.mg11 is not None:
        given["mg11"] = checks.day_past(change.mg11, "the MG11's day", at).isoformat()
    if change.description is not None:
        given["description"] = checks.text(change.description, "the description")
    need(given, "nothing is amended: expected a producer, the day of the MG11, or a description")
    return _with_exhibit(case, change.reference, given)


def _with_exhibit(case: Case, reference: str, given: dict[str, Any]) -> Case:
    found = case.exhibit(reference)
    if found is None or found.withdrawn:
        said = "was withdrawn" if found is not None else "is no exhibit"
        raise Refused(f"{reference[:40]} {said} in {case.urn}", f"its exhibits: bwv case show {case.urn}")
    made = changed(found, **given)
    return changed(case, exhibits=tuple(made if one is found else one for one in case.exhibits))


def unused_marked(case: Case, change: s.UnusedMarked, asked: s.CaseChange, at: datetime) -> Case:
    """Mark a clip that is no exhibit; its number stays from the first time on."""
    whole = [e.reference for e in case.standing() if e.clip_id == change.clip_id and e.whole]
    need(not whole, f"{change.clip_id} is exhibit {', '.join(whole)}, and so it is not unused")
    before = next((one for one in case.unused if one.clip_id == change.clip_id), None)
    number = before.number if before is not None else len(case.unused) + 1
    made = Unused(change.clip_id, change.relevance, checks.text(change.description, "the description", 2000), number)
    others = [one for one in case.unused if one is not before]
    return changed(case, unused=tuple(sorted((*others, made), key=lambda one: one.number)))
