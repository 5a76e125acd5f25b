"""Every question of the JSON API: the board, its lists, alarms, clips, cases, submissions, encounters."""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct
from starlette.responses import Response

from console.web.api import ROOT, Field, Operation, as_json, openapi
from console.web.guard import ENCOUNTERS, EVERYBODY, WATCHERS, Page
from console.web.pages import api_clips, casework, encounters
from console.web.pages.board import board_of, page_of, watch_of
from console.web.pages.board_figures import Board
from console.web.visit import Visit
from workers.encounters.lines import Encounters, Show
from workers.encounters.words import GapKind, Kind
from workers.operations.alarms import rows
from workers.operations.board import submitted
from workers.operations.board.casework import Cases, CaseShown
from workers.operations.board.listing import Cursor, Line
from workers.operations.board.lists import LISTS
from workers.operations.board.submitted import Submissions, SubmissionShown
from workers.operations.lag.figures import StageLag


class Lag(Struct, frozen=True):
    """How far behind each stage is, the gravest first.

    Attributes:
        at: when Kafka was asked; None: it has not answered yet.
        away: why it did not answer just now; empty if it did.
    """

    at: datetime | None
    away: str
    stages: tuple[StageLag, ...]


class Named(Struct, frozen=True):
    """One list: its name in the address, and what its lines are."""

    name: str
    title: str
    means: str


class Lists(Struct, frozen=True):
    """Every list there is."""

    lists: tuple[Named, ...]


class ListPage(Struct, frozen=True):
    """A page of a list.

    Attributes:
        hidden: lines that are left out, since only named people see those clips.
        after: `sort` and `id` of where the next page begins; None: there is none.
    """

    name: str
    title: str
    means: str
    lines: tuple[Line, ...]
    hidden: int
    after: Cursor | None


class Alarms(Struct, frozen=True):
    """Alarms that stand, the most pressing first.

    Attributes:
        judged_at: when they were judged last; None: never.
        stale: that is too long ago: nobody would be told of anything now.
    """

    alarms: tuple[rows.Open, ...]
    judged_at: datetime | None
    stale: bool


async def lag(visit: Visit) -> Lag:
    """What Kafka and the stages said last."""
    seen, asked = await board_of(visit), watch_of(visit).sources.lags
    return Lag(seen.asked.lag, asked.away, seen.lags)


async def lists(visit: Visit) -> Lists:
    """Their names."""
    return Lists(tuple(Named(name, one.title, one.means) for name, one in LISTS.items()))


async def listed(visit: Visit) -> ListPage:
    """The page that the address names."""
    name = visit.request.path_params["name"]
    wanted, page, hidden = await page_of(visit)
    return ListPage(name, wanted.title, wanted.means, page.lines, hidden, page.after)


async def alarms(visit: Visit) -> Alarms:
    """Those that people were told of."""
    database = visit.parts.database
    judged = await rows.read_rounds(database)
    return Alarms(await rows.read_open(database), judged.judged_at, judged.stale)


async def document(visit: Visit) -> Response:
    """The document of all of it."""
    return as_json(DOCUMENT)


_PLACE = (
    Field("sort", "Where the page begins: `after.sort` of the page before."),
    Field("id", "And `after.id` of it."),
)
_CLIP = Field("clip", "The clip's id.", pattern="^clip-[a-z2-7]{32}$")

OPERATIONS = (
    Operation("getBoard", "/board", "Everything that the board shows.", Board, board_of, WATCHERS),
    Operation("getLag", "/lag", "How far behind each stage is, and its verdict.", Lag, lag, WATCHERS),
    Operation("getAlarms", "/alarms", "The alarms that stand.", Alarms, alarms, WATCHERS),
    Operation("getLists", "/lists", "The lists behind the numbers of the board.", Lists, lists, WATCHERS),
    Operation(
        "getList", "/lists/{name}", "A page of a list.", ListPage, listed, WATCHERS,
        (Field("name", "Of the list.", values=tuple(LISTS)), *_PLACE), (400, 404),
    ),
    Operation(
        "getClip", "/clips/{clip}", "A clip, why it is kept or gone, and its continuity record. The look is recorded.",
        api_clips.ClipShown, api_clips.clip, api_clips.READERS, (_CLIP,), (404,),
    ),
    Operation(
        "getCases", "/cases", "A page of cases, whose clock or hearing comes first is first.", Cases, casework.cases_of,
        casework.READERS, (Field("closed", "1: closed ones instead.", values=("1",)), *_PLACE), (400,),
    ),
    Operation(
        "getCase", "/cases/{case}", "One case: exhibits, submissions, deadline.", CaseShown, casework.case_of,
        casework.READERS, (Field("case", "Its id, or its Unique Reference Number."),), (404,),
    ),
    Operation(
        "getSubmissions", "/submissions", "A page of submissions, the newest first.", Submissions,
        casework.submissions_of, casework.READERS,
        (Field("state", "Only those.", values=submitted.STATES), Field("case", "Only those of the case of this id."),
         *_PLACE), (400,),
    ),
    Operation(
        "getSubmission", "/submissions/{submission}", "One submission: items, receipt, differences.", SubmissionShown,
        casework.submission_of, casework.READERS,
        (Field("submission", "Its id.", pattern="^submission-[a-z2-7]{32}$"),), (404,),
    ),
    Operation(
        "getEncounterGaps", "/encounters/gaps", "A page of encounters that lack footage, and of clips without a record:"
        " what is open first, the oldest first.", Encounters, encounters.gaps_of, ENCOUNTERS,
        (Field("officer", "Only those of this officer."), Field("kind", "Only those records.", values=tuple(Kind)),
         Field("gap", "Only where this is missing.", values=tuple(GapKind)),
         Field("month", "Only those of this month, such as 2026-11.", pattern="^[0-9]{4}-[0-9]{2}$"),
         Field("show", "Which; `gaps` where nothing is said.", values=tuple(Show)),
         Field("behind", "Where the page begins: `open` where `after.open` of the page before is true, else `others`.",
               values=("open", "others")),
         Field("at", "And `after.at` of it."), Field("id", "And `after.about` of it.")), (400,),
    ),
)  # fmt: skip
"""Every question; the document and the pages are made from it."""

DOCUMENT = openapi(OPERATIONS)

PAGES = (
    Page(f"{ROOT}/openapi.json", document, EVERYBODY),
    *(operation.page() for operation in OPERATIONS),
)
