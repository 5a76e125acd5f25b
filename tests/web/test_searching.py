"""The search: by each of its fields and several together, page by page, and what of it only named people see."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from console.web.people import Role
from tests.web.site import Site
from workers.catalogue import finding
from workers.catalogue.finding import Place, Wanted, search
from workers.retention.facts import Categorised, IncidentGiven

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
_CLIP = re.compile(r"/clips/(clip-[a-z2-7]+)")


async def scheduled(site: Site, clip: str, category: str) -> None:
    await site.database.execute(
        "INSERT INTO schedule (clip_id, source_type, recorded_at, docked_at, size, policy, verdict, category, rule,"
        " held) VALUES (%s, 'body_worn', '2026-11-22T10:00:00Z', now(), 1, 1, 'expire', %s, %s, false)",
        (clip, category, category),
    )


async def test_the_search_finds_by_each_of_its_fields(site: Site) -> None:
    await site.adopt()
    said = IncidentGiven("INC-2", "PC-200", NOON)
    first, second = await site.clip("PC-100", incident="INC-1"), await site.clip("PC-200", facts=[said])
    await scheduled(site, second, "child")
    records, officer = await site.signed_in("RM-1", Role.RECORDS), await site.signed_in("PC-100", Role.OFFICER)
    for query, found in (
        ("officer=PC-100", {first}), ("officer=PC-200", {second}), ("incident=INC-1", {first}),
        ("incident=INC-2", {second}), ("incident=INC-2&officer=PC-100", set()), ("incident=INC", set()),
        ("camera=CAM-1", {first, second}), ("category=child", {second}), ("camera=CAM-9", set()),
        ("camera=CAM-1&category=child&incident=INC-2&officer=PC-200&from=2026-11-22", {second}),
        ("from=2026-11-22&to=2026-11-22", {first, second}), ("from=2026-11-23", set()), ("to=2026-11-21", set()),
        ("officer=PC-100&from=2026-11-22", {first}), ("officer=PC-200&category=none", set()),
        ("category=child&from=2026-11-22&to=2026-11-22", {second}), ("category=child&from=2026-11-23", set()),
    ):  # fmt: skip
        page = (await records.get(f"/search?{query}")).text
        assert set(_CLIP.findall(page)) == found, query
    assert "Only people who were named" in (await officer.get(f"/clips/{second}")).text
    assert (await records.get("/search?from=yesterday")).status_code == 400
    assert (await records.get("/search?officer=PC-100&id=odd")).status_code == 400
    assert (await records.get(f"/search?clip={first}")).headers["location"] == f"/clips/{first}"
    hostile = await records.get("/search?officer=%3Cscript%3Ealert(1)%3C/script%3E&clip='%20OR%201=1")
    assert "<script>" not in hostile.text


async def test_a_list_says_how_many_only_named_people_see_and_no_more_of_them(site: Site) -> None:
    await site.adopt()
    shown = await site.clip("PC-200")
    for facts in ([Categorised("child", "PC-200", NOON)], [Categorised("privileged", "PC-200", NOON)], []):
        clip = await site.clip("PC-200", facts=facts, recorded_at="2026-11-22T11:00:00.000Z")
        if not facts:
            await site.viewing(clip, "named", "PC-300")
    officer, named = await site.signed_in("PC-100", Role.OFFICER), await site.signed_in("PC-300", Role.OFFICER)
    page = (await officer.get("/search?officer=PC-200")).text
    assert set(_CLIP.findall(page)) == {shown} and "3 more on this page are not shown" in page
    for secret in ("11:00:00", "privileged</td>", "child</td>"):
        assert secret not in page
    assert "2 more on this page are not shown" in (await named.get("/search?officer=PC-200")).text
    owner = (await (await site.signed_in("PC-200", Role.OFFICER)).get("/search?officer=PC-200")).text
    assert len(set(_CLIP.findall(owner))) == 4 and "not shown" not in owner


async def test_pages_follow_each_other_without_a_clip_twice_or_left_out(site: Site) -> None:
    clips = [await site.clip("PC-100", recorded_at=f"2026-11-{day}T10:00:00.000Z") for day in (22, 22, 22, 21, 1, 1, 1)]
    untimed = sorted(clips[4:])
    await site.database.execute("UPDATE clips SET recorded_at = NULL WHERE clip_id = ANY(%s)", (untimed,))
    for most in (1, 2, 3, 7, 8):
        seen: list[str] = []
        after: Place | None = None
        while True:
            results = await search(site.database, Wanted(camera="CAM-1"), after, most, person="RM-1")
            seen += [clip.clip_id for clip in results.clips]
            after = results.after
            if after is None:
                break
            assert len(results.clips) == most
        assert len(seen) == len(set(seen)) == 7 and set(seen) == set(clips) and seen[4:] == untimed


async def test_the_next_page_is_linked_with_what_was_asked(site: Site) -> None:
    for _ in range(finding.MOST + 1):
        await site.clip("PC-100", standing="registered")
    records = await site.signed_in("RM-1", Role.RECORDS)
    first = (await records.get("/search?officer=PC-100&from=2026-11-22")).text
    link = re.search(r'href="(/search\?officer=PC-100&amp;from=2026-11-22&amp;at=[^"]+)"', first)
    assert link is not None
    second = (await records.get(link[1].replace("&amp;", "&"))).text
    shown = [set(_CLIP.findall(page)) for page in (first, second)]
    assert [len(page) for page in shown] == [finding.MOST, 1] and not shown[0] & shown[1]
