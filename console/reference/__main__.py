"""`python -m console.reference`: write the generated documents, or check that they are as they would be written."""

from __future__ import annotations

import difflib
import sys
from collections.abc import Iterator
from pathlib import Path

import click

from console.reference.documents import OWNED, documents

ROOT = Path(__file__).resolve().parents[2]
SHOWN = 40
"""Lines of difference shown for one file."""


@click.command(epilog="Exit codes: 0 done · 1 a document differs from the code · 2 wrong use")
@click.option("--write", "action", flag_value="write", help="Make all documents again.")
@click.option("--check", "action", flag_value="check", help="Change nothing; show what differs.")
@click.option("--root", type=click.Path(path_type=Path), default=ROOT, help="Folder of the project.")
def main(action: str | None, root: Path) -> None:
    """Reference documents made from the code."""
    if action is None:
        raise click.UsageError("say --write or --check")
    if action == "write":
        for name in write(root):
            click.echo(name)
        return
    found = list(differences(root))
    for difference in found:
        click.echo(difference)
    if found:
        click.echo(f"{len(found)} differ from the code; make them again with: python -m console.reference --write")
        sys.exit(1)


def write(root: Path) -> list[str]:
    """Write what differs and remove what is no longer made; returns the names of both."""
    changed = []
    wanted = documents()
    for name, text in wanted.items():
        path = root / name
        if not path.exists() or path.read_text() != text:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
            changed.append(name)
    for name in _left_over(root, wanted):
        (root / name).unlink()
        changed.append(f"{name} (removed)")
    return changed


def differences(root: Path) -> Iterator[str]:
    """One text for each document that is not as it would be written: its name and the first lines that differ."""
    wanted = documents()
    for name, text in wanted.items():
        path = root / name
        there = path.read_text() if path.exists() else ""
        if there != text:
            lines = list(
                difflib.unified_diff(there.splitlines(), text.splitlines(), name, "from the code", lineterm="")
            )
            more = [f"… and {len(lines) - SHOWN} lines more"] if len(lines) > SHOWN else []
            yield "\n".join(lines[:SHOWN] + more)
    for name in _left_over(root, wanted):
        yield f"{name}: nothing makes this file any more"


def _left_over(root: Path, wanted: dict[str, str]) -> list[str]:
    there = (path.relative_to(root).as_posix() for folder in OWNED for path in sorted((root / folder).rglob("*.json")))
    return [name for name in there if name not in wanted]


if __name__ == "__main__":
    main()
