"""The processes of operations know secrets, meet faults, and log; no secret shows, and each line says whose it is."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from workers.database.engine import Database
from workers.database.schema import upgrade

CANARY = "CANARY-5d41402abc4b"
NAMESPACE = "canaries"
AWAY = "127.0.0.1:9"


@pytest.fixture
def home(tmp_path: Path, dsn: str) -> Path:
    """A system's home with a canary wherever a secret lies."""
    upgrade(dsn, NAMESPACE)
    credentials = tmp_path / "credentials"
    credentials.mkdir(mode=0o700)
    for role in ("prosecution", "record"):
        file = credentials / f"{role}.json"
        file.write_text(json.dumps({"access_key": role, "secret_key": f"{CANARY}-{role}"}))
        file.chmod(0o600)
    webhook = tmp_path / "webhook"
    webhook.write_text(f"http://{AWAY}/hooks/{CANARY}-webhook\n")
    webhook.chmod(0o600)
    return tmp_path


@asynccontextmanager
async def running(home: Path, dsn: str, *words: str, **settings: str) -> AsyncIterator[Path]:
    """`bwv WORDS`, and where it logs; ended in order."""
    log = home / "process.log"
    known = {"namespace": NAMESPACE, "kafka": AWAY, "database": dsn, "store": f"http://{AWAY}", "retry_most": "0.5"}
    environment = {f"BWV_{name.upper()}": value for name, value in (known | settings).items()}
    with log.open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "console.cli.main", "--home", str(home), *words),
            env=os.environ | environment, stdout=output, stderr=output,
        )  # fmt: skip
    try:
        yield log
        process.send_signal(signal.SIGTERM)
        assert await process.wait() == 0, log.read_text()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def until(holds: Callable[[], object], what: str) -> None:
    async with asyncio.timeout(60):
        while not holds():  # noqa: ASYNC110 (another process writes it)
            await asyncio.sleep(0.1)
    assert holds(), what


def lines_of(log: Path, stage: str) -> list[dict[str, Any]]:
    text = log.read_text()
    assert CANARY not in text
    lines = [json.loads(line) for line in text.splitlines() if line.startswith("{")]
    assert lines and all(line["stage"] == stage and line["timestamp"] for line in lines)
    return lines


async def test_alarms_that_cannot_be_told_show_no_secret(home: Path, dsn: str) -> None:
    async with Database(dsn, NAMESPACE, size=1) as database:
        await database.execute(
            "INSERT INTO alarm_tellings (kind, alarm, subject, says, since, at)"
            " VALUES ('fired', 'store-red', 'store', 'the store does not answer', now(), now())"
        )
        # Both channels are known and have been told nothing yet.
        await database.execute(
            "INSERT INTO alarm_channels (channel, upto) VALUES ('webhook', 0), ('mail:ops@example.org', 0)"
        )
    told = {"alarm_webhook": "webhook", "mail": f"smtp://bwv:{CANARY}-mail@{AWAY}", "alarm_mail": "ops@example.org"}
    async with running(home, dsn, "stage", "alarms", **told) as log:
        for part in ("webhook", "mail"):
            await until(lambda part=part: f"waiting for the {part}" in log.read_text(), f"the {part} to be missed")
    assert [line for line in lines_of(log, "alarms") if "waiting for" in line["event"]]


async def test_the_board_shows_no_secret(home: Path, dsn: str) -> None:
    async with running(home, dsn, "serve", "--port", "0") as log:
        await until(lambda: "board at http" in log.read_text(), "the board to serve")
        url = next(line for line in log.read_text().splitlines() if line.startswith("board at")).split()[2].rstrip(";")
        async with httpx.AsyncClient(base_url=url, trust_env=False) as client:
            assert (await client.get("/ready")).status_code == 200
            assert (await client.get("/signin")).status_code == 200
    lines_of(log, "board")
