# ruff: noqa: ASYNC240 (small files, and nothing else runs)
"""Verified clips in a real store, people who order, and the derivation stage as its engine calls it."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import msgspec

from streams.derivation import Derivation
from streams.messages import DerivativeRequested, encode
from streams.settings import Settings
from streams.stage import Envelope
from streams.vaults import open_vault
from tests.footage.footage_stages import Scene
from workers.database.engine import Database
from workers.footage.canonical import derived_id
from workers.keys.keyring import save_public
from workers.keys.signing import Role, Signed, Signer
from workers.keys.statements import PURPOSES, now_iso
from workers.prosecution.derivatives.needed import ordered
from workers.prosecution.derivatives.rows import Derivative, find_derivative
from workers.prosecution.statements import DerivativeKind, DerivativeOrder
from workers.retention.answers import Answer, answer_to
from workers.vault.keys import attempt_keys, derivatives_prefix
from workers.vault.vault import Version

_NUMBERS = itertools.count(1)


class Studio:
    """One namespace."""

    def __init__(self, settings: Settings, database: Database, scene: Scene) -> None:
        self.settings = settings
        self.database = database
        self.scene = scene
        path = settings.keys / "service" / "derivation.pem"
        if not path.exists():
            signer = Signer.new(Role.SERVICE, "derivation")
            signer.save(path)
            save_public(signer.enrolment(), path.with_suffix(".pub"))
        self.stage = Derivation(scene.parts())

    async def clip(self, file: Path, *, stored: bytes | None = None, **recording: Any) -> str:
        """A clip as verification leaves it.

        Args:
            stored: what lies in the vault instead of what the dock signed.
        """
        data = file.read_bytes()
        registered = await self.scene.registered(data, recording=f"R{next(_NUMBERS)}", **recording)
        vault = open_vault(self.settings, "transfer")
        key = attempt_keys(self.settings.namespace, registered.clip_id, 1).footage
        version = vault.put_new(key, stored if stored is not None else data, lock_until=None)
        vault.close()
        await self.database.execute(
            "UPDATE clip_fate SET standing = 'verified', stored_version = %s, verified_version = %s WHERE clip_id = %s",
            (version.version_id, version.version_id, registered.clip_id),
        )
        return registered.clip_id

    def order(
        self,
        clip: str,
        kind: DerivativeKind,
        start: float | None = None,
        end: float | None = None,
        redaction: str | None = None,
    ) -> DerivativeOrder:
        return ordered(clip, kind, start, end, redaction, by="ADMIN", at=now_iso(), reason="JS/1")

    def signed(self, order: DerivativeOrder) -> Signed:
        return self.scene.person.sign(PURPOSES[DerivativeOrder], order)

    def request(self, order: DerivativeOrder, signed: Signed | None = None) -> tuple[DerivativeRequested, Envelope]:
        """The message of an order, each time another one."""
        message = DerivativeRequested(order.derivative_id, order.clip_id, signed or self.signed(order))
        headers = {"ce_id": derived_id("evt", order.derivative_id, next(_NUMBERS))}
        return message, Envelope("derivatives.requested", 0, 0, order.clip_id, 0.0, headers, encode(message))

    async def ask(self, order: DerivativeOrder) -> Answer:
        """Order something; what was answered in the end."""
        message, envelope = self.request(order)
        await self.stage.receive(message, envelope)
        return await self.answered(envelope)

    async def answered(self, envelope: Envelope) -> Answer:
        found = await answer_to(self.database, envelope.headers["ce_id"])
        assert found is not None, "nobody answered"
        return found

    async def row(self, order: DerivativeOrder) -> Derivative | None:
        return await find_derivative(self.database, order.derivative_id)

    async def told(self, topic: str) -> list[dict[str, Any]]:
        """Bodies of a topic's events in the outbox."""
        rows = await self.database.fetch("SELECT body FROM outbox WHERE topic = %s ORDER BY id", (topic,))
        return [msgspec.json.decode(row["body"]) for row in rows]

    def lying(self, clip: str) -> list[Version]:
        """Everything that was made from a clip."""
        vault = open_vault(self.settings, "disposal")
        try:
            return list(vault.list_versions(derivatives_prefix(self.settings.namespace, clip)))
        finally:
            vault.close()

    def media(self, made: Derivative) -> bytes:
        """The bytes of what was made, by its version."""
        assert made.key is not None and made.version_id is not None
        vault = open_vault(self.settings, "prosecution")
        try:
            return vault.get_small(made.key, made.version_id, limit=64 << 20)
        finally:
            vault.close()
