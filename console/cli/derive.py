"""`bwv derive`: a range, a still, a playback copy or a redaction of a clip; the master stays as it is."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
from rich.markup import escape

from console.cli.asking import ANSWERED_WITHIN, Request, exit_code, request, say
from console.cli.clips import one_clip
from console.cli.common import database_of, json_option, run, settings_of, show_json, show_table, signed_by_person
from console.cli.counting import counted
from console.cli.deriving import check_again
from streams.messages import DerivativeRequested
from streams.settings import Settings
from workers.database.engine import Database
from workers.errors import Refused, RuleBroken
from workers.fate.moves import NOT_COMMITTED
from workers.fate.row import find
from workers.keys.statements import now_iso
from workers.prosecution.derivatives.needed import ordered
from workers.prosecution.derivatives.recipe import check as check_order
from workers.prosecution.derivatives.redaction import MOST_TEXT, parse
from workers.prosecution.derivatives.rows import Derivative, derivatives_of
from workers.prosecution.statements import DerivativeKind, DerivativeOrder
from workers.retention.answers import Answer, Verdict, answer_to

LOOK_EVERY = 0.2
_CLOCK = re.compile(r"(?:(?:(\d{1,2}):)?([0-5]?\d):)?(\d{1,6}(?:\.\d{1,6})?)")


class Moment(click.ParamType):
    """Seconds into a clip: 75.5, 1:15.5 or 0:01:15.5."""

    name = "moment"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """The seconds."""
        if isinstance(value, float):
            return value
        found = _CLOCK.fullmatch(str(value))
        if not found or (found[2] and float(found[3]) >= 60):
            self.fail(f"{value!r}: expected seconds into the clip, such as 75.5, 1:15.5 or 0:01:15.5", param, ctx)
        return int(found[1] or 0) * 3600 + int(found[2] or 0) * 60 + float(found[3])


MOMENT = Moment()


def ordering(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options of everything that is ordered."""
    for option in (
        json_option,
        click.option(
            "--wait/--no-wait", default=True, help="Wait until it is made, or return at once. [default: wait]"
        ),
        click.option("--reason", required=True, help="Why; it is signed and recorded."),
    ):
        command = option(command)
    return command


@click.group()
def derive() -> None:
    """Make a range, a still, a playback copy or a redaction of a clip. Masters are never changed.

    Times are seconds into the clip, as a player shows them: 75.5, 1:15.5 or 0:01:15.5. docs/derivatives.md
    """


@derive.command("range")
@click.argument("clip")
@click.option("--from", "start", type=MOMENT, help="The picture shown then is the first. [default: the beginning]")
@click.option(
    "--to", "end", type=MOMENT, help="The picture that begins then is the first not in it. [default: the end]"
)
@ordering
@click.pass_context
def range_command(
    context: click.Context, /, clip: str, start: float | None, end: float | None, reason: str, **given: bool
) -> None:
    """A part of CLIP (an id, its beginning, or CAMERA/RECORDING), exact to the picture.

    Exit 1 when it cannot be made.
    """
    _order(context, clip, DerivativeKind.RANGE, (start, end, None), reason, **given)


@derive.command()
@click.argument("clip")
@click.option("--at", type=MOMENT, required=True, help="The picture that is shown then.")
@ordering
@click.pass_context
def still(context: click.Context, /, clip: str, at: float, reason: str, **given: bool) -> None:
    """The picture of one moment of CLIP, as PNG. Exit 1 when it cannot be made."""
    _order(context, clip, DerivativeKind.STILL, (at, None, None), reason, **given)


@derive.command()
@click.argument("clip")
@click.option("--from", "start", type=MOMENT, help="[default: the beginning]")
@click.option("--to", "end", type=MOMENT, help="[default: the end]")
@ordering
@click.pass_context
def playback(
    context: click.Context, /, clip: str, start: float | None, end: float | None, reason: str, **given: bool
) -> None:
    """A small copy of CLIP that any browser plays: H.264, at most 720 lines. Exit 1 when it cannot be made."""
    _order(context, clip, DerivativeKind.PLAYBACK, (start, end, None), reason, **given)


@derive.command()
@click.argument("clip")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--from", "start", type=MOMENT, help="[default: the beginning]")
@click.option("--to", "end", type=MOMENT, help="[default: the end]")
@ordering
@click.pass_context
def redact(
    context: click.Context, /, clip: str, file: Path, start: float | None, end: float | None, reason: str, **given: bool
) -> None:
    """CLIP with what the redaction FILE names covered and silenced; docs/derivatives.md says how FILE is written.

    Exit 1 when it cannot be made, 2 when FILE is wrong by itself.
    """
    _order(context, clip, DerivativeKind.REDACTION, (start, end, _text(file)), reason, **given)


def _text(file: Path) -> str:
    if file.stat().st_size > 4 * MOST_TEXT:
        raise click.UsageError(f"{file}: {file.stat().st_size:,} bytes; a redaction file has at most {MOST_TEXT:,}")
    try:
        text = file.read_text(encoding="utf-8")
        parse(text)
    except UnicodeDecodeError as error:
        raise click.UsageError(f"{file}: not UTF-8 text: {error.reason} at byte {error.start}") from error
    except Refused as refused:
        raise click.UsageError(f"{file}: {refused.reason}") from refused
    return text


def _order(
    context: click.Context,
    clip: str,
    kind: DerivativeKind,
    recipe: tuple[float | None, float | None, str | None],
    reason: str,
    *,
    wait: bool,
    as_json: bool,
) -> None:
    settings = settings_of(context)

    async def work() -> Answer:
        async with database_of(settings) as database:
            clip_id = await one_clip(database, clip)
            order = ordered(clip_id, kind, *recipe, by=settings.person, at=now_iso(), reason=reason)
            try:
                check_order(order)
            except RuleBroken as broken:
                raise click.UsageError(str(broken)) from broken
            return await _asked(settings, database, order, wait=wait, hidden=as_json)

    answer = run(work())
    show_json(answer) if as_json else say(answer)
    context.exit(exit_code([answer]))


async def _asked(settings: Settings, database: Database, order: DerivativeOrder, *, wait: bool, hidden: bool) -> Answer:
    signed = signed_by_person(settings, order)
    message = DerivativeRequested(order.derivative_id, order.clip_id, signed)
    [made] = await request(
        settings, [Request("derivatives.requested", message, order.clip_id, (order.derivative_id, signed.signature))]
    )
    pending = Answer(Verdict.PENDING, f"{order.derivative_id} is ordered", {"derivative_id": order.derivative_id})
    if not wait:
        return pending
    began, told = time.monotonic(), False
    with counted("per cent", 100, hidden=hidden) as tell:
        while True:
            answer = await answer_to(database, made)
            if answer is not None and answer.verdict is not Verdict.PENDING:
                return answer
            tell(int(100 * ((answer.details or {}).get("share", 0.0) if answer else 0.0)))
            if answer is None and not told and time.monotonic() - began > ANSWERED_WITHIN:
                told = True
                click.echo("derivation has not taken it yet: it is busy, or does not run (bwv status)", err=True)
            await asyncio.sleep(LOOK_EVERY)


@derive.command("list")
@click.argument("clip")
@json_option
@click.pass_context
def list_command(context: click.Context, clip: str, as_json: bool) -> None:
    """What was made from CLIP, newest first, and what cannot be made."""
    settings = settings_of(context)

    async def work() -> tuple[list[Derivative], bool]:
        async with database_of(settings) as database:
            clip_id = await one_clip(database, clip)
            fate = await find(database, clip_id)
            return await derivatives_of(database, clip_id), fate is not None and fate.disposal not in NOT_COMMITTED

    found, gone = run(work())
    if as_json:
        show_json(found)
        return
    columns = ("derivative", "kind", "of", "state", "bytes", "SHA-256 or reason", "by", "made")
    title = f"Derivatives: {len(found)}" + ("; they go, or have gone, with their clip" if gone else "")
    show_table(title, columns, [_line(row) for row in found])


def _line(row: Derivative) -> tuple[Any, ...]:
    size = None if row.size is None else f"{row.size:,}"
    # A reason may name a table of the redaction file, which looks like markup.
    found = row.sha256 or escape(row.reason or "")
    return row.derivative_id, row.kind, _part(row), row.state, size, found, row.requested_by, f"{row.at:%Y-%m-%d %H:%M}"


def _part(row: Derivative) -> str:
    stated = row.stated()
    if stated is None or (stated.start is None and stated.end is None):
        return ""
    if stated.kind is DerivativeKind.STILL:
        return f"at {stated.start:g} s"
    return f"{stated.start or 0:g} s to " + ("the end" if stated.end is None else f"{stated.end:g} s")


@derive.command()
@click.argument("derivative")
@json_option
@click.pass_context
def check(context: click.Context, derivative: str, as_json: bool) -> None:
    """Make DERIVATIVE again from its master, here and now, and compare it to the bit with what lies in the vault.

    Nothing is kept. Exit 1 when it is not the same; the answer says why.
    """
    settings = settings_of(context)
    compared = run(check_again(settings, derivative))
    show_json(compared) if as_json else click.echo(f"{'EQUAL' if compared.equal else 'DIFFERS'}  {compared.says}")
    context.exit(int(not compared.equal))
