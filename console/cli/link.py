"""`bwv link`: links to submitted footage; who may open them, who has, and an end to them."""

from __future__ import annotations

from typing import Any

import click
import msgspec

from console.cli.asking import Request, exit_code, say, settled
from console.cli.common import database_of, json_option, run, settings_of, show_json, show_table, signed_by_person
from streams.messages import LinkRequested
from streams.settings import Settings
from workers.errors import Refused
from workers.keys.statements import now_iso
from workers.prosecution.identity import LINK_ID, case_id, link_id
from workers.prosecution.links.address import checked
from workers.prosecution.links.queries import Opening, openings, url_of
from workers.prosecution.links.rows import Link, find, listed
from workers.prosecution.statements import LinkChange

reason_option = click.option("--reason", required=True, help="Why; it is signed and recorded.")


@click.group()
def link() -> None:
    """Links to submitted footage: who may open them, who has, and an end to them."""


@link.command("list")
@click.option("--case", help="Those of this case: its URN or id.")
@json_option
@click.pass_context
def list_command(context: click.Context, case: str | None, as_json: bool) -> None:
    """The links, newest first."""
    settings = settings_of(context)
    about = None if case is None else (case, case_id(settings.namespace, case))

    async def work() -> list[Link]:
        async with database_of(settings) as database, database.connection() as connection:
            return await listed(connection, about)

    found = run(work())
    if as_json:
        show_json(found)
        return
    rows = [(one.link_id, one.urn, one.address or "holder of the link", f"{one.made_at:%Y-%m-%d %H:%M}", _state(one))
            for one in found]  # fmt: skip
    show_table(f"Links: {len(found)}", ("link", "case", "opens for", "made", "state"), rows)


@link.command()
@click.argument("which", metavar="LINK|SUBMISSION")
@click.option("--most", default=50, show_default=True, type=click.IntRange(1, 10_000), help="Accesses to show.")
@json_option
@click.pass_context
def show(context: click.Context, which: str, most: int, as_json: bool) -> None:
    """One link: its address, its state, and who looked at what, newest first. The address is a secret."""
    settings = settings_of(context)

    async def work() -> tuple[Link, str | None, list[Opening]]:
        async with database_of(settings) as database, database.connection() as connection:
            found = await find(connection, _id(which))
            if found is None:
                raise click.UsageError(f"no link {which!r}; see: bwv link list")
            url = await url_of(connection, found.submission_id)
            return found, url, await openings(connection, found.link_id, most=most)

    found, url, looked = run(work())
    if as_json:
        show_json({"link": found, "state": _state(found), "url": url, "opened": looked})
        return
    for name, value in {**msgspec.structs.asdict(found), "state": _state(found), "url": url}.items():
        if value is not None:
            click.echo(f"{name:>14}  {value}")
    show_table(
        f"\nAccesses: {len(looked)}",
        ("at", "who", "what", "item", "bytes", "entry"),
        [(f"{o.at:%Y-%m-%d %H:%M:%S}", o.holder, o.what, o.reference, o.part, o.entry) for o in looked],
    )


@link.command()
@click.argument("which", metavar="LINK|SUBMISSION")
@reason_option
@json_option
@click.pass_context
def revoke(context: click.Context, which: str, reason: str, as_json: bool) -> None:
    """A link leads nowhere from now on, and whoever has it open is out. Exit 1 when it was refused."""
    _change(context, which, reason, as_json, revoked=True)


@link.command()
@click.argument("which", metavar="LINK|SUBMISSION")
@click.argument("address")
@reason_option
@json_option
@click.pass_context
def readdress(context: click.Context, which: str, address: str, reason: str, as_json: bool) -> None:
    """A link opens with codes sent to ADDRESS alone; whoever has it open is out. Exit 1 when it was refused."""
    try:
        checked(address)
    except Refused as refused:
        raise click.UsageError(str(refused)) from refused
    _change(context, which, reason, as_json, revoked=False, address=address)


def _change(context: click.Context, which: str, reason: str, as_json: bool, **what: Any) -> None:
    settings = settings_of(context)
    change = LinkChange(_id(which), reason=reason, by=settings.person, at=now_iso(), **what)
    answers = settled(settings, "links", [_request(settings, change)])
    show_json(answers[0]) if as_json else say(answers[0])
    context.exit(exit_code(answers))


def _request(settings: Settings, change: LinkChange) -> Request:
    signed = signed_by_person(settings, change)
    return Request("links.requested", LinkRequested(change.link_id, signed), change.link_id, (signed.signature,))


def _id(which: str) -> str:
    return which if LINK_ID.fullmatch(which) else link_id(which)


def _state(one: Link) -> str:
    if one.revoked_at is not None:
        return f"revoked by {one.revoked_by}, {one.revoked_at:%Y-%m-%d %H:%M}"
    if one.closed_at is not None:
        return f"case closed, {one.closed_at:%Y-%m-%d}"
    return "open" if one.urn is not None else "nobody knows its case"
