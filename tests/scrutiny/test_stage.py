"""Draws, grades and complaints as the stage decides them, over a real database and its custody log."""

from __future__ import annotations

from datetime import UTC, datetime

from msgspec.structs import replace

from streams.rebuilding import _is_message as is_message
from tests.scrutiny.scrutinised import COMPLAINT, PLACE, Scrutinised, refused
from workers.database.engine import Database
from workers.database.schema import upgrade
from workers.keys.signing import Signed
from workers.prosecution.disclosure.times import LONDON
from workers.prosecution.statements import DerivativeKind, Lineage
from workers.retention.facts import HoldReason
from workers.retention.statements import HoldRequest, PlaceAndRadius
from workers.scrutiny.drawing import PassedOver, faults
from workers.scrutiny.listing import excluded_of
from workers.scrutiny.queries import published, recorded_since, redactions, returned_to, shown
from workers.scrutiny.restoring import restore_scrutiny
from workers.scrutiny.rows import find_complaint, find_draw
from workers.scrutiny.statements import DrawKind, Grade, Graded, OutcomeSent


async def test_a_draw_is_made_again_recorded_and_held(scrutinised: Scrutinised) -> None:
    ids = await scrutinised.on_record(6)
    head = await scrutinised.fixed()
    about, deed, answer = await scrutinised.draw("tooting", 3)
    assert answer.verdict == "done" and answer.details is not None and answer.details["new"] is True, answer
    assert deed.listed == 6 and len(set(deed.drawn)) == 3 and set(deed.drawn) <= set(ids)
    holds = await scrutinised.outbox("holds.requested")
    assert len(holds) == 3 and len(await scrutinised.outbox("scrutiny.recorded")) == 1
    async with scrutinised.database.connection() as connection:
        kept = await find_draw(connection, about)
        assert kept is not None
        document = await published(connection, kept, head)
        assert [one.clips for one in await shown(connection, kept)] == [()] * 3, "unfilmed ones are drawn too"
    assert faults(document) == [] and sorted(document.encounters) == sorted(ids)
    assert document.checkpoint == head.checkpoint
    _, _, again = await scrutinised.draw("tooting", 3)
    assert again.details is not None and again.details["new"] is False
    assert len(await scrutinised.outbox("holds.requested")) == 3
    _, _, other = await scrutinised.draw("another", 3)
    assert other.details is not None and other.details["before"] == 1 and "that came before: 1" in other.says


async def test_a_draw_that_is_not_the_lists_is_refused(scrutinised: Scrutinised) -> None:
    await scrutinised.on_record(5)
    await scrutinised.fixed()

    async def changed(words: str, **changes: object) -> None:
        _, _, answer = await scrutinised.draw(changed=lambda deed: replace(deed, **changes))
        refused(answer, words)

    _, _, chosen = await scrutinised.draw(changed=lambda deed: replace(deed, drawn=deed.drawn[::-1]))
    refused(chosen, "the seed draws others now")
    _, _, hidden = await scrutinised.draw(
        changed=lambda deed: replace(deed, passed_over=(PassedOver(deed.drawn[0], "complaint"),), drawn=deed.drawn[1:])
    )
    refused(hidden, "the seed draws others now")
    await changed("the list at", list_sha256="0" * 64)
    await changed("nothing was sealed", root="00" * 32)
    await changed("expected a month", month="March")
    await changed("without blanks", seed=" p")
    _, _, missing = await scrutinised.draw(held=lambda holds: holds[1:])
    refused(missing, "3 drawn encounters want a hold each, 2 came")
    _, _, wrong = await scrutinised.draw(held=lambda holds: [replace(holds[0], reference="X"), *holds[1:]])
    refused(wrong, "is not of the record and the policy as they are now")
    assert await scrutinised.rows("scrutiny_draws") == [] and await scrutinised.outbox("holds.requested") == []


def a_hold(name: str, scope: str, reason: HoldReason, **fields: object) -> HoldRequest:
    padded = "hold-" + name.ljust(32, "a")
    return HoldRequest(padded, scope, reason, "ADMIN", "2026-03-09T09:00:00Z", **fields)  # type: ignore[arg-type]


async def test_what_may_not_be_shown_is_passed_over_with_a_word(scrutinised: Scrutinised) -> None:
    one, two, three, four, five = await scrutinised.on_record(5, lat=51.5007, lon=-0.1246)
    day = {"since": "2026-03-02T13:00:00Z", "until": "2026-03-02T15:00:00Z"}
    near = PlaceAndRadius(51.5010, -0.1246, 100.0)
    await scrutinised.stands(a_hold("complaint", "place", HoldReason.COMPLAINT, place=near, **day))
    away = PlaceAndRadius(51.5100, -0.1246, 100.0)
    third = {"since": "2026-03-03T13:00:00Z", "until": "2026-03-03T15:00:00Z"}
    await scrutinised.stands(a_hold("away", "place", HoldReason.COMPLAINT, place=away, **third))
    await scrutinised.stands(
        a_hold("restricted", "officer", HoldReason.CONDUCT, officers=("PC-4711",), restricted=True, **third)
    )
    await scrutinised.stands(a_hold("case", "encounter", HoldReason.CASE, encounter="NE-4"))
    await scrutinised.stands(a_hold("panel", "encounter", HoldReason.SCRUTINY, encounter="NE-5"))
    async with scrutinised.database.connection() as connection:
        words = await excluded_of(connection, [one, two, three, four, five])
    assert words == dict.fromkeys((two, three, four), "live-case-or-complaint"), "no word tells what is restricted"
    await scrutinised.fixed()
    _, deed, answer = await scrutinised.draw("tooting", 5)
    assert answer.verdict == "done" and set(deed.drawn) == {one, five}
    assert {passed.encounter_id: passed.why for passed in deed.passed_over} == words
    await scrutinised.database.execute("UPDATE holds SET lifted_at = now() WHERE reason = 'conduct'")
    end = datetime(2026, 9, 1, tzinfo=UTC)
    await scrutinised.database.execute("UPDATE holds SET earliest_end = %s WHERE reason = 'case'", (end,))
    async with scrutinised.database.connection() as connection:
        assert await excluded_of(connection, [three, four]) == {}, "lifted; the outcome of the case is known"


async def test_a_grade_goes_back_to_the_officer_and_asks_for_the_end_of_the_hold(scrutinised: Scrutinised) -> None:
    ids = await scrutinised.on_record(4)
    await scrutinised.fixed()
    about, deed, _ = await scrutinised.draw(n=2)
    first = deed.drawn[0]
    answer = await scrutinised.grade(about, first, Grade.AMBER, "grounds were not said aloud")
    assert answer.verdict == "done" and "returned to PC-4711" in answer.says
    assert len(await scrutinised.outbox("holds.lift-requested")) == 1
    await scrutinised.grade(about, first, Grade.GREEN, "seen again: they were", lift=False)
    other = next(one for one in ids if one not in deed.drawn)
    refused(await scrutinised.grade(about, other, Grade.RED, "x"), "was not drawn")
    refused(await scrutinised.grade(about, first, Grade.RED, "  "), "expected 1 to 2000 characters")
    async with scrutinised.database.connection() as connection:
        [back] = await returned_to(connection, "PC-4711")
        assert (back.encounter_id, back.grade, back.notes) == (first, Grade.GREEN, "seen again: they were")
        assert await returned_to(connection, "PC-1") == []
    assert len(await scrutinised.rows("scrutiny_grades")) == 2, "both stay on record"


async def test_who_was_there_grades_no_encounter_of_their_own(scrutinised: Scrutinised) -> None:
    await scrutinised.on_record(3)
    await scrutinised.fixed()
    about, deed, _ = await scrutinised.draw(n=1)
    await scrutinised.grade(about, deed.drawn[0], Grade.RED, "no grounds", lift=False)
    theirs = await scrutinised.give(about, Graded(deed.drawn[0], Grade.GREEN, "all was well"), "PC-4711")
    refused(theirs, "PC-4711 was at")
    async with scrutinised.database.connection() as connection:
        [back] = await returned_to(connection, "PC-4711")
        kept = await find_draw(connection, about)
        assert kept is not None
        [one] = await shown(connection, kept)
    assert (back.grade, one.grade, one.grades) == (Grade.RED, Grade.RED, 1)


async def test_what_came_on_record_after_the_list_is_counted(scrutinised: Scrutinised) -> None:
    await scrutinised.on_record(2)
    await scrutinised.fixed()
    about, _, _ = await scrutinised.draw(n=1)
    await scrutinised.on_record(3, borough="Hackney", bcu="CE")
    await scrutinised.fixed()
    async with scrutinised.database.connection() as connection:
        kept = await find_draw(connection, about)
        assert kept is not None and await recorded_since(connection, kept) == 3
    await scrutinised.database.execute("UPDATE counted_upto SET size = 0")
    async with scrutinised.database.connection() as connection:
        assert await recorded_since(connection, kept) is None, "as after a rebuild: nothing is counted yet"


def test_a_redaction_of_a_part_is_said_to_be_one() -> None:
    def made(clip: str, start: float | None, end: float | None) -> Lineage:
        return Lineage("derivative-1", clip, DerivativeKind.REDACTION, "00", 1, "00", 1, "video/mp4", "ffmpeg", (), {},
                       "", None, start, end, "", Signed("", "", ""))  # fmt: skip

    spans = (("clip-a", None, None), ("clip-a", 3, 4), ("clip-b", 75.5, 180), ("clip-c", 9, None))
    found = redactions([made(*span) for span in spans])
    assert found == {
        "redacted": ["clip-a", "clip-b", "clip-c"],
        "parts": ["clip-b, from 75.5 s to 180 s", "clip-c, from 9 s to its end"],
    }
    assert redactions([]) == {"redacted": [], "parts": []}


async def test_a_sample_is_of_one_unit_and_drawn_once(scrutinised: Scrutinised) -> None:
    await scrutinised.on_record(3, borough="Newham")
    theirs = await scrutinised.on_record(3, borough="Hackney", bcu="CE")
    await scrutinised.fixed()
    _, deed, answer = await scrutinised.draw("s1", 2, kind=DrawKind.SAMPLE, unit="hackney")
    assert answer.verdict == "done" and deed.listed == 3 and set(deed.drawn) <= set(theirs)
    assert await scrutinised.outbox("holds.requested") == []
    _, _, again = await scrutinised.draw("s2", 2, kind=DrawKind.SAMPLE, unit="Hackney")
    refused(again, "was sampled for 2026-03")
    _, _, bare = await scrutinised.draw("s3", 2, kind=DrawKind.SAMPLE)
    refused(bare, "a sample is of one unit")


async def test_a_lost_database_comes_back_with_draws_grades_and_complaints(scrutinised: Scrutinised) -> None:
    await scrutinised.on_record(3)
    await scrutinised.fixed()
    about, deed, _ = await scrutinised.draw(n=2)
    await scrutinised.grade(about, deed.drawn[0], Grade.RED, "no grounds")
    complaint, _ = await scrutinised.complain(COMPLAINT, PLACE)
    await scrutinised.give(complaint, OutcomeSent(datetime.now(LONDON).date().isoformat()))
    await scrutinised.force.recorded()
    fresh = f"{scrutinised.database.schema}_again"
    upgrade(scrutinised.database.dsn, fresh)
    keys = {key.id: key for key in (signer.enrolment() for signer in scrutinised.force.people.values())}
    async with Database(scrutinised.database.dsn, fresh) as again:
        await again.execute(f"INSERT INTO custody SELECT * FROM {scrutinised.database.schema}.custody")
        async with again.transaction() as connection:
            restored = await restore_scrutiny(connection, keys, is_message)
            assert (restored.deeds, restored.passed_over) == (4, ())
            assert len(restored.unplaced) == 3, "no hold of theirs is in the log: they are asked for again"
            found = await find_complaint(connection, complaint)
            nobody = await restore_scrutiny(connection, {}, is_message)
            assert (nobody.deeds, len(nobody.passed_over)) == (0, 4)
        async with scrutinised.database.connection() as connection:
            assert found is not None and found == await find_complaint(connection, complaint)
        for table in ("scrutiny_draws", "scrutiny_drawn", "scrutiny_grades", "complaints"):
            rows = await scrutinised.rows(table)
            assert rows and await again.fetch(f"SELECT * FROM {table} ORDER BY 1, 2") == rows, table
        [end] = await again.fetch("SELECT given_by, version, earliest_end FROM hold_ends")
        assert (end["given_by"], end["version"]) == ("complaint", 2)
