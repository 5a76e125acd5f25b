"""Every alarm, once: when it is on, for how long before it is told, and what to do.

The same name is the heading in docs/runbook.md, the label of bwv_alarms_open, and the alert in deploy/prometheus.
"""

from __future__ import annotations

from datetime import timedelta

from msgspec import Struct

from workers.operations.alarms import conditions as c
from workers.operations.alarms.behind import Behind, after, alone, what_it_waits_for
from workers.operations.alarms.limits import GATHERS, SETTLES

NOW, TICKET = "page", "ticket"
"""Somebody is woken; somebody looks during the shift."""


class Alarm(Struct, frozen=True):
    """One alarm.

    Attributes:
        name: small letters and dashes; the anchor of its page in the runbook too.
        title: what is the matter, in a few words.
        seen: the condition.
        do: the first thing to do.
        lasts: seconds that the condition must hold before the alarm fires.
        severity: `page` or `ticket`.
        behind: which alarms hold it back: it follows from them, and is told only if it outlasts them.
        settles: for how long the condition must be gone before the alarm is over.
        gathers: how long after one subject has fired the next ones do, together.
    """

    name: str
    title: str
    seen: c.Condition
    do: str
    lasts: float = 0.0
    severity: str = TICKET
    behind: Behind = alone
    settles: timedelta = SETTLES
    gathers: timedelta = GATHERS


AWAY = ("store-red", "database-away", "blind")
"""A part that everything needs is away, or nobody can see."""
INTAKE = ("blind", "database-away", "stage-stopped intake", "stage-stalled intake")
"""Nobody notes which camera was docked."""
FEW = timedelta(minutes=1)
"""`gathers` of alarms with few subjects, each of which is news."""

ALARMS = (
    Alarm("blind", "The alarms cannot see a part of the system", c.blind,
          "Bring the named part back, or the way to it: `bwv status`.", 120.0, NOW, gathers=FEW),
    Alarm("verified-late", "Clips are verified too late", c.verified_late,
          "See which stage is behind: `bwv lag`. Start more transfer or verification processes.", 300.0,
          behind=after(*AWAY), settles=timedelta(minutes=10)),
    Alarm("unverified", "Clips are not verified after a day", c.unverified,
          "`bwv trace CLIP` says what each waits for; keep its camera in the dock.", 0.0, NOW),
    Alarm("not-released", "Verified clips have no wipe receipt", c.unreleased,
          "Look at the stage release: `bwv status`, its log. Cameras fill up meanwhile.", 0.0, NOW,
          after("stage-stopped release", "stage-stalled release", "database-away", "blind")),
    Alarm("stage-stalled", "A stage is there and does not do its work", c.stage_stalled,
          "`bwv lag` and the stage's log say why; then start it again: what it had begun is resumed.", 0.0, NOW,
          what_it_waits_for, gathers=FEW),
    Alarm("stage-stopped", "Nobody works at a stage", c.stage_stopped,
          "`bwv status` has its last words; mend what it names and start it.", 30.0, NOW,
          after("blind", "database-away"), gathers=FEW),
    Alarm("dead-letters", "Messages can never succeed as they are", c.dead_letters,
          "`bwv dead-letters list`, then `show`; mend the cause, then `redrive`."),
    Alarm("quarantine", "Stored bytes are not the declared ones", c.quarantine,
          "`bwv quarantine show CLIP`; an evidence manager decides. Keep the camera.", 0.0, NOW),
    Alarm("counter-gap", "Recordings of a camera are missing", c.counter_gap,
          "Ask who held the camera: `bwv cameras list`. Tell professional standards if nobody can say why.", 0.0, NOW),
    Alarm("store-red", "The object store does not serve", c.store_red,
          "Look at the store's own alarms; then `bwv store-check`. Nothing is lost, everything waits.", 30.0, NOW,
          gathers=FEW),
    Alarm("database-away", "PostgreSQL does not answer", c.database_away,
          "Bring it back: runbook §3 and §4. Every stage waits, and no other alarm is judged meanwhile.", 60.0, NOW,
          gathers=FEW),
    Alarm("damaged", "Stored footage is rotten or gone", c.damaged,
          "Stop disposal, then `bwv reconcile` names each clip; restore from the store's replica.", 0.0, NOW),
    Alarm("lease-missed", "Locks end soon and were not renewed", c.lease_missed,
          "Look at the stage lease: `bwv status`, its log. The row still protects; the second guard is about to go.",
          600.0, NOW, after("store-red")),
    Alarm("budget-hit", "The retention sweep has stopped and asks", c.budget_hit,
          "`bwv retention due` and `bwv retention dry-run`; a person lets it go on or not. Nothing goes meanwhile."),
    Alarm("deadline-near", "A submission is late for its deadline", c.deadline_near,
          "`bwv submissions show ID`; call the prosecutor's desk; the offline package is the fallback.", 0.0, NOW),
    Alarm("disk-full", "A disk is short of room", c.disk_full,
          "Make room or enlarge it. PostgreSQL and Kafka stop when theirs is full.", 30.0, NOW,
          settles=timedelta(minutes=5)),
    Alarm("camera-not-docked", "An issued camera has not been docked for a day", c.camera_out,
          "Ask its holder. Lost or stolen: revoke its key with `lost` as the reason.", behind=after(*INTAKE)),
    Alarm("camera-lost", "A camera was reported lost", c.camera_lost,
          "Personal data may be lost with it: tell the data protection officer; 72 hours run.", 0.0, NOW),
    Alarm("camera-clock", "A camera's clock is off", c.camera_clock,
          "Set its clock; times of its clips are corrected by the measured offset, which is on record."),
    Alarm("dock-silent", "A dock had no camera at the change of shift", c.dock_silent,
          "Look at the dock: power, network, `bwv dock run`. Cameras stand there and are not read.",
          behind=after(*INTAKE)),
)  # fmt: skip

BY_NAME = {alarm.name: alarm for alarm in ALARMS}
