"""A process that has imported what several programs need, and becomes each of them by a fork.

    python -m local.zygote MODULE ...

Importing is most of what the start of a small program costs, and here it is paid once for all of them. It is
for one machine that starts everything at once: in production each program is a process of its own from its
first instruction, and what both run after the imports is the same.

Standard input is the socket on which `local/forked.py` orders programs; at its end this process ends too. A
program that was forked is a process of its own, in a session of its own and with a log of its own; it dies
when this process dies. `ps` shows it by the command that it stands for.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import importlib
import os
import runpy
import select
import signal
import socket
import sys
import traceback
from pathlib import Path

import msgspec

from local.processes import Identity
from local.tether import tie

LONGEST_ORDER = 128 << 10
"""Bytes of an order, which holds a whole environment. Linux sends no more than 208 KiB in one message."""


class Order(msgspec.Struct, frozen=True):
    """One program: `python -m MODULE ARGUMENT ...`.

    Attributes:
        argv: the whole command; the module and its arguments follow `-m`.
        env: the whole environment. What only a starting interpreter reads (PYTHON*) has no effect any more.
        log: where its output is appended.
    """

    argv: tuple[str, ...]
    env: dict[str, str]
    cwd: str
    log: str


class _Born:
    """The programs that live: the pidfd of each, its pid, and where its exit code is to be told."""

    def __init__(self, control: socket.socket) -> None:
        self.control = control
        self._poll = select.poll()
        self._poll.register(control, select.POLLIN)
        self._lives: dict[int, tuple[int, int]] = {}

    def until_ordered(self) -> None:
        """Tell the exit codes of those that end, and return when the control socket has something."""
        while True:
            for fd, _ in self._poll.poll():
                if fd == self.control.fileno():
                    return
                self._ended(fd)

    def _ended(self, fd: int) -> None:
        self._poll.unregister(fd)
        pid, told = self._lives.pop(fd)
        code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        with contextlib.suppress(BrokenPipeError):  # nobody wants to know any more
            os.write(told, str(code).encode())
        os.close(told)
        os.close(fd)

    def add(self, pid: int, told: int) -> None:
        """Mind this child."""
        fd = os.pidfd_open(pid)
        self._lives[fd] = pid, told
        self._poll.register(fd, select.POLLIN)

    def leave_to_parent(self) -> None:
        """In a child: these are not its own."""
        for fd, (_, told) in self._lives.items():
            os.close(fd)
            os.close(told)
        self.control.close()


def serve(control: socket.socket) -> Order | None:
    """Fork a program for each order: returns its order in the program, and None here when nobody orders more."""
    born, me = _Born(control), os.getpid()
    while True:
        born.until_ordered()
        order, fds, _, _ = socket.recv_fds(control, LONGEST_ORDER, 1)
        if not order:
            return None
        _refuse_threads()
        pid = os.fork()
        if pid == 0:
            born.leave_to_parent()
            os.close(fds[0])
            tie(me, signal.SIGKILL)
            return msgspec.json.decode(order, type=Order)
        # Until it is waited for its pid stays taken, so this is never somebody else.
        control.send(msgspec.json.encode(Identity.of(pid)))
        born.add(pid, fds[0])


def _refuse_threads() -> None:
    # A lock that another thread holds at the fork would be held for ever in the child.
    threads = len(os.listdir("/proc/self/task"))
    if threads != 1:
        sys.exit(f"what was imported runs {threads - 1} threads: such a process cannot be forked; import less")


def become(order: Order) -> None:
    """Be the program to its end."""
    os.setsid()
    with open(os.devnull, "rb") as nothing, Path(order.log).open("ab") as out:
        for fd, file in enumerate((nothing, out, out)):
            os.dup2(file.fileno(), fd)
    os.chdir(order.cwd)
    os.environ.clear()
    os.environ.update(order.env)
    _show_as(order.argv)
    module, *sys.argv[1:] = order.argv[order.argv.index("-m") + 1 :]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


def _show_as(argv: tuple[str, ...]) -> None:
    """Write the command over our own, as far as there is room, so that `ps` shows what this process is."""
    stat = Path("/proc/self/stat").read_text()
    fields = stat[stat.rindex(")") + 2 :].split()
    start, end = int(fields[45]), int(fields[46])  # arg_start and arg_end, proc_pid_stat(5)
    command = b"\0".join(map(os.fsencode, argv))[: end - start - 1]
    ctypes.memset(start, 0, end - start)
    ctypes.memmove(start, command, len(command))


def main() -> None:
    """Import, and serve; in a program that was forked, be it."""
    for module in sys.argv[1:]:
        try:
            importlib.import_module(module)
        except Exception:  # noqa: BLE001 - the program that needs it ends with the same error, and no other
            traceback.print_exc()
    gc.collect()
    gc.freeze()  # a collection in a program would copy every page that it shares with us
    order = serve(socket.socket(fileno=os.dup(0)))
    if order is not None:
        become(order)


if __name__ == "__main__":
    main()
