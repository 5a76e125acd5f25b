"""`bwv dead-letters`: messages that could not succeed, with their original bytes."""

from __future__ import annotations

import click

from console.cli.common import json_option, run, settings_of, show_json, show_table
from streams.dead_letters import DeadLetter, list_letters, redrive
from streams.dead_letters import show as find_letter


@click.group("dead-letters")
def dead_letters() -> None:
    """Messages that could not succeed, with their original bytes."""


@dead_letters.command("list")
@click.option("--stage", help="Only this stage's.")
@json_option
@click.pass_context
def list_(context: click.Context, stage: str | None, as_json: bool) -> None:
    """Dead letters that nobody has redriven; exit 1 when there is one."""
    letters = run(list_letters(settings_of(context), stage))
    if as_json:
        show_json(letters)
    else:
        show_table(
            f"Dead letters: {len(letters)}",
            ("id", "when", "from", "error", "reason"),
            [(x.id, x.time[:19], _origin(x), x.error, x.message) for x in letters],
        )
    context.exit(1 if letters else 0)


@dead_letters.command()
@click.argument("letter")
@json_option
@click.pass_context
def show(context: click.Context, letter: str, as_json: bool) -> None:
    """One dead LETTER: why, from where, and its original bytes."""
    found = run(find_letter(settings_of(context), letter))
    if as_json:
        show_json(found)
        return
    for name, value in (
        ("id", found.id),
        ("came from", _origin(found)),
        ("when", found.time),
        ("error", found.error),
        ("reason", found.message),
        ("attempts", found.attempts),
        ("key", _text(found.key)),
    ):
        click.echo(f"{name:>10}  {value}")
    for name, header in found.headers:
        click.echo(f"{'header':>10}  {name}: {_text(header)}")
    click.echo(f"\n{len(found.value or b'')} bytes:\n{_text(found.value)}")
    if found.trace:
        click.echo(f"\n{found.trace}")
    click.echo(f"\nwhen its cause is mended: bwv dead-letters redrive {found.id}")


@dead_letters.command("redrive")
@click.argument("letter")
@click.pass_context
def redrive_(context: click.Context, letter: str) -> None:
    """Send LETTER's original bytes to where they came from once more."""
    found = run(redrive(settings_of(context), letter))
    click.echo(f"{letter} sent again to {_origin(found)}")


def _origin(letter: DeadLetter) -> str:
    return f"{letter.origin_topic}/{letter.origin_partition}/{letter.origin_offset}"


def _text(value: bytes | None) -> str:
    return (value or b"").decode("utf-8", "backslashreplace")
