"""A batch of 180 clips to the gateway while cameras are docked: neither waits for the other.

    180 real MP4s are docked, verified and made exhibits of 60 cases. One batch of 180 rows goes to the gateway stub
    until each is acknowledged: alone, then while cameras are docked at the peak of the design (2.1 clips a second).
    Ingest, from registered to erased on the camera: without a batch, then with it.

`python -m benchmarks.submission`; each clip is a second of video of a few tens of kilobytes.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import shutil
import statistics
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from console.cli.asking import Request, exit_code, settled
from console.cli.common import signed_by_person
from console.cli.keys import enrol_key
from console.cli.stack import start
from local.background import stop_background
from local.sample import Camera, encode
from streams.messages import CaseRequested
from streams.settings import Settings
from workers.database.engine import Database, Row
from workers.footage.recording import SourceType
from workers.keys.signing import EnrolledKey, Role
from workers.keys.statements import now_iso
from workers.prosecution.cases.case_holds import wanted_holds
from workers.prosecution.identity import case_id
from workers.prosecution.statements import CaseChange, CaseKind, Change, ExhibitAdded, Opened

BWV = (sys.executable, "-m", "console.cli.main")
CLIPS = 180
A_CASE = 3
BAYS = 8
A_CAMERA = 2
"""Recordings of one camera in the load; one camera a second is the design's 2.1 clips a second."""

LONG = 600.0


class Films:
    """Real MP4s, each with other bytes."""

    def __init__(self, folder: Path, ffmpeg: str) -> None:
        folder.mkdir()
        self._folder = folder
        self._count = 0
        self._first = folder / "first.mp4"
        encode(ffmpeg, self._first, SourceType.BODY_WORN, seconds=1.0, bits_per_second=300_000)

    def camera(self, count: int, **sidecar: Any) -> Camera:
        """A camera with this many recordings, outside any dock."""
        self._count += 1
        camera = Camera(self._folder / f"BENCH-{self._count:05}", SourceType.BODY_WORN)
        for number in range(count):
            draft = self._folder / "draft.mp4"
            shutil.copyfile(self._first, draft)
            with draft.open("ab") as file:  # a free box at the end: other bytes, the same video
                file.write(struct.pack(">I4sII", 16, b"free", self._count, number))
            camera.record(draft, **sidecar)
        return camera


class Force:
    """A running system with a gateway, its cameras and cases."""

    def __init__(self, home: Path, settings: Settings) -> None:
        self.home = home
        self.settings = settings
        self.films = Films(home / "films", settings.ffmpeg)

    async def dock(self, cameras: dict[str, Camera]) -> None:
        """Put cameras into bays; the camera that was there is taken out."""
        for bay, camera in cameras.items():
            await enrol_key(self.settings, EnrolledKey(f"camera:{camera.name}:none", Role.CAMERA, camera.name, ""))
            place = self.settings.dock_folder / bay
            for there in place.glob("*"):
                shutil.rmtree(there)
            place.mkdir(parents=True, exist_ok=True)
            os.replace(camera.folder, place / camera.name)

    async def wiped(self, names: set[str]) -> list[Row]:
        """Wait until every recording of these cameras is erased on them; their rows."""
        end = time.monotonic() + LONG
        async with Database(self.settings.database, self.settings.namespace, size=1) as database:
            while True:
                rows = await database.fetch(
                    "SELECT clip_id, camera, camera_copy, extract(epoch FROM moved_at - registered_at) AS seconds"
                    " FROM clip_fate WHERE camera = ANY(%s) ORDER BY registered_at",
                    (sorted(names),),
                )
                left = [row for row in rows if row["camera_copy"] != "wiped"]
                if {row["camera"] for row in rows} == names and not left:
                    return rows
                if time.monotonic() > end:
                    raise SystemExit(f"{len(left)} of {len(rows)} clips were not erased within {LONG:g} s")
                await asyncio.sleep(0.5)

    async def filled(self, clips: int) -> list[str]:
        """That many verified clips."""
        cameras = {}
        for number in range(BAYS):
            share = clips // BAYS + (number < clips % BAYS)
            cameras[f"BAY-{number + 1:02}"] = self.films.camera(share)
        await self.dock(cameras)
        return [row["clip_id"] for row in await self.wiped({camera.name for camera in cameras.values()})]

    async def load(self, seconds: float) -> list[float]:
        """Dock a camera a second; what each of its clips took, in seconds."""
        names = set()
        end, number = time.monotonic() + seconds, 0
        while time.monotonic() < end:
            tick = time.monotonic()
            camera = self.films.camera(A_CAMERA)
            await self.dock({f"LOAD-{number % 40:02}": camera})
            names.add(camera.name)
            number += 1
            await asyncio.sleep(max(0.0, 1.0 - (time.monotonic() - tick)))
        return [float(row["seconds"]) for row in await self.wiped(names)]

    def cases(self, clips: list[str]) -> list[str]:
        """A case for every three clips; their URNs."""
        urns = [f"01AB{number:05}26" for number in range(len(clips) // A_CASE)]
        self._change([(urn, Opened(CaseKind.PROSECUTION, urn, "R v Bench", "PC 1")) for urn in urns])
        for place in range(A_CASE):
            added = []
            for number, urn in enumerate(urns):
                clip = clips[number * A_CASE + place]
                added.append((urn, ExhibitAdded(f"JS/{place + 1}", clip, "PC 1", "a second of video")))
            self._change(added)
        return urns

    def _change(self, changes: list[tuple[str, Change]]) -> None:
        asked = []
        for urn, change in changes:
            at, case, by = now_iso(), case_id(self.settings.namespace, urn), self.settings.person
            bare = isinstance(change, ExhibitAdded)
            holds = wanted_holds(urn, CaseKind.PROSECUTION, change, by=by, at=at, bare_clip=bare)
            signed_holds = tuple(signed_by_person(self.settings, hold) for hold in holds)
            body = CaseChange(case, change, "benchmark", by, at, signed_holds)
            signed = signed_by_person(self.settings, body)
            asked.append(Request("cases.requested", CaseRequested(case, signed), case, (signed.signature,)))
        answers = settled(self.settings, "cases", asked, what="changes of cases")
        if exit_code(answers):
            raise SystemExit(f"a case was not changed: {next(one.says for one in answers if one.verdict == 'refused')}")

    async def batch(self, urns: list[str], purpose: str) -> float:
        """One row for each exhibit, until all are acknowledged: seconds."""
        file = self.home / f"{purpose}.csv"
        rows = [f"{urn},JS/{place + 1},{purpose}" for urn in urns for place in range(A_CASE)]
        file.write_text("\n".join(["urn,exhibits,purpose", *rows]) + "\n")
        words = (*BWV, "--home", str(self.home), "submit", str(file), "--wait", str(LONG), "--json")
        began = time.monotonic()
        process = await asyncio.create_subprocess_exec(*words, stdout=subprocess.PIPE)
        out, _ = await process.communicate()
        seconds = time.monotonic() - began
        states = [row["state"] for row in json.loads(out)["rows"]]
        if process.returncode or states != ["acknowledged"] * len(rows):
            raise SystemExit(f"the batch ended with {process.returncode}: {sorted(set(map(str, states)))}")
        return seconds


@contextlib.contextmanager
def gateway(folder: Path) -> Iterator[str]:
    """The reference gateway in a process of its own; its address."""
    words = (*BWV, "gateway-stub", "--port", "0", "--folder", str(folder), "--json")
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        said = ""
        while not said.endswith("}\n"):
            said += process.stdout.readline()
        try:
            yield json.loads(said)["url"]
        finally:
            process.terminate()


def p95(values: list[float]) -> float:
    """95 of 100 are at most this."""
    return statistics.quantiles(values, n=20)[-1]


async def measured(force: Force, clips: int, seconds: float) -> None:
    """The four measurements."""
    print(f"{datetime.now(UTC):%H:%M:%S} docking {clips} clips", flush=True)
    urns = await asyncio.to_thread(force.cases, await force.filled(clips))
    print(f"{datetime.now(UTC):%H:%M:%S} {len(urns)} cases with {clips} exhibits", flush=True)
    alone = await force.batch(urns, "charging")
    quiet = await force.load(seconds)
    loaded, busy = await asyncio.gather(force.batch(urns, "trial"), force.load(seconds))
    print(f"\nbatch of {clips} rows until all are acknowledged: {alone:.1f} s alone, {loaded:.1f} s beside ingest")
    for name, values in (("without a batch", quiet), ("beside the batch", busy)):
        rate = len(values) / seconds
        print(f"ingest {name}: {len(values)} clips at {rate:.1f}/s, median {statistics.median(values):.2f} s,"
              f" p95 {p95(values):.2f} s from registered to erased")  # fmt: skip


def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clips", type=int, default=CLIPS, help="a multiple of three")
    parser.add_argument("--seconds", type=float, default=30.0, help="length of each load")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bwv-submission-") as folder, gateway(Path(folder) / "gateway") as url:
        home = Path(folder) / "home"
        more = f'gateway = "{url}"\ngateway_every = 0.5\ndock_settle = 0.3\nfirst_lock = 3600.0\n'
        try:
            force = Force(home, start(home, more_settings=more))
            asyncio.run(measured(force, arguments.clips - arguments.clips % A_CASE, arguments.seconds))
        finally:
            stop_background(home)


if __name__ == "__main__":
    main()
