"""One real store for the whole folder, beside the PostgreSQL of the session; a namespace for each test."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from local.credentials import store_roles
from local.stack import BUCKET, POLICIES
from local.store import Store
from streams.settings import load
from tests.footage.footage_stages import Scene
from tests.retention.desk import Desk, opened
from tests.retention.gone import Gone, service
from tests.retention.held import Held
from tests.retention.swept import Due
from tests.running import UNTIL_THE_FOLDER_ENDS
from workers.database.engine import Database
from workers.database.schema import upgrade

_NUMBERS = itertools.count(1)


@pytest.fixture(scope="session")
def evidence(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Store]:
    """A home and the store with the roles of deploy/policies."""
    home = tmp_path_factory.mktemp("retention")
    store = Store(home / "store", store_roles(home / "credentials", POLICIES), bucket=BUCKET)
    UNTIL_THE_FOLDER_ENDS.callback(store.stop)
    store.start()
    return home, store


@pytest.fixture
async def gone(evidence: tuple[Path, Store], dsn: str) -> AsyncIterator[Gone]:
    """Clips that are to go."""
    home, store = evidence
    settings = load(
        home,
        namespace=f"gone{next(_NUMBERS)}",
        store=store.endpoint,
        bucket=BUCKET,
        database=dsn,
        first_lock=2.0,
        custody_lock=60.0,
    )
    upgrade(settings.database, settings.namespace)
    async with Database(settings.database, settings.namespace) as database:
        scene = Scene(settings, database)
        await scene.prepare()
        service(settings, "disposal")
        yield Gone(settings, database, scene)


@pytest.fixture
async def desk(database: Database, tmp_path: Path) -> AsyncIterator[Desk]:
    """A force with three people, no policy and no clips."""
    async with opened(database, tmp_path) as made:
        yield made


@pytest.fixture
async def held(evidence: tuple[Path, Store], dsn: str) -> AsyncIterator[Held]:
    """Clips that are to stay."""
    home, store = evidence
    settings = load(home, namespace=f"held{next(_NUMBERS)}", store=store.endpoint, bucket=BUCKET, database=dsn)
    upgrade(settings.database, settings.namespace)
    async with Database(settings.database, settings.namespace) as database:
        scene = Scene(settings, database)
        await scene.prepare()
        world = Held(settings, database, scene)
        yield world
        await world.stage.stop()


@pytest.fixture
async def due(evidence: tuple[Path, Store], schema: str, database: Database, dsn: str) -> Due:
    """Clips that fall due, with the policy for demonstrations in force."""
    home, store = evidence
    settings = load(home, namespace=schema, store=store.endpoint, bucket=BUCKET, database=dsn)
    force = Due(settings, database)
    await force.adopt()
    return force
