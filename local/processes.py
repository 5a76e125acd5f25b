"""Start processes that cannot outlive us, and end only processes that are ours.

A pid alone says little: it is used again after its process has ended. What we start is therefore written down
with its start time and the machine's boot, and a signal goes through a pidfd that was opened *before* the
start time was compared, so that it cannot reach a later process of the same number.
"""

from __future__ import annotations

import contextlib
import json
import os
import queue
import select
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import asdict, dataclass
from pathlib import Path

from local.files import write_private

_TETHER = Path(__file__).with_name("tether.py")
_BOOT = Path("/proc/sys/kernel/random/boot_id")


@dataclass(frozen=True)
class Identity:
    """One process, told apart from every later process with the same pid."""

    pid: int
    started: int
    boot: str

    @classmethod
    def of(cls, pid: int) -> Identity | None:
        """The process that has this pid now, or None when there is none."""
        found = _state_and_start(pid)
        return cls(pid, found[1], _BOOT.read_text().strip()) if found else None

    @classmethod
    def read(cls, path: Path) -> Identity | None:
        """What `write` stored, or None when nothing (or nothing legible) is there."""
        try:
            return cls(**json.loads(path.read_text()))
        except (OSError, ValueError, TypeError):
            return None

    def write(self, path: Path) -> None:
        """Store it for `read`."""
        write_private(path, json.dumps(asdict(self)))

    def alive(self) -> bool:
        """True while this very process runs; a zombie does not run."""
        found = _state_and_start(self.pid)
        if found is None or found[1] != self.started or found[0] in "ZX":
            return False
        return _BOOT.read_text().strip() == self.boot

    def send(self, number: signal.Signals) -> bool:
        """Send the signal. False when the process has ended."""
        with self._opened() as fd:
            if fd is None:
                return False
            try:
                signal.pidfd_send_signal(fd, number)
            except ProcessLookupError:
                return False
            return True

    def wait(self, timeout: float) -> bool:
        """Wait for its end, at most `timeout` seconds; works for processes that are not our children."""
        with self._opened() as fd:
            if fd is None:
                return True
            poll = select.poll()
            poll.register(fd, select.POLLIN)
            return bool(poll.poll(max(0.0, timeout) * 1000))

    def end(self, grace: float, first: signal.Signals = signal.SIGTERM) -> bool:
        """Ask with `first`, and kill after `grace` seconds. True when asking was enough."""
        self.send(first)
        if self.wait(grace):
            return True
        self.send(signal.SIGKILL)
        self.wait(10)
        return False

    @contextlib.contextmanager
    def _opened(self) -> Iterator[int | None]:
        try:
            fd = os.pidfd_open(self.pid)
        except ProcessLookupError:
            yield None
            return
        try:
            yield fd if self.alive() else None
        finally:
            os.close(fd)


def _state_and_start(pid: int) -> tuple[str, int] | None:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    # The second field is the program's name in brackets and may hold anything; state and the rest follow it.
    fields = stat[stat.rindex(")") + 2 :].split()
    return fields[0], int(fields[19])


class Child:
    """A process that we started and whose exit code we will get."""

    def __init__(self, popen: subprocess.Popen[bytes]) -> None:
        self._popen = popen
        # Until it is waited for, the pid of an ended child stays taken, so this is never somebody else.
        identity = Identity.of(popen.pid)
        assert identity is not None
        self.identity = identity

    @property
    def pid(self) -> int:
        """Its number."""
        return self._popen.pid

    def exit_code(self) -> int | None:
        """The exit code (negative: the signal that ended it), or None while it runs."""
        return self._popen.poll()

    def let_go(self) -> None:
        """Do not mind that it outlives us. There is no exit code from now on."""
        self._popen.returncode = 0

    def wait(self, timeout: float) -> int | None:
        """As `exit_code`, after waiting at most `timeout` seconds for the end."""
        if self._popen.poll() is None:
            self.identity.wait(timeout)
        return self._popen.poll()

    def end(self, grace: float, first: signal.Signals = signal.SIGTERM) -> bool:
        """Ask with `first`, kill after `grace` seconds, collect the exit code. True if asking was enough."""
        asked = self.identity.end(grace, first)
        self._popen.wait()
        return asked


def tethered(argv: Sequence[str], last_signal: signal.Signals = signal.SIGKILL) -> list[str]:
    """The command that runs `argv` and gets `last_signal` when the thread that starts it ends."""
    return [sys.executable, "-I", "-S", str(_TETHER), str(os.getpid()), str(int(last_signal)), *argv]


def spawn(
    argv: Sequence[str],
    *,
    log: Path,
    cwd: Path,
    env: Mapping[str, str] | None = None,
    stdin: int = subprocess.DEVNULL,
) -> Child:
    """Start `argv` in a session of its own (so that Ctrl-C reaches us alone), output appended to `log`.

    Args:
        env: the whole environment of the child; None hands ours on.
        stdin: descriptor of its standard input.
    """
    started: Future[Child] = Future()

    def start() -> None:
        try:
            with log.open("ab") as out:
                popen = subprocess.Popen(
                    argv,
                    stdin=stdin,
                    stdout=out,
                    stderr=out,
                    cwd=cwd,
                    env=env,
                    start_new_session=True,
                )
            started.set_result(Child(popen))
        except OSError as error:  # handed to the caller, who waits for it
            started.set_exception(error)

    _Starter.running().jobs.put(start)
    return started.result()


class _Starter(threading.Thread):
    """The one thread that starts children: the kernel ties a child to the thread, not to the process."""

    _one: _Starter | None = None
    _guard = threading.Lock()

    def __init__(self) -> None:
        super().__init__(name="starter", daemon=True)
        self.jobs: queue.SimpleQueue[object] = queue.SimpleQueue()

    @classmethod
    def running(cls) -> _Starter:
        with cls._guard:
            if cls._one is None or not cls._one.is_alive():
                cls._one = cls()
                cls._one.start()
            return cls._one

    def run(self) -> None:
        while True:
            job = self.jobs.get()
            assert callable(job)
            job()
