"""`bwv stage` and `bwv dock run`: one process in the foreground, as a service runs it."""

from __future__ import annotations

from pathlib import Path

import click

from console.cli.common import settings_of
from streams.engine.process import STAGES, run
from workers.footage.clip import check_enrolled_id


@click.command()
@click.argument("name", type=click.Choice(STAGES))
@click.pass_context
def stage(context: click.Context, name: str) -> None:
    """Run the stage NAME until SIGTERM. Health on the port in <home>/health/NAME.port."""
    context.exit(run(name, settings_of(context)))


@click.group()
def dock() -> None:
    """Run a dock over a folder whose subfolders are bays."""


@dock.command("run")
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@click.option("--dock", "dock_id", default="DOCK-01", show_default=True, help="Enrolled id of this dock.")
@click.pass_context
def run_dock(context: click.Context, folder: Path, dock_id: str) -> None:
    """Run a dock over FOLDER until SIGTERM: FOLDER/BAY/CAMERA/ holds recordings with their sidecars."""
    check_enrolled_id("dock", dock_id)
    folder.mkdir(parents=True, exist_ok=True)
    context.exit(run("dock", settings_of(context, dock=dock_id, dock_folder=folder.absolute())))
