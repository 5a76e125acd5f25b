"""The whole system on one machine: the programs that the supervisor keeps beside the servers."""

from __future__ import annotations

import sys
from pathlib import Path

from local.bootstrap import FIRST_DOCK
from local.ports import keep_ports
from local.programs import Program
from streams.engine.exits import TOO_MANY_FAULTS

INGEST = ("relay", "intake", "transfer", "verification", "release", "record", "probe", "scrub")
RETENTION = ("retention", "sweep", "holds", "disposal", "lease")
PROSECUTION = ("cases", "derivation", "prosecution", "receipts", "links")
STAGES = (*INGEST, *RETENTION, *PROSECUTION)
DOCK = f"dock-{FIRST_DOCK.lower()}"

_ENGINES = ("console.cli.stages", "streams.engine.delivery", "streams.engine.long_work")
"""What every program imports sooner or later; named, since nothing below the console imports it."""


def programs(home: Path, *, stages: tuple[str, ...] = STAGES, dock: bool = True) -> list[Program]:
    """One program a stage, and one dock over `<home>/dock`; each with a health port that stays."""
    names = [*stages, *([DOCK] if dock else [])]
    ports = keep_ports(home / "health" / "ports.json", names, print)
    bwv = (sys.executable, "-m", "console.cli.main", "--home", str(home))
    made = [
        Program(
            "prepare", (sys.executable, "-m", "local.prepare", str(home)), once=True, imports=("streams.engine.admin",)
        ),
    ]
    for name in names:
        verb = ("dock", "run", str(home / "dock"), "--dock", FIRST_DOCK) if name == DOCK else ("stage", name)
        made.append(
            Program(
                name,
                (*bwv, *verb),
                env={"BWV_HEALTH_PORT": str(ports[name])},
                ready_url=f"http://127.0.0.1:{ports[name]}/ready",
                halts_on=(TOO_MANY_FAULTS,),
                imports=(*_ENGINES, f"streams.{'dock' if name == DOCK else name}"),
            )
        )
    return made
