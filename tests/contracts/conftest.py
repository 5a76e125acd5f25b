"""A real store for the contract suites: SeaweedFS' `weed mini` with one identity per role.

The settings are those that keep it honest: no unauthenticated filer port, loopback only, no telemetry.
"""

from __future__ import annotations

import json
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from local.ports import keep_ports
from workers.errors import BwvError
from workers.vault.client import Access
from workers.vault.provision import create_bucket
from workers.vault.retry import Limits

POLICIES = Path(__file__).parents[2] / "deploy" / "policies"
ROLES = tuple(sorted(path.stem for path in POLICIES.glob("*.json")))
BUCKET = "evidence"


@dataclass(frozen=True)
class RealStore:
    endpoint: str
    keys: dict[str, tuple[str, str]]

    def access(self, role: str) -> Access:
        access_key, secret_key = self.keys[role]
        return Access(endpoint=self.endpoint, access_key=access_key, secret_key=secret_key, bucket=BUCKET, role=role)


@pytest.fixture(scope="session")
def real_store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealStore]:
    folder = tmp_path_factory.mktemp("weed")
    keys = {role: (f"{role}-key", secrets.token_hex(16)) for role in (*ROLES, "root")}
    (folder / "roles.json").write_text(json.dumps(_identities(keys)))
    (folder / "data").mkdir()
    ports = list(keep_ports(folder / "ports.json", [f"{n}" for n in range(11)], print).values())
    store = RealStore(f"http://127.0.0.1:{ports[0]}", keys)
    with (folder / "weed.log").open("wb") as log:
        process = subprocess.Popen(_command(folder, ports), stdout=log, stderr=subprocess.STDOUT)
        try:
            _wait_for_bucket(store, process, folder / "weed.log")
            yield store
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _identities(keys: dict[str, tuple[str, str]]) -> dict[str, object]:
    identities: list[dict[str, object]] = [
        {
            "name": role,
            "credentials": [{"accessKey": keys[role][0], "secretKey": keys[role][1]}],
            "policyNames": [role],
        }
        for role in ROLES
    ]
    identities.append(
        {
            "name": "root",
            "credentials": [{"accessKey": keys["root"][0], "secretKey": keys["root"][1]}],
            "actions": ["Admin"],
        }
    )
    policies = [{"name": role, "content": (POLICIES / f"{role}.json").read_text()} for role in ROLES]
    return {"identities": identities, "policies": policies}


def _command(folder: Path, ports: list[int]) -> list[str]:
    names = (
        "s3.port",
        "master.port",
        "master.port.grpc",
        "volume.port",
        "volume.port.grpc",
        "filer.port",
        "filer.port.grpc",
        "s3.port.grpc",
        "admin.port",
        "admin.port.grpc",
    )
    return [
        str(Path(sys.executable).with_name("weed")),
        "-logtostderr",
        "mini",
        f"-dir={folder / 'data'}",
        "-ip=127.0.0.1",
        "-ip.bind=127.0.0.1",
        "-disableHttp",
        "-master.telemetry=false",
        "-webdav=false",
        "-admin.ui=false",
        "-s3.port.iceberg=0",
        "-s3.port.lance=0",
        "-s3.autoCreateBucket=false",
        "-s3.allowDeleteBucketNotEmpty=false",
        "-s3.iam=false",
        f"-s3.config={folder / 'roles.json'}",
        "-master.volumeSizeLimitMB=1024",
        "-volume.max=200",
        *(f"-{name}={port}" for name, port in zip(names, ports, strict=False)),
    ]


def _wait_for_bucket(store: RealStore, process: subprocess.Popen[bytes], log: Path) -> None:
    patient = Limits(tries=1, connect=1.0, silence=5.0, request=5.0)
    deadline = time.monotonic() + 60
    while True:
        try:
            create_bucket(store.access("admin"), limits=patient)
            return
        except BwvError as error:
            if process.poll() is not None or time.monotonic() > deadline:
                raise AssertionError(f"weed did not start: {error}\n{log.read_text()[-4000:]}") from error
            time.sleep(0.1)
