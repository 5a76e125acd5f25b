"""The files of deploy/prometheus and deploy/grafana as tests read them, and Debian's programs that judge them."""

from __future__ import annotations

import json
import os
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from streams.engine.metrics import ECOSYSTEM, METRICS

PROMETHEUS = Path(__file__).parents[2] / "deploy" / "prometheus"
DASHBOARDS = sorted((PROMETHEUS.parent / "grafana").glob("*.json"))
RULES: list[dict[str, Any]] = yaml.safe_load((PROMETHEUS / "rules.yml").read_text())["groups"][0]["rules"]
QUERIES = [
    (path.stem, panel["title"], target["expr"])
    for path in DASHBOARDS
    for panel in json.loads(path.read_text())["panels"]
    for target in panel["targets"]
]
"""Dashboard, panel and what it asks."""
SERIES = {"up", *METRICS, *ECOSYSTEM, *(f"{name}_{part}" for name in METRICS for part in ("bucket", "sum", "count"))}


def program(name: str) -> str:
    """Where `promtool` or `prometheus` is: Debian's package prometheus brings both."""
    found = shutil.which(name)
    if found is None:
        if os.environ.get("CI"):
            pytest.fail(f"{name} is not on the PATH: apt-get install prometheus")
        pytest.skip(f"no {name} here: apt-get install prometheus")
    return found


def series(expr: str) -> set[str]:
    """The metrics that an expression names."""
    return set(re.findall(r"\b(?:bwv|kafka)_\w+|\bup\b", re.sub(r'"[^"]*"', "", expr)))
