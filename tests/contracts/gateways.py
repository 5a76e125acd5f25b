"""Gateways to test: the reference server in this process, or an adapter at BWV_TEST_GATEWAY (docs/gateway.md)."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from workers.footage.canonical import derived_id, sha256_hex
from workers.prosecution.gateway.stub.server import StubServer

ADAPTER = os.environ.get("BWV_TEST_GATEWAY", "")
"""Address of an adapter; its bearer token, where it wants one, in BWV_TEST_GATEWAY_TOKEN."""


@asynccontextmanager
async def stub(folder: Path, *, port: int = 0, token: str | None = None) -> AsyncIterator[StubServer]:
    """The reference server while the block lasts."""
    server, stopping = StubServer(folder, port=port, token=token), asyncio.Event()
    serving = asyncio.create_task(server.serve(stopping))
    try:
        yield server
    finally:
        stopping.set()
        await serving


def contents(manifest: dict[str, Any]) -> dict[int, bytes]:
    """The bytes of each item of a manifest that `manifest_of` made."""
    return {item["n"]: item["reference"].encode() * 1000 for item in manifest["items"]}


def manifest_of(name: str, items: int = 2, **changes: Any) -> dict[str, Any]:
    """A manifest as the prosecution stage writes it; `name` makes it itself."""
    submission = derived_id("submission", name)
    made = {
        "format": "bwv-submission/1", "submission_id": submission, "namespace": "bwv",
        "case": {"case_id": derived_id("case", name), "urn": "01AB0012321", "kind": "prosecution", "title": "R v X",
                 "officer": "PC 1"},
        "purpose": "charging", "purpose_item": None, "recipient": "cps", "link": f"http://127.0.0.1:1/l/{name}",
        "ordered_by": "ADMIN", "ordered_at": "2026-10-01T10:00:00.000Z", "mme": {"status": "recorded"},
        "items": [_item(f"{name}/{n}", n) for n in range(1, items + 1)],
    }  # fmt: skip
    return made | changes


def _item(reference: str, n: int) -> dict[str, Any]:
    content = reference.encode() * 1000
    return {
        "n": n, "reference": reference, "clip_id": derived_id("clip", reference), "derivative_id": None,
        "kind": "master", "sha256": sha256_hex(content), "size": len(content), "media_type": "video/mp4",
        "parent_sha256": sha256_hex(content), "version_id": "v1", "key": "k", "description": "what it shows",
        "producer": "PC 1", "start": None, "end": None, "mme": {"status": "recorded"},
    }  # fmt: skip
