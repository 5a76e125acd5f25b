from __future__ import annotations

import dataclasses
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

from local.processes import Identity, spawn, tethered
from tests.local.probing import gone, until

ROOT = Path(__file__).parents[2]


def test_a_child_dies_with_its_killed_starter(tmp_path: Path) -> None:
    code = (
        "import sys, time; from pathlib import Path; from local.processes import spawn, tethered; "
        "print(spawn(tethered(['sleep', '600']), log=Path(sys.argv[1]), cwd=Path('/')).pid, flush=True); "
        "sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path / "log")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=ROOT,
    ) as starter:
        assert starter.stdout is not None
        child = int(starter.stdout.readline())
        until(lambda: b"sleep" in Path(f"/proc/{child}/cmdline").read_bytes().split(b"\0")[0])
        starter.kill()
        until(lambda: gone(child), deadline=10)


def test_a_child_outlives_the_thread_that_asked_for_it(tmp_path: Path) -> None:
    children = []
    asker = threading.Thread(
        target=lambda: children.append(spawn(tethered(["sleep", "600"]), log=tmp_path / "log", cwd=tmp_path))
    )
    asker.start()
    asker.join()
    (child,) = children
    until(lambda: Path(f"/proc/{child.pid}/cmdline").read_bytes().startswith(b"sleep"))
    assert child.wait(0.2) is None
    assert child.end(5)
    assert child.exit_code() == -signal.SIGTERM


def test_a_child_that_does_not_listen_is_killed_after_its_grace(tmp_path: Path) -> None:
    deaf = ["sh", "-c", "trap '' TERM; echo deaf; while :; do sleep 0.05; done"]
    child = spawn(tethered(deaf), log=tmp_path / "log", cwd=tmp_path)
    until(lambda: (tmp_path / "log").read_text() == "deaf\n")
    assert not child.end(0.2)
    assert child.exit_code() == -signal.SIGKILL


def test_a_later_process_with_the_same_pid_is_left_alone(tmp_path: Path) -> None:
    child = spawn(tethered(["sleep", "600"]), log=tmp_path / "log", cwd=tmp_path)
    earlier = dataclasses.replace(child.identity, started=child.identity.started - 1)
    assert not earlier.alive()
    assert not earlier.send(signal.SIGKILL)
    assert earlier.wait(0)
    assert child.exit_code() is None
    child.end(5)


def test_an_identity_survives_being_written_down(tmp_path: Path) -> None:
    me = Identity.of(os.getpid())
    assert me is not None and me.alive()
    me.write(tmp_path / "me.json")
    assert Identity.read(tmp_path / "me.json") == me
    (tmp_path / "me.json").write_text("torn")
    assert Identity.read(tmp_path / "me.json") is None
