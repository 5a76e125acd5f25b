"""The whole system on one machine: the programs that the supervisor keeps beside the servers."""

from __future__ import annotations

import sys
from pathlib import Path

from local.bootstrap import FIRST_DOCK
from local.ports import keep_ports, kept_ports
from local.programs import Program
from streams.engine.exits import TOO_MANY_FAULTS
from streams.settings import load

INGEST = ("relay", "intake", "transfer", "verification", "release", "record", "probe", "scrub")
RETENTION = ("retention", "sweep", "holds", "disposal", "lease")
PROSECUTION = ("cases", "derivation", "prosecution", "receipts", "links")
OPERATIONS = ("alarms",)
ACCOUNTABILITY = ("encounters",)
STAGES = (*INGEST, *RETENTION, *PROSECUTION, *OPERATIONS, *ACCOUNTABILITY)
DOCK = f"dock-{FIRST_DOCK.lower()}"
LINKS_PAGE = "links-page"
"""Where links are served; prosecution writes it into manifests."""
BOARD = "board"
"""What people see in a browser (`bwv serve`)."""
GATEWAY = "gateway-stub"
"""The reference server of the prosecutor's gateway, for a trial."""

PORTS = "health/ports.json"

_ENGINES = ("console.cli.stages", "streams.engine.delivery", "streams.engine.long_work")
"""What every program imports sooner or later; named, since nothing below the console imports it."""


def programs(
    home: Path, *, stages: tuple[str, ...] = STAGES, dock: bool = True, gateway: bool = False, board: bool = True
) -> list[Program]:
    """One program a stage, and one dock over `<home>/dock`; each with a health port that stays.

    Args:
        gateway: run the reference gateway too, and submit to it.
        board: serve the board too.
    """
    names = [*stages, *([DOCK] if dock else [])]
    settings = load(home)
    ports = keep_ports(home / PORTS, [*names, LINKS_PAGE, BOARD, GATEWAY], print)
    bwv = (sys.executable, "-m", "console.cli.main", "--home", str(home))
    traces = ("streams.engine.spans",) if settings.otlp_endpoint else ()
    shared = {"BWV_LINKS_PORT": str(settings.links_port or ports[LINKS_PAGE])}
    if gateway:
        shared["BWV_GATEWAY"] = f"http://127.0.0.1:{ports[GATEWAY]}"
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
                env={"BWV_HEALTH_PORT": str(ports[name]), **shared},
                ready_url=f"http://127.0.0.1:{ports[name]}/ready",
                halts_on=(TOO_MANY_FAULTS,),
                imports=(*_ENGINES, *traces, f"streams.{'dock' if name == DOCK else name}"),
            )
        )
    if board:
        port = settings.board_port or ports[BOARD]
        made.append(
            Program(
                BOARD,
                (*bwv, "serve", "--port", str(port)),
                ready_url=f"http://127.0.0.1:{port}/ready",
                imports=("console.cli.serve",),
            )
        )
    if gateway:
        serve = (*bwv, "gateway-stub", "--port", str(ports[GATEWAY]), "--folder", str(home / "gateway"))
        made.append(Program(GATEWAY, serve))
    return made


def gateway_url(home: Path) -> str:
    """Where the reference gateway of a home is."""
    return f"http://127.0.0.1:{kept_ports(home / PORTS)[GATEWAY]}"
