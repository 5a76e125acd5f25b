"""`bwv training`: redacted footage for training, approved by a second person, for so long and no longer."""

from __future__ import annotations

from datetime import datetime

import click

from console.cli import case_changes
from console.cli.case_asking import open_case, reason_option
from console.cli.common import database_of, json_option, run, settings_of, show_json, show_table
from streams.settings import Settings
from workers.prosecution.disclosure.times import LONDON
from workers.prosecution.disclosure.training import TrainingCopy, training_copies
from workers.prosecution.statements import CaseKind, Opened


@click.group()
def training() -> None:
    """Training copies: redacted, approved by a second person, expiring."""


@training.command("open")
@click.argument("reference")
@click.option("--title", required=True, help="What it is for.")
@click.option("--officer", required=True, help="Who is responsible for it.")
@click.option("--about", "subject", help="What is trained with it.")
@reason_option
@json_option
@click.pass_context
def open_command(
    context: click.Context,
    *,
    reference: str,
    title: str,
    officer: str,
    subject: str | None,
    reason: str,
    as_json: bool,
) -> None:
    """Open the training copy REFERENCE. It holds nothing: its clips go when their time comes, and it with them.

    Then: bwv case exhibit add REFERENCE … --redaction FILE, and a second person: bwv training approve REFERENCE.
    """
    opened = Opened(kind=CaseKind.TRAINING, urn=reference, title=title, officer=officer, subject=subject)
    open_case(context, opened, reason, as_json)


training.add_command(case_changes.approve)


@training.command("list")
@json_option
@click.pass_context
def list_command(context: click.Context, as_json: bool) -> None:
    """All training copies, and whether they may be used."""
    _show(_copies(settings_of(context)), as_json)


@training.command()
@json_option
@click.pass_context
def expired(context: click.Context, as_json: bool) -> None:
    """Copies whose approval is over. Exit 1 if a link of one still leads somewhere: a person revokes it."""
    found = [one for one in _copies(settings_of(context)) if one.expired]
    _show(found, as_json)
    for one in found if not as_json else ():
        for link in one.links:
            click.echo(f"to be withdrawn: bwv link revoke {link} --reason …")
    context.exit(int(any(one.to_withdraw for one in found)))


def _copies(settings: Settings) -> list[TrainingCopy]:
    async def work() -> list[TrainingCopy]:
        async with database_of(settings) as database, database.connection() as connection:
            return await training_copies(connection, datetime.now(LONDON).date())

    return run(work())


def _show(found: list[TrainingCopy], as_json: bool) -> None:
    if as_json:
        show_json(found)
        return
    show_table(
        f"Training copies: {len(found)}",
        ("reference", "title", "opened by", "approved by", "until", "", "exhibits", "open links"),
        [
            (one.reference, one.title, one.opened_by, one.approved_by, one.approved_until, _stands(one),
             len(one.exhibits), len(one.links))
            for one in found
        ],
    )  # fmt: skip


def _stands(one: TrainingCopy) -> str:
    if one.usable:
        return "may be used"
    return "EXPIRED" if one.expired else "waits for a second person"
