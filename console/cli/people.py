"""`bwv people`: who may sign in to the board, with which roles. Who may see one clip is in `people_clips.py`."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import click

from console.cli.common import json_option, settings_of, show_json, show_table
from console.web.joining import MOST_LEAVE, Change, sync
from console.web.passwords import hashed
from console.web.people import PEOPLE, People, Person, Role
from workers.keys.statements import now_iso

role_option = click.option(
    "--role", "roles", multiple=True, type=click.Choice([role.value for role in Role]), help="As often as is right."
)
password_option = click.option(
    "--password-file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Its first line is the password; asked for without it.",
)


@click.group()
def people() -> None:
    """Who may sign in to the board, with which roles; who may see one clip."""


def people_of(context: click.Context) -> People:
    """The file of people of this home."""
    return People(settings_of(context).home / PEOPLE)


def _password(file: Path | None) -> str:
    if file is not None:
        return hashed((file.read_text().splitlines() or [""])[0])
    return hashed(click.prompt("Password", hide_input=True, confirmation_prompt=True))


@people.command()
@click.argument("person")
@click.option("--name", required=True, help="As colleagues know them.")
@role_option
@password_option
@click.option("--no-password", is_flag=True, help="They sign in by the directory, or are a program with a token.")
@click.option("--outside", is_flag=True, help="They stay when bwv people sync has a file that does not name them.")
@click.option("--unit", default="", help="Borough or basic command unit; a supervisor sees its encounters.")
@click.pass_context
def add(
    context: click.Context,
    /,
    *,
    person: str,
    name: str,
    roles: tuple[str, ...],
    password_file: Path | None,
    no_password: bool,
    outside: bool,
    unit: str,
) -> None:
    """Let PERSON (a warrant number) sign in. What they decide is signed: they need a key too (bwv keys new person)."""
    password = "" if no_password else _password(password_file)
    given = [Role(role) for role in roles]
    made = people_of(context).add(person, name, given, password, outside=outside, unit=unit)
    click.echo(f"{made.person} may sign in as {', '.join(made.roles)}" + (f", {made.unit}" if made.unit else ""))


@people.command("list")
@click.option("--all", "everybody", is_flag=True, help="Those who left too.")
@json_option
@click.pass_context
def list_people(context: click.Context, everybody: bool, as_json: bool) -> None:
    """Who may sign in. Passwords are not shown."""
    found = [one for one in people_of(context).known().values() if everybody or one.left_at is None]
    if as_json:
        show_json([_shown(one) for one in found])
        return
    rows = [(o.person, o.name, ", ".join(o.roles), o.unit, _standing(o)) for o in found]
    show_table("People", ("warrant number", "name", "roles", "unit", ""), rows)


def _shown(one: Person) -> dict[str, object]:
    return {
        "person": one.person, "name": one.name, "roles": one.roles, "unit": one.unit, "from": one.since,
        "until": one.until, "left_at": one.left_at, "here": one.here(datetime.now(UTC)), "outside": one.outside,
        "barred": one.barred, "has_password": bool(one.password),
    }  # fmt: skip


def _standing(one: Person) -> str:
    said = (
        (one.left_at is not None, f"left {one.left_at}"),
        (one.barred, "removed by hand"),
        (one.since is not None, f"from {one.since}"),
        (one.until is not None, f"until {one.until}"),
        (one.outside, "outside the file"),
        (one.left_at is None and not one.password, "no password"),
    )
    return "; ".join(text for holds, text in said if holds)


@people.command()
@click.argument("person")
@click.option("--unknown", is_flag=True, help="Only the directory knows PERSON: let them in no more.")
@click.pass_context
def remove(context: click.Context, person: str, unknown: bool) -> None:
    """PERSON leaves: their next request is refused. The number stays theirs; old signatures stay valid."""
    there = people_of(context)
    left = there.bar(person, now_iso()) if unknown else there.leave(person, now_iso())
    click.echo(f"{left.person} ({left.name}) can no longer sign in; their key: bwv keys revoke, if it may be abused")


@people.command()
@click.argument("person")
@click.pass_context
def restore(context: click.Context, person: str) -> None:
    """PERSON is back, with the roles they had, without a password."""
    back = people_of(context).restore(person)
    click.echo(f"{back.person} ({back.name}) is back; a password, if they need one: bwv people password {back.person}")


@people.command()
@click.argument("person")
@password_option
@click.pass_context
def password(context: click.Context, person: str, password_file: Path | None) -> None:
    """Give PERSON another password; their sessions end."""
    changed = people_of(context).move(person, password=_password(password_file))
    click.echo(f"{changed.person} has another password and is signed out everywhere")


@people.command()
@click.argument("person")
@role_option
@click.pass_context
def roles(context: click.Context, person: str, roles: tuple[str, ...]) -> None:
    """Give PERSON these roles instead of the present ones, from the next request on."""
    changed = people_of(context).move(person, roles=[Role(role) for role in roles])
    click.echo(f"{changed.person} is {', '.join(changed.roles)}")


@people.command()
@click.argument("person")
@click.argument("unit")
@click.pass_context
def unit(context: click.Context, person: str, unit: str) -> None:
    """PERSON works in UNIT (borough or basic command unit) from the next request on; "" for none.

    A supervisor sees the encounters of their unit. A file of joiners, movers and leavers says it anew.
    """
    changed = people_of(context).move(person, unit=unit)
    click.echo(f"{changed.person} is of {changed.unit or 'no unit'}")


@people.command("sync")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--dry-run", is_flag=True, help="Say who would join, move and leave, and change nothing.")
@click.option(
    "--most-leave",
    type=click.FloatRange(0, 100),
    default=MOST_LEAVE,
    show_default=True,
    help="Percent of those who are there that may leave by one file.",
)
@click.option("--really", is_flag=True, help="Also where more would leave: it was looked at.")
@json_option
@click.pass_context
def sync_people(
    context: click.Context, file: Path, dry_run: bool, most_leave: float, really: bool, as_json: bool
) -> None:
    """Joiners, movers and leavers: FILE is everybody; whoever is not in it leaves.

    CSV with the columns warrant,name,roles and, where you have them, unit,from,until; roles parted by blanks or
    semicolons, days as 2026-11-22. Where one row is wrong nothing is changed. The board reads such a file by itself
    where the setting people_file names it.
    """
    changes = sync(people_of(context), file, datetime.now(UTC), most_leave=most_leave, really=really, dry_run=dry_run)
    if as_json:
        show_json({"dry_run": dry_run, "changes": changes})
        return
    for what, found in (("joins", changes.joined), ("moves", changes.moved), ("leaves", changes.left)):
        for one in found:
            click.echo(f"{what}  {_said(one)}")
    for number in changes.outside:
        click.echo(f"stays  {number}: outside the file")
    for number in changes.barred:
        click.echo(f"stays out  {number}: removed by hand; bwv people restore {number}, if that is over")
    click.echo(f"{changes.said()}{'; a dry run, nothing was changed' if dry_run else ''}")


def _said(one: Change) -> str:
    return f"{one.person} ({one.name}){': ' if one.what else ''}{one.what}"
