"""What panels and supervisors found goes back to the officers who were there, on their own page alone."""

from __future__ import annotations

from console.web.people import Role
from tests.web.site import Site


async def test_an_officer_reads_what_was_found_of_their_encounters(site: Site) -> None:
    write = site.database.execute
    await write(
        "INSERT INTO encounters (encounter_id, version, reference, kind, at, place, signed, signed_by, signed_at)"
        " VALUES ('e1', 1, 'SS/1', 'stop_search', '2026-03-02T14:00Z', 'High Street', '{}', 'ADMIN', now())"
    )
    await write("INSERT INTO encounter_officers VALUES ('e1', 'PC-100', 'lead', now())")
    await write(
        "INSERT INTO scrutiny_draws (draw_id, kind, month, drawn_at, drawn_by, event_id, deed, signed)"
        " VALUES ('d1', 'panel', '2026-03', now(), 'ADMIN', 'evt-1', '{}', '{}')"
    )
    await write("INSERT INTO scrutiny_drawn VALUES ('d1', 1, 'e1')")
    grade = "INSERT INTO scrutiny_grades VALUES (%s, 'd1', 'e1', %s, %s, 'CHAIR', %s, '{}')"
    await write(grade, ("evt-2", "red", "no <b>grounds</b>", "2026-11-01T10:00Z"))
    await write(grade, ("evt-3", "amber", "grounds <i>late</i>", "2026-11-02T10:00Z"))
    page = (await (await site.signed_in("PC-100", Role.OFFICER)).get("/mine")).text
    assert "SS/1" in page and "amber" in page and "grounds &lt;i&gt;late" in page
    assert "red" not in page.split("What was found")[2].split("</table>")[0], "the newest counts"
    assert "What was found" not in (await (await site.signed_in("PC-200", Role.OFFICER)).get("/mine")).text
    await write("TRUNCATE encounters, encounter_officers, scrutiny_draws, scrutiny_drawn, scrutiny_grades")
