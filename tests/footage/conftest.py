from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from local.credentials import store_roles
from local.ffmpeg import find_ffmpeg
from local.postgres import Postgres
from local.stack import BUCKET, POLICIES
from local.store import Store
from streams import transfer as transfer_module
from streams.probe import Probe
from streams.settings import load
from streams.transfer import Transfer
from streams.verification import Verification
from tests.footage.footage_stages import Scene
from workers.database.engine import Database
from workers.database.schema import upgrade

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, Store, Postgres]]:
    home = tmp_path_factory.mktemp("footage")
    store = Store(home / "store", store_roles(home / "credentials", POLICIES), bucket=BUCKET)
    postgres = Postgres(home / "postgres", home / "credentials")
    try:
        store.start()
        postgres.start()
        yield home, store, postgres
    finally:
        store.stop()
        postgres.stop()


@pytest.fixture
async def scene(servers: tuple[Path, Store, Postgres], monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Scene]:
    home, store, postgres = servers
    settings = load(
        home,
        namespace=f"t{next(_numbers)}",
        store=store.endpoint,
        bucket=BUCKET,
        database=postgres.dsn,
        chunk_size=5 << 20,
        first_lock=60,
        ffprobe=find_ffmpeg().ffprobe,
    )
    upgrade(settings.database, settings.namespace)
    async with Database(settings.database, settings.namespace) as database:
        made = Scene(settings, database)
        await made.prepare()
        monkeypatch.setattr(transfer_module, "DockSource", made.source)
        yield made


@pytest.fixture
async def transfer(scene: Scene) -> AsyncIterator[Transfer]:
    stage = Transfer(scene.parts())
    await stage.start()
    yield stage
    await stage.stop()


@pytest.fixture
async def verification(scene: Scene) -> AsyncIterator[Verification]:
    stage = Verification(scene.parts())
    await stage.start()
    yield stage
    await stage.stop()


@pytest.fixture
async def probe(scene: Scene) -> AsyncIterator[Probe]:
    stage = Probe(scene.parts())
    await stage.start()
    yield stage
    await stage.stop()
