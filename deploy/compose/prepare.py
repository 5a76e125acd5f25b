"""Bring bucket, schema and topics up to date before any stage starts; safe to repeat."""

from __future__ import annotations

import asyncio

from local.prepare import prepare
from streams.settings import load
from streams.vaults import access_of
from workers.vault.provision import create_bucket


def main() -> None:
    """Prepare what the settings name."""
    settings = load()
    create_bucket(access_of(settings, "admin"))
    asyncio.run(prepare(settings))


if __name__ == "__main__":
    main()
