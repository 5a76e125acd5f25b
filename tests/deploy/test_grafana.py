"""deploy/grafana: each dashboard is one that Grafana's own model holds whole, for any Prometheus."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models.dashboard import Dashboard, Panel
from grafana_foundation_sdk.models.prometheus import Dataquery

from tests.deploy.monitoring import DASHBOARDS

register_default_plugins()


def lost(before: Any, after: Any, at: str = "") -> Iterator[str]:
    """What the model has no place for."""
    if isinstance(before, dict):
        for name, value in before.items():
            if not isinstance(after, dict) or name not in after:
                yield f"{at}/{name}"
            else:
                yield from lost(value, after[name], f"{at}/{name}")
    elif isinstance(before, list):
        if not isinstance(after, list) or len(before) != len(after):
            yield f"{at} has another length"
        else:
            for number, (one, other) in enumerate(zip(before, after, strict=True)):
                yield from lost(one, other, f"{at}[{number}]")
    elif before != after:
        yield f"{at}: {before!r} became {after!r}"


def through_the_model(board: dict[str, Any]) -> tuple[Dashboard, list[str]]:
    """The dashboard as the model has it, and what it lost there."""
    model = Dashboard.from_json(board)
    return model, list(lost(board, json.loads(JSONEncoder().encode(model))))


@pytest.mark.parametrize("path", DASHBOARDS, ids=lambda path: path.stem)
def test_a_dashboard_is_whole_in_grafanas_model(path: Path) -> None:
    model, gone = through_the_model(json.loads(path.read_text()))
    assert gone == []
    assert model.panels
    for panel in model.panels:
        assert isinstance(panel, Panel) and panel.targets
        assert all(isinstance(target, Dataquery) and target.expr for target in panel.targets)


@pytest.mark.parametrize("where", ("nonsense", "panels/0/targets/0/query", "panels/1/options/legends"))
def test_what_grafana_does_not_know_would_be_found(where: str) -> None:
    board = json.loads(DASHBOARDS[0].read_text())
    *path, name = where.split("/")
    place = board
    for step in path:
        place = place[int(step)] if step.isdigit() else place[step]
    place[name] = {"a": 1}
    _, gone = through_the_model(board)
    assert len(gone) == 1 and gone[0].endswith(f"/{name}")


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
