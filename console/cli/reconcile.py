"""`bwv reconcile`: declared, custody log and vault compared, and a signed statement that it adds up."""

from __future__ import annotations

import time
from contextlib import AsyncExitStack
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import click
import msgspec
from msgspec import Struct
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from console.cli.common import (
    announce,
    console,
    json_option,
    run,
    settings_of,
    show_json,
    show_table,
    until,
)
from streams.messages import ReconciliationStated, event_id
from streams.settings import Settings
from streams.topics import TOPICS
from streams.vaults import open_vault
from workers.database.engine import Database
from workers.errors import ConfigurationInvalid, DatabaseAway, MessageInvalid, PartUnreachable
from workers.footage.canonical import sha256_hex
from workers.footage.clip import check_enrolled_id
from workers.keys.keyring import load_public, load_unenrolled
from workers.keys.signing import EnrolledKey, Role, Signed, Signer, opened
from workers.keys.statements import PURPOSES
from workers.operations.collecting import Sight, unfinished
from workers.operations.looking import Means
from workers.operations.page import WORDS, page
from workers.operations.reconcile import Outcome
from workers.operations.reconcile import reconcile as compare
from workers.operations.scope import Scope
from workers.operations.shelves import Recorded
from workers.operations.statement import Difference, Looked, Reconciliation
from workers.operations.stating import custody_head, stated
from workers.vault.keys import upload_prefixes

TOPIC = "reconciliations.stated"
SERVICE = "reconcile"


class Asked(Struct, frozen=True):
    """What the command was asked for."""

    scope: Scope
    heads: bool
    proofs: bool
    strays: bool
    grace: timedelta


@click.command()
@click.option("--day", type=click.DateTime(["%Y-%m-%d"]), help="Recordings first docked on this day (UTC) alone.")
@click.option("--dock", help="Recordings first docked at this dock alone.")
@click.option("--heads/--no-heads", default=True, show_default=True, help="Ask for each lock and read each manifest.")
@click.option("--proofs/--no-proofs", default=True, show_default=True, help="Compare receipts, events and the log.")
@click.option("--strays", is_flag=True, help="List the whole vault; always done without --day and --dock.")
@click.option("--grace", type=click.FloatRange(0), default=600.0, show_default=True,
              help="Seconds: what disagrees and moved since then is in flight.")  # fmt: skip
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), help="Folder for statement and page.")
@click.option("--check", type=click.Path(exists=True, dir_okay=False, path_type=Path),
              help="Only check the signature of a statement's file.")  # fmt: skip
@json_option
@click.pass_context
def reconcile(
    context: click.Context,
    *,
    day: datetime | None,
    dock: str | None,
    heads: bool,
    proofs: bool,
    strays: bool,
    grace: float,
    out: Path | None,
    check: Path | None,
    as_json: bool,
) -> None:
    """Set what was declared against custody log, vault and rows; name each difference; sign a statement.

    Exit 1 when it does not add up.
    """
    settings = settings_of(context)
    if check is not None:
        _checked(settings, check, as_json)
        return
    if dock is not None:
        check_enrolled_id("dock", dock)
    if not settings.database:
        raise PartUnreachable(f"no system is set up under {settings.home}; start it with: bwv up")
    scope = Scope(day.date() if day else None, dock)
    asked = Asked(scope, heads, proofs, strays or scope.whole, timedelta(seconds=grace))
    signer = Signer.load(Role.SERVICE, SERVICE, settings.keys / "service" / f"{SERVICE}.pem")
    body, every = run(_compare(settings, asked))
    signed = signer.sign(PURPOSES[Reconciliation], body)
    files = _written(out, scope, signed) if out else []
    cause = (body.stated_at, body.by, sha256_hex(signed.body.encode()))
    message = ReconciliationStated(scope.title, body.by, signed)
    run(announce(settings, TOPIC, message, key=settings.origin, cause=cause))
    if as_json:
        show_json({"adds_up": body.unexplained == 0, "statement": body, "differences": every, "signed": signed,
                   "files": files})  # fmt: skip
    else:
        _show(body, every, files)
    run(_recorded(settings, event_id(TOPIC, *cause)))
    context.exit(0 if body.unexplained == 0 else 1)


async def _compare(settings: Settings, asked: Asked) -> tuple[Reconciliation, tuple[Difference, ...]]:
    began = time.monotonic()
    try:
        async with AsyncExitStack() as stack:
            # One connection keeps the listing, the others ask.
            database = await stack.enter_async_context(Database(settings.database, settings.namespace, size=3))
            means = await _means(settings, database, asked)
            recorded, listed = None, 0
            if asked.strays:
                recorded = Recorded(await stack.enter_async_context(database.connection()))
                listed = await recorded.record(means.sight.versions.list_versions(f"{settings.namespace}/"))
            outcome = await _with_progress(means, asked, recorded)
            seen, seconds = listed or outcome.totals.objects, round(time.monotonic() - began, 1)
            looked = Looked(asked.heads, asked.proofs, asked.strays, seen, seconds)
            body = stated(
                outcome,
                asked.scope,
                namespace=settings.namespace,
                store=settings.store_name,
                by=settings.person,
                now=datetime.now(UTC),
                looked=looked,
                head=await custody_head(database),
            )
            return body, outcome.differences
    except DatabaseAway as error:
        raise PartUnreachable(f"{error}; is it running? (bwv status, bwv up)") from error


async def _means(settings: Settings, database: Database, asked: Asked) -> Means:
    rows = await database.fetch("SELECT id, role, owner, public, revoked_at IS NOT NULL AS revoked FROM enrolled_keys")
    unenrolled = load_unenrolled(settings.keys, settings.trust_root)
    known = [*unenrolled, *(msgspec.convert(row, EnrolledKey) for row in rows)]
    sight = Sight(*[open_vault(settings, role) for role in ("record", "transfer", "verification")])
    return Means(
        database=database,
        namespace=settings.namespace,
        sight=sight,
        locks=open_vault(settings, "lease") if asked.heads else None,
        keys={key.id: key for key in known},
        unrecorded=[topic.name for topic in TOPICS if not topic.recorded],
        begun=unfinished(sight, upload_prefixes(settings.namespace)),
        proofs=asked.proofs,
    )


async def _with_progress(means: Means, asked: Asked, recorded: Recorded | None) -> Outcome:
    out = console()
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.completed}/{task.total} cameras"))
    with Progress(*columns, TimeElapsedColumn(), console=out, transient=True, disable=not out.is_terminal) as bar:
        task = bar.add_task("reconciling", total=None)
        return await compare(
            means,
            asked.scope,
            recorded=recorded,
            now=lambda: datetime.now(UTC),
            grace=asked.grace,
            told=lambda done, of: bar.update(task, completed=done, total=of),
        )


async def _recorded(settings: Settings, event: str) -> None:
    async with Database(settings.database, settings.namespace, size=1) as database:
        await until(
            lambda: database.fetch_one("SELECT 1 FROM reconciliations WHERE event_id = %s", (event,)),
            "the statement is made, and the record has not taken it",
        )


def _written(folder: Path, scope: Scope, signed: Signed) -> list[str]:
    """Write statement and page; an existing file is never overwritten."""
    body = msgspec.json.decode(signed.body, type=Reconciliation)
    stamp = body.stated_at[:19].replace(":", "")
    parts = ("reconciliation", str(scope.day or "every-day"), scope.dock or "every-dock", f"{stamp}Z")
    statement = folder / f"{'_'.join(parts)}.json"
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with statement.open("xb") as file:
            file.write(msgspec.json.encode(signed) + b"\n")
        with statement.with_suffix(".html").open("x") as text:
            text.write(page(signed, statement.name))
    except OSError as error:
        raise ConfigurationInvalid(f"{statement}: cannot be written: {error.strerror}") from error
    return [str(statement), str(statement.with_suffix(".html"))]


def _checked(settings: Settings, file: Path, as_json: bool) -> None:
    try:
        signed = msgspec.json.decode(file.read_bytes(), type=Signed)
    except msgspec.DecodeError as error:
        raise MessageInvalid(f"{file}: not a signed statement: {error}") from error
    key = load_public(settings.keys / "service" / f"{SERVICE}.pub")
    body = opened(PURPOSES[Reconciliation], signed, Reconciliation, role=Role.SERVICE,
                  find=lambda name: key if name == key.id else None)  # fmt: skip
    if as_json:
        show_json({"signed_by": key.id, "statement": body})
        return
    _show(body, body.differences, [])
    click.echo(f"the signature by {key.id} holds; {date.fromisoformat(body.stated_at[:10]):%d %B %Y}")


def _show(body: Reconciliation, every: tuple[Difference, ...], files: list[str]) -> None:
    show_table(
        f"Reconciliation: {body.day or 'every day'}, {body.dock or 'every dock'}",
        ("dock", "standing", "files", "bytes"),
        [(x.dock, WORDS.get(x.standing, x.standing), f"{x.files:,}", f"{x.bytes:,}") for x in body.lines],
    )
    for found in every:
        click.echo(f"\n{found.kind}: {found.subject}")
        click.echo(f"  found     {found.found}\n  expected  {found.expected}")
        click.echo(f"  cause     {found.cause}\n  do        {found.action}")
    for text in body.in_flight:
        click.echo(f"in flight: {text}")
    click.echo(f"\n{body.sentence} (wiped {body.wiped.files:,}; {body.declared.bytes:,} bytes declared)")
    click.echo(f"signed by {SERVICE}, asked for by {body.by}; custody log {body.custody.size:,} entries")
    for name in files:
        click.echo(f"written {name}")
