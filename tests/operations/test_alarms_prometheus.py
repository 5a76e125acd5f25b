"""deploy/prometheus and deploy/grafana: they name what there is, and a real Prometheus answers every question."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import shutil
import subprocess
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from streams.alarms import Shown
from streams.engine.health import Health
from streams.engine.metrics import ECOSYSTEM, METRICS
from workers.operations.alarms.figures import Figures, Overdue, Room, Verified
from workers.operations.alarms.table import ALARMS, BY_NAME
from workers.operations.lag.figures import stage_lag
from workers.operations.lag.history import Look, Members, Place
from workers.serving import listen

DEPLOY = Path(__file__).parents[2] / "deploy"
RULES: list[dict[str, Any]] = yaml.safe_load((DEPLOY / "prometheus" / "rules.yml").read_text())["groups"][0]["rules"]
DASHBOARDS = sorted((DEPLOY / "grafana").glob("*.json"))
QUERIES = [
    (path.stem, panel["title"], target["expr"])
    for path in DASHBOARDS
    for panel in json.loads(path.read_text())["panels"]
    for target in panel["targets"]
]
SERIES = {"up", *METRICS, *ECOSYSTEM, *(f"{name}_{part}" for name in METRICS for part in ("bucket", "sum", "count"))}
STAGES = ("alarms", "relay", "record", "scrub", "sweep", "lease", "receipts")


def program(name: str) -> str:
    """Debian's prometheus package brings both."""
    found = shutil.which(name)
    if found is None:
        if os.environ.get("CI"):
            pytest.fail(f"{name} is not on the PATH: apt-get install prometheus")
        pytest.skip(f"no {name} here")
    return found


def series(expr: str) -> set[str]:
    """The metrics that an expression names."""
    return set(re.findall(r"\b(?:bwv|kafka)_\w+|\bup\b", re.sub(r'"[^"]*"', "", expr)))


def test_there_is_one_rule_for_each_alarm_with_its_words() -> None:
    assert [rule["alert"] for rule in RULES] == [alarm.name for alarm in ALARMS]
    for rule in RULES:
        alarm, says = BY_NAME[rule["alert"]], rule["annotations"]
        assert (says["summary"], says["action"]) == (alarm.title, alarm.do)
        assert says["runbook_url"].endswith(f"docs/runbook.md#{alarm.name}")
        assert rule["labels"] == {"severity": alarm.severity}
        own = rule["expr"] == f'bwv_alarms_open{{alarm="{alarm.name}"}} > 0'
        assert rule["for"] == ("0s" if own else f"{alarm.lasts:.0f}s")


@pytest.mark.parametrize("expr", sorted({rule["expr"] for rule in RULES} | {expr for _, _, expr in QUERIES}))
def test_only_metrics_that_are_listed_are_asked_for(expr: str) -> None:
    assert series(expr) and series(expr) <= SERIES


def test_promtool_finds_nothing_wrong() -> None:
    for what, file in (("rules", "rules.yml"), ("config", "prometheus.yml")):
        done = subprocess.run([program("promtool"), "check", what, str(DEPLOY / "prometheus" / file)],
                              capture_output=True, text=True, timeout=60, check=False)  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        assert f"{len(RULES)} rules found" in done.stdout


@pytest.fixture
async def prometheus(tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    """A real one with the files that are shipped, over health ports as stages open them, looking every second."""
    server = program("prometheus")
    healths = [Health(stage) for stage in STAGES]
    async with contextlib.AsyncExitStack() as stack:
        for health in healths:
            await health.serve()
            stack.push_async_callback(health.stop)
            health.joined()
            health.waits_for("object store", "no answer")
            with health.working():
                health.handled.inc()
        _show(healths[0])
        for name in ("prometheus.yml", "rules.yml"):
            text = (DEPLOY / "prometheus" / name).read_text()
            (tmp_path / name).write_text(text.replace("15s", "1s").replace("for: 60s", "for: 0s"))
        (tmp_path / "targets").mkdir()
        targets = [{"targets": [f"127.0.0.1:{health.port}" for health in healths]}]
        (tmp_path / "targets" / "here.json").write_text(json.dumps(targets))
        free = listen("127.0.0.1", 0)
        address = f"127.0.0.1:{free.getsockname()[1]}"
        free.close()
        process = await asyncio.create_subprocess_exec(
            server, f"--config.file={tmp_path}/prometheus.yml", f"--storage.tsdb.path={tmp_path}/data",
            f"--web.listen-address={address}", "--log.level=error", cwd=tmp_path,
        )  # fmt: skip
        client = await stack.enter_async_context(httpx.AsyncClient(base_url=f"http://{address}", timeout=10))
        try:
            yield client
        finally:
            process.terminate()
            await process.wait()


def _show(alarms: Health) -> None:
    now = datetime.now(UTC)
    shown = Shown(alarms, "bwv")
    shown.fired({"quarantine": 1})
    shown.figures(Figures(now=now, verified=Verified(1, 0, 40.0), unverified=Overdue(), unreleased=Overdue(),
                          dead_letters={"intake": 1}, quarantined={"clip": "other bytes"}, store="",
                          disks={"/": Room(90, 100)}))  # fmt: skip
    place = Place("clips.secured", 0, 3, 0, 5, "m", oldest=now.timestamp() - 50)
    looks = tuple(Look(now.timestamp() - ago, Members.THERE, (place,), clips=2, bytes=600) for ago in (50, 25, 0))
    shown.lags([stage_lag("verification", looks)])


async def test_each_question_of_the_dashboards_has_an_answer_and_alerts_fire(prometheus: httpx.AsyncClient) -> None:
    async def ask(expr: str) -> list[dict[str, Any]]:
        try:
            answer = (await prometheus.get("/api/v1/query", params={"query": expr})).json()
        except httpx.TransportError:
            return []  # it has not opened its port yet
        assert answer["status"] == "success", (expr, answer)
        found: list[dict[str, Any]] = answer["data"]["result"]
        return found

    async def until(expr: str) -> list[dict[str, Any]]:
        async with asyncio.timeout(60):
            while not (found := await ask(expr)):  # noqa: ASYNC110 - another process
                await asyncio.sleep(0.2)
            return found

    for dashboard, title, expr in QUERIES:
        try:
            await until(expr)
        except TimeoutError:
            pytest.fail(f"{dashboard}, {title}: {expr} is empty")
    [lag] = await until("kafka_consumergroup_group_lag")
    assert lag["metric"]["group"] == "bwv.verification" and lag["value"][1] == "2"
    assert lag["metric"]["topic"] == "bwv.clips.secured" and lag["metric"]["partition"] == "0"
    for name in ("quarantine", "dead-letters", "store-red"):
        await until(f'ALERTS{{alertname="{name}",alertstate="firing"}}')
    assert await ask('ALERTS{alertname="damaged"}') == []


@pytest.mark.parametrize("path", DASHBOARDS, ids=lambda path: path.stem)
def test_a_dashboard_takes_any_prometheus_and_its_panels_do_not_overlap(path: Path) -> None:
    board = json.loads(path.read_text())
    assert [variable["name"] for variable in board["templating"]["list"]] == ["datasource"]
    cells = set()
    for panel in board["panels"]:
        at = panel["gridPos"]
        mine = {(at["x"] + x, at["y"] + y) for x in range(at["w"]) for y in range(at["h"])}
        assert not mine & cells and at["x"] + at["w"] <= 24
        cells |= mine
        for source in (panel, *panel["targets"]):
            assert source["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
    assert len({panel["id"] for panel in board["panels"]}) == len(board["panels"]) >= 5
