"""The processes of a race: started, told to go together, killed, stopped and woken."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import random
import signal
import time
from collections.abc import Iterator
from multiprocessing.connection import Connection as Pipe
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from types import TracebackType
from typing import Self

import msgspec

from streams.settings import Settings
from tests.races.runner import PATIENCE, Part, main

CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload(["tests.races.runner"])


class Member:
    """One process."""

    def __init__(self, settings: Settings, slices: int) -> None:
        self.pipe: Pipe
        self.pipe, theirs = CONTEXT.Pipe()
        self.process: ForkServerProcess = CONTEXT.Process(target=main, args=(theirs, settings, slices), daemon=True)
        self.process.start()
        theirs.close()
        self.part: Part | None = None

    def give(self, part: Part) -> None:
        """Let it work on a part."""
        self.part = part
        self.pipe.send(part)

    def finished(self) -> bool:
        """Whether its part is done; fails with its trace if it could not be."""
        if self.part is None:
            return True
        if not self.pipe.poll():
            return False
        said = self.pipe.recv()
        assert said is None, f"{self.part.role}:\n{said}"
        self.part = None
        return True

    def signal(self, number: signal.Signals) -> None:
        """Kill it, stop it, or wake it."""
        pid = self.process.pid
        assert pid is not None
        os.kill(pid, number)

    def end(self) -> None:
        """It is needed no more."""
        self.pipe.close()
        self.process.kill()
        self.process.join()


class Team:
    """Whoever takes part in a round, and what befalls them.

    Attributes:
        kills, stops: how many processes were killed, or stopped and replaced, in the middle of their part.
    """

    def __init__(self, settings: Settings, folder: Path, *, slices: int) -> None:
        self.settings = settings
        self.folder = folder
        self.slices = slices
        self.idle: list[Member] = []
        self.kills = self.stops = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for member in self.idle:
            member.end()

    def round(self, parts: list[Part], within: float, fault: str, victim: str) -> None:
        """Let all of them go at once; return when every part is done.

        Args:
            within: seconds in which the fault strikes, at a random moment.
            fault: "kill" or "stop" whoever has the role `victim`; "" nobody.
        """
        over = {part.role: self.folder / f"{part.role}.over" for part in parts}
        for path in over.values():
            path.unlink(missing_ok=True)
        members = [self._member() for _ in parts]
        for member, part in zip(members, parts, strict=True):
            member.give(msgspec.structs.replace(part, over=over))
        with self._ended_on_failure(members):
            for member in members:
                assert member.pipe.poll(PATIENCE), f"{member.part}: never ready"
                assert member.pipe.recv() == "ready"
            for member in members:
                member.pipe.send("go")
            self._until_over(members, over, time.monotonic() + random.random() * within, fault, victim)
        self.idle += members

    def _until_over(self, members: list[Member], over: dict[str, Path], strike: float, fault: str, victim: str) -> None:
        asleep = list[tuple[Member, float]]()
        end = time.monotonic() + PATIENCE + 30  # whoever is stuck says so before
        while not all([member.finished() for member in members]):
            now = time.monotonic()
            assert now < end, f"still at work: {[member.part.role for member in members if member.part]}"
            if fault and now > strike:
                self._strike(members, fault, victim, asleep)
                fault = ""
            for member, wakes in list(asleep):
                if now > wakes:
                    member.signal(signal.SIGCONT)
                    asleep.remove((member, wakes))
            at_work = {member.part.role for member in members if member.part}
            for role, path in over.items():
                if role not in at_work and not path.exists():
                    path.touch()
            time.sleep(0.002)

    def _strike(self, members: list[Member], fault: str, victim: str, asleep: list[tuple[Member, float]]) -> None:
        hit = next((member for member in members if member.part and member.part.role == victim), None)
        if hit is None or hit.part is None:
            return
        follower = self._member()
        if fault == "kill":
            self.kills += 1
            hit.signal(signal.SIGKILL)
            members.remove(hit)
        else:
            self.stops += 1
            hit.signal(signal.SIGSTOP)
            asleep.append((hit, time.monotonic() + 0.2 + random.random()))
        members.append(follower)
        follower.give(msgspec.structs.replace(hit.part, waits=False))
        if fault == "kill":
            hit.end()

    def _member(self) -> Member:
        return self.idle.pop() if self.idle else Member(self.settings, self.slices)

    @contextlib.contextmanager
    def _ended_on_failure(self, members: list[Member]) -> Iterator[None]:
        try:
            yield
        except BaseException:
            for member in members:
                member.end()
            raise
