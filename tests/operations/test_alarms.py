"""Each alarm, caused over figures: it fires once, says what to do, and tells when it is over."""

from __future__ import annotations

import re
from collections import Counter
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from console.reference.prometheus import OF_PROMETHEUS
from workers.errors import ConfigurationInvalid
from workers.operations.alarms.conditions import minutes
from workers.operations.alarms.figures import (
    Deadline,
    Docked,
    Figures,
    Gap,
    Out,
    Overdue,
    Room,
    Stalled,
    Verified,
)
from workers.operations.alarms.judge import Judged, Kind, Past, Standing, Telling, judge
from workers.operations.alarms.limits import DISK_BYTES, GATHERS, REMEMBERED, SETTLES_MOST, allowed
from workers.operations.alarms.shifts import last_change, parse_shifts, windows
from workers.operations.alarms.table import ALARMS, BY_NAME
from workers.operations.alarms.telling import NOT_ENDED, mail_message, webhook_body

NOW = datetime(2026, 11, 22, 10, tzinfo=UTC)
HOUR = timedelta(hours=1)

WELL = Figures(
    now=NOW,
    verified=Verified(100, 5, 600.0),
    unverified=Overdue(),
    unreleased=Overdue(),
    stages={},
    dead_letters={"intake": 0},
    quarantined={},
    gaps=(),
    store="",
    database="",
    damaged=0,
    leases_late=0,
    sweeps={},
    deadlines=(Deadline("S-1", "01AB", "sent", NOW + 25 * HOUR), Deadline("S-2", "01AB", "prepared", None)),
    disks={"/": Room(20 << 30, 100 << 30)},
    out=(Out("CAM-0001", "BAKER", NOW - 24 * HOUR),),
    lost={},
    clocks={"CAM-0001": -30.0},
    docks=(
        Docked("DOCK-01", NOW - 3 * HOUR, 0, (1, 1, 1, 0, 0, 0, 0)),
        Docked("DOCK-02", NOW - 3 * HOUR, 0, (1,) * 7, since=1),
        Docked("DOCK-03", NOW, 0, (1,) * 7),
    ),
)
"""Everything just on the right side of where an alarm begins, for a moment."""

CALM = replace(WELL, deadlines=(), out=(), docks=())
"""The same for hours."""

ILL = {
    "blind": ({"unread": {"stages": "the stages cannot be read: Kafka does not answer"}}, "Kafka does not answer"),
    "verified-late": ({"verified": Verified(100, 6, 1000.0)}, "6 of 100 clips"),
    "unverified": ({"unverified": Overdue(2, 90000.0, ("a", "b"))}, "waited 25 h: a, b"),
    "not-released": ({"unreleased": Overdue(1, 1260.0, ("c",))}, "waited 21 min: c"),
    "stage-stalled": ({"stages": {"release": Stalled("STALLED", "3 messages wait")}}, "STALLED: 3 messages wait"),
    "stage-stopped": ({"stages": {"probe": Stalled("STOPPED", "nobody works for it")}}, "probe STOPPED: nobody"),
    "dead-letters": ({"dead_letters": {"intake": 2}}, "2 dead letters of intake"),
    "quarantine": ({"quarantined": {"d": "CAM-0001/R1 came with other bytes"}}, "other bytes"),
    "counter-gap": ({"gaps": (Gap("CAM-0001", 3, 3), Gap("CAM-0001", 5, 7))}, "recordings 3, 5–7 of CAM-0001"),
    "store-red": ({"store": "http://store answers 503"}, "answers 503"),
    "database-away": ({"database": "away since 10:00: PostgreSQL does not answer"}, "since 10:00"),
    "damaged": ({"damaged": 1}, "1 clip in the vault is not"),
    "lease-missed": ({"leases_late": 4}, "4 clips have a lock"),
    "budget-hit": ({"sweeps": {"budget": "5,000 are due, 600 is usual"}}, "5,000 are due"),
    "deadline-near": ({"deadlines": (Deadline("S-1", "01AB", "sent", NOW + 3 * HOUR),)}, "before 2026-11-22 13:00"),
    "disk-full": ({"disks": {"/data": Room(DISK_BYTES - 1, 10 << 30)}}, "free at /data"),
    "camera-not-docked": ({"out": (Out("CAM-0002", "BAKER", NOW - 25 * HOUR),)}, "CAM-0002 was issued to BAKER"),
    "camera-lost": ({"lost": {"CAM-0003": "lost: left in a taxi"}}, "left in a taxi"),
    "camera-clock": ({"clocks": {"CAM-0004": -31.0}}, "31 s behind"),
    "dock-silent": (
        {"docks": (Docked("DOCK-04", NOW - 3 * HOUR, 0, (2, 2, 2, 2, 0, 0, 0)),)},
        "2, 2, 2, 2, 0, 0, 0",
    ),
}
"""Alarm → what causes it, and what must be said of it."""

ILL_OF: dict[str, dict[str, Any]] = {next(iter(cause)): cause for cause, _ in ILL.values()}
"""The same by the figure that shows it."""


class Watch:
    """Judges again and again, as the stage does, and remembers what was told."""

    def __init__(self) -> None:
        self.standing: tuple[Standing, ...] = ()
        self.now = NOW
        self.ever: list[Telling] = []

    def look(self, figures: Figures, after: float = 0.0) -> list[tuple[Kind, str, str]]:
        self.now += timedelta(seconds=after)
        judged: Judged = judge(ALARMS, self.standing, replace(figures, now=self.now), self.past())
        self.standing = judged.standing
        self.told = judged.tellings
        self.ever += judged.tellings
        return [(told.kind, told.alarm, told.subject) for told in judged.tellings]

    def past(self) -> list[Past]:
        lately = [one for one in self.ever if one.at > self.now - REMEMBERED]
        overs = Counter((one.alarm, one.subject) for one in lately if one.kind is Kind.OVER)
        fired = {(one.alarm, one.subject): one.at for one in lately if one.kind is Kind.FIRED}
        return [Past(*key, overs[key], fired.get(key)) for key in {**overs, **fired}]


def test_every_alarm_is_caused_here() -> None:
    assert set(ILL) == set(BY_NAME) and len(BY_NAME) == len(ALARMS)


def test_what_is_well_alarms_nobody() -> None:
    watch = Watch()
    assert watch.look(WELL) == watch.look(WELL, 0.0) == []
    assert watch.standing == ()


@pytest.mark.parametrize("name", sorted(ILL))
def test_an_alarm_fires_once_says_what_to_do_and_tells_when_it_is_over(name: str) -> None:
    cause, said = ILL[name]
    alarm, ill, watch = BY_NAME[name], replace(CALM, **cause), Watch()
    told = watch.look(ill)
    if alarm.lasts:
        assert told == [] and watch.look(ill, alarm.lasts - 1) == [], "it has not lasted long enough"
        told = watch.look(ill, 1)
    assert [(kind, told_of) for kind, told_of, _ in told] == [(Kind.FIRED, name)]
    message = mail_message("a@force.example", ["ops@force.example"], watch.told, "https://runbook", watch.now, 1)
    text = message.get_content()
    assert said in text and alarm.do in text and f"https://runbook#{name}" in text
    assert message["Subject"] == f"ALARM: {alarm.title}"
    assert watch.look(ill, 5) == watch.look(ill, 3600) == [], "told once"
    assert watch.look(CALM, 1) == [] == watch.look(CALM, alarm.settles.total_seconds() - 1), "it may come back"
    over = watch.look(CALM, 1)
    assert [(kind, told_of) for kind, told_of, _ in over] == [(Kind.OVER, name)]
    message = mail_message("a@force.example", ["ops@force.example"], watch.told, "https://runbook", watch.now, 2)
    assert message["Subject"] == f"Over: {alarm.title}" and said in message.get_content()
    assert watch.look(CALM, 1) == [] and watch.standing == ()


@pytest.mark.parametrize("name", sorted(set(ILL) - {"blind"}))
def test_what_nobody_can_see_neither_fires_nor_ends(name: str) -> None:
    cause, _ = ILL[name]
    watch, blind = Watch(), replace(CALM, **dict.fromkeys(cause))
    watch.look(replace(CALM, **cause))
    fired = watch.look(replace(CALM, **cause), BY_NAME[name].lasts)
    stood = watch.standing
    assert fired or stood[0].fired_at
    assert watch.look(blind, 7200) == [] and watch.standing == stood


def test_what_comes_and_goes_is_told_once_and_what_never_lasts_not_at_all() -> None:
    ill, watch = replace(CALM, dead_letters={"intake": 1}), Watch()
    told = [watch.look(figures, 20) for figures in (ill, CALM, ill, CALM, ill)]
    assert [len(one) for one in told] == [1, 0, 0, 0, 0]
    red, watch = replace(CALM, store="http://store answers 503"), Watch()
    assert [watch.look(figures, 50) for figures in (red, CALM, red, CALM)] == [[], [], [], []]


def test_what_comes_after_the_first_is_told_together_and_not_each_by_itself() -> None:
    watch, letters = Watch(), dict.fromkeys(("intake", "probe", "transfer", "release"), 1)
    told = [
        watch.look(replace(CALM, dead_letters=dict(list(letters.items())[:count])), 60) for count in (1, 2, 3, 4, 4)
    ]
    assert told == [[(Kind.FIRED, "dead-letters", "intake")], [], [], [], []]
    assert watch.look(replace(CALM, dead_letters=letters), GATHERS.total_seconds() - 240) == [
        (Kind.FIRED, "dead-letters", stage) for stage in ("probe", "transfer", "release")
    ]
    for others in ("quarantined", "damaged"):  # one alarm does not wait for another
        assert len(watch.look(replace(CALM, dead_letters=letters, **ILL_OF[others]))) == 1


STAGES = ("transfer", "verification", "release", "probe", "scrub", "disposal", "lease", "derivation", "links", "record")
OUTAGE = replace(
    CALM, store="http://store answers 503", verified=Verified(100, 90, 4000.0), leases_late=3,
    stages={name: Stalled("STALLED", "waits for the object store", ("object store",)) for name in STAGES},
)  # fmt: skip
"""The store is away, and all that follows from it."""


def test_an_outage_of_the_store_is_told_once_and_not_by_everything_that_waits_for_it() -> None:
    watch = Watch()
    told = [telling for _ in range(6 * 60) for telling in watch.look(OUTAGE, 10)]  # an hour
    assert told == [(Kind.FIRED, "store-red", "object store")]
    held = {(one.alarm, one.behind) for one in watch.standing if one.fired_at is None}
    assert held == {("stage-stalled", "store-red"), ("verified-late", "store-red"), ("lease-missed", "store-red")}
    # It is back, and the stages need a moment: they say no longer that they wait, and stand still a little longer.
    starting = replace(OUTAGE, store="", leases_late=0, stages={"transfer": Stalled("STALLED", "3 messages wait")})
    assert [watch.look(starting, 10), watch.look(starting, 20)] == [[], []]
    well = [telling for _ in range(30) for telling in watch.look(CALM, 10)]
    assert well == [(Kind.OVER, "store-red", "object store")]
    assert watch.standing == ()


def test_what_outlasts_the_outage_is_told_then() -> None:
    watch = Watch()
    for _ in range(10):
        watch.look(OUTAGE, 10)
    stuck = replace(CALM, stages={"transfer": Stalled("STALLED", "3 messages wait")}, verified=OUTAGE.verified)
    told = [telling for _ in range(60) for telling in watch.look(stuck, 10)]
    assert told == [
        (Kind.OVER, "store-red", "object store"),
        (Kind.FIRED, "stage-stalled", "transfer"),
        (Kind.FIRED, "verified-late", "system"),
    ]


def test_a_stage_that_hangs_at_the_store_is_held_back_though_it_does_not_say_so() -> None:
    hangs = replace(OUTAGE, stages={"transfer": Stalled("STALLED", "it says that it is at work on 1")})
    watch = Watch()
    told = [telling for _ in range(20) for telling in watch.look(hangs, 10)]
    assert told == [(Kind.FIRED, "store-red", "object store")]
    assert len(Watch().look(replace(CALM, stages=hangs.stages))) == 1


def test_a_stage_that_stands_still_for_another_reason_is_told_beside_the_outage() -> None:
    watch = Watch()
    stages = {**(OUTAGE.stages or {}), "intake": Stalled("STALLED", "2 messages wait")}
    told = [telling for _ in range(20) for telling in watch.look(replace(OUTAGE, stages=stages), 10)]
    assert told == [(Kind.FIRED, "stage-stalled", "intake"), (Kind.FIRED, "store-red", "object store")]


@pytest.mark.parametrize("stage", ("intake", "probe"))
def test_docks_are_not_blamed_while_nobody_notes_what_is_docked(stage: str) -> None:
    watch = Watch()
    down = replace(CALM, stages={stage: Stalled("STOPPED", "nobody works for it")}, **ILL["dock-silent"][0])
    told = {alarm for _ in range(30) for _, alarm, _ in watch.look(down, 10)}
    assert told == ({"stage-stopped"} if stage == "intake" else {"stage-stopped", "dock-silent"})


def test_what_comes_and_goes_for_hours_is_told_less_and_less() -> None:
    watch, red = Watch(), replace(CALM, store="http://store answers 503")
    for _ in range(3 * 3600 // 300):  # for three hours: two minutes red, three minutes well
        for _ in range(12):
            watch.look(red, 10)
        for _ in range(18):
            watch.look(CALM, 10)
    told = [one.kind for one in watch.ever]
    assert told[:4] == [Kind.FIRED, Kind.OVER, Kind.FIRED, Kind.OVER]
    assert len(told) <= 3 * 4 + 2, "36 outages; after two ends an hour the third wants four minutes"
    assert BY_NAME["store-red"].settles * 4 == timedelta(minutes=4) < SETTLES_MOST
    assert watch.look(CALM, 0) == [] and watch.look(CALM, 3600)[0][0] is Kind.OVER


def test_an_alarm_that_left_the_table_is_forgotten() -> None:
    gone = Standing("no-such-alarm", "x", NOW, "says", NOW)
    assert judge(ALARMS, [gone], CALM) == Judged((), ())


def test_a_webhook_is_one_that_alertmanagers_receivers_take() -> None:
    watch = Watch()
    watch.look(replace(CALM, damaged=1))
    body = webhook_body(watch.told, "https://runbook")
    [alert] = body["alerts"]
    assert (body["version"], body["status"], alert["status"]) == ("4", "firing", "firing")
    assert alert["labels"] == {
        "alertname": "damaged", "subject": "system", "severity": "page", "source": "bwv-ingest"
    }  # fmt: skip
    assert alert["annotations"]["runbook_url"] == "https://runbook#damaged"
    assert (alert["startsAt"], alert["endsAt"]) == ("2026-11-22T10:00:00Z", NOT_ENDED)
    watch.look(CALM, 10)
    watch.look(CALM, 60)
    resolved = webhook_body(watch.told, "https://runbook")
    assert resolved["status"] == resolved["alerts"][0]["status"] == "resolved"
    assert resolved["alerts"][0]["endsAt"] == "2026-11-22T10:01:10Z"
    assert resolved["alerts"][0]["fingerprint"] == alert["fingerprint"]


def test_each_alarm_has_its_paragraph_in_the_runbook() -> None:
    page = (Path(__file__).parents[2] / "docs" / "runbook.md").read_text().partition("## 9. ")[2]
    paragraphs = dict(re.findall(r"^### (\S+)\n\n(.+)$", page, re.MULTILINE))
    assert list(paragraphs) == [alarm.name for alarm in (*ALARMS, *(alarm for alarm, _ in OF_PROMETHEUS))]
    assert all(len(text) > 100 for text in paragraphs.values())


def test_a_large_clip_may_take_longer() -> None:
    assert allowed(300e6) == 900.0
    assert allowed(18e9) == pytest.approx(1.5 * 18e9 * 8 / 25e6 + 300)
    assert [minutes(s) for s in (45, 900, 90000, 400000)] == ["45 s", "15 min", "25 h", "5 days"]


def test_a_change_of_shift_is_on_the_forces_own_clocks() -> None:
    shifts = parse_shifts("07:00 15:00 23:00", "Europe/London")
    assert shifts.changes == (time(7), time(15), time(23))
    summer = datetime(2026, 7, 1, 7, 5, tzinfo=UTC)  # 08:05 in London
    assert last_change(shifts, summer) == datetime(2026, 7, 1, 6, tzinfo=UTC)
    assert last_change(shifts, summer - timedelta(minutes=10)) == datetime(2026, 6, 30, 22, tzinfo=UTC)
    assert last_change(parse_shifts("", "Europe/London"), summer) is None
    monday = last_change(shifts, datetime(2026, 10, 26, 9, tzinfo=UTC))  # clocks went back on the day before
    assert monday is not None
    starts = [begin.astimezone(UTC).hour * 60 + begin.astimezone(UTC).minute for begin, _ in windows(monday, 2)]
    assert starts == [6 * 60 + 30, 6 * 60 + 30, 5 * 60 + 30]
    for changes, zone in (("7 o'clock", "Europe/London"), ("07:00", "Europe/Nowhere"), ("07:00", "../etc/passwd")):
        with pytest.raises(ConfigurationInvalid, match="expected"):
            parse_shifts(changes, zone)
