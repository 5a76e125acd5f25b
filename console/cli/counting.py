"""Progress of work that counts: a bar on a terminal, a plain line now and then elsewhere, nothing for scripts."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Callable, Iterator

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

LINE_EVERY = 2.0
"""Seconds between two plain lines."""


@contextlib.contextmanager
def counted(what: str, total: int, *, hidden: bool = False) -> Iterator[Callable[[int], None]]:
    """Lend a function that is told how many are done; it shows on standard error.

    Args:
        what: counted things, in the plural.
        hidden: show nothing.
    """
    if hidden:
        yield lambda done: None
    elif sys.stderr.isatty():
        columns = (TextColumn(what), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
            task = bar.add_task(what, total=total)
            yield lambda done: bar.update(task, completed=done)
    else:
        yield _Lines(what, total).tell


class _Lines:
    def __init__(self, what: str, total: int) -> None:
        self._what, self._total = what, total
        self._told = self._began = time.monotonic()

    def tell(self, done: int) -> None:
        """Print a line when the last one is old enough."""
        now = time.monotonic()
        if now - self._told < LINE_EVERY:
            return
        self._told = now
        rate = done / (now - self._began)
        left = (self._total - done) / rate if rate else 0
        click.echo(f"{done:,} of {self._total:,} {self._what}, {rate:,.0f}/s, {left:.0f} s left", err=True)
