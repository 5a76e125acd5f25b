"""An officer's own clips: by shift, marked for an incident one by one or together, and what becomes of the rest."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from console.web.fate import next_of, rest_of, shifts
from console.web.people import Role
from streams import messages as m
from tests.web.site import Site
from workers.catalogue.finding import Found, Place
from workers.retention.policy import parse
from workers.retention.shipped import shipped
from workers.retention.statements import Categorisation

TEN = datetime(2026, 11, 22, 10, tzinfo=UTC)
HOUR = timedelta(hours=1)
MARK = {"incident": "INC-7", "category": "use-of-force"}


def found(began: datetime | None = TEN, ended: datetime | None = None, **columns: object) -> Found:
    number = began.timestamp() if began else 0.0
    clip = Found(f"clip-{number:.0f}", "CAM-1", "R1", "verified", None, False, "PC-100", (), None, None, began, ended,
                 1000, "uncategorised", "uncategorised", "expire", None, None, None, Place(began, "clip"))  # fmt: skip
    return msgspec.structs.replace(clip, **columns)


async def test_clips_are_marked_together_and_each_request_names_the_incident(site: Site) -> None:
    await site.adopt()
    clips = sorted([await site.clip("PC-100"), await site.clip("PC-100", standing="registered")])
    browser = await site.signed_in("PC-100", Role.OFFICER)
    page = (await browser.get("/mine")).text
    assert all(clip in page for clip in clips) and "still on its way" in page
    refused = await browser.send("/mine/mark", "/mine", clip=clips, **MARK)
    assert refused.status_code == 403 and "bwv keys new person PC-100" in refused.text and not site.told
    site.key("PC-100")

    site.answers = "is use-of-force"
    marked = await browser.send("/mine/mark", "/mine", clip=clips, **MARK)
    assert marked.status_code == 200 and all(f"{clip} is use-of-force" in marked.text for clip in clips)
    for one in site.told:
        body = msgspec.json.decode(m.decode(one.body, m.CategoryRequested).categorisation.body, type=Categorisation)
        assert (body.by, body.category, body.reason) == ("PC-100", "use-of-force", "evidence for incident INC-7")
        assert body.incident == "INC-7"


async def test_a_whole_shift_is_marked_by_its_button_and_no_other(site: Site) -> None:
    await site.adopt()
    site.key("PC-100")
    site.answers = "is use-of-force"
    await site.clip("PC-100", recorded_at="2026-11-20T20:00:00.000Z")
    late = [await site.clip("PC-100", recorded_at=f"2026-11-21T{hour}:00:00.000Z") for hour in (20, 22)]
    gone = await site.clip("PC-100", recorded_at="2026-11-21T21:00:00.000Z")
    await site.database.execute("UPDATE clip_fate SET disposal = 'committed' WHERE clip_id = %s", (gone,))
    browser = await site.signed_in("PC-100", Role.OFFICER)
    assert "Mark all 2 of this shift" in (await browser.get("/mine")).text
    marked = await browser.send("/mine/mark", "/mine", shift=late[0], **MARK)
    assert marked.status_code == 200
    assert sorted(one.subject for one in site.told) == sorted(late)
    others = await site.clip("PC-200")
    assert (await browser.send("/mine/mark", "/mine", shift=others, **MARK)).status_code == 400
    assert len(site.told) == len(late)


@pytest.mark.parametrize(
    "wrong", [{"incident": ""}, {"incident": "x" * 201}, {"category": "none"}, {"clip": []}, {"shift": "clip-1"}]
)
async def test_a_mark_that_says_too_little_is_refused(site: Site, wrong: dict[str, object]) -> None:
    await site.adopt()
    site.key("PC-100")
    clip = await site.clip("PC-100")
    browser = await site.signed_in("PC-100", Role.OFFICER)
    given = {"clip": [clip], **MARK} | wrong
    assert (await browser.send("/mine/mark", "/mine", **given)).status_code in (400, 403)
    assert not site.told


async def test_nobody_marks_the_clips_of_others(site: Site) -> None:
    await site.adopt()
    site.key("PC-100")
    clips = [await site.clip("PC-100"), await site.clip("PC-200")]
    browser = await site.signed_in("PC-100", Role.OFFICER)
    page = (await browser.get("/mine")).text
    assert clips[0] in page and clips[1] not in page
    assert (await browser.send("/mine/mark", "/mine", clip=clips, **MARK)).status_code == 403
    assert not site.told


async def test_a_lock_is_told_with_its_rule_and_a_hold_is_not(site: Site) -> None:
    clip = await site.clip("PC-100")
    await site.database.execute("UPDATE clip_fate SET hold_reasons = '{conduct/hold-x}' WHERE clip_id = %s", (clip,))
    await site.viewing(clip, "lock")
    browser = await site.signed_in("PC-100", Role.OFFICER)
    page = (await browser.get("/mine")).text
    assert "nobody plays it now: before the first account" in page
    assert "kept by the force" in page and "conduct" not in page and "hold-x" not in page


async def test_older_clips_are_a_page_away(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("console.web.pages.officer.LISTED", 2)
    clips = [await site.clip("PC-100", recorded_at=f"2026-11-2{day}T10:00:00.000Z") for day in range(5)]
    browser = await site.signed_in("PC-100", Role.OFFICER)
    seen, path = [], "/mine"
    while path:
        page = (await browser.get(path)).text
        seen += [clip for clip in reversed(clips) if clip in page]
        path = page.partition('href="/mine?')[2].partition('"')[0].replace("&amp;", "&")
        path = path and f"/mine?{path}"
    assert seen == list(reversed(clips))


def test_a_shift_ends_where_six_hours_pass_without_a_recording() -> None:
    clips = [
        found(TEN + 20 * HOUR), found(TEN + 9 * HOUR, TEN + 15 * HOUR), found(TEN + 2 * HOUR), found(TEN, TEN + HOUR),
        found(None),
    ]  # fmt: skip
    made = shifts(clips)
    assert [(shift.began, shift.ended, len(shift.clips)) for shift in made] == [
        (TEN + 9 * HOUR, TEN + 20 * HOUR, 2), (TEN, TEN + 2 * HOUR, 2), (None, None, 1)
    ]  # fmt: skip
    assert made[1].name == f"clip-{TEN.timestamp():.0f}"


@pytest.mark.parametrize(
    ("columns", "says", "on", "gone"),
    [
        ({"intend_from": TEN, "ends_at": TEN + HOUR}, "goes into the bin on", TEN, TEN + HOUR),
        ({"disposal": "intended", "ends_at": TEN}, "in the bin, and out of it if you mark it", None, TEN),
        ({"disposal": "committed", "held": True}, "being deleted", None, None),
        ({"disposal": "done"}, "deleted", None, None),
        ({"held": True, "intend_from": TEN}, "kept by the force", None, None),
        ({"verdict": "review", "review_from": TEN}, "kept; a person decides from", TEN, None),
        ({"verdict": "never"}, "kept", None, None),
        ({"verdict": None}, "not decided before it is verified", None, None),
        ({"verdict": "never", "standing": "secured"}, "not decided before it is verified", None, None),
    ],
)
def test_what_happens_next(columns: dict[str, object], says: str, on: datetime | None, gone: datetime | None) -> None:
    made = next_of(found(**columns))
    assert (made.says, made.on, made.gone, made.marked) == (says, on, gone, False)
    assert next_of(found(**(columns | {"category": "use-of-force"}))).marked


def test_what_becomes_of_the_rest_is_what_the_policy_says() -> None:
    assert "within 31 days" in rest_of(parse(shipped("met"), 1)) and "30 days" in rest_of(parse(shipped("surrey"), 1))
    assert "nothing is deleted" in rest_of(None)
