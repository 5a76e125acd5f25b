"""Gives commands in the demo as a person would give them: shown first, then done, and never left failed."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import click

from console.cli.common import console
from workers.errors import PartUnreachable


def give(bwv: click.Command, home: str, *words: str) -> None:
    """Give a command in this process.

    Args:
        bwv: the command line itself.
    """
    say(words)
    code = bwv.main(["--home", home, *words], prog_name="bwv", standalone_mode=False)
    _check(words, code if isinstance(code, int) else 0)


def give_as(person: str, home: str, *words: str) -> None:
    """Give a command as somebody else: in a process of its own, whose settings say who that is."""
    say(words, before=f"BWV_PERSON={person} ")
    argv = (sys.executable, "-m", "console.cli.main", "--home", home, *words)
    # Handed on, not read: what the variables mean is the command's business.
    done = subprocess.run(argv, env={**os.environ, "BWV_PERSON": person}, check=False)
    _check(words, done.returncode)


def say(words: Sequence[str], *, before: str = "", program: str = "bwv ") -> None:
    """Show a command as it would be typed."""
    shown = (Path(word).name if word.startswith("/") else f'"{word}"' if " " in word else word for word in words)
    console().print(f"\n[dim]$[/] {before}{program}{' '.join(shown)}", markup=True)
    sys.stdout.flush()


def _check(words: Sequence[str], code: int) -> None:
    if code:
        raise PartUnreachable(f"bwv {' '.join(words)} ended with {code}; the logs of the stages say why")
