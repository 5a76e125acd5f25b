"""Alarms with the fault really caused, on the running system: told once, with what to do; and over when it is over.

Among the last of the folder: what the tests before have left broken is told too, and nobody after it counts alarms.
"""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest

from tests.deploy.monitoring import QUERIES, program
from tests.pipeline.alarming import CAUSED, RUNBOOK, Told, a_bad_hour
from tests.pipeline.alarming_rows import SLOW
from tests.pipeline.conftest import Fresh
from workers.operations.alarms.table import BY_NAME

pytestmark = pytest.mark.stack

SAYS = {
    "quarantine": "ALM-QUARANTINED/",
    "dead-letters": " of intake",
    "counter-gap": "recordings 2–3 of ALM-GAP are missing",
    "camera-clock": "s ahead",
    "camera-lost": "lost: left in a taxi",
    "camera-not-docked": "ALM-OUT was issued to PC-4711",
    "disk-full": "at /no-such-disk",
    "not-released": " verified and not released after 20 min",
    "unverified": " not verified after 24 h; the oldest has waited 25 h",
    "store-red": "does not answer",
    "stage-stopped": "release STOPPED: nobody works for it",
    "stage-stalled": "record STALLED: ",
    "verified-late": " clips of the last hour were verified later than they may be",
    "lease-missed": " a lock that ends within a day",
    "budget-hit": "9 are due, 1 is usual",
    "deadline-near": "01ALM: rejected, not acknowledged, 20 h before",
    "dock-silent": "DOCK-ALM-SILENT had no camera around ",
}
"""What must be said of what was caused."""

STANDING = set(CAUSED) - {"unverified", "not-released", *SLOW}
"""What is not put right at once."""


@pytest.fixture(scope="module")
def told(system: Fresh, tmp_path_factory: pytest.TempPathFactory) -> Told:
    """What was told in a bad hour, which takes about one minute."""
    return asyncio.run(a_bad_hour(system, tmp_path_factory.mktemp("prometheus")))


@pytest.mark.parametrize("alarm", CAUSED)
def test_what_is_really_broken_is_told_once_with_what_to_do_and_its_page(told: Told, alarm: str) -> None:
    [(_, says)] = [one for one in told.of("firing", alarm) if one[0] == CAUSED[alarm] and "acknowledged" not in one[1]]
    assert SAYS[alarm] in says["description"]
    assert (says["summary"], says["action"]) == (BY_NAME[alarm].title, BY_NAME[alarm].do)
    assert says["runbook_url"] == f"{RUNBOOK}#{alarm}"
    mails = [text for text in told.mail if f"ALARM  {says['summary']}" in text and SAYS[alarm] in text]
    assert len(mails) == 1 and f"{RUNBOOK}#{alarm}" in mails[0], "and by mail, once"


def test_nothing_is_told_twice_though_the_stage_was_killed_and_ran_twice_and_the_webhook_was_away(told: Told) -> None:
    began = Counter(
        (status, alarm, subject) for status, alarm, subject, says in told.webhook if "acknowledged" not in says
    )
    assert told.refused == 2 and len(began) >= len(CAUSED)
    assert [once for once, times in began.items() if times > 1] == []


def test_stages_that_wait_for_the_store_are_not_told_beside_it(told: Told) -> None:
    held = {one["subject"] for one in told.standing["alarms"] if one["behind"] == "store-red"}
    assert "transfer" in held
    assert {subject for subject, _ in told.of("firing", "stage-stalled")} & held == set()


def test_what_was_mended_is_told_to_be_over(told: Told) -> None:
    assert [subject for subject, _ in told.of("resolved", "unverified")] == ["system"]
    assert len([text for text in told.mail if f"OVER   {BY_NAME['unverified'].title}" in text]) == 1


def test_the_command_says_what_stands_and_who_has_it_in_hand(told: Told) -> None:
    assert told.listed.code == 1
    for alarm in STANDING:
        assert f"{alarm} · " in told.listed.out and BY_NAME[alarm].do in told.listed.out
    assert (told.acknowledged.code, told.acknowledged.out) == (0, "store-red: ADMIN has 1 in hand\n")
    [store] = [one for one in told.standing["alarms"] if one["alarm"] == "store-red"]
    assert (store["acknowledged_by"], store["acknowledged_reason"]) == ("ADMIN", "calling the vendor")
    assert not told.standing["stale"]
    assert {one["kind"] for one in told.standing["told"]} >= {"fired", "acknowledged"}
    assert told.status.code == 1
    assert {one["alarm"] for one in told.status.json["alarms"]["standing"]} >= STANDING


def test_each_question_of_the_dashboards_is_answered_by_prometheus_over_the_running_stages(told: Told) -> None:
    program("prometheus")
    assert set(told.answers) == set(QUERIES)
    assert [query for query, series in told.answers.items() if not series] == []


def test_the_rules_of_prometheus_see_the_same(told: Told) -> None:
    program("prometheus")
    assert {"quarantine", "dead-letters", "store-red", "stage-stopped", "stage-stalled", "camera-lost"} <= told.alerts
    assert "watchdog" in told.alerts and not told.alerts & {"alarms-silent", "database-away"}
    # Tests before have really damaged clips, unless this file runs alone.
    assert ("damaged" in told.alerts) is any(one["alarm"] == "damaged" for one in told.standing["alarms"])
