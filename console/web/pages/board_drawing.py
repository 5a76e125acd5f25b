"""Draws the parts of the board, once for all who look, and tells browsers which of them have changed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from typing import Any

import msgspec
from msgspec import Struct

from console.web.pages.board_figures import Board
from console.web.pages.board_picture import CROWD, MANY, clock, drawn_bay, drawn_stages, unwell
from console.web.pages.board_watch import FRESH, Watch
from console.web.rendering import drawn
from streams.settings import Settings
from workers.database.engine import Database
from workers.errors import PassingFault
from workers.operations.board import bays, pipeline
from workers.operations.board.docks import Dock
from workers.operations.board.first import PRESSING

PARTS = ("asof", "head", "first", "legend", "docks", "pipeline", "numbers", "store")
"""Parts of the page, each a template `board_<part>.html` and the id of an element."""

DOCK = "dock-"
"""Before the name of a dock: the id of its element, which is told of by itself."""

STREAM_LASTS = 600.0
"""Seconds; then the browser asks again, and it is looked at again whether it may."""
STREAMS = 200
"""At once; more are told to come back."""
QUIET = 15.0
"""Seconds without a change after which a stream shows that it lives."""

GROUPS = (
    (
        "On the way",
        (
            ("unverified", "not verified yet"),
            ("interrupted", "interrupted"),
            ("queued", "waiting over 7 days"),
            ("failed", "failed five times"),
        ),
    ),
    (
        "To decide or to mend",
        (
            ("quarantine", "in quarantine"),
            ("damaged", "damaged in the store"),
            ("gaps", "recordings missing"),
            ("rejected", "rejected in 7 days"),
        ),
    ),
    (
        "Keeping and deleting",
        (
            ("soon", "deleted within 72 h"),
            ("bin", "in the bin"),
            ("reviews", "reviews due"),
            ("holds", "holds outstanding"),
            ("sweeps", "sweeps that ask"),
        ),
    ),
    (
        "Submissions",
        (
            ("overdue", "receipts overdue"),
            ("answered", "to look at"),
        ),
    ),
)
"""Headings, under each the numbers of `Counts` that are shown there → what they are called."""

WANT_A_PERSON = frozenset(
    {"failed", "queued", "quarantine", "damaged", "gaps", "rejected", "sweeps", "overdue", "answered"}
)
"""Numbers that stand out unless they are 0."""

KNOWN: Mapping[str, Any] = {
    "words": bays.WORDS,
    "order": bays.ORDER,
    "span": pipeline.span,
    "groups": GROUPS,
    "alert": WANT_A_PERSON,
    "pressing": PRESSING,
    "drawn_bay": drawn_bay,
    "drawn_stages": drawn_stages,
    "unwell": unwell,
    "clock": clock,
    "crowd": CROWD,
    "lately": pipeline.LATELY,
}
"""What every template of the board may use."""


class Drawn(Struct, frozen=True):
    """A board as it is drawn.

    Attributes:
        board: that it shows.
        parts: each of PARTS, whole.
        docks: id of a dock's element → what is in it; `parts["docks"]` holds the same.
        outline: which docks stand where, and how large.
    """

    board: Board
    parts: dict[str, str]
    docks: dict[str, str]
    outline: str

    def since(self, sent: dict[str, str]) -> Iterator[tuple[str, str]]:
        """Id and content of whatever is not as it was sent before; noted in `sent`.

        A dock that has changed goes by itself. All docks go together only where others stand there than before, so
        that in a quiet hour with five hundred bays one camera costs its own dock.
        """
        for part, html in self.parts.items():
            seen = self.outline if part == "docks" else html
            if sent.get(part) != seen:
                sent[part] = seen
                if part == "docks":
                    sent.update(self.docks)
                yield part, html
        for dock, html in self.docks.items():
            if sent.get(dock) != html:
                sent[dock] = html
                yield dock, html


class Drawing:
    """One process's drawing of the board; its figures are first asked when somebody looks."""

    def __init__(self) -> None:
        self._watch: Watch | None = None
        self._drawn: Drawn | None = None
        self._docks: dict[str, tuple[Dock, bool, str]] = {}
        self._streams = 0

    def watch(self, settings: Settings, database: Database) -> Watch:
        """What gathers the figures."""
        if self._watch is None:
            self._watch = Watch(settings, database, self.drawn)
        return self._watch

    async def stop(self) -> None:
        """End what asks in the background."""
        if self._watch is not None:
            await self._watch.stop()

    @property
    def full(self) -> bool:
        """Whether as many browsers listen as may."""
        return self._streams >= STREAMS

    def parts(self, board: Board) -> dict[str, str]:
        """Each part as it is drawn now; drawn once for one board."""
        return self.drawn(board).parts

    def drawn(self, board: Board) -> Drawn:
        """The board as it is drawn; once for one board, and no dock again that is as it was."""
        if self._drawn is None or self._drawn.board is not board:
            small = board.summary.bays > MANY
            self._docks = {dock.dock: self._dock(dock, small, board) for dock in board.docks}
            docks = {DOCK + name: html for name, (_, _, html) in self._docks.items()}
            values = {**KNOWN, "board": board, "docks": docks}
            crowd = board.summary.bays > CROWD
            outline = "\n".join(f"{it.dock} {len(it.bays)} {bool(it.silent)} {crowd}" for it in board.docks)
            parts = {part: drawn(f"board_{part}.html", values) for part in PARTS}
            self._drawn = Drawn(board, parts, docks, outline)
        return self._drawn

    def _dock(self, dock: Dock, small: bool, board: Board) -> tuple[Dock, bool, str]:
        known = self._docks.get(dock.dock)
        if known is not None and known[:2] == (dock, small):
            return known
        values = {**KNOWN, "dock": dock, "small": small, "at": board.at}
        return dock, small, drawn("board_dock.html", values)

    async def events(self, watch: Watch, still: Callable[[], Awaitable[bool]]) -> AsyncIterator[bytes]:
        """What a browser is told: each part that has changed, whole.

        Args:
            still: whether who listens may go on; asked at each beat before anything is sent, and no ends it.
        """
        self._streams += 1
        sent: dict[str, str] = {}
        board: Board | None = None
        loop = asyncio.get_running_loop()
        ends = loop.time() + STREAM_LASTS
        told = loop.time()
        try:
            while loop.time() < ends:
                try:
                    board = await watch.newer(board, FRESH)
                    if not await still():
                        return
                    changed = list(self.drawn(board).since(sent))
                except PassingFault as fault:  # nor can anybody be asked whether they may: nothing else is sent
                    changed = _away(fault, sent)
                    await asyncio.sleep(FRESH)
                for part, html in changed:
                    told = loop.time()
                    yield _event("part", {"id": part, "html": html})
                if loop.time() - told >= QUIET:
                    told = loop.time()
                    yield b": still here\n\n"
        finally:
            self._streams -= 1


def _away(fault: PassingFault, sent: dict[str, str]) -> list[tuple[str, str]]:
    away = drawn("board_away.html", {"why": str(fault)})
    if sent.get("head") == away:
        return []
    sent["head"] = away
    return [("head", away)]


def _event(name: str, data: Any) -> bytes:
    return b"event: " + name.encode() + b"\ndata: " + msgspec.json.encode(data) + b"\n\n"
