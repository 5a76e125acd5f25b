"""`bwv gateway-stub`: the reference server of the gateway's contract, for trials and for tests of an adapter."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path

import click

from console.cli.common import json_option, run, settings_of, show_json
from workers.errors import ConfigurationInvalid
from workers.prosecution.gateway.stub.script import Script, read_script
from workers.prosecution.gateway.stub.server import StubServer


@click.command("gateway-stub")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen at.")
@click.option("--port", default=8600, show_default=True, type=click.IntRange(0, 65535), help="0 takes a free one.")
@click.option("--folder", type=click.Path(file_okay=False, path_type=Path), help="Where it keeps everything.")
@click.option("--script", type=click.Path(dir_okay=False, path_type=Path), help="JSON that it follows from now on.")
@click.option("--token-file", type=click.Path(dir_okay=False, path_type=Path), help="Holds the token it asks for.")
@json_option
@click.pass_context
def gateway_stub(
    context: click.Context,
    host: str,
    port: int,
    folder: Path | None,
    script: Path | None,
    token_file: Path | None,
    as_json: bool,
) -> None:
    """Be the prosecutor's gateway, for a trial: take submissions, give receipts and outcomes.

    It keeps everything in a folder and goes on there when it is started again. What it shall do with a submission
    (reject it, lose its answer, forget it, …) is a script: --script, or POST /script while it runs; GET /script tells
    what it did (docs/gateway.md). Stop it with Ctrl-C.
    """
    follows = read_script(_text(script, "script")) if script else Script()
    token = _text(token_file, "token").decode().strip() if token_file else None
    if token == "":
        raise ConfigurationInvalid(f"{token_file}: empty; expected the token on one line")
    kept = folder or settings_of(context).home / "gateway"
    server = StubServer(kept, host=host, port=port, token=token)
    server.reception.add(follows)
    if as_json:
        show_json({"url": server.url, "folder": str(kept)})
    else:
        click.echo(f'gateway at {server.url}, keeps everything in {kept}; set it with: gateway = "{server.url}"')
    run(_serve(server))


async def _serve(server: StubServer) -> None:
    stopping = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    await server.serve(stopping)


def _text(path: Path, what: str) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ConfigurationInvalid(f"{path}: cannot read the {what} ({error.strerror})") from error
