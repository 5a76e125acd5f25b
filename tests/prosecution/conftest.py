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
from tests.prosecution.linked import Linked
from tests.prosecution.office import Office
from tests.running import UNTIL_THE_FOLDER_ENDS
from workers.database.engine import Database
from workers.database.schema import upgrade

_NUMBERS = itertools.count(1)


@pytest.fixture(scope="session")
def evidence(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Store]:
    """A home and the store with the roles of deploy/policies."""
    home = tmp_path_factory.mktemp("prosecution")
    store = Store(home / "store", store_roles(home / "credentials", POLICIES), bucket=BUCKET)
    UNTIL_THE_FOLDER_ENDS.callback(store.stop)
    store.start()
    return home, store


@pytest.fixture
async def office(evidence: tuple[Path, Store], dsn: str) -> AsyncIterator[Office]:
    """A case file office: people, clips in the store, the stages cases and holds."""
    home, store = evidence
    settings = load(home, namespace=f"office{next(_NUMBERS)}", store=store.endpoint, bucket=BUCKET, database=dsn)
    upgrade(settings.database, settings.namespace)
    async with Database(settings.database, settings.namespace) as database:
        scene = Scene(settings, database)
        await scene.prepare()
        made = Office(settings, database, scene)
        await made.enrol("BAKER")
        yield made
        await made.cases.stop()
        await made.stage.stop()


@pytest.fixture
async def linked(evidence: tuple[Path, Store], dsn: str, tmp_path: Path) -> AsyncIterator[Linked]:
    """Links that are served."""
    home, store = evidence
    settings = load(
        home,
        namespace=f"linked{next(_NUMBERS)}",
        store=store.endpoint,
        bucket=BUCKET,
        database=dsn,
        mail=str(tmp_path / "mail"),
    )
    upgrade(settings.database, settings.namespace)
    async with Database(settings.database, settings.namespace) as database:
        scene = Scene(settings, database)
        await scene.prepare()
        made = Linked(settings, database, scene)
        await made.stage.start()
        yield made
        await made.close()
