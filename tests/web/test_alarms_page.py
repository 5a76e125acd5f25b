"""The page of alarms: what stands, what to do, and who has it in hand."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from console.web.people import Role
from streams.alarms import Alarms
from streams.engine.health import Health
from tests.web.site import Site
from workers.operations.alarms import rows
from workers.operations.alarms.figures import Figures, Stalled

NOW = datetime.now(UTC)
ILL = Figures(now=NOW, damaged=2, store="http://store answers 503",
              stages={"transfer": Stalled("STALLED", "3 messages wait", ("object store",))})  # fmt: skip


async def judged(site: Site, figures: Figures) -> None:
    stage = Alarms(site.settings, Health("alarms"))
    await stage.judged(site.database, figures)
    await stage.close()


async def test_alarms_are_shown_with_what_to_do_and_taken_in_hand_once(site: Site) -> None:
    await site.database.execute("TRUNCATE alarms, alarm_tellings, alarm_rounds")
    operator, auditor = await site.signed_in("OP-1", Role.OPERATOR), await site.signed_in("AU-1", Role.AUDITOR)
    assert "never been judged" in (await operator.get("/alarms")).text
    await judged(site, ILL)
    page = (await operator.get("/alarms")).text
    assert "1 alarm<" in page.replace("\n", "") and "2 clips in the vault are not what the dock signed" in page
    assert "Stop disposal" in page and "runbook.md#damaged" in page and "behind store-red" in page
    assert "I have it in hand" in page and "I have it in hand" not in (await auditor.get("/alarms")).text

    hand = {"alarm": "damaged", "subject": "system", "reason": "restoring <b>now</b>"}
    assert (await operator.send("/alarms/acknowledge", "/alarms", **hand)).status_code == 303
    for wrong in ({"alarm": "no-such"}, {"subject": ""}, {"reason": " "}, {"reason": "x" * 501}):
        assert (await operator.send("/alarms/acknowledge", "/alarms", **{**hand, **wrong})).status_code == 400
    again = await operator.send("/alarms/acknowledge", "/alarms", **{**hand, "subject": "other"})
    assert again.status_code == 409 and "does not stand any more" in again.text
    page = (await auditor.get("/alarms")).text
    assert "OP-1 has it in hand" in page and "restoring &lt;b&gt;now&lt;/b&gt;" in page
    assert (await auditor.send("/alarms/acknowledge", "/alarms", **hand)).status_code == 403

    for seconds in (0, 61):
        await judged(site, Figures(now=NOW + timedelta(hours=1, seconds=seconds), damaged=0, store="", stages={}))
    assert "No alarm stands" in (await operator.get("/alarms")).text
    assert await rows.read_open(site.database, told=False) == ()
