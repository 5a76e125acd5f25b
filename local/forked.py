"""Start programs by a fork of a process that has imported what they need, and learn how they end."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import socket
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from local.files import tail
from local.processes import Child, Identity, spawn, tethered
from local.zygote import LONGEST_ORDER, Order
from workers.errors import ConfigurationInvalid, PartUnreachable

_IMPORTED_WITHIN = 120.0
_KILLED = -int(signal.SIGKILL)


class Forked:
    """A program that was forked for us; as `processes.Child`, but the zygote tells how it ended."""

    def __init__(self, identity: Identity, told: int) -> None:
        self.identity = identity
        self._told = told
        self._code: int | None = None
        self._guard = threading.Lock()

    @property
    def pid(self) -> int:
        """Its number."""
        return self.identity.pid

    def exit_code(self) -> int | None:
        """The exit code (negative: the signal that ended it), or None while it runs."""
        return self.wait(0)

    def wait(self, timeout: float) -> int | None:
        """As `exit_code`, after waiting at most `timeout` seconds for the end."""
        if self._code is None:
            poll = select.poll()
            poll.register(self._told, select.POLLIN)
            if poll.poll(max(0.0, timeout) * 1000):
                self._read()
        return self._code

    def end(self, grace: float, first: signal.Signals = signal.SIGTERM) -> bool:
        """Ask with `first`, kill after `grace` seconds, collect the exit code. True if asking was enough."""
        asked = self.identity.end(grace, first)
        self.wait(10)
        return asked

    def _read(self) -> None:
        with self._guard:
            if self._code is not None:
                return
            code = os.read(self._told, 16)
            os.close(self._told)
            if not code:
                self.identity.wait(10)  # the zygote has died, and takes its programs along
            self._code = int(code or _KILLED)


class Zygote:
    """One `local.zygote`, started again when it is needed and has died.

    Args:
        modules: what it imports.
        log: its own; that of a program is its own too.
    """

    def __init__(self, modules: Sequence[str], log: Path) -> None:
        self._modules = modules
        self._log = log
        self._child: Child | None = None
        self._control: socket.socket | None = None
        self._guard = threading.Lock()

    def start(self) -> None:
        """Let it import; returns at once."""
        with self._guard:
            self._started()

    def fork(self, argv: Sequence[str], *, log: Path, cwd: Path, env: Mapping[str, str]) -> Forked:
        """Start `python -m MODULE ARGUMENT ...`, once everything is imported.

        Args:
            env: the whole environment of the program.

        Raises:
            ConfigurationInvalid: the environment is too long.
            PartUnreachable: the zygote ended or does not answer; with the end of its log.
        """
        order = msgspec.json.encode(Order(tuple(argv), dict(env), str(cwd), str(log)))
        if len(order) > LONGEST_ORDER:
            raise ConfigurationInvalid(
                f"command and environment of {argv[2:]} have {len(order)} bytes; at most {LONGEST_ORDER} can be "
                "handed on: unset what is not needed"
            )
        with self._guard:
            control = self._started()
            ours, its = os.pipe()
            try:
                socket.send_fds(control, [order], [its])
                answer = control.recv(1024)
            except OSError as error:
                os.close(ours)
                raise self._unfit(repr(error)) from error
            finally:
                os.close(its)
            if not answer:
                os.close(ours)
                raise self._unfit("it ended")
            return Forked(msgspec.json.decode(answer, type=Identity), ours)

    def stop(self) -> None:
        """End it, and whatever program is left."""
        with self._guard:
            self._end()

    def _started(self) -> socket.socket:
        if self._control is not None and self._child is not None and self._child.exit_code() is None:
            return self._control
        self._end()
        ours, its = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        ours.settimeout(_IMPORTED_WITHIN)
        command = tethered([sys.executable, "-m", "local.zygote", *self._modules])
        self._log.parent.mkdir(parents=True, exist_ok=True)
        with its:
            self._child = spawn(command, log=self._log, cwd=Path.cwd(), stdin=its.fileno())
        self._control = ours
        return ours

    def _unfit(self, reason: str) -> PartUnreachable:
        self._end()
        return PartUnreachable(f"programs cannot be forked: {reason}; the end of {self._log}:\n{tail(self._log)}")

    def _end(self) -> None:
        if self._control is not None:
            self._control.close()
        if self._child is not None:
            with contextlib.suppress(ProcessLookupError):
                self._child.end(5)
        self._child = self._control = None
