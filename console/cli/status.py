"""`bwv status`: what runs and how far behind it is, which bays may be taken, how many clips stand where."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
import msgspec

from console.cli.alarms import judged
from console.cli.common import database_of, json_option, run, settings_of, show_json, show_table
from console.cli.lag import Seen, look_once, period, verdict_of
from local.background import status as supervisor_status
from local.keeper import Kept
from streams.dead_letters import list_letters
from streams.settings import Settings
from workers.catalogue.queries import counts, retention_counts
from workers.errors import BrokerAway, DatabaseAway, PartUnreachable
from workers.operations.alarms.rows import read_open, read_rounds
from workers.operations.lag.figures import StageLag
from workers.prosecution.submission.queries import submission_counts

WELL = ("ready", "done")
"""States of a part of which nothing more is expected now."""


def read_bays(home: Path) -> list[dict[str, Any]]:
    """What each dock of this home last said about its bays."""
    docks = []
    for file in sorted((home / "dock-state").glob("*.json")):
        docks.append(msgspec.json.decode(file.read_bytes()))
    return docks


@click.command()
@json_option
@click.pass_context
def status(context: click.Context, as_json: bool) -> None:
    """What runs and how far behind it is, which bays may be taken, how many clips stand where.

    The verdicts and figures of stages are those of `bwv lag`. Exit 1 when something wants a person; 3 when the database
    or Kafka does not answer, after what is known without it.
    """
    settings = settings_of(context)
    supervised = supervisor_status(settings.home)
    if supervised is None:
        raise PartUnreachable(f"nothing runs under {settings.home}; start it with: bwv up")
    bays = read_bays(settings.home)
    seen, letters = run(_at_kafka(settings))
    rows, away = run(_in_database(settings))
    if as_json:
        show_json({"parts": supervised.parts, "lag": seen, "docks": bays, "dead_letters": letters,
                   "database_away": away, **(rows or {})})  # fmt: skip
    else:
        show_parts(supervised.parts, seen)
        click.echo("")
        show_bays(bays)
        if rows is not None:
            show_rows(rows, letters)
        elif away:
            click.echo(f"\nclips are not known: {away}")
    if away or seen.kafka_away:
        context.exit(3)
    context.exit(1 if _wants_a_person(supervised.parts, seen, letters, rows) else 0)


async def _at_kafka(settings: Settings) -> tuple[Seen, int | None]:
    """Lag, and how many dead letters there are."""
    try:
        return await look_once(settings), len(await list_letters(settings))
    except BrokerAway as error:
        return Seen(kafka_away=str(error)), None


async def _in_database(settings: Settings) -> tuple[dict[str, Any] | None, str | None]:
    """What the rows say; or why they do not."""
    try:
        async with database_of(settings) as database:
            return {
                "clips": await counts(database),
                "retention": await retention_counts(database),
                "submissions": await submission_counts(database),
                "alarms": {"rounds": await read_rounds(database), "standing": await read_open(database)},
            }, None
    except (PartUnreachable, DatabaseAway) as error:
        return None, str(error)


def _wants_a_person(parts: Sequence[Kept], seen: Seen, letters: int | None, rows: dict[str, Any] | None) -> bool:
    told = rows or {"clips": {"undecided": 0, "missing": 0, "standing": ()}, "retention": {}, "submissions": {}}
    return bool(
        any(part.state not in WELL for part in parts)
        or seen.wants_a_person
        or letters
        or told["clips"]["undecided"]
        or told["clips"]["missing"]
        or "damaged" in told["clips"]["standing"]
        or told["retention"].get("sweeps_stopped")
        or told["submissions"].get("overdue")
        or told["submissions"].get("to_look_at")
        or (rows is not None and (rows["alarms"]["standing"] or rows["alarms"]["rounds"].silent))
    )


def show_parts(parts: Sequence[Kept], seen: Seen) -> None:
    """Print what runs; beside each stage its verdict and what waits before it."""
    lags = {one.stage: one for one in seen.stages}
    columns = ("part", "state", "verdict", "messages wait", "oldest", "pid", "restarts", "since", "reason")
    show_table("Parts", columns, [_row(part, lags.get(part.name)) for part in parts])
    for line in seen.notes():
        click.echo(line)


def _row(part: Kept, lag: StageLag | None) -> tuple[object, ...]:
    verdict, waits, oldest = ("", "", "")
    if lag is not None:
        verdict, waits = verdict_of(lag), f"{lag.messages:,}"
        oldest = period(lag.seconds) if lag.messages else ""
    return (part.name, part.state, verdict, waits, oldest, part.pid, part.restarts or "", part.since[:19], part.reason)


def show_rows(rows: dict[str, Any], letters: int | None) -> None:
    """Print how many clips stand where, and what waits for whom."""
    clips, retention, submissions = rows["clips"], rows["retention"], rows["submissions"]
    click.echo("")
    show_table(
        "Clips",
        ("standing", "clips", "bytes"),
        [(name, row["clips"], f"{row['bytes'] or 0:,}") for name, row in clips["standing"].items()],
    )
    oldest = clips["oldest_unverified_seconds"]
    click.echo(
        f"\noldest unverified {f'{oldest:.0f} s' if oldest is not None else '-'} · "
        f"quarantine to decide {clips['undecided']} · rejected reports {clips['rejected']} · "
        f"recordings missing {clips['missing']} · dead letters {'-' if letters is None else letters} · "
        f"events to publish {clips['outbox']} · custody entries {clips['custody']}"
    )
    click.echo(
        f"retention policy {retention['policy'] or 'none: nothing goes'} · in the bin {retention['in_bin']} · "
        f"being deleted {retention['being_deleted']} · reviews to decide {retention['reviews_open']} · "
        f"sweeps that ask {retention['sweeps_stopped']} · holds {retention['holds_open']}, "
        f"outstanding at the store {retention['holds_pending']}"
    )
    click.echo(
        f"submissions to be sent {submissions['waiting']} · sent {submissions['sent']}, "
        f"overdue {submissions['overdue']} · to look at {submissions['to_look_at']}"
    )
    names = Counter(one.alarm for one in rows["alarms"]["standing"])
    standing = ", ".join(name if count == 1 else f"{name} ({count})" for name, count in names.items())
    click.echo(f"alarms {standing or 'none'} · {judged(rows['alarms']['rounds'])} · bwv alarms says what to do")


def show_bays(docks: list[dict[str, Any]]) -> None:
    """Print each bay with its sign."""
    show_table(
        "Bays",
        ("dock", "bay", "camera", "sign"),
        [(dock["dock"], bay["bay"], bay.get("camera") or "-", bay["sign"]) for dock in docks for bay in dock["bays"]],
    )
