"""A custody log for figures: what happened in a month, told as the stages tell it."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from streams.messages import EncounterJoined, JoinedGap
from tests.custody.logs import Sealed, clip, grow
from workers.custody.entry import Recorded
from workers.custody.queries import SealedHead, newest_seal
from workers.database.engine import Database
from workers.footage.recording import Kind, Recording, Report, SourceType
from workers.vault.fake import FakeVault
from workers.vault.keys import custody_payload_prefix

OCTOBER = "2026-10-14T12:00:00+00:00"


class Told:
    """What is told, in the order of telling; `written` appends it to the log."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self._later = timedelta(0)
        vault = FakeVault(lambda: datetime.now(UTC) + self._later)
        self.sealed = Sealed(database, vault)
        self._numbers = itertools.count(1)
        self._clips = itertools.count(1)
        self._waiting: list[Recorded] = []

    def tell(self, type_: str, content: Mapping[str, Any], at: str = OCTOBER, verb: str = "alteration") -> None:
        number = next(self._numbers)
        body = msgspec.json.encode(content)
        self._waiting.append(
            Recorded(
                topic=type_, partition=0, offset=number, event_id=f"evt-{number}", type=type_, time=at, source="test",
                subject=str(content.get("clip_id", "")), verb=verb, body=body, content=msgspec.json.decode(body),
            )
        )  # fmt: skip

    def recorded(
        self, at: str = OCTOBER, dock: str = "DOCK-01", device: str = "body_worn", kind: str = "footage"
    ) -> str:
        """A recording that became a clip; returns the clip."""
        number = next(self._clips)
        made = clip(number)
        recording = Recording(
            camera=f"BWC-{number:04}", recording=f"r{number}", source_type=SourceType(device), kind=Kind(kind),
            sequence=number, size=1000, sha256="0" * 64, measured_size=1000, measured_sha256="0" * 64,
            media_type="video/mp4", recorded_at=at, ended_at=None, trigger="button", owner="PC-CANARY",
            clock_offset=0.0, preroll=None, incident=None, urgent=False, incomplete=False, sidecar_size=10,
            sidecar_sha256="0" * 64,
        )  # fmt: skip
        report = Report(dock, "BAY-1", 1, at, "0" * 64, "http://dock/r", recording)
        signed = {"key": f"dock:{dock}:0000000000000000", "body": msgspec.json.encode(report).decode(), "signature": ""}
        self.tell("clips.registered", {"clip_id": made, "attempt": 1, "report": signed}, at, "collection")
        return made

    def did(self, type_: str, clip_id: str, at: str = OCTOBER, verb: str = "alteration", **more: Any) -> None:
        """Something was done with a clip."""
        self.tell(type_, {"clip_id": clip_id, "at": at, **more}, at, verb)

    def disposed(self, clip_id: str, at: str = OCTOBER, rule: str = "uncategorised") -> None:
        """A clip's deletion was certified: its payloads go."""
        self.did("clips.disposed", clip_id, at, "erasure", camera="C-1", policy=1, category="uncategorised", rule=rule)

    def submission(
        self,
        case: str,
        *clips: str,
        at: str = OCTOBER,
        recipient: str = "cps",
        answer: str | None = "acknowledged",
    ) -> str:
        """A submission that was prepared, sent and answered; of no clip: it says that nothing was recorded."""
        made = f"submission-{next(self._numbers)}"
        manifest = {
            "items": [{"clip_id": one} for one in clips],
            "mme": {"status": "recorded" if clips else "not_recorded"},
        }
        told = {"submission_id": made, "case_id": case}
        self.tell("submissions.prepared", told | {"recipient": recipient, "manifest": manifest}, at, "disclosure")
        for one in clips:
            self.did("clips.submitted", one, at, "disclosure", **told)
        self.tell("submissions.sent", told | {"attempt": 1}, at, "disclosure")
        if answer:
            self.tell(f"submissions.{answer}", told | {"state": answer}, at, "disclosure")
        return made

    def outcome(self, case: str, outcome: str, on: str, defendant: str = "D1", *, withdrawn: bool = False) -> None:
        """What became of a defendant, or that it was recorded by mistake."""
        change = {"type": "outcome-withdrawn" if withdrawn else "outcome", "defendant": defendant, "outcome": outcome,
                  "on": on}  # fmt: skip
        body = msgspec.json.encode({"case_id": case, "change": change}).decode()
        self.tell("cases.changed", {"case_id": case, "version": 1, "change": {"key": "k", "body": body}},
                  verb="combination")  # fmt: skip

    def encounter(self, name: str, *gaps: tuple[str, str | None], officers: int = 1, at: str = OCTOBER,
                  kind: str = "stop_search", bcu: str | None = "CW", borough: str | None = "Camden",
                  version: int = 1, telling: int = 1) -> None:  # fmt: skip
        """What the join of an encounter came to."""
        unfilmed = sum(gap == "none" for gap, _ in gaps)
        said = EncounterJoined(
            encounter_id=name, version=version, telling=telling, kind=kind, at=at, bcu=bcu, borough=borough,
            officers=officers, filmed=officers - unfilmed, gaps=tuple(JoinedGap(*gap) for gap in gaps),
        )  # fmt: skip
        self.tell("encounters.joined", msgspec.to_builtins(said), verb="combination")

    def gone(self, about: str) -> None:
        """The payloads that are about a clip, or about none, are deleted in the vault, once their locks are over."""
        self._later = timedelta(days=3)
        for version in list(self.sealed.vault.list_versions(custody_payload_prefix("force", about))):
            self.sealed.vault.delete_version(version.key, version.version_id)
        self._later = timedelta(0)

    def changed(self, name: str, change: Callable[[bytes], bytes | None]) -> Callable[[], None]:
        """Somebody who may do anything at the store changes the last object of the log under a name, or takes it away.

        Args:
            name: how its name begins: "tile/entries/000", "checkpoints/".

        Returns:
            What puts the old bytes back.
        """
        vault = self.sealed.vault
        self._later = timedelta(days=3)  # no lock of the day it was written stands any more
        *_, found = vault.list_versions(f"force/custody/{name}")
        before = vault.get_small(found.key, found.version_id, limit=1 << 26)
        vault.delete_version(found.key, found.version_id)
        after = change(before)
        assert after != before, "nothing was changed"
        if after is not None:
            vault.put_new(found.key, after, lock_until=None)
        self._later = timedelta(0)

        def back() -> None:
            for version in list(vault.list_versions(found.key)):
                vault.delete_version(version.key, version.version_id)
            vault.put_new(found.key, before, lock_until=None)

        return back

    async def written(self) -> None:
        """Append what was told."""
        waiting, self._waiting = self._waiting, []
        if waiting:
            await grow(self.database, waiting)

    async def seal(self) -> SealedHead:
        """Append and seal; returns the head."""
        await self.written()
        await self.sealed.seal()
        head = await newest_seal(self.database)
        assert head is not None
        return head
