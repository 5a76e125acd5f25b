"""Alarms on the board: first in what is to be done, and told once."""

from __future__ import annotations

from tests.operations.test_board import AT, DOCKS, seen
from workers.operations.alarms.rows import Open
from workers.operations.alarms.table import BY_NAME
from workers.operations.board.alarms import raised
from workers.operations.board.counts import Counts
from workers.operations.board.first import NOW, SOON, TODAY, first


def open_alarm(name: str, subject: str, *, by: str | None = None) -> Open:
    alarm = BY_NAME[name]
    return Open(
        alarm=name, subject=subject, title=alarm.title, says=f"{subject} is so", do=alarm.do, severity=alarm.severity,
        runbook=name, since=AT, fired_at=AT, behind=None, over=False, acknowledged_by=by, acknowledged_at=None,
        acknowledged_reason=None,
    )  # fmt: skip


def test_alarms_come_first_one_line_each_and_what_they_tell_is_not_told_twice() -> None:
    told = ("quarantine", "clip-1"), ("quarantine", "clip-2"), ("dead-letters", "transfer")
    stand = raised([*(open_alarm(*one) for one in told), open_alarm("camera-clock", "CAM-1", by="PC-9")])
    tasks = first(seen(alarms=stand, counts=Counts(policy=1, quarantine=2, queued=1), letters=3, docks=DOCKS))
    lines = [(task.alarm, task.pressing, task.to) for task in tasks if task.stands]
    assert lines == [
        ("quarantine", NOW, "/board/lists/quarantine"), ("dead-letters", TODAY, "/board/letters"),
        ("camera-clock", SOON, "/alarms"),
    ]  # fmt: skip
    assert tasks[0].says == f"{BY_NAME['quarantine'].title}: clip-1 is so (2 of them)" and tasks[0].do
    assert "PC-9 has it in hand" in next(task.do for task in tasks if task.alarm == "camera-clock")
    rest = [task.to for task in tasks if not task.stands]
    assert "/board/lists/queued" in rest and "/board/lists/quarantine" not in rest and "/board/letters" not in rest
    places = [task.stands for task in tasks if task.pressing == TODAY]
    assert places == sorted(places, reverse=True), "alarms first"
