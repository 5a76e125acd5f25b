"""Cases and submissions: how far each is, against which deadline, and from each exhibit to its clip."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlencode

from starlette.exceptions import HTTPException
from starlette.responses import Response

from console.web.guard import Page
from console.web.pages.board_drawing import KNOWN
from console.web.people import Person, Role
from console.web.visit import Visit
from workers.errors import RuleBroken
from workers.operations.board import casework, submitted
from workers.operations.board.casework import Cases, CaseShown, Reader
from workers.operations.board.listing import Cursor
from workers.operations.board.submitted import Submissions, SubmissionShown, Wanted
from workers.prosecution.identity import CASE_ID, SUBMISSION_ID
from workers.prosecution.statements import CaseKind

EVERY_CASE: Mapping[CaseKind, frozenset[Role]] = {
    CaseKind.PROSECUTION: frozenset(
        {Role.PROSECUTION, Role.DISCLOSURE, Role.RECORDS, Role.STANDARDS, Role.OPERATOR, Role.AUDITOR}
    ),
    CaseKind.SUBJECT_ACCESS: frozenset({Role.PROTECTION, Role.RECORDS, Role.OPERATOR, Role.AUDITOR}),
    CaseKind.TRAINING: frozenset({Role.PROTECTION, Role.RECORDS, Role.OPERATOR, Role.AUDITOR}),
}
"""Kind → who sees every case of it; whose officer somebody is they see all the same."""

STATE_ALONE = frozenset({Role.OPERATOR, Role.AUDITOR})
"""Who sees how far cases are, and neither whom nor what they are about: that is all that their work needs."""

READERS = frozenset({Role.OFFICER, Role.SUPERVISOR}).union(*EVERY_CASE.values())


def reader_of(person: Person) -> Reader:
    """What somebody sees of cases."""
    kinds = frozenset(kind for kind, roles in EVERY_CASE.items() if person.has(roles))
    people = any(person.has(EVERY_CASE[kind] - STATE_ALONE) for kind in kinds)
    return Reader(person.person, kinds, people)


async def cases_of(visit: Visit) -> Cases:
    """The page of cases that the address asks for."""
    try:
        return await casework.cases(
            visit.parts.database, reader_of(visit.person), closed=bool(visit.query("closed")), after=_place(visit)
        )
    except RuleBroken as odd:
        raise HTTPException(400, str(odd)) from odd


async def case_of(visit: Visit) -> CaseShown:
    """The case that the address names; HTTPException 404 where there is none for this reader."""
    wanted = visit.request.path_params["case"][:100]
    found = await casework.case_shown(visit.parts.database, wanted, reader_of(visit.person))
    if found is None:
        raise HTTPException(404)
    return found


async def submissions_of(visit: Visit) -> Submissions:
    """The page of submissions that the address asks for."""
    state, case = visit.query("state"), visit.query("case")
    if (state and state not in submitted.STATES) or (case and not CASE_ID.fullmatch(case)):
        raise HTTPException(400)
    reader = reader_of(visit.person)
    try:
        return await submitted.submissions(
            visit.parts.database, reader.person, reader.kinds, Wanted(state, case), _place(visit)
        )
    except RuleBroken as odd:
        raise HTTPException(400, str(odd)) from odd


async def submission_of(visit: Visit) -> SubmissionShown:
    """The submission that the address names; HTTPException 404 where there is none for this reader."""
    wanted = visit.request.path_params["submission"]
    found = await submitted.submission_shown(visit.parts.database, wanted) if SUBMISSION_ID.fullmatch(wanted) else None
    if found is None or not reader_of(visit.person).sees(found.sent.kind, found.sent.officer):
        raise HTTPException(404)
    return found


async def cases(visit: Visit) -> Response:
    """Cases in the order of their work; `?find=` leads to the one of this reference."""
    words, problem = visit.query("find")[:100], ""
    if words:
        found = await casework.case_shown(visit.parts.database, words, reader_of(visit.person))
        if found is not None:
            return visit.go(f"/cases/{found.case_id}")
        problem = f"There is no case {words!r}, or none for you."
    page = await cases_of(visit)
    values = {"page": page, "closed": bool(visit.query("closed")), "find": words, "problem": problem}
    further = _further(visit, page.after, "closed")
    return visit.show("cases.html", {**KNOWN, **values, "further": further, "now": visit.now}, 404 if problem else 200)


async def case(visit: Visit) -> Response:
    """One case."""
    return visit.show("case.html", {**KNOWN, "case": await case_of(visit), "now": visit.now})


async def submissions(visit: Visit) -> Response:
    """Submissions, the newest first."""
    page = await submissions_of(visit)
    values = {"page": page, "states": submitted.STATES, "state": visit.query("state"), "case": visit.query("case")}
    further = _further(visit, page.after, "state", "case")
    return visit.show("submissions.html", {**KNOWN, **values, "further": further, "now": visit.now})


async def submission(visit: Visit) -> Response:
    """One submission."""
    found = await submission_of(visit)
    return visit.show("submission.html", {**KNOWN, "one": found, "now": visit.now})


def _place(visit: Visit) -> Cursor | None:
    return Cursor(visit.query("sort"), visit.query("id")) if visit.query("sort") else None


def _further(visit: Visit, after: Cursor | None, *kept: str) -> str | None:
    if after is None:
        return None
    asked = {name: visit.query(name) for name in kept if visit.query(name)}
    return urlencode({**asked, "sort": after.sort, "id": after.id})


PAGES = (
    Page("/cases", cases, READERS),
    Page("/cases/{case}", case, READERS),
    Page("/submissions", submissions, READERS),
    Page("/submissions/{submission}", submission, READERS),
)
