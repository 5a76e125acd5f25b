"""Runs a command in a process of its own and says what it cost: wall time, CPU of it and its children, memory."""

from __future__ import annotations

import os
import statistics
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Cost:
    """Of one run.

    Attributes:
        wall: seconds from the start of the first process to the end of the last.
        cpu: user and system seconds of all of them.
        peak: bytes of the largest process's memory.
        server: CPU seconds that the store spent meanwhile.
    """

    wall: float
    cpu: float
    peak: int
    server: float = 0.0


def run(
    commands: Sequence[Sequence[str]], *, env: Mapping[str, str], server: int | None = None, timeout: float = 900
) -> Cost:
    """Run the commands side by side.

    Args:
        env: the whole environment of the children.
        server: pid of the store.

    Raises:
        RuntimeError: one of them failed; with the end of what it said.
    """
    before, began = _cpu_of(server), time.monotonic()
    children = [
        subprocess.Popen(argv, env=dict(env), stdout=subprocess.PIPE, stderr=subprocess.STDOUT) for argv in commands
    ]
    cpu, peak = 0.0, 0
    for argv, child in zip(commands, children, strict=True):
        assert child.stdout is not None
        said = child.stdout.read()
        # wait4 counts the child with all the descendants that it waited for.
        _, status, used = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        cpu += used.ru_utime + used.ru_stime
        peak = max(peak, used.ru_maxrss * 1024)
        if child.returncode != 0:
            for other in children:
                if other.returncode is None:
                    other.kill()
            raise RuntimeError(f"{argv[0]} ended with {child.returncode}: {said.decode(errors='replace')[-2000:]}")
    return Cost(time.monotonic() - began, cpu, peak, _cpu_of(server) - before)


def _cpu_of(pid: int | None) -> float:
    if pid is None:
        return 0.0
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Summary:
    """Medians of the rounds of one contender; `wall_from` and `wall_to` are its extremes."""

    name: str
    rounds: int
    gigabytes: float
    wall: float
    wall_from: float
    wall_to: float
    cpu_per_gb: float
    server_per_gb: float
    peak: int


def summed_up(name: str, costs: Sequence[Cost], gigabytes: float) -> Summary:
    """The medians."""
    walls = [cost.wall for cost in costs]
    return Summary(
        name,
        len(costs),
        gigabytes,
        statistics.median(walls),
        min(walls),
        max(walls),
        statistics.median(cost.cpu for cost in costs) / gigabytes,
        statistics.median(cost.server for cost in costs) / gigabytes,
        max(cost.peak for cost in costs),
    )


def table(title: str, rows: Sequence[Summary]) -> str:
    """For a terminal; ratios are to the first row, so below 1 is cheaper than it."""
    first = rows[0]
    lines = [
        title,
        f"{'':28}{'wall s':>8}{'min–max':>15}{'MB/s':>8}{'CPU s/GB':>10}{'store s/GB':>12}{'peak MB':>9}"
        f"{'wall ÷ ours':>13}{'CPU ÷ ours':>12}",
    ]
    for row in rows:
        extremes = f"{row.wall_from:.2f}–{row.wall_to:.2f}"
        lines.append(
            f"{row.name:28}{row.wall:8.2f}{extremes:>15}{row.gigabytes * 1000 / row.wall:8.0f}"
            f"{row.cpu_per_gb:10.2f}{row.server_per_gb:12.2f}{row.peak / 1e6:9.0f}"
            f"{row.wall / first.wall:13.2f}{row.cpu_per_gb / first.cpu_per_gb:12.2f}"
        )
    return "\n".join(lines)
