"""Draws the parts of the board, once for all who look, and tells browsers which of them have changed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import Any

import msgspec

from console.web.pages.board_watch import FRESH, Board, Watch
from console.web.rendering import rendered
from streams.settings import Settings
from workers.database.engine import Database
from workers.errors import PassingFault
from workers.operations.board import bays, pipeline
from workers.operations.board.first import PRESSING

PARTS = ("head", "first", "docks", "pipeline", "numbers", "store")
"""Parts of the page, each a template `board_<part>.html` and the id of an element."""

STREAM_LASTS = 600.0
"""Seconds; then the browser asks again, and it is looked at again whether it may."""
STREAMS = 200
"""At once; more are told to come back."""
QUIET = 15.0
"""Seconds without a change after which a stream shows that it lives."""

TILES = (
    ("unverified", "not verified yet"),
    ("interrupted", "interrupted"),
    ("failed", "failed five times"),
    ("queued", "waiting over 7 days"),
    ("quarantine", "in quarantine"),
    ("damaged", "damaged"),
    ("gaps", "recordings missing"),
    ("rejected", "rejected in 7 days"),
    ("bin", "in the bin"),
    ("soon", "deleted within 72 h"),
    ("reviews", "reviews due"),
    ("holds", "holds outstanding"),
    ("sweeps", "sweeps that ask"),
    ("overdue", "receipts overdue"),
    ("answered", "submissions to look at"),
)
"""Number of `Counts` that is shown → what it is called."""

WANT_A_PERSON = frozenset(
    {"failed", "queued", "quarantine", "damaged", "gaps", "rejected", "sweeps", "overdue", "answered"}
)
"""Numbers that stand out unless they are 0."""

KNOWN: Mapping[str, Any] = {
    "words": bays.WORDS,
    "order": bays.ORDER,
    "span": pipeline.span,
    "tiles": TILES,
    "alert": WANT_A_PERSON,
    "pressing": PRESSING,
    "picture": pipeline.PICTURE,
}
"""What every template of the board may use."""


class Drawing:
    """One process's drawing of the board; its figures are first asked when somebody looks."""

    def __init__(self) -> None:
        self._watch: Watch | None = None
        self._drawn: tuple[Board, dict[str, str]] | None = None
        self._streams = 0

    def watch(self, settings: Settings, database: Database) -> Watch:
        """What gathers the figures."""
        if self._watch is None:
            self._watch = Watch(settings, database)
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
        if self._drawn is None or self._drawn[0] is not board:
            values = {**KNOWN, "board": board}
            drawn = {part: bytes(rendered(f"board_{part}.html", values).body).decode() for part in PARTS}
            self._drawn = board, drawn
        return self._drawn[1]

    async def events(self, watch: Watch) -> AsyncIterator[bytes]:
        """What a browser is told: each part that has changed, whole."""
        self._streams += 1
        sent: dict[str, str] = {}
        loop = asyncio.get_running_loop()
        ends = loop.time() + STREAM_LASTS
        told = loop.time()
        try:
            while loop.time() < ends:
                for part, drawn in (await self._now(watch)).items():
                    if sent.get(part) != drawn:
                        sent[part] = drawn
                        told = loop.time()
                        yield _event("part", {"id": part, "html": drawn})
                if loop.time() - told >= QUIET:
                    told = loop.time()
                    yield b": still here\n\n"
                await asyncio.sleep(FRESH)
        finally:
            self._streams -= 1

    async def _now(self, watch: Watch) -> dict[str, str]:
        try:
            return self.parts(await watch.board())
        except PassingFault as fault:
            return {"head": bytes(rendered("board_away.html", {"why": str(fault)}).body).decode()}


def _event(name: str, data: Any) -> bytes:
    return b"event: " + name.encode() + b"\ndata: " + msgspec.json.encode(data) + b"\n\n"
