"""`bwv explain`: why a clip is kept, in the bin or deleted, now or at any moment of the past."""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, datetime, time, timedelta

import click
from msgspec import Struct

from console.cli.clips import one_clip
from console.cli.common import database_of, json_option, run, settings_of, show_json
from console.cli.complaint_access import holds_named, not_their_own, who_may_know
from workers.catalogue.queries import officer_of
from workers.database.engine import Database
from workers.footage.clip import CLIP_ID
from workers.retention.explaining import Explanation, both, statement_of
from workers.retention.facts import HoldReason
from workers.retention.questions import explained_by_log, explained_by_row

FROM_ROW = "the clip's row, which decides"
FROM_LOG = "the custody log alone"


class Answered(Struct, frozen=True):
    """An explanation and what it was made from."""

    explanation: Explanation
    known_from: str
    entries: int


@click.command("explain")
@click.argument("clip")
@click.option("--at", "moment", help="A day (its end) or a time of the past, local where it says no offset.")
@click.option(
    "--restricted",
    is_flag=True,
    help="Also say what restricted holds are; for professional standards and records.",
)
@json_option
@click.pass_context
def explain_command(context: click.Context, clip: str, moment: str | None, restricted: bool, as_json: bool) -> None:
    """Why CLIP is kept, in the bin or deleted: by which rule, category and holds, with the source of each.

    Without --at it is asked of the clip's row, which decides. With --at, and once the clip is gone, of the custody
    log alone: what was known at that moment, and the policy that was in force. CLIP is a clip id, its beginning,
    or CAMERA/RECORDING; of what is deleted, the id.
    """
    settings = settings_of(context)
    at = past_moment(moment) if moment else None
    if restricted:
        who_may_know(settings)

    async def work() -> Answered:
        async with database_of(settings) as database:
            clip_id = await known_clip(database, clip)
            officer = await officer_of(database, clip_id)
            if restricted:
                not_their_own(settings, officer)
            return await _answered(database, clip_id, at, restricted, holds_named(settings, officer))

    found = run(work())
    if as_json:
        show_json(document(found))
    else:
        show(found)


def past_moment(said: str) -> datetime:
    """The moment that a person means; a day means its end, so that everything of that day counts."""
    try:
        parsed = datetime.fromisoformat(said)
        if len(said) == len("2026-11-22"):
            parsed = datetime.combine(parsed.date() + timedelta(days=1), time()) - timedelta(microseconds=1)
    except ValueError as error:
        raise click.UsageError(f"--at {said!r}: expected a day such as 2026-11-22, or 2026-11-22T14:30") from error
    at = parsed.astimezone(UTC)
    now = datetime.now(UTC)
    if at.date() > now.astimezone().date() and at > now:
        raise click.UsageError(f"--at {said}: the future is not decided yet; what is planned: bwv retention due")
    return min(at, now)


async def known_clip(database: Database, words: str) -> str:
    """The clip that `words` mean; one that is deleted may have no row any more, and is known by its id."""
    if CLIP_ID.fullmatch(words):
        known = await database.fetch_one("SELECT FROM custody WHERE clip_id = %s LIMIT 1", (words,))
        if known is not None:
            return words
    return await one_clip(database, words)


async def _answered(
    database: Database, clip_id: str, at: datetime | None, restricted: bool, named: Collection[HoldReason]
) -> Answered:
    now = at or datetime.now(UTC)
    by_row = None if at else await explained_by_row(database, clip_id, now, restricted=restricted, named=named)
    if by_row is not None:
        return Answered(by_row, FROM_ROW, 0)
    explanation, entries = await explained_by_log(database, clip_id, now, restricted=restricted, named=named)
    return Answered(explanation, FROM_LOG, entries)


def document(found: Answered) -> dict[str, object]:
    """What a script reads."""
    explanation = found.explanation
    return {"explanation": explanation, "statement": statement_of(explanation.certificate),
            "known_from": found.known_from, "entries": found.entries}  # fmt: skip


def show(found: Answered) -> None:
    """Print an explanation as a page."""
    it = found.explanation
    click.echo(f"{it.clip_id}   as of {both(it.at, it.timezone)}")
    click.echo(f"\n{it.says[0].upper()}{it.says[1:]}.")
    if it.reasons:
        click.echo("\nbecause")
    for reason in it.reasons:
        click.echo(f"  - {reason.says}")
        if reason.source:
            click.echo(f"      source: {reason.source}")
    click.echo("")
    for name, value in _lines(it):
        click.echo(f"{name:<14}{value}")
    entries = f", {found.entries} entries of it" if found.entries else ""
    click.echo(f"{'known from':<14}{found.known_from}{entries}")


def _lines(it: Explanation) -> list[tuple[str, str]]:
    lines = []
    if it.policy is not None:
        lines.append(("policy", f"{it.policy} {it.policy_name or ''}".rstrip()))
    if it.category is not None:
        given = f", given by {it.given_by} on {both(it.given_at, it.timezone)}" if it.given_at else ""
        lines.append(("category", f"{it.category}{given}"))
    if it.rule is not None:
        lines.append(("rule", it.rule))
    for hold in it.holds:
        since = f" since {both(hold.since, it.timezone)} by {hold.by}" if hold.since else ""
        name = f" ({hold.hold_id})" if hold.hold_id else ""
        lines.append(("hold", f"{hold.says}{name}{since}"))
    if it.plan is not None:
        dates = (("bin from", it.plan.intend_from), ("deleted from", it.plan.dispose_from),
                 ("gone by", it.plan.ends_at), ("review from", it.plan.review_from))  # fmt: skip
        lines += [(name, both(moment, it.timezone)) for name, moment in dates if moment]
    if it.plan is not None and it.plan.exception:
        lines.append(("exception", it.plan.exception))
    lines += [("note", note) for note in it.notes]
    if it.certificate is not None:
        lines.append(("certificate", f"signed by {it.certificate.key}; check it: bwv disposals show {it.clip_id}"))
    return lines
