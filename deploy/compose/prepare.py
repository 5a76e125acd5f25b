"""Bring bucket, schema and topics up to date before any stage starts; safe to repeat.

It makes no key, as the local stack's start does: make_secrets.py has made them, and this container is given none.
"""

from __future__ import annotations

import asyncio

from streams.engine.admin import apply as apply_topics
from streams.settings import load
from streams.vaults import access_of
from workers.database.schema import upgrade
from workers.vault.provision import create_bucket


def main() -> None:
    """Prepare what the settings name."""
    settings = load()
    create_bucket(access_of(settings, "admin"))
    upgrade(settings.database, settings.namespace)
    asyncio.run(apply_topics(settings))


if __name__ == "__main__":
    main()
