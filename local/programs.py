"""The programs that a supervisor runs beside the servers, and one of them running."""

from __future__ import annotations

import os
import re
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from local.files import write_private
from local.forked import Forked, Zygote
from local.keeper import LONGEST_PAUSE
from local.processes import Child, Identity, spawn, tethered
from workers.errors import ConfigurationInvalid, PartUnreachable

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}")
_LOOK_AGAIN = 0.1
_SETTLED = 0.5
# Nothing between us and the loopback interface, whatever proxy the environment names.
_OPEN = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class Program(msgspec.Struct, frozen=True):
    """One program to keep running.

    Attributes:
        name: of its log file too; small letters, digits, `.`, `_`, `-`.
        argv: the command.
        env: added to the supervisor's environment.
        ready_url: answers 200 when the program is ready; without one it is ready after half a second.
        once: runs to its end, again until that is 0, before the programs after it in the list start.
        halts_on: exit codes after which it is not started again: a person looks first.
        imports: modules that it needs. When there are any, `argv` is `python -m MODULE ...` and the program
            is forked from a process that has imported the modules of all programs (`local/zygote.py`).
        longest_pause: the most seconds between its end and its next start, however often it has just died.
    """

    name: str
    argv: tuple[str, ...]
    env: dict[str, str] = {}
    ready_url: str | None = None
    once: bool = False
    halts_on: tuple[int, ...] = ()
    imports: tuple[str, ...] = ()
    longest_pause: float = LONGEST_PAUSE


def write_programs(path: Path, programs: Sequence[Program]) -> None:
    """Store the list for the supervisor.

    Raises:
        ConfigurationInvalid: a name is unfit or there twice.
    """
    names = [program.name for program in programs]
    for name in names:
        if not _NAME.fullmatch(name) or names.count(name) > 1:
            raise ConfigurationInvalid(
                f"{name!r} cannot name a program: small letters, digits, '.', '_', '-', and each name once"
            )
    write_private(path, msgspec.json.format(msgspec.json.encode(list(programs))).decode() + "\n")


def read_programs(path: Path) -> list[Program]:
    """The stored list; empty when there is none."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=list[Program])
    except FileNotFoundError:
        return []
    except msgspec.DecodeError as error:
        raise ConfigurationInvalid(f"{path} is not a list of programs: {error}") from error


class RunningProgram:
    """A program with the same verbs as a server, so that the supervisor keeps both alike."""

    def __init__(self, program: Program, home: Path, zygote: Zygote) -> None:
        self.name = program.name
        self.log = home / "logs" / f"{program.name}.log"
        self.once = program.once
        self.halts_on = program.halts_on
        self.last_exit: int | None = None
        self._program = program
        self._record = record_of(home, program.name)
        self._zygote = zygote
        self._child: Child | Forked | None = None
        self._started = 0.0

    def start(self, timeout: float = 0, cancelled: Callable[[], bool] = lambda: False) -> None:
        """Start and wait until it is ready, for as long as it takes: it may wait for a part that is away.

        Raises:
            PartUnreachable: it ended, could not be started or was cancelled.
        """
        del timeout
        self.log.parent.mkdir(parents=True, exist_ok=True)
        try:
            self._child = self._process()
        except OSError as error:
            raise PartUnreachable(f"{self.name} could not be started: {error}") from error
        self._started = time.monotonic()
        self._child.identity.write(self._record)
        while not self._ready():
            if cancelled():
                raise PartUnreachable(f"{self.name} was told to stop while it started")
            if self.wait(_LOOK_AGAIN) is not None:
                raise PartUnreachable(f"{self.name} ended with code {self.last_exit} while starting")

    def stop(self, timeout: float = 20) -> None:
        """Ask it to end; kill it after `timeout` seconds."""
        if self._child is not None:
            self._child.end(timeout)
            self.last_exit = self._child.exit_code()
            self._child = None
        self._record.unlink(missing_ok=True)

    def wait(self, timeout: float) -> int | None:
        """Wait for its end. The exit code, or None when it still runs after `timeout` seconds."""
        if self._child is not None:
            self.last_exit = self._child.wait(timeout)
        return self.last_exit

    def pid(self) -> int | None:
        """The pid of the running program, or None."""
        child = self._child
        return child.pid if child is not None and child.exit_code() is None else None

    def _process(self) -> Child | Forked:
        argv = self._program.argv
        # Handed on, not read: what the variables mean is the program's business.
        environment = {**os.environ, **self._program.env}
        if self._program.imports:
            return self._zygote.fork(argv, log=self.log, cwd=Path.cwd(), env=environment)
        return spawn(tethered(argv), log=self.log, cwd=Path.cwd(), env=environment)

    def _ready(self) -> bool:
        if self._program.ready_url is None:
            return self.once or time.monotonic() - self._started >= _SETTLED
        try:
            with _OPEN.open(self._program.ready_url, timeout=2) as answer:
                return bool(answer.status == 200)
        except (OSError, urllib.error.URLError, ValueError):
            return False


def record_of(home: Path, name: str) -> Path:
    """Where it is written down which process is the program."""
    return home / "run" / f"{name}.json"


def end_recorded(home: Path, grace: float = 5) -> None:
    """End the programs that a supervisor recorded and did not end; nothing else, whatever pid it has."""
    for record in (home / "run").glob("*.json"):
        leftover = Identity.read(record)
        if leftover is not None and leftover.alive():
            leftover.end(grace)
        record.unlink(missing_ok=True)
