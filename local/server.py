"""What the three servers of the local stack have in common: a folder, fixed ports, one process."""

from __future__ import annotations

import signal
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import ClassVar

from local.files import Lock, private_folder, tail
from local.ports import keep_ports
from local.processes import Child, Identity, spawn
from workers.errors import ConfigurationInvalid, PartUnreachable

_LOOK_AGAIN = 0.03
_RECORD = "process.json"
_LOCK = "lock"


def nobody_listens(sentence: str) -> None:
    """The default of `tell`."""
    del sentence


class Server(ABC):
    """One server in one folder. `start` returns when it serves, not when it exists.

    The folder holds data, `ports.json`, `process.json` (who runs) and `server.log`. A lock in it keeps a
    second owner out; what an owner that died has left running is ended by the next start.

    Args:
        folder: made when absent.
        tell: gets a sentence when something needs to be known, such as a changed port.
    """

    name: ClassVar[str]
    port_names: ClassVar[tuple[str, ...]]
    stop_signal: ClassVar[signal.Signals] = signal.SIGTERM
    end_signal: ClassVar[signal.Signals] = signal.SIGKILL
    """Ends it and all of its processes, in no order."""

    def __init__(self, folder: Path, *, tell: Callable[[str], None] = nobody_listens) -> None:
        self.folder = folder.absolute()
        self.log = self.folder / "server.log"
        self.tell = tell
        self.ports: dict[str, int] = {}
        self.once = False
        self.halts_on: tuple[int, ...] = ()
        self.last_exit: int | None = None
        self._lock = Lock(self.folder / _LOCK)
        self._child: Child | None = None

    # What each server says about itself.

    @abstractmethod
    def _prepare(self) -> None:
        """Make the data folder and the configuration. The ports are known."""

    @abstractmethod
    def _command(self) -> list[str]:
        """The tethered command of the server."""

    @abstractmethod
    def _serves(self) -> bool:
        """True when a real request was answered. Called until it is; must not block for long."""

    def _ended(self, exit_code: int | None) -> None:  # noqa: B027 - most servers have nothing to do
        """The server was stopped in order."""

    def _environment(self) -> Mapping[str, str]:
        """Servers get nothing of ours: AWS_*, PG* and JAVA_* variables would change how they behave."""
        return {"PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": str(self.folder), "LANG": "C.UTF-8"}

    # What they all do.

    def start(self, timeout: float = 60, cancelled: Callable[[], bool] = lambda: False) -> None:
        """Start and wait until it serves.

        Args:
            timeout: seconds.
            cancelled: asked again and again while it starts; True ends the attempt.

        Raises:
            PartUnreachable: it ended or did not serve in time; with the end of its log.
            ConfigurationInvalid: somebody else uses the folder, or the machine lacks something.
        """
        if self.alive():
            return
        deadline = time.monotonic() + timeout
        private_folder(self.folder)
        self._lock.acquire()
        try:
            if self._child is None:
                _end_recorded(self.folder)
            self.ports = keep_ports(self.folder / "ports.json", self.port_names, self._tell)
            self._prepare()
            self._child = spawn(self._command(), log=self.log, cwd=self.folder, env=self._environment())
            self._child.identity.write(self.folder / _RECORD)
            self._await_service(self._child, deadline, cancelled)
        except BaseException:
            self.stop(timeout=5)
            raise

    def stop(self, timeout: float = 20) -> None:
        """End it in order; kill it after `timeout` seconds. Nothing happens when it does not run.

        Args:
            timeout: 0 ends it at once: what it holds is thrown away.
        """
        if self._child is not None:
            self._child.end(timeout or 10, self.stop_signal if timeout else self.end_signal)
            self.last_exit = self._child.exit_code()
            self._ended(self.last_exit)
            self._child = None
            (self.folder / _RECORD).unlink(missing_ok=True)
        self._lock.release()

    def pid(self) -> int | None:
        """The pid of the running server, or None."""
        child = self._child  # asked from other threads than the one that stops
        return child.pid if child is not None and child.exit_code() is None else None

    def alive(self) -> bool:
        """True while the process that we started runs."""
        return self._child is not None and self._child.exit_code() is None

    def wait(self, timeout: float) -> int | None:
        """Wait for its end. The exit code, or None when it still runs after `timeout` seconds."""
        if self._child is not None:
            self.last_exit = self._child.wait(timeout)
        return self.last_exit

    def _await_service(self, child: Child, deadline: float, cancelled: Callable[[], bool]) -> None:
        while not self._serves():
            if child.wait(_LOOK_AGAIN) is not None:
                raise PartUnreachable(
                    f"{self.name} ended with code {child.exit_code()} while starting; "
                    f"the end of {self.log}:\n{tail(self.log)}"
                )
            if cancelled():
                raise PartUnreachable(f"{self.name} was told to stop while it started")
            if time.monotonic() > deadline:
                raise PartUnreachable(f"{self.name} did not serve in time; the end of {self.log}:\n{tail(self.log)}")

    def _tell(self, sentence: str) -> None:
        self.tell(f"{self.name}: {sentence}")


def end_orphan(folder: Path) -> None:
    """End the server that a dead owner left running in this folder; a living owner's is left alone."""
    if not (folder / _RECORD).exists():
        return
    lock = Lock(folder / _LOCK)
    try:
        lock.acquire()
    except ConfigurationInvalid:
        return
    try:
        _end_recorded(folder)
    finally:
        lock.release()


def _end_recorded(folder: Path) -> None:
    """End the process that was recorded, if it is that very process and still runs. The lock is ours."""
    leftover = Identity.read(folder / _RECORD)
    if leftover is not None and leftover.alive():
        leftover.end(10, signal.SIGINT)  # the one signal that is an orderly end for all three
    (folder / _RECORD).unlink(missing_ok=True)
