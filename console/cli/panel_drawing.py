"""What drawing for a panel and drawing a sample share: the list, the lot, the request."""

from __future__ import annotations

from pathlib import Path

import click
import msgspec

from console.cli.asking import Request, answered, request
from console.cli.common import database_of, run, signed_by_person
from console.cli.counting import counted
from console.cli.stats_shared import head_of
from streams.messages import ScrutinyRequested
from streams.settings import Settings
from workers.custody.queries import SealedHead
from workers.database.engine import Database
from workers.encounters.rows import find_encounter
from workers.keys.statements import now_iso
from workers.retention.answers import Answer
from workers.retention.self_ending import kept_after
from workers.scrutiny.drawing import FORMAT, Draw, Lot, list_digest
from workers.scrutiny.holding import met, panel_hold
from workers.scrutiny.listing import drawn, listed
from workers.scrutiny.queries import published
from workers.scrutiny.rows import KeptDraw, draws_named
from workers.scrutiny.statements import DrawKind, Drawn, ScrutinyDeed, draw_id
from workers.statistics.counting import count
from workers.statistics.months import Month


def draw_and_ask(
    settings: Settings,
    month: Month,
    n: int,
    seed: str,
    *,
    kind: DrawKind,
    size: int | None = None,
    unit: str | None = None,
    terms: str = "",
    meets: str | None = None,
    hidden: bool = False,
) -> tuple[Answer, Draw]:
    """Draw, have it recorded, and say what came out.

    Args:
        size: entries of the checkpoint; None: the newest.
        meets: day on which the panel meets, from which the end of the holds counts.
        hidden: show no progress.
    """

    async def work() -> tuple[Answer, Draw]:
        async with database_of(settings) as database:
            head = await head_of(database, size)
            with counted("entries", head.size, hidden=hidden) as told:
                await count(database, head.size, told=told)
            async with database.connection() as connection:
                encounters = await listed(connection, month, unit, head.size)
                if not encounters:
                    raise click.UsageError(
                        f"no encounter of {month.name} {unit or ''} is on record at the checkpoint {head.size}"
                    )
                lot = await drawn(connection, encounters, seed, n)
            about = draw_id(settings.namespace, kind, month.name, unit, head.size, seed, n)
            deed = _deed(head, month, encounters, lot, kind=kind, n=n, seed=seed, unit=unit, terms=terms, meets=meets)
            asked = await _request(settings, database, about, deed)
            [made] = await request(settings, [asked])
            answer = await answered(database, made, "encounters")
        document = Draw(
            FORMAT, about, month.name, n, seed, tuple(encounters), deed.list_sha256, lot.drawn, lot.passed_over,
            head.size, deed.root, head.checkpoint, unit,
        )  # fmt: skip
        return answer, document

    return run(work())


def _deed(
    head: SealedHead,
    month: Month,
    encounters: list[str],
    lot: Lot,
    *,
    kind: DrawKind,
    n: int,
    seed: str,
    unit: str | None,
    terms: str,
    meets: str | None,
) -> Drawn:
    return Drawn(
        kind=kind,
        month=month.name,
        n=n,
        seed=seed,
        size=head.size,
        root=head.root.hex(),
        listed=len(encounters),
        list_sha256=list_digest(encounters),
        drawn=lot.drawn,
        passed_over=lot.passed_over,
        unit=unit,
        terms=terms,
        meets=meets,
    )


async def _request(settings: Settings, database: Database, about: str, deed: Drawn) -> Request:
    """The signed request, with a hold for each encounter that a panel is to see."""
    at, holds = now_iso(), []
    async with database.connection() as connection:
        until = await kept_after(connection, met(deed, at))
    for encounter in deed.drawn if deed.kind is DrawKind.PANEL else ():
        async with database.connection() as connection:
            found = await find_encounter(connection, encounter)
        if found is None:
            raise click.UsageError(f"{encounter} is in the log and not in the database: run bwv rebuild")
        holds.append(signed_by_person(settings, panel_hold(about, found, by=settings.person, at=at, until=until)))
    body = ScrutinyDeed(about, deed, settings.person, at, tuple(holds))
    message = ScrutinyRequested(about, signed_by_person(settings, body))
    return Request("scrutiny.requested", message, about, (message.deed.signature,))


async def one_draw(database: Database, kind: DrawKind, words: str) -> KeptDraw:
    """The one draw of this kind that `words` mean: who grades for a panel grades no supervisor's sample."""
    async with database.connection() as connection:
        found = await draws_named(connection, kind, words)
    if len(found) == 1:
        return found[0]
    if not found:
        raise click.UsageError(f"no {kind} {words!r}: expected the id of its draw, its beginning, or a month with one")
    raise click.UsageError(f"{words!r} may mean {', '.join(one.draw_id for one in found)}; give one of the ids")


async def the_document(database: Database, kept: KeptDraw) -> Draw:
    """What is published of a draw, its list made again from the custody log."""
    head = await head_of(database, kept.deed.size)
    await count(database, kept.deed.size)
    async with database.connection() as connection:
        return await published(connection, kept, head)


def write_draw(out: Path, document: Draw) -> None:
    """Write a draw as it is published."""
    out.write_bytes(msgspec.json.format(msgspec.json.encode(document), indent=1) + b"\n")
