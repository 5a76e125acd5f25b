"""`bwv categorise` and `bwv correct-time`: what a clip is, and when it was recorded, decided by people."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click
import msgspec

from console.cli.asking import Request, exit_code, say, settled
from console.cli.category_file import Wanted, read_file, resolve
from console.cli.clips import one_clip
from console.cli.common import database_of, json_option, run, settings_of, show_json, signed_by_person
from streams.messages import CategoryRequested, TimeCorrectionRequested
from streams.settings import Settings
from workers.database.engine import Database
from workers.errors import Refused
from workers.keys.statements import now_iso
from workers.retention.answers import Answer, Verdict
from workers.retention.categorising import check_category
from workers.retention.change import instant
from workers.retention.incidents import CLIPS_OF
from workers.retention.policies import current
from workers.retention.statements import Categorisation, TimeCorrection

MOST_SAID = 20
"""Answers that are said one by one; of more, only the refused ones and the count."""


@click.command()
@click.argument("words", nargs=-1, metavar="[CLIP] [CATEGORY]")
@click.option("--reason", help="Why; it is signed and recorded.")
@click.option("--confirm", is_flag=True, help="Confirm the category that another person gave and that is shorter.")
@click.option(
    "--file",
    "file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="CSV with the columns clip, category, reason and, if wanted, incident; checked as a whole before anything "
    "is sent.",
)
@click.option("--incident", help="Every clip that carries this incident reference.")
@click.option("--shows", help="Reference of an incident that CLIP shows, besides those that it belongs to.")
@json_option
@click.pass_context
def categorise(
    context: click.Context,
    *,
    words: tuple[str, ...],
    reason: str | None,
    confirm: bool,
    file: Path | None,
    incident: str | None,
    shows: str | None,
    as_json: bool,
) -> None:
    """Give CLIP a CATEGORY of the policy in force. CLIP is an id, its beginning, or CAMERA/RECORDING.

    A category that is kept for less long than one before it counts once another person confirms it. What is in the
    bin comes out of it. Exit 1 when a request was refused.
    """
    settings = settings_of(context)
    wanted = run(_wanted(settings, words, reason, file, incident))
    if shows is not None:
        if file is not None or confirm:
            raise click.UsageError("--shows says something new of clips; give it without --file and --confirm")
        wanted = [msgspec.structs.replace(row, incident=shows.strip()) for row in wanted]
    asked = [_category(settings, row, confirm) for row in wanted]
    answers = settled(settings, "retention", asked, what="clips", hidden=as_json)
    show_answers(context, [row.clip for row in wanted], answers, as_json)


async def _wanted(
    settings: Settings, words: tuple[str, ...], reason: str | None, file: Path | None, incident: str | None
) -> list[Wanted]:
    """One row for each clip, checked."""
    if file is not None:
        if words or reason or incident:
            raise click.UsageError("--file says which clips, categories and reasons; give it alone (or with --confirm)")
        async with database_of(settings) as database:
            return await resolve(database, read_file(file, await _known(database)), str(file))
    if not reason:
        raise click.UsageError("a decision needs its --reason")
    if len(words) != (2 if incident is None else 1):
        raise click.UsageError("expected CLIP CATEGORY, or --incident REFERENCE CATEGORY, or --file FILE.csv")
    async with database_of(settings) as database:
        if incident is None:
            return [Wanted(await one_clip(database, words[0]), words[1], reason)]
        try:
            check_category(words[0], await _known(database))
        except Refused as refused:
            raise click.UsageError(str(refused)) from refused
        clips = CLIPS_OF.format("%(incident)s::text")
        rows = await database.fetch(f"{clips} ORDER BY clip_id", {"incident": incident})
    if not rows:
        raise click.UsageError(f"no clip carries the incident reference {incident!r}")
    return [Wanted(row["clip_id"], words[0], reason) for row in rows]


async def _known(database: Database) -> tuple[str, ...]:
    async with database.connection() as connection:
        policy = await current(connection)
    if policy is None:
        raise click.UsageError("no retention policy is in force, so there are no categories: bwv retention adopt FILE")
    return policy.names


def _category(settings: Settings, row: Wanted, confirm: bool) -> Request:
    body = Categorisation(row.clip, row.category, row.reason, settings.person, now_iso(), confirm, row.incident)
    signed = signed_by_person(settings, body)
    return Request("categories.requested", CategoryRequested(row.clip, signed), row.clip, (signed.signature,))


@click.command("correct-time")
@click.argument("clip")
@click.argument("time")
@click.option("--reason", required=True, help="Why; it is signed and recorded.")
@click.option("--confirm", is_flag=True, help="Confirm the earlier time that another person gave.")
@json_option
@click.pass_context
def correct_time(context: click.Context, clip: str, time: str, reason: str, confirm: bool, as_json: bool) -> None:
    """Say that CLIP was recorded at TIME (2026-11-22T10:00:00+00:00), where the camera's clock was wrong.

    The recording keeps what the camera said; retention counts from the later of the two, until another person
    confirms an earlier one. Exit 1 when it was refused.
    """
    settings = settings_of(context)
    try:
        instant(time, "TIME")
    except Refused as refused:
        raise click.UsageError(str(refused)) from refused

    async def found() -> str:
        async with database_of(settings) as database:
            return await one_clip(database, clip)

    clip_id = run(found())
    body = TimeCorrection(clip_id, time, reason, settings.person, now_iso(), confirm)
    signed = signed_by_person(settings, body)
    asked = Request("corrections.requested", TimeCorrectionRequested(clip_id, signed), clip_id, (signed.signature,))
    show_answers(context, [clip_id], settled(settings, "retention", [asked]), as_json)


def show_answers(context: click.Context, about: Sequence[str], answers: Sequence[Answer], as_json: bool) -> None:
    """Tell what was answered about each, and end with the exit code."""
    if as_json:
        show_json(
            [{"about": one, **msgspec.structs.asdict(answer)} for one, answer in zip(about, answers, strict=True)]
        )
    else:
        many = len(answers) > MOST_SAID
        for answer in answers:
            if not many or answer.verdict is Verdict.REFUSED:
                say(answer)
        if many:
            refused = sum(answer.verdict is Verdict.REFUSED for answer in answers)
            click.echo(f"{len(answers) - refused:,} done, {refused:,} refused")
    context.exit(exit_code(answers))
