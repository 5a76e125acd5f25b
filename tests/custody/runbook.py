"""docs/runbook.md as something that runs: its blocks by name, on a machine of their own."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from local.postgres import Postgres, find_binaries

PAGE = Path(__file__).parents[2] / "docs" / "runbook.md"
BLOCKS: dict[str, str] = dict(re.findall(r"^```sh ([a-z-]+)\n(.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL))
"""Name of a block → its commands. A reader sees no name: it stands behind the language."""


def run_block(
    name: str, environment: Mapping[str, str | Path], prefix: tuple[str, ...] = ()
) -> subprocess.CompletedProcess[str]:
    """Run a block as it stands on the page; whatever in it fails, fails."""
    command = [*prefix, "bash", "-e", "-u", "-o", "pipefail", "-c", BLOCKS[name]]
    programs = [str(find_binaries()), str(Path(sys.executable).parent), "/usr/local/bin", "/usr/bin", "/bin"]
    given = {"PATH": os.pathsep.join(programs), "LANG": "C.UTF-8"} | {k: str(v) for k, v in environment.items()}
    done = subprocess.run(command, env=given, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, f"{name} ended with {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done


class Machine:
    """A database server that the runbook's commands start, stop and restore, as its page says.

    The stack's own class makes the cluster and its password; from then on it is the engineer's.
    """

    def __init__(self, folder: Path) -> None:
        self.server = Postgres(folder / "postgres", folder / "credentials")
        self.server.start()
        self.dsn = self.server.dsn
        self.server.stop()
        self.prefix = self.server._person.prefix
        self.data = self.server.folder / "data"
        backups = folder / "backups"
        backups.mkdir()
        os.chown(backups, *self.server._person.owner)
        os.chown(folder, *self.server._person.owner)
        os.chown(self.server.folder, *self.server._person.owner)
        self.environment: dict[str, str | Path] = {
            "HOME": folder, "PGDATA": self.data, "BACKUPS": backups, "PGHOST": "127.0.0.1",
            "PGPORT": str(self.server.ports["postgres"]), "PGUSER": "bwv", "PGDATABASE": "bwv",
            "PGPASSFILE": self.server.passfile,
        }  # fmt: skip
        self.begin()

    def run(self, name: str, **more: str | Path) -> str:
        """Run a block of the page; returns what it printed."""
        return run_block(name, {**self.environment, **more}, self.prefix).stdout

    def begin(self) -> None:
        """Start as the machine's service would."""
        log = self.data.parent / "first.log"
        self._pg_ctl("start", "--wait", "--log", str(log))

    def crash(self, data: Path | None = None) -> None:
        """End without a checkpoint and without archiving anything."""
        self._pg_ctl("stop", "--wait", "--mode", "immediate", data=data)

    def stop(self, data: Path | None = None) -> None:
        """Stop in order."""
        self._pg_ctl("stop", "--wait", "--mode", "fast", data=data)

    def resume(self, data: Path) -> None:
        """Start what was stopped."""
        self._pg_ctl("start", "--wait", "--log", f"{data}.log", data=data)

    def end(self, *others: Path) -> None:
        """Leave nothing running, whatever happened."""
        for data in (self.data, *others):
            if (data / "postmaster.pid").exists():
                self.crash(data)

    def _pg_ctl(self, *arguments: str, data: Path | None = None) -> None:
        command = [*self.prefix, str(find_binaries() / "pg_ctl"), "--pgdata", str(data or self.data), *arguments]
        subprocess.run(command, capture_output=True, timeout=120, check=True, cwd=self.data.parent)
