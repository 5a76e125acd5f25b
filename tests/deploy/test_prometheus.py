"""deploy/prometheus: one rule for each alarm, over metrics that there are; each fires, waits and ends as it should.

The series are golden: well for a minute, ill for a quarter of an hour, well again. promtool, Prometheus' own, says
what the rules make of them, in its own time.
"""

from __future__ import annotations

import re
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from msgspec import Struct

from console.reference.prometheus import EXPRESSIONS, OF_PROMETHEUS, SILENT, WATCHDOG
from streams.alarm_shown import Shown
from streams.engine.health import Health
from streams.engine.metrics import ECOSYSTEM, ECOSYSTEM_LABELS, LABELS, METRICS, kind_of
from tests.deploy.monitoring import DASHBOARDS, PROMETHEUS, QUERIES, RULES, program, series
from tests.deploy.monitoring import SERIES as KNOWN
from workers.operations.alarms.figures import Figures, Stalled
from workers.operations.alarms.table import ALARMS, BY_NAME, Alarm

STEP, BEGINS, ENDS = 15, 60, 960
"""Seconds: between two samples; when it becomes ill, and well again."""


class Cause(Struct, frozen=True):
    """A series that causes an alert.

    Attributes:
        labels: that the alert has beside its severity.
    """

    series: str
    well: float
    ill: float
    labels: dict[str, str] = {}


def of_the_stage(name: str) -> Cause:
    """What the stage `alarms` has fired itself."""
    return Cause(f'bwv_alarms_open{{stage="alarms",alarm="{name}"}}', 0, 2, {"alarm": name})


def figure(series: str, ill: float, well: float = 0, **labels: str) -> Cause:
    shown = ",".join(f'{name}="{value}"' for name, value in labels.items())
    return Cause(f"{series}{{{shown}}}", well, ill, labels)


ALARMS_STAGE = {"stage": "alarms"}
CAUSES = {
    "blind": of_the_stage("blind"),
    "verified-late": of_the_stage("verified-late"),
    "unverified": figure("bwv_unverified_late", 1, **ALARMS_STAGE),
    "not-released": figure("bwv_unreleased_late", 3, **ALARMS_STAGE),
    "stage-stalled": figure("bwv_stage_verdict", 1, **ALARMS_STAGE, of="release", verdict="STALLED"),
    "stage-stopped": figure("bwv_stage_verdict", 1, **ALARMS_STAGE, of="probe", verdict="STOPPED"),
    "dead-letters": figure("bwv_dead_letters", 1, **ALARMS_STAGE, of="intake"),
    "quarantine": figure("bwv_quarantine_undecided", 1, **ALARMS_STAGE),
    "counter-gap": of_the_stage("counter-gap"),
    "store-red": Cause('bwv_waiting_for{stage="transfer",part="object store"}', 0, 1),
    "database-away": Cause('bwv_waiting_for{stage="relay",part="database"}', 0, 1),
    "damaged": figure("bwv_scrub_damaged", 1, stage="scrub"),
    "lease-missed": figure("bwv_leases_late", 4, stage="lease"),
    "budget-hit": figure("bwv_sweep_stopped", 1, stage="sweep", cause="budget"),
    "deadline-near": figure("bwv_submissions_overdue", 1, stage="receipts"),
    "disk-full": figure("bwv_disk_free_ratio", 0.09, 0.1, **ALARMS_STAGE, place="/data"),
    "camera-not-docked": of_the_stage("camera-not-docked"),
    "camera-lost": of_the_stage("camera-lost"),
    "camera-clock": of_the_stage("camera-clock"),
    "dock-silent": of_the_stage("dock-silent"),
}
MORE_CAUSES = (
    ("blind", figure("up", 0, 1, job="bwv", instance="127.0.0.1:9")),
    ("stage-stalled", figure("bwv_stage_verdict", 1, **ALARMS_STAGE, of="intake", verdict="REWOUND")),
    ("store-red", Cause('bwv_store_red{stage="alarms"}', 0, 1)),
    ("deadline-near", of_the_stage("deadline-near")),
)
"""Alerts with a second pair of eyes, by that one alone."""


def test_there_is_one_rule_for_each_alarm_and_each_is_caused_here() -> None:
    assert [rule["alert"] for rule in RULES] == [*BY_NAME, SILENT.name, WATCHDOG.name]
    assert list(CAUSES) == list(BY_NAME) and set(EXPRESSIONS) <= set(BY_NAME)
    assert all(rule["annotations"]["runbook_url"] == f"docs/runbook.md#{rule['alert']}" for rule in RULES)


def test_promtool_finds_nothing_wrong() -> None:
    for what, file in (("rules", "rules.yml"), ("config", "prometheus.yml")):
        done = subprocess.run([program("promtool"), "check", what, str(PROMETHEUS / file)],
                              capture_output=True, text=True, timeout=60, check=False)  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        assert f"{len(RULES)} rules found" in done.stdout


def alert(alarm: Alarm, labels: dict[str, str]) -> dict[str, Any]:
    """What somebody is told, by the table of alarms."""
    says = {"summary": alarm.title, "action": alarm.do, "runbook_url": f"docs/runbook.md#{alarm.name}"}
    return {"exp_labels": {"severity": alarm.severity, **labels}, "exp_annotations": says}


def looks(alarm: Alarm, expected: dict[str, Any], times: dict[int, bool]) -> list[dict[str, Any]]:
    """At which seconds the alert is on."""
    return [
        {"eval_time": f"{at}s", "alertname": alarm.name, "exp_alerts": [expected] if on else []}
        for at, on in sorted(times.items())
    ]


def case(name: str, cause: Cause) -> dict[str, Any]:
    alarm = BY_NAME[name]
    counted = name in EXPRESSIONS  # the others have lasted before the stage says so
    lasts, settles = (int(alarm.lasts), int(alarm.settles.total_seconds())) if counted else (0, 0)
    times = {
        BEGINS - STEP: False,
        BEGINS + lasts - STEP: False,
        BEGINS + lasts: True,
        ENDS - STEP: True,
        ENDS + settles - STEP: True,
        ENDS + settles + STEP: False,
    }
    well, ill, minute = cause.well, cause.ill, BEGINS // STEP - 1
    values = f"{well}x{minute} {ill}x{(ENDS - BEGINS) // STEP - 1} {well}x60"
    return {
        "name": f"{name} by {cause.series}",
        "interval": f"{STEP}s",
        "input_series": [{"series": cause.series, "values": values}],
        "alert_rule_test": looks(alarm, alert(alarm, cause.labels), times),
    }


def dead_mans_switch() -> list[dict[str, Any]]:
    """The stage judges until 300 s, and then is there and stands still, or is gone; and begins again at 900 s."""
    judged = 'bwv_alarms_judged_timestamp_seconds{stage="alarms"}'
    times = {300: False, 420 + 60: False, 435 + 60: True, 885: True, 960 + 15: False}
    return [
        {
            "name": f"alarms-silent: {how}",
            "interval": f"{STEP}s",
            "input_series": [{"series": judged, "values": f"0+{STEP}x20 {then} 900+{STEP}x20"}],
            "alert_rule_test": looks(SILENT, alert(SILENT, {}), at) + looks(WATCHDOG, alert(WATCHDOG, {}), {0: True}),
        }
        for how, then, at in (
            ("it stands still", "300x38", times),
            ("it ends", "stale _x38", {300: False, 360: False, 375: True, 885: True, 975: False}),
            ("it never was", "stale _x38", {885: True}),
        )
    ]


def test_each_alert_fires_after_its_time_and_is_over_after_its_time(tmp_path: Path) -> None:
    made = [case(name, cause) for name, cause in (*CAUSES.items(), *MORE_CAUSES)]
    tests = {"rule_files": [str(PROMETHEUS / "rules.yml")], "evaluation_interval": f"{STEP}s",
             "tests": [*made, *dead_mans_switch()]}  # fmt: skip
    (tmp_path / "tests.yml").write_text(yaml.safe_dump(tests, allow_unicode=True))
    done = subprocess.run([program("promtool"), "test", "rules", str(tmp_path / "tests.yml")],
                          capture_output=True, text=True, timeout=120, check=False)  # fmt: skip
    assert done.returncode == 0, (done.stdout + done.stderr)[:4000]


@pytest.mark.parametrize("expr", sorted({rule["expr"] for rule in RULES[:-1]} | {expr for _, _, expr in QUERIES}))
def test_only_metrics_that_are_listed_are_asked_for(expr: str) -> None:
    assert series(expr) and series(expr) <= KNOWN


def test_the_list_of_metrics_is_what_a_process_shows_with_kinds_and_labels() -> None:
    health = Health("alarms")
    Shown(health, "bwv")
    shown = {name: collector for collector in health.registry._collector_to_names
             if (name := getattr(collector, "_name", ""))}  # fmt: skip
    listed = {**METRICS, **ECOSYSTEM}
    assert {name.removesuffix("_total") for name in listed} == set(shown)
    for name in listed:
        collector = shown[name.removesuffix("_total")]
        labels = list(ECOSYSTEM_LABELS[name]) if name in ECOSYSTEM else ["stage", *LABELS.get(name, {})]
        assert (collector._type, list(collector._labelnames)) == (kind_of(name), labels), name


def held_back() -> set[tuple[str, str]]:
    """Alarm → what it holds back, as the stage itself does it."""
    waits = {"store-red": "object store", "database-away": "database", "blind": "Kafka"}
    found = {(cause, "stage-stalled") for cause, part in waits.items() if cause in behind("stage-stalled", part)}
    return found | {(name.split(" ")[0], alarm) for alarm in BY_NAME for name in behind(alarm, "")}


def behind(alarm: str, part: str) -> tuple[str, ...]:
    figures = Figures(now=datetime(2026, 11, 22, tzinfo=UTC), stages={"x": Stalled("STALLED", "", (part,))})
    return BY_NAME[alarm].behind(figures, "x")


def test_alertmanager_holds_back_what_the_stage_holds_back() -> None:
    told = yaml.safe_load((PROMETHEUS / "alertmanager.yml").read_text())
    names = re.compile(r'alertname =~? "([^"]+)"')
    pairs = {
        (source, target)
        for rule in told["inhibit_rules"]
        for source in names.findall(rule["source_matchers"][0])[0].split("|")
        for target in names.findall(rule["target_matchers"][0])[0].split("|")
    }
    assert pairs == held_back() and len(pairs) > 10
    receivers = {one["name"] for one in told["receivers"]}
    assert {told["route"]["receiver"], *(route["receiver"] for route in told["route"]["routes"])} == receivers


def test_the_files_agree_on_what_there_is() -> None:
    assert len(DASHBOARDS) == 2 and len(QUERIES) >= 20
    assert len(ALARMS) + len(OF_PROMETHEUS) == len(RULES)
