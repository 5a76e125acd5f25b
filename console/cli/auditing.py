"""`bwv disposals`: what was deleted on a day, by which decision, and the proof for somebody who does not trust us."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import click
import msgspec

from console.cli.common import database_of, json_option, run, settings_of, show_json, show_table
from console.cli.explain import known_clip
from console.cli.proofs import export_of
from streams.settings import Settings
from workers.custody.export import write_export
from workers.custody.queries import newest_seal
from workers.database.engine import Database
from workers.errors import ConfigurationInvalid
from workers.keys.keyring import load_unenrolled
from workers.retention.auditing import Checked, check
from workers.retention.explaining import both
from workers.retention.questions import DisposedEntry, disposal_of, disposed_between, unfinished


@click.group()
def disposals() -> None:
    """What was deleted, why, and the proof."""


@disposals.command("list")
@click.option("--day", required=True, help="Local day, such as 2026-11-22.")
@click.option("--until", help="Last day, for more than one.")
@click.option("--out", type=click.Path(path_type=Path), help="Write each certificate with its custody proof here.")
@json_option
@click.pass_context
def list_disposals(context: click.Context, day: str, until: str | None, out: Path | None, as_json: bool) -> None:
    """What was deleted on a day, or on several. Exit 1 when a certificate is not as it must be.

    Each certificate's signature is checked, and that it fits its custody entry. With --out each clip gets a folder:
    certificate.json, and proof/ for bwv_verify.py (bwv custody verifier), which checks it without us.
    """
    settings = settings_of(context)
    begins, ends = _day("--day", day)[0], _day("--until", until or day)[1]
    days = f"{day} to {until}" if until else day

    async def work() -> tuple[list[Checked], list[str], list[str]]:
        async with database_of(settings) as database:
            found = await _checked(database, settings, await disposed_between(database, begins, ends))
            written = await _write_out(database, settings, found, out) if out else []
            return found, await unfinished(database), written

    found, under_way, written = run(work())
    if as_json:
        show_json({"days": days, "disposals": found, "under_way": under_way, "written": written})
    else:
        _show_list(days, found, under_way, out)
    context.exit(int(any(item.finding for item in found)))


@disposals.command("show")
@click.argument("clip")
@json_option
@click.pass_context
def show_disposal(context: click.Context, clip: str, as_json: bool) -> None:
    """The certificate of CLIP's disposal, checked. Exit 1 when it is not as it must be."""
    settings = settings_of(context)

    async def work() -> Checked:
        async with database_of(settings) as database:
            clip_id = await known_clip(database, clip)
            entry = await disposal_of(database, clip_id)
            if entry is None:
                raise click.UsageError(f"{clip_id} was not disposed of; why it is kept: bwv explain {clip_id}")
            return (await _checked(database, settings, [entry]))[0]

    found = run(work())
    if as_json:
        show_json(found)
    else:
        _show_one(found)
    context.exit(int(found.finding is not None))


def _day(option: str, said: str) -> tuple[datetime, datetime]:
    """A local day, as the moments at which it begins and ends."""
    try:
        day = date.fromisoformat(said)
    except ValueError as error:
        raise click.UsageError(f"{option} {said!r}: expected a day such as 2026-11-22") from error
    begins = datetime.combine(day, time()).astimezone()
    return begins, datetime.combine(day + timedelta(days=1), time()).astimezone()


async def _checked(database: Database, settings: Settings, entries: Sequence[DisposedEntry]) -> list[Checked]:
    keys = {key.id: key for key in load_unenrolled(settings.keys, settings.trust_root)}
    head = await newest_seal(database)
    return [check(entry, head.size if head else 0, keys) for entry in entries]


async def _write_out(database: Database, settings: Settings, found: Sequence[Checked], out: Path) -> list[str]:
    """Write certificate and proof of each sealed disposal; a folder that is there already is never overwritten."""
    written = []
    for item in (item for item in found if item.sealed and item.certificate):
        folder = out / item.clip_id
        try:
            folder.mkdir(parents=True)
            (folder / "certificate.json").write_bytes(
                msgspec.json.format(msgspec.json.encode(item.certificate)) + b"\n"
            )
        except OSError as error:
            raise ConfigurationInvalid(f"{folder}: cannot be written: {error.strerror}; give a new folder") from error
        files, _ = await export_of(database, settings, item.clip_id)
        write_export(files, folder / "proof")
        written.append(str(folder))
    return written


def _show_list(days: str, found: Sequence[Checked], under_way: Sequence[str], out: Path | None) -> None:
    show_table(
        f"Deleted on {days}",
        ("entry", "clip", "camera", "recording", "bytes", "policy", "category", "rule", "certificate"),
        [(item.index, item.clip_id, *_what(item), item.finding or "signed, fits its entry") for item in found],
    )
    waiting = [item for item in found if not item.sealed]
    click.echo(f"\n{len(found)} deleted; {sum(1 for item in found if item.finding)} with a finding")
    if under_way:
        click.echo(f"{len(under_way)} decided for good and not gone yet: {', '.join(under_way[:5])}"
                   + (" …" if len(under_way) > 5 else ""))  # fmt: skip
    if waiting:
        click.echo(f"{len(waiting)} entries wait for the next seal and have no proof yet")
    if out:
        click.echo(f"{out}: a folder each; python bwv_verify.py {out}/CLIP/proof --key KEY")


def _what(item: Checked) -> tuple[Any, ...]:
    it = item.statement
    return (it.camera, it.recording, f"{it.size:,}", it.policy, it.category, it.rule) if it else ("",) * 6


def _show_one(item: Checked) -> None:
    click.echo(f"{item.clip_id}   custody entry {item.index}, {'sealed' if item.sealed else 'waits for the next seal'}")
    click.echo(item.finding or f"certificate signed by {item.certificate.key if item.certificate else ''}; it fits")
    it = item.statement
    if it is None:
        return
    click.echo(f"recording    {it.camera}/{it.recording}, {it.size:,} bytes, SHA-256 {it.sha256}")
    click.echo(f"decision     rule {it.rule} of policy {it.policy}, category {it.category}")
    for reason in it.reasons:
        click.echo(f"             - {reason}")
    for name, at in (("in the bin", it.intended_at), ("for good", it.committed_at), ("gone", it.gone_at)):
        click.echo(f"{name:<13}{both(datetime.fromisoformat(at), 'UTC')}")
    click.echo(f"deleted      {len(it.versions)} versions, {it.uploads} unfinished uploads aborted")
    for key, version in it.versions:
        click.echo(f"             {key} {version}")
    click.echo(f"proof        bwv custody prove {item.clip_id} --out DIR")
