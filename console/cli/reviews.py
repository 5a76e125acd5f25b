"""`bwv reviews`: the end of a long period is decided by a person, clip by clip; cases whose end has come are listed."""

from __future__ import annotations

import click

from console.cli.asking import Request, settled
from console.cli.categorise import show_answers
from console.cli.clips import one_clip
from console.cli.common import database_of, json_option, run, settings_of, show_json, show_table, signed_by_person
from streams.messages import ReviewRequested
from workers.keys.statements import now_iso
from workers.prosecution.cases.reviews import CaseReview, due_cases
from workers.prosecution.statements import CaseKind
from workers.retention.facts import Verdict
from workers.retention.policies import current
from workers.retention.reviewing import DECIDE_WITHIN, OpenReview, open_reviews
from workers.retention.statements import ReviewVerdict


@click.group()
def reviews() -> None:
    """Retention reviews: a long period is over, and a person keeps the clip or lets it go."""


@reviews.command("list")
@click.option("--overdue", is_flag=True, help="Only those that waited longer than the policy allows.")
@json_option
@click.pass_context
def list_reviews(context: click.Context, overdue: bool, as_json: bool) -> None:
    """Open reviews, the oldest first. Nothing happens to a clip while nobody decides."""
    settings = settings_of(context)

    async def work() -> tuple[list[OpenReview], list[CaseReview]]:
        async with database_of(settings) as database, database.connection() as connection:
            policy = await current(connection)
            within = policy.review_within if policy else DECIDE_WITHIN
            cases = await due_cases(connection, within, overdue=overdue)
            return await open_reviews(connection, within, overdue=overdue), cases

    found, cases = run(work())
    if as_json:
        show_json([*found, *cases])
        return
    late = sum(review.overdue for review in found)
    show_table(
        f"Retention reviews: {len(found)} open, {late} overdue",
        ("due (UTC)", "clip", "camera", "recording", "category", "rule", "incident", "bytes", ""),
        [
            (f"{r.due_at:%Y-%m-%d %H:%M}", r.clip_id, r.camera, r.recording, r.category,
             f"{r.rule} (policy {r.policy})", r.incident, f"{r.size:,}", _marks(r))
            for r in found
        ],
    )  # fmt: skip
    if found:
        click.echo("\ndecide: bwv reviews decide CLIP keep|dispose --reason …")
    if cases:
        show_table(
            f"\nCase reviews: {len(cases)} due, {sum(case.overdue for case in cases)} overdue",
            ("due (UTC)", "urn", "kind", "officer", "may be closed"),
            [(f"{c.due_at:%Y-%m-%d %H:%M}", c.urn, c.kind, c.officer, _closable(c)) for c in cases],
        )
        click.echo("\ndecide: bwv case review URN keep|close --reason …")


def _closable(review: CaseReview) -> str:
    if review.earliest_end is None and review.kind == CaseKind.PROSECUTION:
        return "no: an expected day has come, record what happened (bwv case outcome)"
    return "yes"


def _marks(review: OpenReview) -> str:
    marks = ("overdue" if review.overdue else "", "kept by the force" if review.held else "")
    return ", ".join(mark for mark in marks if mark)


@reviews.command()
@click.argument("clip")
@click.argument("verdict", type=click.Choice([verdict.value for verdict in Verdict]))
@click.option("--reason", required=True, help="Why; it is signed and recorded.")
@json_option
@click.pass_context
def decide(context: click.Context, clip: str, verdict: str, reason: str, as_json: bool) -> None:
    """Keep CLIP for another period, or let it go. Exit 1 when it was refused."""
    settings = settings_of(context)

    async def found() -> str:
        async with database_of(settings) as database:
            return await one_clip(database, clip)

    clip_id = run(found())
    body = ReviewVerdict(clip_id, Verdict(verdict), reason, settings.person, now_iso())
    signed = signed_by_person(settings, body)
    asked = Request("reviews.requested", ReviewRequested(clip_id, signed), clip_id, (signed.signature,))
    show_answers(context, [clip_id], settled(settings, "retention", [asked]), as_json)
