"""`bwv serve`: the board in the foreground."""

from __future__ import annotations

import asyncio
import logging
import signal

import click

from console.cli.common import json_option, run, settings_of, show_json
from console.web.serving import serve as serve_board
from local.system import BOARD
from streams.engine import logs
from workers.errors import PartUnreachable

log = logging.getLogger(__name__)


@click.command()
@click.option("--host", help="Address to listen at [default: board_host].")
@click.option("--port", type=click.IntRange(0, 65535), help="0 takes a free one [default: board_port].")
@json_option
@click.pass_context
def serve(context: click.Context, host: str | None, port: int | None, as_json: bool) -> None:
    """Serve the board until SIGTERM or Ctrl-C.

    Who may sign in: bwv people. TLS is a front's; set board_url to its https address, so that cookies are Secure.
    """
    given = {"board_host": host, "board_port": port}
    settings = settings_of(context, **{name: value for name, value in given.items() if value is not None})
    if not settings.database:
        raise PartUnreachable(f"no system is set up under {settings.home}; start it with: bwv up")

    def opened(url: str) -> None:
        log.info("serves at %s", url)
        show_json({"url": url}) if as_json else click.echo(f"board at {url}; who may sign in: bwv people list")

    logs.configure(BOARD, settings.credentials, files=settings.secret_files)

    async def work() -> None:
        stopping = asyncio.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, stopping.set)
        await serve_board(settings, stopping, opened)

    run(work())
