"""What a hold names, as options of the command line."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from console.hold_fields import Typed, fields_of, time_of
from workers.errors import Refused

Command = TypeVar("Command", bound=Callable[..., Any])

OPTIONS = (
    click.option("--clip", help="One clip: its id, the beginning of it, or CAMERA/RECORDING."),
    click.option("--incident", help="Every clip of an incident."),
    click.option("--officer", multiple=True, help="Clips of an officer, with --from and --to; may be repeated."),
    click.option("--place", "place_at", metavar="LAT,LON,METRES", help="Clips made there, with --from and --to."),
    click.option("--encounter", help="A stop-search or use-of-force record; with officers and period theirs too."),
    click.option("--from", "since", metavar="TIME", help="Of the recordings, such as 2026-11-22T10:00 (local time)."),
    click.option("--to", "until", metavar="TIME", help="The same, the end."),
)

CALLED = {
    "clip": "--clip",
    "incident": "--incident",
    "officers": "--officer",
    "place": "--place",
    "encounter": "--encounter",
    "since": "--from",
    "until": "--to",
}


def scope_options(command: Command) -> Command:
    """The options of `bwv hold place` that say what is held."""
    for option in reversed(OPTIONS):
        command = option(command)
    return command


def scope_of(given: dict[str, Any]) -> dict[str, Any]:
    """The fields of a request; which of them belong together is checked with the whole request."""
    alike = {name: given[name] for name in ("clip", "incident", "encounter", "since", "until")}
    typed = Typed(officers=tuple(given["officer"]), place=given["place_at"], **alike)
    try:
        return fields_of(typed, CALLED)
    except Refused as refused:
        raise click.UsageError(refused.reason) from refused


def a_time(name: str, text: str | None) -> str | None:
    """A time in UTC; one without a zone is local time."""
    try:
        return time_of(name, text)
    except Refused as refused:
        raise click.UsageError(refused.reason) from refused
