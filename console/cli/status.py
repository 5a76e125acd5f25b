"""`bwv status`: what runs, which bays may be taken, how many clips stand where."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
import msgspec

from console.cli.common import database_of, json_option, run, settings_of, show_json, show_table
from local.background import status as supervisor_status
from streams.dead_letters import list_letters
from workers.catalogue.queries import counts, retention_counts
from workers.errors import PartUnreachable
from workers.prosecution.submission.queries import submission_counts


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
    """What runs, which bays may be taken, how many clips stand where. Exit 1 when something wants a person."""
    settings = settings_of(context)
    supervised = supervisor_status(settings.home)
    if supervised is None:
        raise PartUnreachable(f"nothing runs under {settings.home}; start it with: bwv up")

    async def work() -> tuple[dict[str, Any], dict[str, int], dict[str, int]]:
        async with database_of(settings) as database:
            return await counts(database), await retention_counts(database), await submission_counts(database)

    clips, retention, submissions = run(work())
    letters = run(list_letters(settings))
    bays = read_bays(settings.home)
    troubles = [part.name for part in supervised.parts if part.state not in ("ready", "done")]
    if as_json:
        show_json({"parts": supervised.parts, "docks": bays, "clips": clips, "retention": retention,
                   "submissions": submissions, "dead_letters": len(letters)})  # fmt: skip
    else:
        show_table(
            "Parts",
            ("part", "state", "pid", "restarts", "since", "reason"),
            [(p.name, p.state, p.pid, p.restarts or "", p.since[:19], p.reason) for p in supervised.parts],
        )
        click.echo("")
        show_bays(bays)
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
            f"recordings missing {clips['missing']} · dead letters {len(letters)} · "
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
    wants_a_person = bool(
        troubles
        or clips["undecided"]
        or letters
        or clips["missing"]
        or "damaged" in clips["standing"]
        or retention["sweeps_stopped"]
        or submissions["overdue"]
        or submissions["to_look_at"]
    )
    context.exit(1 if wants_a_person else 0)


def show_bays(docks: list[dict[str, Any]]) -> None:
    """Print each bay with its sign."""
    show_table(
        "Bays",
        ("dock", "bay", "camera", "sign"),
        [(dock["dock"], bay["bay"], bay.get("camera") or "-", bay["sign"]) for dock in docks for bay in dock["bays"]],
    )
