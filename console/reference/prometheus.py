"""The alert rules of deploy/prometheus: one for each alarm of the table, and two that watch the alarms themselves.

An expression reads figures rather than the stage's own verdict where there are any: two pairs of eyes.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from console.reference.schemas import COMMENT
from workers.operations.alarms.limits import DISK_SHARE
from workers.operations.alarms.rows import STALE
from workers.operations.alarms.table import ALARMS, NOW, Alarm

RUNBOOK = "docs/runbook.md"
JUDGED = 'max(bwv_alarms_judged_timestamp_seconds{stage="alarms"})'


def _own(name: str) -> str:
    return f'max by (alarm) (bwv_alarms_open{{stage="alarms",alarm="{name}"}}) > 0'


EXPRESSIONS: Mapping[str, str] = {
    "blind": f'{_own("blind")} or up{{job="bwv"}} == 0',
    "unverified": 'bwv_unverified_late{stage="alarms"} > 0',
    "not-released": 'bwv_unreleased_late{stage="alarms"} > 0',
    "stage-stalled": 'bwv_stage_verdict{verdict=~"STALLED|REWOUND"} == 1',
    "stage-stopped": 'bwv_stage_verdict{verdict="STOPPED"} == 1',
    "dead-letters": "bwv_dead_letters > 0",
    "quarantine": 'bwv_quarantine_undecided{stage="alarms"} > 0',
    # One alert however many stages wait for it.
    "store-red": 'max(bwv_store_red or bwv_waiting_for{part="object store"}) > 0',
    "database-away": 'max(bwv_waiting_for{part="database"}) > 0',
    "damaged": 'bwv_scrub_damaged{stage="scrub"} > 0',
    "lease-missed": 'bwv_leases_late{stage="lease"} > 0',
    "budget-hit": "bwv_sweep_stopped > 0",
    "deadline-near": f'bwv_submissions_overdue{{stage="receipts"}} > 0 or {_own("deadline-near")}',
    "disk-full": f"bwv_disk_free_ratio < {DISK_SHARE:g}",
}
"""Alarm → its expression; of those that are not here, what the stage `alarms` has fired."""

SILENT = Alarm(
    "alarms-silent", "Nobody judges the alarms", lambda f: {},
    "Start the stage alarms: `bwv status` has its last words. Until it runs nobody is told of anything.", 60.0, NOW,
)  # fmt: skip
"""The dead man's switch: the stage that tells of everything cannot tell that it is gone itself."""

WATCHDOG = Alarm(
    "watchdog", "Prometheus and its Alertmanager are there", lambda f: {},
    "Nothing while it comes. Whoever takes it must cry out when it stays away.", 0.0, "none",
)  # fmt: skip
"""Always on, for a receiver outside that misses it: then Prometheus itself, or the way from it, is gone."""

OF_PROMETHEUS = (
    (SILENT, f"absent({JUDGED}) or time() - {JUDGED} > {STALE:g}"),
    (WATCHDOG, "vector(1)"),
)

HEAD = f"""\
# {COMMENT}
#
# One alert for each alarm of workers/operations/alarms/table.py, under the same name; docs/runbook.md §9 says what to
# do. The stage alarms tells people by itself. Whoever has an Alertmanager takes these instead (alertmanager.yml) and
# leaves alarm_mail and alarm_webhook empty; alarms-silent and watchdog are for everybody.
groups:
  - name: bwv
    interval: 15s
    rules:
"""


def rules() -> str:
    """The file, in the order of the table."""
    made = [_rule(alarm, EXPRESSIONS.get(alarm.name, _own(alarm.name)), alarm.name in EXPRESSIONS) for alarm in ALARMS]
    made += [_rule(alarm, expression, True) for alarm, expression in OF_PROMETHEUS]
    return HEAD + "".join(made)


def _rule(alarm: Alarm, expression: str, waits: bool) -> str:
    """One rule; what the stage itself has fired has lasted already, and is over when the stage says so."""
    annotations = {"summary": alarm.title, "action": alarm.do, "runbook_url": f"{RUNBOOK}#{alarm.name}"}
    lines = [
        f"      - alert: {alarm.name}",
        f"        expr: {json.dumps(expression)}",
        f"        for: {alarm.lasts if waits else 0:.0f}s",
        f"        keep_firing_for: {alarm.settles.total_seconds() if waits else 0:.0f}s",
        "        labels:",
        f"          severity: {alarm.severity}",
        "        annotations:",
        *(f"          {name}: {json.dumps(text, ensure_ascii=False)}" for name, text in annotations.items()),
    ]
    return "\n".join(lines) + "\n"
