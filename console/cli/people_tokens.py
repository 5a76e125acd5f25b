"""`bwv people token`: what programs ask the board's JSON API with, in the name of a person."""

from __future__ import annotations

from datetime import UTC, datetime

import click

from console.cli.common import database_of, json_option, run, settings_of, show_json, show_table
from console.cli.people import people_of, role_option
from console.web.people import Role
from console.web.tokens import MOST_DAYS, TOKENS, Token, Tokens, last_uses
from streams.settings import Settings
from workers.errors import PartUnreachable, Refused

DAYS = 90


@click.group()
def token() -> None:
    """API tokens: make, list and revoke what programs ask the board with."""


def _tokens(settings: Settings) -> Tokens:
    return Tokens(settings.home / TOKENS)


@token.command()
@click.argument("person")
@click.option("--for", "what", required=True, help="What asks with it, and why: it is what the list shows.")
@role_option
@click.option("--days", type=click.IntRange(1, MOST_DAYS), default=DAYS, show_default=True, help="How long it lives.")
@json_option
@click.pass_context
def new(context: click.Context, person: str, what: str, roles: tuple[str, ...], days: int, as_json: bool) -> None:
    """Make a token with which a program asks in PERSON's name, with these of their roles. It is shown this once."""
    settings, now = settings_of(context), datetime.now(UTC)
    owner = people_of(context).find(person, now)
    if owner is None:
        raise Refused(f"nobody here has the warrant number {person[:40]!r}", "see: bwv people list")
    made, secret = _tokens(settings).new(
        owner, [Role(role) for role in roles], what, by=settings.person, now=now, days=days
    )
    if as_json:
        show_json({"token": made.token, "secret": secret, "ends_at": made.ends_at})
        return
    click.echo(secret)
    click.echo(f"token {made.token} of {made.person} until {made.ends_at:%Y-%m-%d}; it is shown this once", err=True)


@token.command("list")
@click.option("--all", "every", is_flag=True, help="Those that are over or revoked too.")
@json_option
@click.pass_context
def list_tokens(context: click.Context, every: bool, as_json: bool) -> None:
    """Tokens: whose, for what, with which roles, until when, and when they were last used."""
    settings, now = settings_of(context), datetime.now(UTC)
    found = [one for one in _tokens(settings).known().values() if every or one.opens(now)]
    used = run(_uses(settings)) if found else {}
    if as_json:
        show_json([_shown(one, used.get(one.token), now) for one in found])
        return
    rows = [
        (o.token, o.person, o.what, ", ".join(o.roles), _standing(o, now), used.get(o.token) or "never") for o in found
    ]
    show_table("Tokens", ("token", "of", "for", "roles", "", "last used"), rows)


async def _uses(settings: Settings) -> dict[str, datetime]:
    try:
        async with database_of(settings) as database:
            return await last_uses(database)
    except PartUnreachable as away:
        click.echo(f"when each was last used is not known: {away}", err=True)
        return {}


def _shown(one: Token, used: datetime | None, now: datetime) -> dict[str, object]:
    return {
        "token": one.token, "person": one.person, "for": one.what, "roles": one.roles, "made_by": one.made_by,
        "made_at": one.made_at, "ends_at": one.ends_at, "revoked_at": one.revoked_at, "opens": one.opens(now),
        "used_at": used,
    }  # fmt: skip


def _standing(one: Token, now: datetime) -> str:
    if one.revoked_at is not None:
        return f"revoked {one.revoked_at:%Y-%m-%d}"
    return f"until {one.ends_at:%Y-%m-%d}" if one.opens(now) else f"over since {one.ends_at:%Y-%m-%d}"


@token.command()
@click.argument("name", metavar="TOKEN")
@click.pass_context
def revoke(context: click.Context, name: str) -> None:
    """TOKEN (its name in the list, not the secret) opens nothing from its next request on."""
    revoked = _tokens(settings_of(context)).revoke(name, datetime.now(UTC))
    click.echo(f"token {revoked.token} of {revoked.person} ({revoked.what}) opens nothing any more")
