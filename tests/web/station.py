"""The board with the stages that decide complaints and holds behind it, over the same database and vault."""

from __future__ import annotations

from typing import Any

import pytest

from streams.encounters import Encounters
from streams.holds import Holds
from streams.messages import decode
from streams.settings import Settings
from streams.stage import Envelope, Parts, Stage
from streams.topics import BY_NAME
from tests.web.site import Site
from workers.database.engine import Database
from workers.fate.outbox import Event


class Station(Site):
    """What people ask is decided before their request returns; `away` stages take nothing."""

    def __init__(self, settings: Settings, database: Database, patch: pytest.MonkeyPatch) -> None:
        super().__init__(settings, database)
        patch.setattr("streams.holds.stage.open_vault", lambda *_, **__: self.vault)
        self.away = False
        self._waiting: list[Event] = []
        self._stages: list[Stage] = []

    async def open(self) -> Station:
        await self.database.execute("TRUNCATE enrolled_keys, outbox")
        await self.scene.prepare()
        parts = Parts(self.settings, self.database, self._wait)
        self._stages = [Encounters(parts), Holds(parts)]
        await self.server.start()
        return self

    async def enrolled(self, person: str) -> None:
        """A person's key, that stages know too."""
        key = self.key(person).enrolment()
        await self.database.execute(
            "INSERT INTO enrolled_keys (id, role, owner, public, enrolled_at, enrolled_by)"
            " VALUES (%s, %s, %s, %s, now(), 'test')",
            (key.id, key.role.value, key.owner, key.public),
        )

    async def stored(self, officer: str, **declared: Any) -> str:
        """A verified clip, as verification leaves it."""
        clip = await self.clip(officer, **declared)
        await self.database.execute(
            "UPDATE clip_fate SET verified_version = stored_version WHERE clip_id = %s", (clip,)
        )
        return clip

    async def _publish(self, event: Event) -> None:
        await super()._publish(event)
        if not self.away:
            await self._wait(event)
            await self.settle()

    async def _wait(self, event: Event) -> None:
        self._waiting.append(event)

    async def settle(self) -> None:
        """Give everything that was told to whoever listens, and have it recorded, until nothing is left."""
        while True:
            rows = await self.database.fetch(
                "UPDATE outbox SET sent_at = now() WHERE sent_at IS NULL"
                " RETURNING id, topic, key, event_id, subject, source, body"
            )
            for row in sorted(rows, key=lambda row: row["id"]):
                told = Event(row["topic"], row["key"], row["event_id"], row["subject"], row["source"], row["body"])
                await self.record(told)
                self._waiting.append(told)
            if not self._waiting:
                return
            await self._deliver(self._waiting.pop(0))

    async def _deliver(self, event: Event) -> None:
        message = decode(event.body, BY_NAME[event.topic].carries)
        headers = {"ce_id": event.id, "ce_type": f"bwv.{event.topic}"}
        for stage in self._stages:
            if event.topic in stage.listens:
                await stage.receive(message, Envelope(event.topic, 0, 0, event.key, 0.0, headers, event.body))

    async def close(self) -> None:
        await super().close()
        for stage in self._stages:
            if isinstance(stage, Holds):
                stage.threads.close()  # the vault is this board's own
        await self.database.execute("TRUNCATE enrolled_keys, outbox")
