"""`bwv people`: who may sign in to the board, with which roles; and who may see one clip."""

from __future__ import annotations

from pathlib import Path

import click

from console.cli.clips import one_clip
from console.cli.common import (
    announce,
    database_of,
    json_option,
    run,
    settings_of,
    show_json,
    show_table,
    signed_by_person,
    until,
)
from console.web.joining import changes_of, read_file
from console.web.people import PEOPLE, People, Person, Role, hashed
from streams.messages import ClipViewingSet
from workers.footage.clip import check_enrolled_id
from workers.keys.statements import Viewing, now_iso

role_option = click.option("--role", "roles", multiple=True, type=click.Choice([role.value for role in Role]))
password_option = click.option(
    "--password-file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Its first line is the password; asked for without it.",
)


@click.group()
def people() -> None:
    """Who may sign in to the board, with which roles; who may see one clip."""


def _people(context: click.Context) -> People:
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
@click.pass_context
def add(context: click.Context, person: str, name: str, roles: tuple[str, ...], password_file: Path | None) -> None:
    """Let PERSON (a warrant number) sign in. What they decide is signed: they need a key too (bwv keys new person)."""
    made = _people(context).add(person, name, [Role(role) for role in roles], _password(password_file))
    click.echo(f"{made.person} may sign in as {', '.join(made.roles)}")


@people.command("list")
@click.option("--all", "everybody", is_flag=True, help="Those who left too.")
@json_option
@click.pass_context
def list_people(context: click.Context, everybody: bool, as_json: bool) -> None:
    """Who may sign in. Passwords are not shown."""
    found = [one for one in _people(context).known().values() if everybody or one.left_at is None]
    if as_json:
        show_json([_shown(one) for one in found])
        return
    rows = [(o.person, o.name, ", ".join(o.roles), "" if o.password else "no password", o.left_at) for o in found]
    show_table("People", ("warrant number", "name", "roles", "", "left"), rows)


def _shown(one: Person) -> dict[str, object]:
    return {"person": one.person, "name": one.name, "roles": one.roles, "left_at": one.left_at,
            "can_sign_in": bool(one.password)}  # fmt: skip


@people.command()
@click.argument("person")
@click.pass_context
def remove(context: click.Context, person: str) -> None:
    """PERSON leaves: their next request is refused. The number stays theirs; old signatures stay valid."""
    left = _people(context).leave(person, now_iso())
    click.echo(f"{left.person} ({left.name}) can no longer sign in; their key: bwv keys revoke, if it may be abused")


@people.command()
@click.argument("person")
@password_option
@click.pass_context
def password(context: click.Context, person: str, password_file: Path | None) -> None:
    """Give PERSON another password; their sessions end."""
    changed = _people(context).move(person, password=_password(password_file))
    click.echo(f"{changed.person} has another password and is signed out everywhere")


@people.command()
@click.argument("person")
@role_option
@click.pass_context
def roles(context: click.Context, person: str, roles: tuple[str, ...]) -> None:
    """Give PERSON these roles instead of the present ones, from the next request on."""
    changed = _people(context).move(person, roles=[Role(role) for role in roles])
    click.echo(f"{changed.person} is {', '.join(changed.roles)}")


@people.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--yes", is_flag=True, help="Also where many would leave at once.")
@json_option
@click.pass_context
def apply(context: click.Context, file: Path, yes: bool, as_json: bool) -> None:
    """Joiners, movers and leavers: FILE (CSV: person,name,roles) is everybody; roles are parted by blanks.

    Whoever is not in it leaves. Exit 1, and nothing is changed, where more than a fifth would leave, unless --yes.
    """
    there = _people(context)
    everybody, changes = changes_of(there.known(), read_file(file), now_iso(), yes=yes)
    there.replace_all(everybody)
    if as_json:
        show_json(changes)
        return
    said = (("joined", changes.joined), ("moved", changes.moved), ("left", changes.left))
    click.echo("; ".join(f"{len(found)} {what}{': ' if found else ''}{', '.join(found)}" for what, found in said))


@people.command()
@click.argument("clip")
@click.argument("people_named", nargs=-1, metavar="PERSON...")
@click.option("--reason", required=True, help="Why; it is signed and recorded.")
@click.pass_context
def name(context: click.Context, clip: str, people_named: tuple[str, ...], reason: str) -> None:
    """Only these PEOPLE may see CLIP from now on; they take the place of whoever was named before."""
    _set(context, clip, "named", people_named, reason)


@people.command("open")
@click.argument("clip")
@click.option("--reason", required=True, help="Why; it is signed and recorded.")
@click.pass_context
def open_clip(context: click.Context, clip: str, reason: str) -> None:
    """CLIP is seen as any other again."""
    _set(context, clip, "open", (), reason)


@people.command()
@click.argument("clip")
@click.option("--reason", required=True, help="Why; it is signed, recorded, and shown to whoever wants to play it.")
@click.pass_context
def lock(context: click.Context, clip: str, reason: str) -> None:
    """Nobody plays CLIP for now, as before an officer's first account after a serious incident."""
    _set(context, clip, "lock", (), reason)


@people.command()
@click.argument("clip")
@click.option("--reason", required=True, help="Why; it is signed and recorded.")
@click.pass_context
def unlock(context: click.Context, clip: str, reason: str) -> None:
    """CLIP may be played again."""
    _set(context, clip, "unlock", (), reason)


def _set(context: click.Context, clip: str, kind: str, named: tuple[str, ...], reason: str) -> None:
    settings = settings_of(context)
    for one in named:
        check_enrolled_id("person", one)

    async def work() -> str:
        async with database_of(settings) as database:
            clip_id = await one_clip(database, clip)
            body = Viewing(clip_id, kind, named, reason, settings.person, now_iso())
            message = ClipViewingSet(clip_id, signed_by_person(settings, body))
            await announce(settings, "clips.viewing-set", message, key=clip_id, cause=(clip_id, kind, body.at))
            await until(
                lambda: database.fetch_one(
                    "SELECT 1 FROM viewings WHERE clip_id = %s AND kind = %s AND time = %s", (clip_id, kind, body.at)
                ),
                "the record has not taken it",
            )
            return clip_id

    who = f" {', '.join(named) or 'nobody'}" if kind == "named" else ""
    click.echo(f"{run(work())}: {kind}{who}, signed by {settings.person}")
