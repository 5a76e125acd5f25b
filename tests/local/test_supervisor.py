"""The supervisor with the real servers: what dies comes back, what was stored is there, nothing stays."""

from __future__ import annotations

import io
import json
import os
import signal
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from minio import Minio

from local.background import start_in_background, status, stop_background
from local.credentials import store_roles
from local.keeper import Kept
from local.ports import keep_ports
from local.programs import Program
from local.stack import POLICIES
from local.supervisor import Supervisor
from tests.local.probing import first_letter, gone, make_topic, send, until
from workers.errors import ConfigurationInvalid

pytestmark = pytest.mark.stack

KEY = "local/store-check/kept"


@pytest.fixture(scope="module")
def running(home: Path) -> Iterator[Path]:
    port = keep_ports(home / "ports.json", ["web"], print)["web"]
    programs = [
        Program("first", ("sh", "-c", f"test -s {home}/stack.toml && echo $WORD"), env={"WORD": "done"}, once=True),
        Program(
            "web",
            (sys.executable, "-m", "http.server", str(port), "--bind", "127.0.0.1"),
            ready_url=f"http://127.0.0.1:{port}/",
            imports=("http.server",),
        ),
        Program("sleeper", ("sleep", "600")),
    ]
    start_in_background(home, programs)
    yield home
    stop_background(home)


def parts(home: Path) -> dict[str, Kept]:
    now = status(home)
    assert now is not None
    return {part.name: part for part in now.parts}


def pids(home: Path) -> list[int]:
    return [part.pid for part in parts(home).values() if part.pid is not None]


def kill_and_wait(home: Path, name: str) -> Kept:
    before = parts(home)[name]
    assert before.pid is not None
    os.kill(before.pid, signal.SIGKILL)
    until(lambda: (now := parts(home)[name]).state == "ready" and now.pid != before.pid)
    return parts(home)[name]


def addresses(home: Path) -> dict[str, Any]:
    return tomllib.loads((home / "stack.toml").read_text())


def administrator(home: Path) -> Minio:
    keys = store_roles(home / "credentials", POLICIES)["admin"]
    endpoint = addresses(home)["store"].removeprefix("http://")
    return Minio(endpoint, keys.access_key, keys.secret_key, secure=False, region="us-east-1")


def test_everything_is_ready_and_programs_that_run_once_came_first(running: Path) -> None:
    states = {name: part.state for name, part in parts(running).items()}
    assert states.pop("first") == "done"
    assert set(states.values()) == {"ready"}
    assert (running / "logs" / "first.log").read_text() == "done\n"


async def test_a_killed_kafka_comes_back_with_its_records(running: Path) -> None:
    bootstrap = addresses(running)["kafka"]
    await make_topic(bootstrap)
    await send(bootstrap, b"kept")
    assert kill_and_wait(running, "kafka").last_exit == -signal.SIGKILL
    assert addresses(running)["kafka"] == bootstrap
    assert await first_letter(bootstrap) == b"kept"


def test_a_killed_store_comes_back_with_its_objects(running: Path) -> None:
    administrator(running).put_object("evidence", KEY, io.BytesIO(b"kept"), 4)
    kill_and_wait(running, "store")
    with administrator(running).get_object("evidence", KEY) as answer:
        assert answer.read() == b"kept"


def test_a_killed_postgres_comes_back_with_its_rows(running: Path) -> None:
    dsn = addresses(running)["database"]
    with psycopg.connect(dsn) as connection:
        connection.execute("CREATE TABLE letters AS SELECT 'kept' AS body")
    kill_and_wait(running, "postgres")
    with psycopg.connect(dsn) as connection:
        assert connection.execute("SELECT body FROM letters").fetchall() == [("kept",)]


def test_a_killed_program_is_started_again_and_counted(running: Path) -> None:
    before = parts(running)["web"].restarts
    assert kill_and_wait(running, "web").restarts == before + 1


def test_a_second_supervisor_refuses_the_same_home(running: Path) -> None:
    now = status(running)
    assert now is not None
    with pytest.raises(ConfigurationInvalid, match=str(now.pid)):
        start_in_background(running, [])
    with pytest.raises(ConfigurationInvalid, match=str(now.pid)):
        Supervisor(running).run()
    assert status(running) is not None


def test_nothing_is_left_when_the_supervisor_is_killed_or_stopped(running: Path) -> None:
    now = status(running)
    assert now is not None
    children = pids(running)
    assert len(children) == 5
    os.kill(now.pid, signal.SIGKILL)
    until(lambda: all(gone(pid) for pid in (now.pid, *children)))
    assert not stop_background(running)

    start_in_background(running, [Program("sleeper", ("sleep", "600"))])
    children = pids(running)
    assert len(children) == 4
    assert stop_background(running)
    assert all(gone(pid) for pid in children)
    assert status(running) is None
    assert not list((running / "run").iterdir())


def test_a_home_that_is_thrown_away_is_ended_at_once_with_nothing_left(running: Path) -> None:
    stop_background(running)
    port = str(keep_ports(running / "ports.json", ["web"], print)["web"])
    forked = Program("web", (sys.executable, "-m", "http.server", port), imports=("http.server",))
    start_in_background(running, [Program("sleeper", ("sleep", "600")), forked])
    children = pids(running)
    assert len(children) == 5
    assert stop_background(running, at_once=True)
    assert all(gone(pid) for pid in children)
    assert not [path for path in Path("/proc").glob("[0-9]*/cmdline") if names(path, running)]
    assert status(running) is None
    assert not list((running / "run").iterdir())
    ports = json.loads((running / "store" / "ports.json").read_text())
    assert not [path for port in ports.values() for path in Path("/tmp").glob(f"seaweedfs-*-{port}.sock")]


def names(cmdline: Path, home: Path) -> bool:
    """Whether a process was started with this home in its command; False when it has ended meanwhile."""
    try:
        return str(home).encode() in cmdline.read_bytes()
    except OSError:
        return False


def test_a_program_that_refuses_its_configuration_ends_the_attempt_with_its_log(running: Path) -> None:
    stop_background(running)
    with pytest.raises(ConfigurationInvalid, match="no key at all"):
        start_in_background(running, [Program("keyless", ("sh", "-c", "echo no key at all; exit 2"))])
    assert status(running) is None


@pytest.mark.parametrize("names", [["Loud"], ["../up"], ["twice", "twice"], [""]])
def test_a_name_that_cannot_be_a_file_is_refused(tmp_path: Path, names: list[str]) -> None:
    with pytest.raises(ConfigurationInvalid):
        start_in_background(tmp_path, [Program(name, ("true",)) for name in names])
