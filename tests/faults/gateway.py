"""The prosecutor's gateway as the fault tests use it: `bwv gateway-stub` in a process that is killed and comes back."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import time
from pathlib import Path

import httpx
import msgspec

from local.ports import keep_ports
from workers.prosecution.gateway.contract import Receipt, path_of
from workers.prosecution.gateway.stub.script import Rule, Script, Standing

SETTINGS = """\
gateway = "{url}"
gateway_delivers = "bytes"
gateway_every = 0.3
gateway_answer_within = 1800.0
"""
"""Of the system that sends to it. Half an hour, so that an hour without it makes every receipt late."""


class GatewayProcess:
    """The reference server at an address that stays; what it keeps outlives it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = keep_ports(folder / "port.json", ["gateway"], print)["gateway"]
        self.url = f"http://127.0.0.1:{self.port}"
        self.kills = 0
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, if it does not run; returns when it answers."""
        if self._process is not None:
            return
        words = ("gateway-stub", "--port", str(self.port), "--folder", str(self.folder / "kept"))
        environment = os.environ | {"BWV_HOME": str(self.folder)}
        with (self.folder / "gateway.log").open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "console.cli.main", *words], env=environment, stdout=log, stderr=log
            )
        end = time.monotonic() + 30
        while True:
            try:
                httpx.get(f"{self.url}/script", trust_env=False)
                return
            except httpx.TransportError:
                assert self._process.poll() is None and time.monotonic() < end, (
                    self.folder / "gateway.log"
                ).read_text()
                time.sleep(0.05)

    def kill(self) -> None:
        """SIGKILL, if it runs."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(10)
            self._process = None
            self.kills += 1

    def follow(self, *rules: Rule) -> None:
        """Do this from now on, and nothing that was said before."""
        script = msgspec.json.encode(Script(rules, forget_rules=True))
        httpx.post(f"{self.url}/script", content=script, trust_env=False).raise_for_status()

    def standing(self) -> Standing:
        return msgspec.json.decode(httpx.get(f"{self.url}/script", trust_env=False).content, type=Standing)

    def receipt(self, submission: str) -> Receipt:
        answer = httpx.get(self.url + path_of(submission), trust_env=False).raise_for_status()
        return msgspec.json.decode(answer.content, type=Receipt)

    def stored(self, submission: str) -> dict[str, str]:
        """Number of each file that it has of a submission → SHA-256, measured now."""
        files = sorted((self.folder / "kept/items" / submission).iterdir())
        return {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in files}
