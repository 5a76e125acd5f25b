"""How the generated Markdown is put together."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Sequence

MADE_BY = "Made by `python -m console.reference --write` from the code; edit the code."


def page(title: str, *parts: str) -> str:
    """A page: its title, where it comes from, and its parts."""
    return "\n\n".join((f"# {title}", MADE_BY, *parts)) + "\n"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def first_sentence(thing: object) -> str:
    """The first paragraph of a docstring on one line."""
    paragraph = (inspect.getdoc(thing) or "").split("\n\n", maxsplit=1)[0]
    return " ".join(paragraph.split())


def duration(seconds: int) -> str:
    """Seconds as people say them."""
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds % size == 0:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"
