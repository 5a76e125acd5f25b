"""`bwv retention`: the policy in force, what another would change, what goes next and why."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import click

from console.cli.asking import Request, answered, exit_code, request, say
from console.cli.common import database_of, json_option, run, settings_of, show_json, signed_by_person
from console.cli.counting import counted
from console.cli.policies import (
    lengths,
    show_categories,
    show_difference,
    show_due,
    show_holds,
    telling,
)
from streams.messages import PolicyAdoptionRequested
from streams.settings import Settings
from workers.database.engine import Database
from workers.errors import PolicyInvalid
from workers.keys.statements import now_iso
from workers.retention.answers import Answer
from workers.retention.drafts import keep, kept
from workers.retention.dryrun import DryRun
from workers.retention.due import Asked, Due, due, in_bin
from workers.retention.periods import exact, start_of_day
from workers.retention.policies import current, of_version
from workers.retention.policy import Policy, parse
from workers.retention.rehearsal import clips_to_rehearse, rehearse
from workers.retention.shipped import NAMES, shipped
from workers.retention.statements import Adoption

NONE = "no policy is in force: nothing goes; begin with: bwv retention template"


@click.group()
def retention() -> None:
    """Policies: what is in force, what another would change, what goes next and why."""


@retention.command()
@click.argument("name", required=False)
def template(name: str | None) -> None:
    """Print a policy that comes with the system, or list them."""
    if name:
        click.echo(shipped(name), nl=False)
        return
    for each in NAMES:
        policy = parse(shipped(each), 0)
        click.echo(f"{each:8}  {policy.force}: {len(policy.categories)} categories, {lengths(policy)}")
    click.echo("\nprint one: bwv retention template met > policy.toml")


@retention.command()
@click.option("--version", type=int, help="One that was in force before.")
@click.option("--text", is_flag=True, help="Its very text, as it was adopted.")
@json_option
@click.pass_context
def show(context: click.Context, version: int | None, text: bool, as_json: bool) -> int:
    """The policy in force in plain words: what is kept how long, counted from when, and why."""
    policy = run(_policy(settings_of(context), version))
    if policy is None:
        click.echo(f"version {version} was never adopted" if version is not None else NONE, err=True)
        return 1
    if text:
        click.echo(policy.toml, nl=False)
    elif as_json:
        show_json(telling(policy))
    else:
        show_categories(policy)
        show_holds(policy)
    return 0


@retention.command("dry-run")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@json_option
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="Also write the result there.")
@click.pass_context
def dry_run(context: click.Context, file: Path, as_json: bool, out: Path | None) -> None:
    """What would go earlier or stay longer if the policy in FILE were in force; changes nothing.

    Every clip is looked at under the policy in force and under FILE. The result is kept; `adopt` needs it.
    """
    settings = settings_of(context)
    result, digest, path = run(_rehearsed(settings, _text(file), quiet=as_json))
    if out is not None:
        out.write_bytes(path.read_bytes())
    if as_json:
        show_json({"dry_run": digest, "kept": str(path), "result": result})
        return
    show_difference(result)
    click.echo(f"\nkept under {path}\nadopt it: bwv retention adopt {file} --reason …")


@retention.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--reason", required=True, help="Why; it is signed and recorded.")
@json_option
@click.pass_context
def adopt(context: click.Context, file: Path, reason: str, as_json: bool) -> int:
    """Put the policy in FILE in force, signed by you; its dry run must be of the last 24 hours."""
    settings = settings_of(context)
    answer = run(_adopted(settings, _text(file), reason))
    if as_json:
        show_json(answer)
    else:
        say(answer)
    return exit_code([answer])


@retention.command("due")
@click.option("--within", default="72 hours", show_default=True, help="How far ahead, such as '7 days' or 72h.")
@click.option("--tomorrow", is_flag=True, help="What goes on the next day of the calendar.")
@click.option("--bin", "bin_only", is_flag=True, help="What lies in the bin now, from where it can be restored.")
@click.option("--limit", default=50, show_default=True, type=click.IntRange(0, 10_000), help="Most clips to name.")
@json_option
@click.pass_context
def due_list(context: click.Context, within: str, tomorrow: bool, bin_only: bool, limit: int, as_json: bool) -> int:
    """What goes next if nobody does anything, and why."""
    ahead = _ahead(within)
    now = datetime.now(UTC)

    async def work() -> tuple[Policy, Due] | None:
        async with database_of(settings_of(context)) as database:
            policy = await _current(database)
            if policy is None:
                return None
            if bin_only:
                return policy, await in_bin(database, policy, most=limit)
            since, until = _tomorrow(policy, now) if tomorrow else (None, now + ahead)
            return policy, await due(database, policy, Asked(since, until, limit))

    found = run(work())
    if found is None:
        click.echo(NONE, err=True)
        return 1
    policy, answer = found
    if as_json:
        show_json(answer)
        return 0
    what = "in the bin" if bin_only else "goes tomorrow" if tomorrow else f"goes within {within}"
    show_due(policy, answer, what)
    return 0


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise PolicyInvalid(f"{file}: not UTF-8 text: {error.reason} at byte {error.start}") from error


def _ahead(within: str) -> timedelta:
    try:
        return timedelta(hours=int(within[:-1])) if within[:-1].isdigit() and within[-1:] == "h" else exact(within)
    except (ValueError, OverflowError) as error:
        raise click.UsageError(f"--within {error}") from error


def _tomorrow(policy: Policy, now: datetime) -> tuple[datetime, datetime]:
    today = now.astimezone(policy.zone).date()
    return (
        start_of_day(today + timedelta(days=1), policy.zone),
        start_of_day(today + timedelta(days=2), policy.zone),
    )


async def _current(database: Database) -> Policy | None:
    async with database.connection() as connection:
        return await current(connection)


async def _policy(settings: Settings, version: int | None) -> Policy | None:
    async with database_of(settings) as database:
        if version is None:
            return await _current(database)
        async with database.connection() as connection:
            return await of_version(connection, version)


async def _rehearsed(settings: Settings, toml: str, *, quiet: bool) -> tuple[DryRun, str, Path]:
    async with database_of(settings) as database:
        present = await _current(database)
        proposed = parse(toml, present.version + 1 if present else 1)
        total = await clips_to_rehearse(database)
        with counted("clips", total, hidden=quiet) as told:
            result = await rehearse(database, present, proposed, at=datetime.now(UTC), by=settings.person, told=told)
    digest, path = keep(settings.home, result)
    return result, digest, path


async def _adopted(settings: Settings, toml: str, reason: str) -> Answer:
    async with database_of(settings) as database:
        present = await _current(database)
        version = present.version + 1 if present else 1
        policy = parse(toml, version)
        digest = kept(
            settings.home,
            policy,
            against=present.version if present else 0,
            clips=await clips_to_rehearse(database),
            now=datetime.now(UTC),
        )
        body = Adoption(version, toml, policy.sha256, digest, reason, settings.person, now_iso())
        message = PolicyAdoptionRequested(version, signed_by_person(settings, body))
        asked = Request("policies.requested", message, key=str(version), cause=(version, policy.sha256, body.at))
        [made] = await request(settings, [asked])
        return await answered(database, made, "retention")
