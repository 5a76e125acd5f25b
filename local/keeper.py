"""Keep one part running: start it, wait for its end, start it again."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal, Protocol

import msgspec

from workers.errors import BwvError

State = Literal["starting", "ready", "waiting", "done", "stopping", "stopped", "halted"]

LONGEST_PAUSE = 10.0
HEALTHY_AFTER = 30.0
_LOOK_AGAIN = 0.2


class Part(Protocol):
    """What can be kept: a server of the stack or a program."""

    @property
    def name(self) -> str: ...  # noqa: D102 - as the classes say
    @property
    def log(self) -> Path: ...  # noqa: D102
    @property
    def once(self) -> bool: ...  # noqa: D102
    @property
    def halts_on(self) -> tuple[int, ...]: ...  # noqa: D102
    @property
    def last_exit(self) -> int | None: ...  # noqa: D102
    def start(self, timeout: float, cancelled: Callable[[], bool]) -> None: ...  # noqa: D102
    def wait(self, timeout: float) -> int | None: ...  # noqa: D102
    def stop(self, timeout: float) -> None: ...  # noqa: D102
    def pid(self) -> int | None: ...  # noqa: D102


class Kept(msgspec.Struct, frozen=True):
    """How one part is.

    Attributes:
        state: `waiting` for its turn, or for the pause before the next attempt to end; `done` when it was
            to run once and did; `halted` when it ended with a code after which only a person helps.
        restarts: how often it was started again.
        last_exit: exit code of its last end (negative: the signal), None before the first.
        since: when it came into this state (RFC 3339).
        reason: why the last attempt failed; empty when it did not.
    """

    name: str
    state: State
    pid: int | None
    restarts: int
    last_exit: int | None
    since: str
    log: str
    reason: str = ""


def pause_before(attempt: int, chance: float, longest: float = LONGEST_PAUSE) -> float:
    """Seconds to wait before restart number `attempt` in a row: none, then 0.5, 1, 2 … 10, less up to half.

    Args:
        attempt: 1 for the first restart since the part was healthy.
        chance: from 0 to 1; keeps parts that died together from starting together.
        longest: in place of the 10.
    """
    if attempt <= 1:
        return 0.0
    return min(longest, 0.5 * 2.0 ** min(attempt - 2, 10)) * (0.5 + chance / 2)


class Keeper(threading.Thread):
    """Keeps one part running until told to stop.

    Args:
        on_change: called from this thread after every change of state.
        grace: seconds between asking the part to end and killing it.
        start_timeout: seconds that an attempt to start may take.
        longest_pause: see `pause_before`.
    """

    def __init__(
        self,
        part: Part,
        on_change: Callable[[Kept], None],
        *,
        grace: float = 20,
        start_timeout: float = 60,
        longest_pause: float = LONGEST_PAUSE,
    ) -> None:
        super().__init__(name=f"keep {part.name}")
        self.once = part.once
        self._part = part
        self._on_change = on_change
        self._grace = grace
        self._start_timeout = start_timeout
        self._longest_pause = longest_pause
        self._leave = threading.Event()
        self._now = Kept(part.name, "waiting", None, 0, None, _timestamp(), str(part.log))

    def snapshot(self) -> Kept:
        """How the part is now."""
        now = self._now
        # A start can take long, and its process is there long before it is ready.
        return msgspec.structs.replace(now, pid=self._part.pid()) if now.state == "starting" else now

    def well(self) -> bool:
        """True when nothing more is expected of it now."""
        return self._now.state in ("ready", "done")

    def ask_to_stop(self, *, at_once: bool = False) -> None:
        """Make the thread stop the part and end; `join` waits for that.

        Args:
            at_once: kill the part: what it holds is thrown away.
        """
        if at_once:
            self._grace = 0.0
        self._leave.set()

    def run(self) -> None:
        """Start, wait, start again."""
        attempt = 0
        while not self._leave.is_set():
            lived = self._one_life()
            if self._leave.is_set():
                break
            ended = self._part.last_exit
            if self.once and ended == 0:
                self._part.stop(0)
                self._note(state="done", last_exit=ended)
                return
            if ended in self._part.halts_on:
                self._part.stop(0)
                self._note(state="halted", last_exit=ended, reason=f"ended with code {ended}: see {self._part.log}")
                return
            attempt = 1 if lived >= HEALTHY_AFTER else attempt + 1
            self._note(state="waiting", restarts=self._now.restarts + 1, last_exit=ended)
            self._leave.wait(pause_before(attempt, random.random(), self._longest_pause))
        self._note(state="stopping")
        self._part.stop(self._grace)
        self._note(state="stopped", last_exit=self._part.last_exit)

    def _one_life(self) -> float:
        """Start it and wait for its end; the seconds that it was ready."""
        self._note(state="starting", reason="")
        try:
            self._part.start(self._start_timeout, self._leave.is_set)
        except Exception as error:  # noqa: BLE001 - whatever it was, the part is tried again, never forgotten
            self._note(reason=str(error) if isinstance(error, BwvError) else repr(error))
            return 0.0
        ready = time.monotonic()
        if not self.once:
            self._note(state="ready")
        while not self._leave.is_set() and self._part.wait(_LOOK_AGAIN) is None:
            pass
        return time.monotonic() - ready

    def _note(self, **changes: object) -> None:
        if "state" in changes:
            changes["since"] = _timestamp()
        self._now = msgspec.structs.replace(self._now, pid=self._part.pid(), **changes)
        self._on_change(self._now)


def _timestamp() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
