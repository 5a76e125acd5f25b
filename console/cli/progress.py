"""Shows what happens in the bays while it happens: a live table on a terminal, plain lines elsewhere."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

from rich.console import Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from console.cli.common import console
from console.cli.status import read_bays

T = TypeVar("T")

LINES_EVERY = 2.0
"""Seconds between two plain lines about one recording's bytes."""


async def watch(home: Path, finished: Callable[[], Awaitable[T | None]], *, patience: float, live: bool) -> T | None:
    """Show the bays of `home` until `finished` gives an answer; None when nothing changed for `patience` s."""
    shown = _Plain()
    last, since = None, time.monotonic()
    with Live(console=console(), refresh_per_second=4, transient=False) if live else _Nothing() as screen:
        while True:
            docks = read_bays(home)
            if isinstance(screen, Live):
                screen.update(picture(docks))
            else:
                shown.tell(docks)
            answer = await finished()
            if answer is not None:
                return answer
            if docks != last:
                last, since = docks, time.monotonic()
            if time.monotonic() - since > patience:
                return None
            await asyncio.sleep(0.25)


class _Nothing:
    def __enter__(self) -> None:
        return None

    def __exit__(self, *_: object) -> None:
        return None


def picture(docks: list[dict[str, Any]]) -> Group:
    """Bays with their signs, and each recording with a bar."""
    parts: list[Any] = []
    for dock in docks:
        for bay in dock["bays"]:
            if not bay.get("camera"):
                continue
            parts.append(Text(f"{dock['dock']}/{bay['bay']}  {bay['camera']}  {bay['sign']}", style="bold"))
            table = Table.grid(padding=(0, 2))
            for item in bay["recordings"]:
                table.add_row(
                    f"   {item['recording']}", item["state"], _bar(item), _rate(item), item.get("reason") or ""
                )
            parts.append(table)
    return Group(*parts)


def _bar(item: dict[str, Any]) -> str:
    total = item.get("total") or 0
    share = min(1.0, (item.get("bytes") or 0) / total) if total else 0.0
    return f"{'█' * int(20 * share):░<20} {100 * share:3.0f} % of {_size(total)}"


def _rate(item: dict[str, Any]) -> str:
    if item["state"] not in ("measuring", "transferring") or not item.get("rate"):
        return ""
    eta = item.get("eta")
    return f"{_size(item['rate'])}/s" + (f", {eta:.0f} s left" if eta is not None else "")


def _size(count: float) -> str:
    for unit in ("B", "KB", "MB", "GB"):
        if count < 1000:
            return f"{count:.0f} {unit}" if unit in ("B", "KB") else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} TB"


class _Plain:
    """One line for each change of state, and one now and then while bytes move."""

    def __init__(self) -> None:
        self._states: dict[tuple[str, str], str] = {}
        self._told: dict[tuple[str, str], float] = {}
        self._began = time.monotonic()

    def tell(self, docks: list[dict[str, Any]]) -> None:
        """Print what changed."""
        now = time.monotonic()
        for dock in docks:
            for bay in dock["bays"]:
                for item in bay.get("recordings", []):
                    key = (bay.get("camera") or "", item["recording"])
                    moving = item["state"] == "transferring" and now - self._told.get(key, 0) > LINES_EVERY
                    if self._states.get(key) != item["state"] or moving:
                        self._states[key], self._told[key] = item["state"], now
                        print(
                            f"{now - self._began:6.1f} s  {dock['dock']}/{bay['bay']}  {key[0]}  {key[1]}  "
                            f"{item['state']:12}  {_bar(item)}  {_rate(item)}  {item.get('reason') or ''}".rstrip(),
                            flush=True,
                        )
