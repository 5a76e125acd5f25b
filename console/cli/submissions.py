"""`bwv submissions`: where each submission stands, what it waits for, and what its recipient says it has received."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import click
import msgspec

from console.cli.asking import Request, exit_code, say, settled
from console.cli.common import database_of, json_option, run, settings_of, show_json, show_table, signed_by_person
from streams.messages import SubmissionRetryRequested
from streams.settings import Settings
from workers.database.engine import Database
from workers.keys.statements import now_iso
from workers.prosecution.identity import plain
from workers.prosecution.statements import SubmissionRetry
from workers.prosecution.submission.manifest import Manifest
from workers.prosecution.submission.queries import Asked, listed, matching
from workers.prosecution.submission.rows import Submission
from workers.prosecution.submission.states import State

OVERDUE = "overdue"
STATES = (*(state.value for state in State), OVERDUE)


@click.group()
def submissions() -> None:
    """Where each submission stands, what it waits for, and what its recipient has received."""


@submissions.command("list")
@click.option("--state", type=click.Choice(STATES), help="Only those in this state.")
@click.option("--batch", help="Only those of the batch file of this name.")
@click.option("--case", "case", help="Only those of the case with this URN or id.")
@click.option("--overdue", is_flag=True, help="Only those whose receipt is late, as --state overdue.")
@click.option("--limit", default=100, show_default=True, type=click.IntRange(1, 10_000), help="Most to list.")
@json_option
@click.pass_context
def list_(
    context: click.Context,
    state: str | None,
    batch: str | None,
    case: str | None,
    overdue: bool,
    limit: int,
    as_json: bool,
) -> None:
    """Submissions, newest first."""
    late = overdue or state == OVERDUE
    asked = Asked(State(state) if state and state != OVERDUE else None, batch, _case(case), late, limit)

    async def work() -> list[Submission]:
        async with database_of(settings_of(context)) as database:
            return await listed(database, asked)

    found = run(work())
    if as_json:
        show_json([_short(one) for one in found])
        return
    columns = ("submission", "urn", "purpose", "for", "items", "state", "since", "waits for", "batch")
    show_table("Submissions", columns, [_line(one) for one in found])
    click.echo(f"\n{len(found):,} submissions" + (", and perhaps more (--limit)" if len(found) == limit else ""))


@submissions.command()
@click.argument("submission")
@json_option
@click.pass_context
def show(context: click.Context, submission: str, as_json: bool) -> int:
    """SUBMISSION (an id or its beginning) item by item: our digest, theirs, and every difference.

    Exit 1 while its recipient has answered with anything but the manifest.
    """
    one = run(_one(settings_of(context), submission))
    if as_json:
        show_json(_short(one) | {"manifest": one.manifest, "receipt": one.receipt, "ordered": one.ordered})
    else:
        _show(one)
    return int(bool(one.differences))


@submissions.command()
@click.argument("submission")
@click.option("--reason", required=True, help="Why; it is signed and recorded.")
@json_option
@click.pass_context
def retry(context: click.Context, submission: str, reason: str, as_json: bool) -> int:
    """Send SUBMISSION once more: the same id, the same manifest. Exit 1 when it was refused."""
    settings = settings_of(context)
    one = run(_one(settings, submission))
    signed = signed_by_person(settings, SubmissionRetry(one.submission_id, reason, settings.person, now_iso()))
    message = SubmissionRetryRequested(one.submission_id, signed)
    asked = Request("submissions.retry-requested", message, one.case_id, (signed.signature,))
    [answer] = settled(settings, "prosecution", [asked])
    if as_json:
        show_json(answer)
    else:
        say(answer)
    return exit_code([answer])


async def _one(settings: Settings, words: str) -> Submission:
    async with database_of(settings) as database:
        return await one_submission(database, words)


async def one_submission(database: Database, words: str) -> Submission:
    """The one submission that `words` mean: its id, or the beginning of it."""
    found = await matching(database, words)
    if len(found) == 1:
        return found[0]
    if not found:
        raise click.UsageError(f"no submission {words!r}: expected an id or its beginning (bwv submissions list)")
    raise click.UsageError(f"{words!r} may mean {', '.join(one.submission_id for one in found)}; give more of the id")


def state_of(one: Submission) -> str:
    """The state as people name it: sent, and late, is overdue."""
    return OVERDUE if one.overdue(datetime.now(UTC)) else one.state.value


def _case(words: str | None) -> str | None:
    return words if words is None or words.startswith("case-") else plain(words)


def _short(one: Submission) -> dict[str, Any]:
    """For scripts: everything but what is long."""
    said: dict[str, Any] = msgspec.to_builtins(one)
    for name in ("manifest", "receipt", "ordered"):
        del said[name]
    return said | {"state": state_of(one), "moved_at": _moved(one).isoformat()}


def _moved(one: Submission) -> datetime:
    moments = {
        State.REQUESTED: one.requested_at,
        State.REFUSED: one.requested_at,
        State.PREPARED: one.prepared_at,
        State.SENT: one.sent_at,
    }
    return moments.get(one.state, one.answered_at) or one.requested_at


def _line(one: Submission) -> tuple[object, ...]:
    purpose = one.purpose + (f" {one.purpose_item}" if one.purpose_item is not None else "")
    recipient = one.recipient + (" (urgent)" if one.urgent else "")
    since = f"{_moved(one).astimezone():%Y-%m-%d %H:%M:%S}"
    batch = f"{one.batch}:{one.batch_row}" if one.batch else ""
    return (
        one.submission_id, one.urn, purpose, recipient, one.items, state_of(one), since, one.waits_for, batch
    )  # fmt: skip


def _show(one: Submission) -> None:
    order = one.order()
    click.echo(f"{one.submission_id}  {one.urn}  {one.purpose} for {one.recipient}{' (urgent)' if one.urgent else ''}")
    click.echo(f"{state_of(one)}" + (f"; waits for {one.waits_for}" if one.waits_for else ""))
    click.echo(f"ordered by {order.by} at {order.at}; attempts: {one.attempt}")
    for name, moment in (("prepared", one.prepared_at), ("sent", one.sent_at), ("receipt due", one.due_at),
                         ("answered", one.answered_at)):  # fmt: skip
        if moment is not None:
            click.echo(f"{name} {moment.isoformat(timespec='seconds')}")
    if one.manifest is not None:
        _show_items(one, one.prepared())
    for difference in one.differences:
        click.echo(f"DIFFERS  {difference}")


def _show_items(one: Submission, manifest: Manifest) -> None:
    receipt = one.receipt or {}
    theirs = {item["n"]: item for item in receipt.get("items", [])}
    click.echo(f"manifest {one.manifest_sha256}, theirs {receipt.get('manifest_sha256', '-')}")
    if manifest.mme.because:
        click.echo(f"not recorded: {manifest.mme.because}")
    rows = [
        (
            item.n,
            item.reference,
            item.kind,
            f"{item.size:,}",
            item.sha256,
            theirs.get(item.n, {}).get("sha256") or "-",
            theirs.get(item.n, {}).get("state") or "-",
        )
        for item in manifest.items
    ]
    show_table("Items", ("n", "reference", "what", "bytes", "our SHA-256", "theirs", "they say"), rows)
