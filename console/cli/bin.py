"""The verbs of `bwv retention` that decide about clips and sweeps: restore, early, approve, refuse, sweeps."""

from __future__ import annotations

from typing import Any

import click
from msgspec import Struct

from console.cli.asking import Request, settled
from console.cli.categorise import show_answers
from console.cli.clips import one_clip
from console.cli.common import (
    ask,
    database_of,
    json_option,
    run,
    settings_of,
    show_json,
    show_table,
    signed_by_person,
)
from streams.messages import CategoryRequested, EarlyDisposalRequested, Message, RestoreRequested, SweepRequested
from streams.settings import Settings
from workers.keys.statements import now_iso
from workers.retention.statements import Categorisation, EarlyDisposalRequest, Restoration, SweepDecision

reason_option = click.option("--reason", required=True, help="Why; it is signed and recorded.")


@click.command()
@click.argument("clip")
@click.option("--not-before", type=click.DateTime(["%Y-%m-%d"]), help="Day before which it does not go (2027-01-31).")
@click.option("--category", help="Another category, which takes it out of the bin too.")
@reason_option
@json_option
@click.pass_context
def restore(
    context: click.Context, clip: str, not_before: Any, category: str | None, reason: str, as_json: bool
) -> None:
    """Take CLIP out of the bin, and say what keeps it from coming back: a day, or a category.

    A hold takes it out of the bin as well: bwv hold place --clip CLIP --reason …
    """
    settings = settings_of(context)
    if (not_before is None) == (category is None):
        raise click.UsageError(
            "what takes a clip out of the bin keeps it out: --not-before DAY, or --category NAME, or place a hold "
            f"instead: bwv hold place --clip {clip} --reason …"
        )
    clip_id = _clip(settings, clip)
    if category is not None:
        given = Categorisation(clip_id, category, reason, settings.person, now_iso())
        _decide(context, settings, clip_id, given, "categories.requested", CategoryRequested, as_json)
    else:
        asked = Restoration(clip_id, f"{not_before:%Y-%m-%d}", reason, settings.person, now_iso())
        _decide(context, settings, clip_id, asked, "restores.requested", RestoreRequested, as_json)


@click.command()
@click.argument("clip")
@click.option("--approve", is_flag=True, help="Approve, as data protection, what another person asked for.")
@reason_option
@json_option
@click.pass_context
def early(context: click.Context, clip: str, approve: bool, reason: str, as_json: bool) -> None:
    """Ask that CLIP goes before its time: accidental, private or privileged footage. Two people agree on it."""
    settings = settings_of(context)
    clip_id = _clip(settings, clip)
    body = EarlyDisposalRequest(clip_id, approve, reason, settings.person, now_iso())
    _decide(context, settings, clip_id, body, "disposals.early-requested", EarlyDisposalRequested, as_json)


@click.command()
@json_option
@click.pass_context
def sweeps(context: click.Context, as_json: bool) -> None:
    """Sweeps that stopped, and what was decided about them."""
    rows = ask(
        settings_of(context),
        "SELECT sweep_id, started_at, policy, due, intended, state, reason, decided_by, decided_at FROM sweeps"
        " WHERE state <> 'done' ORDER BY started_at DESC LIMIT 100",
    )
    if as_json:
        show_json(rows)
        return
    show_table(
        f"Stopped sweeps: {sum(row['state'] == 'stopped' for row in rows)} wait for a person",
        ("sweep", "at (UTC)", "policy", "due", "state", "by", "why it stopped"),
        [
            (r["sweep_id"], f"{r['started_at']:%Y-%m-%d %H:%M}", r["policy"], f"{r['due']:,}", r["state"],
             r["decided_by"], r["reason"])
            for r in rows
        ],
    )  # fmt: skip


@click.command("approve")
@click.argument("sweep")
@reason_option
@json_option
@click.pass_context
def approve_sweep(context: click.Context, sweep: str, reason: str, as_json: bool) -> None:
    """Let a stopped SWEEP go on with what it found due."""
    _decide_sweep(context, sweep, True, reason, as_json)


@click.command("refuse")
@click.argument("sweep")
@reason_option
@json_option
@click.pass_context
def refuse_sweep(context: click.Context, sweep: str, reason: str, as_json: bool) -> None:
    """Do not let a stopped SWEEP go on."""
    _decide_sweep(context, sweep, False, reason, as_json)


def _decide_sweep(context: click.Context, sweep: str, approve: bool, reason: str, as_json: bool) -> None:
    settings = settings_of(context)
    body = SweepDecision(sweep, approve, reason, settings.person, now_iso())
    _decide(context, settings, sweep, body, "sweeps.requested", SweepRequested, as_json)


def _clip(settings: Settings, words: str) -> str:
    async def work() -> str:
        async with database_of(settings) as database:
            return await one_clip(database, words)

    return run(work())


def _decide(
    context: click.Context,
    settings: Settings,
    about: str,
    body: Struct,
    topic: str,
    message: Any,
    as_json: bool,
) -> None:
    signed = signed_by_person(settings, body)
    told: Message = message(about, signed)
    asked = Request(topic, told, about, (signed.signature,))
    show_answers(context, [about], settled(settings, "retention", [asked]), as_json)
