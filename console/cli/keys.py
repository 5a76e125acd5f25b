"""`bwv keys`: every signature names who made it, from the first day."""

from __future__ import annotations

from pathlib import Path

import click

from console.cli.common import (
    announce,
    ask,
    database_of,
    json_option,
    run,
    settings_of,
    show_json,
    show_table,
    signed_by_person,
    until,
)
from streams.messages import KeyEnrolled, KeyRevoked
from streams.settings import Settings
from workers.footage.clip import check_enrolled_id
from workers.keys.keyring import load_public, save_public
from workers.keys.signing import EnrolledKey, Role, Signer
from workers.keys.statements import Enrolment, Revocation, now_iso

ROLES = click.Choice([role.value for role in (Role.DOCK, Role.CAMERA, Role.PERSON)])


@click.group()
def keys() -> None:
    """Make, enrol, revoke and list the keys of docks, cameras and people."""


@keys.command()
@click.argument("role", type=ROLES)
@click.argument("owner")
@click.pass_context
def new(context: click.Context, role: str, owner: str) -> None:
    """Make a key pair for OWNER. The private half stays in the keys folder, mode 0600."""
    settings = settings_of(context)
    check_enrolled_id(role, owner)
    path = settings.keys / role / f"{owner}.pem"
    if path.exists():
        raise click.UsageError(f"{path} exists; revoke the old key before you make another one")
    signer = Signer.new(Role(role), owner)
    signer.save(path)
    save_public(signer.enrolment(), path.with_suffix(".pub"))
    click.echo(f"{signer.key}\nprivate {path}\npublic  {path.with_suffix('.pub')}\nnext: bwv keys enrol {role} {owner}")


@keys.command()
@click.argument("role", type=ROLES)
@click.argument("owner")
@click.option(
    "--public", type=click.Path(exists=True, path_type=Path), help="Public key file [default: the keys folder]."
)
@json_option
@click.pass_context
def enrol(context: click.Context, role: str, owner: str, public: Path | None, as_json: bool) -> None:
    """Enrol OWNER's public key, or a camera that has no key. Signed by the person who gives the command."""
    settings = settings_of(context)
    check_enrolled_id(role, owner)
    file = public or settings.keys / role / f"{owner}.pub"
    if role == Role.CAMERA and not file.exists():
        key = EnrolledKey(f"camera:{owner}:none", Role.CAMERA, owner, "")
    else:
        key = load_public(file)
        if (key.role, key.owner) != (role, owner):
            raise click.UsageError(f"{file} is the key of {key.role.value} {key.owner}, not of {role} {owner}")
    run(_enrol_unless_revoked(settings, key))
    show_json(key) if as_json else click.echo(f"enrolled {key.id}")


async def _enrol_unless_revoked(settings: Settings, key: EnrolledKey) -> None:
    async with database_of(settings) as database:
        if await database.fetch_one("SELECT id FROM enrolled_keys WHERE id = %s AND revoked_at IS NOT NULL", (key.id,)):
            raise click.UsageError(f"{key.id} was revoked and stays so; make another key and enrol that")
    await enrol_key(settings, key)


async def enrol_key(settings: Settings, key: EnrolledKey) -> None:
    """Publish a signed enrolment and wait until intake has it."""
    body = Enrolment(key.id, key.role.value, key.owner, key.public, settings.person, now_iso())
    message = KeyEnrolled(key.owner, key.role.value, signed_by_person(settings, body))
    await announce(settings, "keys.enrolled", message, key=key.owner, cause=(key.id, body.at))
    async with database_of(settings) as database:
        await until(
            lambda: database.fetch_one("SELECT id FROM enrolled_keys WHERE id = %s", (key.id,)),
            f"intake has not enrolled {key.id}",
        )


@keys.command()
@click.argument("key")
@click.option("--reason", required=True, help="Why; it is recorded.")
@click.pass_context
def revoke(context: click.Context, key: str, reason: str) -> None:
    """Revoke KEY (its id, from `bwv keys list`): nothing it signs is accepted from now on."""
    settings = settings_of(context)

    async def work() -> None:
        async with database_of(settings) as database:
            if await database.fetch_one("SELECT id FROM enrolled_keys WHERE id = %s", (key,)) is None:
                raise click.UsageError(f"no key {key}; see: bwv keys list")
            body = Revocation(key, settings.person, now_iso(), reason)
            message = KeyRevoked(key, signed_by_person(settings, body))
            await announce(settings, "keys.revoked", message, key=key, cause=(key, body.at))
            await until(
                lambda: database.fetch_one(
                    "SELECT id FROM enrolled_keys WHERE id = %s AND revoked_at IS NOT NULL", (key,)
                ),
                f"intake has not revoked {key}",
            )

    run(work())
    click.echo(f"revoked {key}")


@keys.command("list")
@json_option
@click.pass_context
def list_keys(context: click.Context, as_json: bool) -> None:
    """All enrolled keys, revoked ones included."""
    settings = settings_of(context)

    rows = ask(
        settings,
        "SELECT id, role, owner, enrolled_at, enrolled_by, revoked_at, revoked_by, reason"
        " FROM enrolled_keys ORDER BY role, owner, enrolled_at",
    )
    if as_json:
        show_json(rows)
        return
    show_table(
        "Enrolled keys",
        ("key", "enrolled", "by", "revoked", "reason"),
        [(r["id"], f"{r['enrolled_at']:%Y-%m-%d %H:%M}", r["enrolled_by"], r["revoked_at"], r["reason"]) for r in rows],
    )
