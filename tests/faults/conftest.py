"""One running system for all fault tests: a fault proxy before the store, every failpoint armed and blocked."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.faults.faulty import FaultySystem
from tests.faults.gateway import SETTINGS, GatewayProcess
from tests.faults.proxy import FaultProxy
from tests.running import UNTIL_THE_FOLDER_ENDS


@pytest.fixture(scope="session")
def proxies() -> dict[str, FaultProxy]:
    """One proxy for each stage that speaks to the store with bytes; they change nothing until told to."""
    made = {stage: FaultProxy() for stage in ("transfer", "verification")}
    for proxy in made.values():
        UNTIL_THE_FOLDER_ENDS.callback(proxy.close)
    return made


@pytest.fixture(scope="session")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> GatewayProcess:
    """The prosecutor's gateway: the reference server, a process of its own, which does not run until it is started."""
    process = GatewayProcess(tmp_path_factory.mktemp("gateway"))
    UNTIL_THE_FOLDER_ENDS.callback(process.kill)
    return process


@pytest.fixture(scope="session")
def running(
    tmp_path_factory: pytest.TempPathFactory,
    proxies: dict[str, FaultProxy],
    gateway: GatewayProcess,
    request: pytest.FixtureRequest,
) -> FaultySystem:
    system = FaultySystem(tmp_path_factory.mktemp("faults") / "home")
    UNTIL_THE_FOLDER_ENDS.callback(lambda: system.stop() if request.session.testsfailed else system.remove())
    system.start_with(proxies, SETTINGS.format(url=gateway.url))
    return system


@pytest.fixture
async def system(running: FaultySystem) -> AsyncIterator[FaultySystem]:
    """The running system; at the end of each test every invariant holds, every byte of the vault read back."""
    yield running
    running.disarm()
    await running.everything_holds()
