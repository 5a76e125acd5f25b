"""What a hold names, as options of the command line."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, TypeVar

import click

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


def scope_options(command: Command) -> Command:
    """The options of `bwv hold place` that say what is held."""
    for option in reversed(OPTIONS):
        command = option(command)
    return command


def scope_of(given: dict[str, Any]) -> dict[str, Any]:
    """The fields of a request; which of them belong together is checked with the whole request."""
    named = [
        (scope, value)
        for scope, value in (
            ("clip", given["clip"]),
            ("incident", given["incident"]),
            ("place", given["place_at"]),
            ("encounter", given["encounter"]),
        )
        if value is not None
    ]
    if not named and given["officer"]:
        named = [("officer", given["officer"])]
    if len(named) != 1:
        raise click.UsageError("expected one of --clip, --incident, --officer, --place, --encounter")
    [(scope, _)] = named
    return {
        "scope": scope,
        "clip_id": given["clip"],
        "incident": given["incident"],
        "officers": list(given["officer"]),
        "since": a_time("--from", given["since"]),
        "until": a_time("--to", given["until"]),
        "place": _place(given["place_at"]) if given["place_at"] else None,
        "encounter": given["encounter"],
    }


def a_time(name: str, text: str | None) -> str | None:
    """A time in UTC; one without a zone is local time."""
    if text is None:
        return None
    try:
        return datetime.fromisoformat(text).astimezone(UTC).isoformat()
    except ValueError as error:
        raise click.UsageError(f"{name} {text!r}: expected a time such as 2026-11-22T10:00") from error


def _place(text: str) -> dict[str, float]:
    try:
        latitude, longitude, metres = [float(part) for part in text.split(",")]
    except ValueError as error:
        raise click.UsageError(f"--place {text!r}: expected LAT,LON,METRES, such as 51.5007,-0.1246,200") from error
    return {"latitude": latitude, "longitude": longitude, "metres": metres}
