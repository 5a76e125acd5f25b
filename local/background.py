"""Start, ask and stop the supervisor of a home from a command that does not stay."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from local.files import Lock, private_folder, tail
from local.keeper import Kept
from local.processes import Child
from local.programs import Program, end_recorded, write_programs
from local.server import end_orphan
from local.stack import POLICIES, server_folders
from local.supervisor import PROGRAM_GRACE, SERVER_GRACE, Status, status_file
from workers.errors import ConfigurationInvalid, PartUnreachable

_LOOK_AGAIN = 0.1
_ATTEMPTS = 3
_REFUSES = 2
_SOURCES = Path(__file__).parent.parent


def status(home: Path) -> Status | None:
    """How everything is, or None when no supervisor runs in this home."""
    found = _last_status(home)
    return found if found is not None and found.identity().alive() else None


def expect_stopped(home: Path) -> None:
    """Raise ConfigurationInvalid where a supervisor runs in this home already."""
    running = status(home)
    if running is not None:
        raise ConfigurationInvalid(f"{home} is already supervised by process {running.pid}: stop it first")


def start_in_background(
    home: Path,
    programs: Sequence[Program],
    *,
    policies: Path = POLICIES,
    cache: Path | None = None,
    java: str | None = None,
    timeout: float = 180,
    on_progress: Callable[[Kept], None] = lambda kept: None,
) -> Status:
    """Start a supervisor that outlives us, and return once every part of it is ready.

    Args:
        timeout: seconds; the very first start on a machine downloads 45 MB.
        on_progress: gets every part whose state has changed since it was last told.

    Raises:
        ConfigurationInvalid: one runs there already, or a part refuses its configuration (exit code 2).
        PartUnreachable: a part did not become ready; with the end of its log. Nothing is left running.
    """
    home = private_folder(home.absolute())
    expect_stopped(home)
    write_programs(home / "programs.json", programs)
    log = home / "logs" / "supervisor.log"
    supervisor = _start(home, log, policies, cache, java)
    try:
        ready = _await_ready(home, supervisor, log, time.monotonic() + timeout, on_progress)
        supervisor.let_go()
        return ready
    except BaseException:
        stop_background(home)
        if supervisor.exit_code() is None:
            supervisor.end(SERVER_GRACE)
        raise


def stop_background(home: Path, *, at_once: bool = False) -> bool:
    """End the supervisor of this home and everything that it started. False when there was nothing to end.

    A supervisor that was killed took its children along; should one be left all the same, it is ended here,
    told apart from later processes of the same number by what was written down at its start.

    Args:
        at_once: in no order, for a home that is thrown away.
    """
    home = home.absolute()
    running = status(home)
    if running is not None:
        running.identity().end(PROGRAM_GRACE + SERVER_GRACE + 10, signal.SIGQUIT if at_once else signal.SIGTERM)
    _end_orphans(home)
    return running is not None


def _end_orphans(home: Path) -> None:
    lock = Lock(home / "supervisor.lock")
    try:
        lock.acquire()
    except ConfigurationInvalid:
        return  # a supervisor that is just starting: they are its children
    try:
        end_recorded(home)
    finally:
        lock.release()
    for folder in server_folders(home):
        end_orphan(folder)


def _start(home: Path, log: Path, policies: Path, cache: Path | None, java: str | None) -> Child:
    command = [sys.executable, "-m", "local.supervisor", "--home", str(home), "--policies", str(policies)]
    command += ["--cache", str(cache)] if cache else []
    command += ["--java", java] if java else []
    private_folder(log.parent)
    with log.open("ab") as out:
        # Not tethered: this one is to stay when we go.
        return Child(
            subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                cwd=_SOURCES,
                start_new_session=True,
            )
        )


def _await_ready(
    home: Path, supervisor: Child, log: Path, deadline: float, on_progress: Callable[[Kept], None]
) -> Status:
    told: dict[str, Kept] = {}
    while True:
        ended = supervisor.wait(_LOOK_AGAIN)
        if ended is not None:
            kind = ConfigurationInvalid if ended == _REFUSES else PartUnreachable
            raise kind(f"the supervisor ended with code {ended}; the end of {log}:\n{tail(log)}")
        now = _last_status(home)
        if now is None or now.pid != supervisor.pid:
            continue
        for part in now.parts:
            if part != told.get(part.name):
                told[part.name] = part
                on_progress(part)
            _refuse_hopeless(part)
        if now.state == "ready":
            return now
        if time.monotonic() > deadline:
            late = [part for part in now.parts if part.state not in ("ready", "done")]
            logs = "\n".join(f"the end of {part.log}:\n{tail(Path(part.log))}" for part in late)
            raise PartUnreachable(f"not ready in time: {', '.join(part.name for part in late)}\n{logs}")


def _refuse_hopeless(part: Kept) -> None:
    end = f"the end of {part.log}:\n{tail(Path(part.log))}"
    if part.restarts and part.last_exit == _REFUSES:
        raise ConfigurationInvalid(f"{part.name} refuses its configuration; {end}")
    if part.restarts >= _ATTEMPTS:
        reason = part.reason or f"it ended {part.restarts} times, last with code {part.last_exit}"
        raise PartUnreachable(f"{part.name} does not start: {reason}; {end}")


def _last_status(home: Path) -> Status | None:
    try:
        return msgspec.json.decode(status_file(home).read_bytes(), type=Status)
    except (OSError, msgspec.DecodeError):
        return None
