"""The running system as the fault tests use it: shifts of cameras, failpoints by their markers, the invariants."""

from __future__ import annotations

import asyncio
import itertools
import os
import time
from collections.abc import Iterable
from pathlib import Path

import msgspec

from console.cli.common import run
from console.cli.keys import enrol_key
from local.background import start_in_background
from local.bootstrap import FIRST_DOCK, make_home
from local.sample import Camera
from local.system import programs
from streams.settings import load
from streams.topics import TOPICS
from streams.transfer import SWEEP_EVERY
from streams.vaults import open_vault
from tests.faults.proxy import FaultProxy
from tests.running import SETTINGS, RunningSystem
from workers.database.engine import Database
from workers.failpoints import FAILPOINTS
from workers.keys.keyring import load_public
from workers.operations.accounts import Tally, accounts, tallies
from workers.operations.collecting import Sight, collect
from workers.operations.invariants import check_all
from workers.operations.world import World

SMALL = 64 << 10
CHUNK = 5 << 20
PATIENCE = 120.0
ROUNDS = int(os.environ.get("BWV_TEST_KILLS", "1"))
"""How often each failpoint fires; everything after it meets the clips that those rounds have left."""
UNRECORDED = tuple(topic.name for topic in TOPICS if not topic.recorded)


class FaultySystem(RunningSystem):
    """All failpoints are armed from the start, each blocked by its marker; removing the marker lets it fire once."""

    def __init__(self, home: Path) -> None:
        super().__init__(home)
        self._numbers = itertools.count(1)
        self.docked: list[Camera] = []

    def start_with(self, proxies: dict[str, FaultProxy], more_settings: str = "") -> None:
        """Start everything, with a proxy between some stages and the store."""
        make_home(self.home, f'{SETTINGS}{more_settings}seal_after = 0.3\nfail = "{" ".join(FAILPOINTS)}"\n')
        self.markers.mkdir()
        self.disarm()
        kept = programs(self.home)
        for proxy in proxies.values():
            proxy.store = lambda: load(self.home).store
        kept = [
            msgspec.structs.replace(p, env={**p.env, "BWV_STORE": proxies[p.name].url}) if p.name in proxies else p
            for p in kept
        ]
        start_in_background(self.home, kept)
        self.settings = load(self.home)
        run(enrol_key(self.settings, load_public(self.settings.keys / "dock" / f"{FIRST_DOCK}.pub")))

    # -- failpoints ----------------------------------------------------------------------------------------

    @property
    def markers(self) -> Path:
        """While `markers/<failpoint>` exists, it does not fire."""
        return self.home / "failpoints"

    def arm(self, names: Iterable[str]) -> None:
        for name in names:
            (self.markers / name).unlink()

    def fired(self, name: str) -> bool:
        return (self.markers / name).exists()

    def disarm(self) -> None:
        for name in FAILPOINTS:
            (self.markers / name).touch()

    # -- cameras -------------------------------------------------------------------------------------------

    async def dock_fresh(self, *, small: int = 10, large: Iterable[int] = (), mismatched: int = 0) -> Camera:
        """Dock a new camera with recordings of random bytes, some of which are not what the camera declared."""
        number = next(self._numbers)
        name = f"BWC-{number:04}"
        camera = self.camera(name)
        draft = camera.folder.with_name(f"{name}.mp4")
        # What is not as declared is read twice, so it comes first.
        for position, size in enumerate([*[SMALL] * mismatched, *large, *[SMALL] * small]):
            draft.write_bytes(os.urandom(size))
            camera.record(draft, **({"sha256": f"{position:064}"} if position < mismatched else {}))
        await self.enrol(name)
        self.dock(camera, f"BAY-{number:02}")
        self.docked.append(camera)
        return camera

    async def in_flight(self) -> int:
        """Recordings that were docked and on which something still happens."""
        ledger = await self.ledger(*[camera.name for camera in self.docked])
        return sum(camera.sequence for camera in self.docked) - sum(line.settled for line in ledger.lines)

    async def all_settled(self, *, patience: float = PATIENCE) -> dict[str, int]:
        """Wait until nothing moves any more; how many recordings of all cameras stand where."""

        async def rest() -> dict[str, int] | None:
            if not self.docked:
                return {}
            ledger = await self.ledger(*[camera.name for camera in self.docked])
            done = len(ledger.lines) >= sum(c.sequence for c in self.docked) and not ledger.unsettled
            return ledger.counts() if done else None

        return await self.until(rest, "all cameras to settle", patience)

    # -- what must hold ------------------------------------------------------------------------------------

    async def recorded(self) -> bool:
        """Whether everything that was decided is relayed and on record."""
        rows = await self.sql(
            "SELECT count(*) AS missing FROM outbox o WHERE sent_at IS NULL OR (topic <> ALL(%s) AND NOT EXISTS"
            " (SELECT FROM custody c WHERE c.event_id = o.event_id))",
            list(UNRECORDED),
        )
        return not rows[0]["missing"]

    async def look(self, *, read_back: bool = True) -> World:
        """The world at rest."""
        await self.until(self.recorded, "everything to be on record", PATIENCE)
        settings = self.settings = load(self.home)
        sight = Sight(*[open_vault(settings, role) for role in ("record", "transfer", "verification")])
        services = [load_public(settings.keys / "service" / f"{name}.pub") for name in ("release", "transfer")]
        async with Database(settings.database, settings.namespace, size=1, wait=20) as database:
            return await collect(
                database,
                sight,
                [settings.dock_folder],
                namespace=settings.namespace,
                services=[*services, load_public(settings.trust_root)],
                unrecorded=UNRECORDED,
                read_back=read_back,
            )

    async def everything_holds(self) -> list[Tally]:
        """Settle, look at everything with full read-back, and demand every invariant."""
        await self.all_settled()
        world = await self.look()
        violations = check_all(world)
        # Transfer sweeps every ten seconds what a killed or sleeping process left open; nothing else may wait.
        end = time.monotonic() + 2 * SWEEP_EVERY
        while violations and all("an upload of it is still open" in str(v) for v in violations):
            assert time.monotonic() < end, f"not swept: {violations[0]}"
            await asyncio.sleep(0.5)
            world = await self.look()
            violations = check_all(world)
        assert not violations, "\n".join(map(str, violations[:20]))
        assert world.objects and all(o.sha256 for o in world.objects if o.key.split("/")[1] == "clips")
        return tallies(accounts(world))
