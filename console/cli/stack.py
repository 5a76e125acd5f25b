"""`bwv up` and `bwv down`: the whole system on this machine."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import click

from console.cli.common import console, run, settings_of
from console.cli.keys import enrol_key
from local.background import expect_stopped, start_in_background, stop_background
from local.bootstrap import FIRST_DOCK, make_home
from local.keeper import Kept
from local.system import STAGES, programs
from streams.settings import Settings, load
from workers.keys.keyring import load_public


def _quietly(part: Kept) -> None:
    del part


@click.command()
@click.option("--gateway-stub", is_flag=True, help="A reference gateway too, in the prosecutor's place: for a trial.")
@click.pass_context
def up(context: click.Context, gateway_stub: bool) -> None:
    """Start Kafka, the object store, PostgreSQL, all stages and a dock; return when all is ready."""
    home = settings_of(context).home
    out = console()
    start(
        home,
        lambda part: out.print(f"  {part.name:14} {part.state}{f' ({part.reason})' if part.reason else ''}"),
        gateway=gateway_stub,
    )
    settings = settings_of(context)
    click.echo(
        f"\nready under {home}\n"
        f"  bays          {settings.dock_folder}/BAY-01/   a camera is a folder in a bay, named by its id\n"
        f"  enrol         bwv keys enrol camera BWC-0417\n"
        f"  try one       bwv cameras sample BWC-0417 --bay BAY-01\n"
        f"  watch         bwv status\n"
        f"  stop          bwv down"
    )


def start(
    home: Path,
    tell: Callable[[Kept], None] = _quietly,
    more_settings: str = "",
    stages: tuple[str, ...] = STAGES,
    gateway: bool = False,
) -> Settings:
    """Start the system in the background and enrol its first dock."""
    expect_stopped(home)  # its ports are taken then, by itself
    make_home(home, more_settings)
    start_in_background(home, programs(home, stages=stages, gateway=gateway), on_progress=tell)
    settings = load(home)
    run(enrol_key(settings, load_public(settings.keys / "dock" / f"{FIRST_DOCK}.pub")))
    return settings


@click.command()
@click.pass_context
def down(context: click.Context) -> None:
    """Stop what `bwv up` started. What was under way goes on at the next start."""
    home = settings_of(context).home
    click.echo("stopped" if stop_background(home) else f"nothing was running under {home}")
