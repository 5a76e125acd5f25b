"""`bwv package`: a submission as a folder that opens and is checked anywhere, without network and without us."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import click

from console.cli.common import announce, database_of, json_option, run, settings_of, show_json
from console.cli.counting import counted
from console.cli.submissions import one_submission
from streams.messages import PackageBuilt
from streams.settings import Settings
from streams.vaults import open_vault
from workers.custody import bwv_verify
from workers.errors import PartUnreachable, RuleBroken, StoreAway
from workers.prosecution.package.bag import BagWriter, Sealed
from workers.prosecution.package.build import Builder, Progress
from workers.prosecution.package.contents import Contents

GRACE = 60.0
"""Seconds beyond `seal_after` that the command waits for the custody log's seal."""


@click.group()
def package() -> None:
    """Packages of exhibits: build one from a submission, check one."""


@package.command()
@click.argument("submission")
@click.option("--out", type=click.Path(path_type=Path), required=True, help="The package's folder; it must not exist.")
@json_option
@click.pass_context
def build(context: click.Context, submission: str, out: Path, as_json: bool) -> None:
    """Build the package of SUBMISSION, an id or its beginning: exhibits, their custody, drafts, a page without network.

    What is in it depends on the recipient of the submission (docs/packages.md). It is checked before it gets its
    name, and that it was built is recorded as a disclosure, with its seal: tell the recipient the seal by another way.
    """
    settings = settings_of(context)
    contents, sealed = run(_build(settings, submission, out.absolute(), hidden=as_json))
    if as_json:
        show_json({"submission_id": contents.submission.submission_id, "recipient": contents.recipient.value,
                   "folder": str(out), "seal": sealed.seal, "files": sealed.files, "size": sealed.size})  # fmt: skip
        return
    whose = f"{contents.manifest.case.urn} for {contents.recipient.value}"
    click.echo(f"{out}: {len(contents.items)} exhibits of {whose}, {sealed.files} files, {sealed.size:,} bytes")
    click.echo(f"open {out / bwv_verify.PAGE}")
    click.echo(f"seal {sealed.seal}\ntell the recipient the seal by another way than the package")


@package.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--key", "keys", multiple=True, help="name+hash+base64, or a file of such lines; else this system's own.")
@click.option("--seal", help="As its maker told you.")
@json_option
@click.pass_context
def verify(context: click.Context, folder: Path, keys: tuple[str, ...], seal: str | None, as_json: bool) -> None:
    """Check the package in FOLDER: every byte of it, every proof in it. 1: NO, and where."""
    if not bwv_verify.is_package(str(folder)):
        raise click.UsageError(f"{folder}: no package; expected a folder with {bwv_verify.BAG_DECLARATION} in it")
    try:
        with _reading(folder, hidden=as_json) as told:
            known = bwv_verify.read_keys(keys or _own_keys(settings_of(context)))
            found = bwv_verify.check_package(str(folder), known, told)
        if seal is not None:
            bwv_verify.check_seal(found, seal)
    except bwv_verify.WrongUse as error:
        raise click.UsageError(str(error)) from error
    except bwv_verify.Refused as no:
        if as_json:
            show_json(bwv_verify.as_no(no))
        else:
            click.echo(f"NO: {no.where}\n  expected  {no.expected}\n  found     {no.found}")
        context.exit(1)
    show_json(bwv_verify.package_as_json(found)) if as_json else click.echo(bwv_verify.package_as_text(found))


async def _build(settings: Settings, submission: str, out: Path, *, hidden: bool) -> tuple[Contents, Sealed]:
    vault = open_vault(settings, "prosecution")
    try:
        async with database_of(settings) as database:
            with ExitStack() as shown, BagWriter(out) as bag:
                builder = Builder(database, vault, settings.namespace, ffmpeg=settings.ffmpeg)
                progress = _progress(settings.seal_after + GRACE, shown, hidden=hidden)
                found = await one_submission(database, submission)
                contents, custody = await builder.prepare(found.submission_id, settings.seal_after + GRACE, progress)
                sealed = await builder.write(bag, contents, custody, progress)
                shown.close()
                await asyncio.to_thread(_prove, settings, bag, hidden=hidden)
                # Recorded before it has its name: a package that nobody recorded does not exist.
                await _tell(settings, contents, sealed)
                bag.move()
            return contents, sealed
    except StoreAway as error:
        raise PartUnreachable(
            f"{error}; nothing is left of the package; is it running? (bwv status, bwv up)"
        ) from error
    finally:
        vault.close()


def _progress(patience: float, shown: ExitStack, *, hidden: bool) -> Progress:
    """Waiting for the seal, then bytes."""
    told: list[Callable[[int], None]] = []
    copied = 0

    def sealing(left: float) -> None:
        if not told:
            told.append(
                shown.enter_context(counted("seconds for the seal of the custody log", int(patience), hidden=hidden))
            )
        told[0](int(patience - left))

    def begins(size: int) -> None:
        shown.close()
        told[:] = [shown.enter_context(counted("bytes", size, hidden=hidden))]

    def copy(count: int) -> None:
        nonlocal copied
        copied += count
        told[0](copied)

    return Progress(sealing, begins, copy)


def _prove(settings: Settings, bag: BagWriter, *, hidden: bool) -> None:
    """A package that its own verifier refuses is given to nobody."""
    try:
        with _reading(bag.at, hidden=hidden) as told:
            bwv_verify.check_package(str(bag.at), bwv_verify.read_keys(_own_keys(settings)), told)
    except bwv_verify.Refused as no:
        raise RuleBroken(f"the package does not hold, so none was made; run bwv custody verify: {no}") from no


@contextmanager
def _reading(folder: Path, *, hidden: bool) -> Iterator[Callable[[int], None]]:
    """Show how much of a package was read."""
    total = sum(path.lstat().st_size for path in folder.rglob("*") if not path.is_dir())
    read = 0

    def told(count: int) -> None:
        nonlocal read
        read += count
        tell(read)

    with counted("bytes read back", total, hidden=hidden) as tell:
        yield told


async def _tell(settings: Settings, contents: Contents, sealed: Sealed) -> None:
    submission = contents.submission
    message = PackageBuilt(
        submission.submission_id, submission.case_id, submission.recipient, sealed.seal, sealed.files, sealed.size,
        settings.person,
    )  # fmt: skip
    await announce(
        settings, "packages.built", message, key=submission.case_id, cause=(submission.submission_id, sealed.seal)
    )


def _own_keys(settings: Settings) -> list[str]:
    """The public keys of this system's own log."""
    return [
        line
        for path in sorted((settings.keys / "custody").glob("*.vkey"))
        for line in path.read_text(encoding="utf-8").splitlines()
    ]
