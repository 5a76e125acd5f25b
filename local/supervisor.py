"""Run the stack's servers and a list of programs, and start again whatever dies.

    python -m local.supervisor --home H

The list is in `H/programs.json`; `H/supervisor.json` says at any time how everything is; `H/logs` has the
logs. SIGTERM ends the programs, then the servers; SIGQUIT kills them all, for a home that is thrown away.
Everything that is started here ends with this process,
even when that is killed. `local.background` starts, asks and stops this from a command.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import sys
import threading
from pathlib import Path

import msgspec

from local.files import Lock, write_private
from local.forked import Zygote
from local.keeper import Keeper, Kept
from local.processes import Identity
from local.programs import RunningProgram, end_recorded, read_programs
from local.stack import POLICIES, Stack
from workers.decoding import know_types
from workers.errors import BwvError, ConfigurationInvalid

SERVER_GRACE = 20.0
PROGRAM_GRACE = 20.0


class Status(msgspec.Struct, frozen=True):
    """What `supervisor.json` holds.

    Attributes:
        state: `ready` when every part was ready at once; then it may still see parts come and go.
        boot, started: with the pid they tell this supervisor from a later process of the same number.
    """

    pid: int
    started: int
    boot: str
    state: str
    parts: list[Kept]

    def identity(self) -> Identity:
        """The process that wrote this."""
        return Identity(self.pid, self.started, self.boot)


def status_file(home: Path) -> Path:
    """Where the supervisor of `home` says how everything is."""
    return home / "supervisor.json"


class Supervisor:
    """One per home.

    Args:
        home: folder of the stack.
        policies: see `Stack`.
        cache: see `Stack`.
        java: see `Stack`.
    """

    def __init__(
        self, home: Path, *, policies: Path = POLICIES, cache: Path | None = None, java: str | None = None
    ) -> None:
        self.home = home.absolute()
        self._lock = Lock(self.home / "supervisor.lock")
        self._stop = threading.Event()
        self._at_once = False
        self._state = "starting"
        self._writing = threading.Lock()
        self._written: Status | None = None
        self._stack = Stack(self.home, policies=policies, cache=cache, java=java, tell=_say)
        self._servers = [
            Keeper(server, self._changed, grace=SERVER_GRACE, start_timeout=120) for server in self._stack.servers
        ]
        self._programs: list[Keeper] = []

    def ask_to_stop(self, *, at_once: bool = False) -> None:
        """Make `run` end everything and return; `at_once` without any order, for a home that is thrown away."""
        self._at_once = at_once
        self._stop.set()

    def run(self) -> None:
        """Return after `ask_to_stop`, with nothing left running.

        Raises:
            ConfigurationInvalid: another supervisor runs in this home, or the list of programs is broken.
        """
        self._lock.acquire()
        try:
            end_recorded(self.home)
            programs = read_programs(self.home / "programs.json")
            modules = dict.fromkeys(module for program in programs for module in program.imports)
            zygote = Zygote(list(modules), self.home / "logs" / "zygote.log")
            self._programs = [
                Keeper(
                    RunningProgram(program, self.home, zygote),
                    self._changed,
                    grace=PROGRAM_GRACE,
                    longest_pause=program.longest_pause,
                )
                for program in programs
            ]
            try:
                if modules:
                    zygote.start()  # it imports while the servers start
                self._start_in_order()
                while not self._stop.wait(1):
                    self._write()
            finally:
                self._stop_in_order()
                zygote.stop()
        finally:
            self._lock.release()

    def _start_in_order(self) -> None:
        self._write()
        for keeper in self._servers:
            keeper.start()
        # Programs find the addresses in stack.toml, so it is written before the first one starts.
        if not self._all_ready(self._servers):
            return
        self._stack.write_addresses()
        for keeper in self._programs:
            keeper.start()
            if keeper.once and not self._all_ready([keeper]):
                return
        if self._all_ready(self._programs):
            self._state = "ready"
            self._write()

    def _stop_in_order(self) -> None:
        self._state = "stopping"
        together = [[*self._programs, *self._servers]]
        for group in together if self._at_once else (self._programs, self._servers):
            running = [keeper for keeper in group if keeper.is_alive()]
            for keeper in running:
                keeper.ask_to_stop(at_once=self._at_once)
            for keeper in running:
                keeper.join()
        self._state = "stopped"
        self._write()

    def _all_ready(self, keepers: list[Keeper]) -> bool:
        """Wait for all of them to be well at the same time. False when told to stop."""
        while not self._stop.wait(0.05):
            if all(keeper.well() for keeper in keepers):
                return True
            self._write()
        return False

    def _changed(self, kept: Kept) -> None:
        ended = "" if kept.last_exit is None else f", last exit {kept.last_exit}"
        _say(f"{kept.name}: {kept.state} (pid {kept.pid}{ended}) {kept.reason}".rstrip())
        self._write()

    def _write(self) -> None:
        """Bring `supervisor.json` up to date; nothing happens when it is."""
        me = Identity.of(os.getpid())
        assert me is not None
        with self._writing:
            parts = [keeper.snapshot() for keeper in (*self._servers, *self._programs)]
            status = Status(me.pid, me.started, me.boot, self._state, parts)
            if status == self._written:
                return
            text = msgspec.json.format(msgspec.json.encode(status)).decode()
            with contextlib.suppress(OSError):  # a full disk must not end the keeping
                write_private(status_file(self.home), text)
                self._written = status


def _say(sentence: str) -> None:
    sys.stdout.write(f"{sentence}\n")
    sys.stdout.flush()


def main() -> int:
    """Run until SIGTERM or Ctrl-C. 0 after an orderly end, 2 when the configuration is wrong."""
    parser = argparse.ArgumentParser(prog="python -m local.supervisor", description=__doc__)
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--policies", type=Path, default=POLICIES)
    parser.add_argument("--cache", type=Path)
    parser.add_argument("--java")
    given = parser.parse_args()
    know_types()
    try:
        supervisor = Supervisor(given.home, policies=given.policies, cache=given.cache, java=given.java)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: supervisor.ask_to_stop())
        signal.signal(signal.SIGQUIT, lambda *_: supervisor.ask_to_stop(at_once=True))
        supervisor.run()
    except ConfigurationInvalid as error:
        _say(str(error))
        return 2
    except BwvError as error:
        _say(str(error))
        return 3
    return 0


if __name__ == "__main__":
    sys.exit(main())
