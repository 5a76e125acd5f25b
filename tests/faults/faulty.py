"""The running system as the fault tests use it: shifts of cameras, failpoints by their markers, the invariants."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
from collections.abc import Iterable
from pathlib import Path

import msgspec

from console.cli.common import run
from console.cli.keys import enrol_key
from local.background import start_in_background, stop_background
from local.bootstrap import FIRST_DOCK, make_home
from local.sample import Camera
from local.system import programs
from streams.settings import load
from streams.topics import TOPICS
from streams.transfer import SWEEP_EVERY
from streams.vaults import open_vault
from tests.faults.proxy import FaultProxy
from tests.running import SETTINGS, RunningSystem, changed
from workers.database.engine import Database
from workers.failpoints import FAILPOINTS
from workers.keys.keyring import load_public
from workers.operations.accounts import Tally, accounts, tallies
from workers.operations.collecting import Sight, collect, unfinished
from workers.operations.invariants import check_all
from workers.operations.world import World

SMALL = 64 << 10
CHUNK = 5 << 20
PATIENCE = 120.0
LONGEST_PAUSE = 0.5
"""Before a part is started again: here it dies because it was killed, a dozen times a minute."""
SETTINGS_OF_FAULTS = {"seal_after": 1.0, "retry_most": 0.5, "dock_repeat": 5.0}
"""What is away is back at once, dozens of times. And a dock that repeats sooner tells everything a dozen times more
while its cameras wait for their turn, all of which is told again when everything is replayed."""
ROUNDS = int(os.environ.get("BWV_TEST_KILLS", "1"))
"""How often each failpoint fires; everything after it meets the clips that those rounds have left."""
UNRECORDED = tuple(topic.name for topic in TOPICS if not topic.recorded)


class FaultySystem(RunningSystem):
    """All failpoints are armed from the start, each blocked by its marker; removing the marker lets it fire once."""

    def __init__(self, home: Path) -> None:
        super().__init__(home)
        self._numbers = itertools.count(1)
        self.docked: list[Camera] = []
        self._last: World | None = None
        self._at_rest = 0  # so many of them were once seen with nothing moving

    def start_with(self, proxies: dict[str, FaultProxy], more_settings: str = "") -> None:
        """Start everything, with a proxy between some stages and the store."""
        ours = SETTINGS_OF_FAULTS | {"fail": " ".join(FAILPOINTS)}
        make_home(self.home, changed(SETTINGS, ours) + more_settings)
        self.markers.mkdir()
        self.disarm()
        kept = programs(self.home)
        for proxy in proxies.values():
            proxy.store = lambda: load(self.home).store
        kept = [
            msgspec.structs.replace(
                p,
                env=p.env | ({"BWV_STORE": proxies[p.name].url} if p.name in proxies else {}),
                longest_pause=LONGEST_PAUSE,
            )
            for p in kept
        ]
        start_in_background(self.home, kept)
        self.settings = load(self.home)
        run(enrol_key(self.settings, load_public(self.settings.keys / "dock" / f"{FIRST_DOCK}.pub")))

    def remove(self) -> None:
        """Kill everything in no order, and delete it."""
        stop_background(self.home, at_once=True)
        super().remove()

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
        moving = self.docked[self._at_rest :]
        if not moving:
            return 0
        ledger = await self.ledger(*[camera.name for camera in moving])
        return sum(camera.sequence for camera in moving) - sum(line.settled for line in ledger.lines)

    async def all_settled(self, *, patience: float = PATIENCE) -> dict[str, int]:
        """Wait until nothing moves any more; how many recordings of all cameras stand where."""

        async def rest(docked: list[Camera]) -> dict[str, int] | None:
            if not docked:
                return {}
            ledger = await self.ledger(*[camera.name for camera in docked])
            done = len(ledger.lines) >= sum(c.sequence for c in docked) and not ledger.unsettled
            return ledger.counts() if done else None

        # Those that were at rest before are read once and not with every look: there are many of them at the end.
        await self.until(lambda: rest(self.docked[self._at_rest :]), "the last cameras to settle", patience)
        counts = await self.until(lambda: rest(self.docked), "all cameras to settle", patience)
        self._at_rest = len(self.docked)
        return counts

    # -- what must hold ------------------------------------------------------------------------------------

    async def recorded(self) -> bool:
        """Whether everything that was decided is relayed and on record."""
        rows = await self.sql(
            "SELECT count(*) AS missing FROM outbox o WHERE sent_at IS NULL OR (topic <> ALL(%s) AND NOT EXISTS"
            " (SELECT FROM custody c WHERE c.event_id = o.event_id))",
            list(UNRECORDED),
        )
        return not rows[0]["missing"]

    async def no_upload_left(self) -> bool:
        """Whether nothing is left of uploads that a killed or sleeping process began."""
        if await self.sql("SELECT 1 FROM open_uploads LIMIT 1"):
            return False
        return not await asyncio.to_thread(unfinished, self.sight(), [f"{self.settings.namespace}/"])

    def sight(self) -> Sight:
        """The roles that together see all of the vault."""
        return Sight(*[open_vault(self.settings, role) for role in ("record", "transfer", "verification")])

    async def look(self, *, last: bool = False) -> World:
        """The world at rest, every byte of the vault read back.

        Args:
            last: the test does nothing more to the system, so that its end judges the same look.
        """
        await self.until(self.recorded, "everything to be on record", PATIENCE)
        # Transfer sweeps now and then what a killed or sleeping process left open; nothing else may wait.
        with contextlib.suppress(AssertionError):  # what is left after that time is a violation, with its name
            await self.until(self.no_upload_left, "what was left open to be swept", 2 * SWEEP_EVERY)
        settings = self.settings = load(self.home)
        services = [load_public(settings.keys / "service" / f"{name}.pub") for name in ("release", "transfer")]
        async with Database(settings.database, settings.namespace, size=1, wait=20) as database:
            world = await collect(
                database,
                self.sight(),
                [settings.dock_folder],
                namespace=settings.namespace,
                services=[*services, load_public(settings.trust_root)],
                unrecorded=UNRECORDED,
                read_back=True,
            )
        self._last = world if last else None
        return world

    async def everything_holds(self) -> list[Tally]:
        """Settle, look at everything with full read-back, and demand every invariant."""
        await self.all_settled()
        world, self._last = self._last or await self.look(), None
        violations = check_all(world)
        assert not violations, "\n".join(map(str, violations[:20]))
        assert world.objects and all(o.sha256 for o in world.objects if o.key.split("/")[1] == "clips")
        return tallies(accounts(world))
