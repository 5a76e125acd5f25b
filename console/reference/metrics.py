"""The page of metrics: every name with its kind, labels and meaning, and which alerts and dashboards ask for it."""

from __future__ import annotations

from collections.abc import Mapping

from console.reference.pages import page, table
from streams.engine.metrics import ECOSYSTEM, ECOSYSTEM_LABELS, LABELS, METRICS, kind_of

STAGE = {"stage": "the process that shows it"}
FIRST_OF_ALARMS = "bwv_alarms_judged_timestamp_seconds"


def metrics_page() -> str:
    """All metrics in the order of their list."""
    names = list(METRICS)
    at = names.index(FIRST_OF_ALARMS)
    return page(
        "Metrics",
        "Each process shows its own at `/metrics` of its health port, on loopback (`health_port`; `bwv up` keeps them "
        "in `<home>/health/ports.json`). Beside these each has `process_*`: memory, CPU, open files. The alerts of "
        "`deploy/prometheus/rules.yml` and the dashboards of `deploy/grafana` ask for these names alone.",
        "## Of every process",
        _table(names[:at], METRICS, LABELS, STAGE),
        "## Of the stage `alarms`, about the whole system",
        _table(names[at:], METRICS, LABELS, STAGE),
        "## Lag, as the usual exporter of Kafka names it",
        "From the stage `alarms` too, without the label `stage`: dashboards and rules that were made for "
        "kafka-lag-exporter work with these. A message counts until its offset is committed, as in Kafka's own tools; "
        "seconds are the age of the oldest message that waits, read from the message itself and not estimated.",
        _table(list(ECOSYSTEM), ECOSYSTEM, ECOSYSTEM_LABELS, {}),
    )


def _table(
    names: list[str], says: Mapping[str, str], labels: Mapping[str, Mapping[str, str]], of_all: Mapping[str, str]
) -> str:
    rows = [
        (
            f"`{name}`",
            kind_of(name),
            "; ".join(f"`{label}`: {means}" for label, means in {**of_all, **labels.get(name, {})}.items()),
            says[name],
        )
        for name in names
    ]
    return table(("metric", "kind", "labels", "says"), rows)
