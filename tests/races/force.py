"""Clips that are about to go, and people who want something else for them at that very moment."""

from __future__ import annotations

import asyncio
import itertools
import random
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

import msgspec
from msgspec import Struct

from streams import messages as m
from streams.settings import Settings
from streams.vaults import open_vault
from tests.fate.rows import insert
from tests.races.runner import AHEAD, Ask
from tests.retention.swept import DIGEST, report
from workers.database.engine import Connection, Database
from workers.footage.canonical import derived_id, sha256_hex
from workers.footage.clip import clip_id
from workers.keys.signing import Role, Signer
from workers.keys.statements import PURPOSES, now_iso
from workers.retention.policies import current
from workers.retention.schedule import reschedule
from workers.retention.shipped import shipped
from workers.retention.statements import Adoption, Categorisation, HoldLift, HoldRequest, Restoration
from workers.vault.keys import attempt_keys
from workers.vault.values import Version

MONTHS = timedelta(days=40)
"""Age of the recordings: their period of 31 days is over."""

OBJECTS = 2
"""Footage and manifest."""

FAR = "2100-01-01"


class Race(StrEnum):
    """What meets what."""

    HOLD = "hold ∥ commit and delete"
    TWO_HOLDS = "two holds ∥ commit and delete"
    LIFT = "lift ∥ second hold ∥ disposal"
    CASE = "case closing ∥ intend ∥ restore"
    CATEGORY = "category change ∥ commit"
    LEASE = "lease extension ∥ commit"
    STANDING = "standing hold ∥ commit"
    POLICY = "policy adoption ∥ commit"


ALONE = (Race.STANDING, Race.POLICY)
"""Concern every clip there is, so nothing else meets in their rounds."""

BEFORE = {Race.LIFT: "manual", Race.CASE: "case"}
"""Races of clips that are under a hold from the beginning, for this reason."""


class Trial(Struct, frozen=True):
    """One clip and what is asked for it.

    Attributes:
        asked: request → what it asks for.
        before: the hold that it is under from the beginning.
    """

    race: Race
    clip: str
    asked: dict[str, str]
    before: str | None = None


class Force:
    """One namespace, with people, a policy and clips."""

    def __init__(self, settings: Settings, database: Database, threads: ThreadPoolExecutor) -> None:
        self.settings = settings
        self.database = database
        self.threads = threads
        self.person = Signer.new(Role.PERSON, "ADMIN")
        self.writing = open_vault(settings, "transfer")
        self.holding = open_vault(settings, "holds")
        self.numbers = itertools.count(1)

    async def prepare(self) -> None:
        """A person whom everybody knows, and a policy."""
        key = self.person.enrolment()
        await self.database.execute(
            "INSERT INTO enrolled_keys (id, role, owner, public, enrolled_at, enrolled_by)"
            " VALUES (%s, %s, %s, %s, now(), 'test')",
            (key.id, key.role.value, key.owner, key.public),
        )
        await self.adopt(self.policy())

        await self.database.execute(SEEN)

    async def committed_before(self, key: str) -> set[str]:
        """Clips whose disposal was committed when a standing hold or a policy was put in force."""
        [row] = await self.database.fetch("SELECT clips FROM races_seen WHERE key = %s", (key,))
        return set(row["clips"])

    def policy(self, period: str = "31 days") -> str:
        """A policy's text; each is another."""
        text = shipped("demo").replace('period = "31 days"', f'period = "{period}"', 1)
        return text.replace("floor = 50", f"floor = {1_000_000 + next(self.numbers)}")

    async def adopt(self, toml: str) -> None:
        """Put a policy in force, as its adoption leaves it."""
        await self.database.execute(
            "INSERT INTO policies (version, name, toml, sha256, adopted_at, adopted_by, adoption)"
            " SELECT COALESCE(max(version), 0) + 1, 'demo', %s, %s, now(), 'ADMIN', '{}' FROM policies",
            (toml, sha256_hex(toml.encode())),
        )

    # -- clips -------------------------------------------------------------------------------------------------

    async def trials(self, races: list[Race], spread: float) -> tuple[list[Trial], list[Ask]]:
        """A clip for each race, stored and due, and what people ask for while the sweep comes by.

        Args:
            spread: seconds in which the sweep is expected to come past all of them; it begins with the first.
        """
        names = [f"R{next(self.numbers)}" for _ in races]
        clips = [clip_id(self.settings.namespace, "CAM-1", name, 5, DIGEST) for name in names]
        loop = asyncio.get_running_loop()
        footage = await asyncio.gather(*(loop.run_in_executor(self.threads, self._store, clip) for clip in clips))
        trials, asks = list[Trial](), list[Ask]()
        async with self.database.transaction() as connection:
            for number, race in enumerate(races):
                trial, wanted = self._trial(race, clips[number], spread * number / len(races), spread)
                await self._insert(connection, trial, names[number], footage[number], number)
                trials.append(trial)
                asks += wanted
            await reschedule(connection, clips, await current(connection))
            leased = [trial.clip for trial in trials if trial.race is Race.LEASE]
            # The schedule is an index and may be late: for these it does not know yet that their time has come.
            await connection.execute("UPDATE schedule SET dispose_from = NULL WHERE clip_id = ANY(%s)", (leased,))
            await connection.execute("UPDATE schedule SET held = false")
        return trials, asks

    def _store(self, clip: str) -> Version:
        """What a transfer leaves, its first lock over."""
        keys = attempt_keys(self.settings.namespace, clip, 1)
        footage = self.writing.put_new(keys.footage, b"bytes", lock_until=None)
        self.writing.put_new(keys.manifest, b"{}", lock_until=None)
        return footage

    async def _insert(self, connection: Connection, trial: Trial, name: str, footage: Version, number: int) -> None:
        now = datetime.now(UTC)
        columns: dict[str, Any] = {
            "report": report(name, now - MONTHS),
            "recording": name,
            "standing": "released",
            "camera_copy": "wiped",
            "stored_version": footage.version_id,
            "verified_version": footage.version_id,
        }
        if trial.before is None:
            in_bin = now - AHEAD
            columns |= {
                "disposal": "intended",
                "intended_at": in_bin,
                "intent": {"policy": 1},
                "dispose_from": in_bin + timedelta(milliseconds=number),
            }
        else:
            columns["hold_reasons"] = (f"{BEFORE[trial.race]}/{trial.before}",)
            await self._held(connection, trial)
            await asyncio.to_thread(self.holding.set_legal_hold, footage, True)
        await insert(connection, columns, trial.clip)
        await connection.execute(
            "INSERT INTO clips (clip_id, source_type, recorded_at, docked_at, registered_at, clock_offset, incident)"
            " VALUES (%s, 'body_worn', %s, %s, %s, 0, 'INC-1')",
            (trial.clip, now - MONTHS, now - MONTHS, now - MONTHS),
        )

    async def _held(self, connection: Connection, trial: Trial) -> None:
        """As the stage holds leaves a clip that is under a hold."""
        past = datetime.now(UTC) - timedelta(days=1)
        await connection.execute(
            "INSERT INTO holds (hold_id, scope, reason, clip_id, restricted, request, placed_by, placed_at,"
            " earliest_end) VALUES (%s, 'clip', %s, %s, false, %s, 'ADMIN', %s, %s)",
            (trial.before, BEFORE[trial.race], trial.clip, SIGNED, past, past),
        )
        await connection.execute(
            "INSERT INTO hold_clips (hold_id, clip_id, state, says) VALUES (%s, %s, 'active', '')",
            (trial.before, trial.clip),
        )

    # -- what people ask for -----------------------------------------------------------------------------------

    def _trial(self, race: Race, clip: str, at: float, spread: float) -> tuple[Trial, list[Ask]]:
        """One clip's requests, some time around the moment at which the sweep comes to it.

        Args:
            at, spread: seconds: that moment, and how long a round takes.
        """
        before = derived_id("hold", clip, "before") if race in BEFORE else None
        asks = list[Ask]()
        match race:
            case Race.HOLD:
                asks = [self._hold(clip, around(at, spread))]
            case Race.TWO_HOLDS:
                asks = [self._hold(clip, around(at, spread)) for _ in range(2)]
            case Race.CATEGORY:
                asks = [self._category(clip, around(at, spread))]
            case Race.LIFT:
                asks = [self._hold(clip, random.random() * 1.5 * spread)]
            case Race.CASE:
                # It is in the bin for a moment only: somebody asks again and again.
                asks = [self._restore(clip, random.random() * 1.5 * spread) for _ in range(6)]
        if before is not None:
            asks.append(self._lift(before, random.random() * spread / 3))
        return Trial(race, clip, {ask.id: ask.topic for ask in asks}, before), asks

    def _hold(self, clip: str, after: float, **scope: Any) -> Ask:
        hold_id = derived_id("hold", clip, next(self.numbers))
        fields = {"scope": "clip", "reason": "inquest", "clip_id": clip} | scope
        asked = msgspec.convert({"hold_id": hold_id, "by": "ADMIN", "at": now_iso()} | fields, HoldRequest)
        told = m.HoldRequested(hold_id, self.person.sign(PURPOSES[HoldRequest], asked))
        return Ask(after, "holds", "holds.requested", hold_id, m.event_id("holds.requested", hold_id), m.encode(told))

    def standing_hold(self, after: float) -> Ask:
        """A hold on the incident that every clip here belongs to, docked or yet to be docked."""
        return self._hold("INC-1", after, scope="incident", incident="INC-1", clip_id=None)

    def _lift(self, hold_id: str, after: float) -> Ask:
        lift = HoldLift(hold_id, "no longer needed", "ADMIN", now_iso())
        told = m.HoldLiftRequested(hold_id, self.person.sign(PURPOSES[HoldLift], lift))
        return Ask(after, "holds", "holds.lift-requested", hold_id, self._event(), m.encode(told))

    def _category(self, clip: str, after: float) -> Ask:
        asked = Categorisation(clip, "evidential", "it is", "ADMIN", now_iso())
        told = m.CategoryRequested(clip, self.person.sign(PURPOSES[Categorisation], asked))
        return Ask(after, "retention", "categories.requested", clip, self._event(), m.encode(told))

    def _restore(self, clip: str, after: float) -> Ask:
        asked = Restoration(clip, FAR, "needed", "ADMIN", now_iso())
        told = m.RestoreRequested(clip, self.person.sign(PURPOSES[Restoration], asked))
        return Ask(after, "retention", "restores.requested", clip, self._event(), m.encode(told))

    async def adoption(self, after: float) -> Ask:
        """A policy that keeps everything for longer."""
        [row] = await self.database.fetch("SELECT max(version) + 1 AS next FROM policies")
        toml = self.policy("80 days")
        asked = Adoption(row["next"], toml, sha256_hex(toml.encode()), DIGEST, "by the board", "ADMIN", now_iso())
        told = m.PolicyAdoptionRequested(row["next"], self.person.sign(PURPOSES[Adoption], asked))
        return Ask(after, "retention", "policies.requested", str(row["next"]), self._event(), m.encode(told))

    def _event(self) -> str:
        return derived_id("evt", "race", next(self.numbers))

    async def leave(self) -> None:
        """Whatever is left of a round is nobody's concern in the next: a standing hold would cover it too."""
        for table in ("clip_fate", "clips", "schedule", "hold_clips", "holds", "disposals", "outbox", "answers"):
            await self.database.execute(f"DELETE FROM {table}")
        await self.adopt(self.policy())


SEEN = """
CREATE TABLE races_seen (key text PRIMARY KEY, clips text[] NOT NULL);
CREATE FUNCTION see() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    INSERT INTO races_seen SELECT to_jsonb(NEW) ->> TG_ARGV[0], COALESCE(array_agg(clip_id), '{}')
    FROM clip_fate WHERE disposal IN ('committed', 'done');
    RETURN NEW;
END $$;
CREATE TRIGGER see AFTER INSERT ON holds FOR EACH ROW WHEN (NEW.scope <> 'clip') EXECUTE FUNCTION see('hold_id');
CREATE TRIGGER see AFTER INSERT ON policies FOR EACH ROW EXECUTE FUNCTION see('version')
"""
"""Who takes the guard row notes what was committed by then; nothing may be committed beside it."""

SIGNED = '{"body": "{}", "key": "person:ADMIN:0", "signature": ""}'
"""The request of a hold that stood before; nobody opens it again."""


def around(at: float, spread: float) -> float:
    """Some moment near this one, in seconds."""
    return max(0.0, random.gauss(at, spread / 8))
