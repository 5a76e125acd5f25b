"""Categories and times that people give: the longer one counts until a second person confirms the shorter."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import click
import pytest

from console.cli.category_file import Wanted, read_file, resolve
from tests.retention.desk import SURREY, Desk, ago, done, refused
from workers.fate.moves import Standing
from workers.keys.statements import now_iso
from workers.retention.clips import incidents_of
from workers.retention.facts import Categorised, Confirmed
from workers.retention.statements import Categorisation, TimeCorrection

DAY = timedelta(days=1)
KNOWN = ("uncategorised", "evidential", "complaint", "training")

TRAINING = """
[[category]]
name = "training"
title = "footage for training"
period = "90 days"
source = "force schedule"
"""


@pytest.fixture
async def office(desk: Desk) -> Desk:
    """Surrey's policy, with one more category that is kept for less long than the others."""
    first = SURREY.index("[[category]]", SURREY.index('name = "evidential"'))
    done(await desk.adopt(SURREY[:first] + TRAINING.lstrip() + "\n" + SURREY[first:]), "policy 1")
    return desk


async def counts(office: Desk, clip: str) -> str:
    planned = await office.planned(clip)
    assert planned is not None
    return str(planned["category"])


async def test_a_category_that_is_kept_longer_counts_at_once(office: Desk) -> None:
    clip = await office.clip()
    done(await office.categorise(clip, "evidential"), clip, "evidential", "a person reviews it from")
    planned = await office.planned(clip)
    assert planned is not None
    assert (planned["category"], planned["verdict"], planned["intend_from"]) == ("evidential", "review", None)
    [told] = await office.told("clips.categorised")
    assert (told["category"], told["counts"], told["policy"]) == ("evidential", "evidential", 1)


async def test_a_shorter_category_counts_once_another_person_confirms_it(office: Desk) -> None:
    clip = await office.clip()
    await office.categorise(clip, "complaint", "ADMIN")
    answer = await office.categorise(clip, "training", "BAKER")
    done(answer, "training", "complaint is kept longer", "another person than BAKER", "--confirm")
    assert await counts(office, clip) == "complaint"
    refused(await office.categorise(clip, "training", "BAKER", confirms=True), "BAKER", "cannot confirm it too")
    refused(await office.categorise(clip, "complaint", "CLARK", confirms=True), "BAKER made", "training, not complaint")
    assert await counts(office, clip) == "complaint"

    done(await office.categorise(clip, "training", "CLARK", confirms=True), "confirmed by CLARK", "kept until")

    assert await counts(office, clip) == "training"
    assert [told["counts"] for told in await office.told("clips.categorised")] == ["complaint", "complaint", "training"]
    assert [type(fact) for fact in (await office.fate(clip)).facts] == [Categorised, Categorised, Confirmed]
    done(await office.categorise(clip, "training", "ADMIN", confirms=True), "CLARK has confirmed already")
    assert len((await office.fate(clip)).facts) == 3


async def test_there_must_be_something_to_confirm(office: Desk) -> None:
    clip = await office.clip()
    refused(await office.categorise(clip, "training", confirms=True), "has no category that could be confirmed")


async def test_the_same_category_again_changes_nothing(office: Desk) -> None:
    clip = await office.clip()
    await office.categorise(clip, "complaint", "ADMIN")
    await office.categorise(clip, "training", "ADMIN")
    done(await office.categorise(clip, "training", "BAKER"), "training already", "complaint is kept longer")
    assert len((await office.fate(clip)).facts) == 2
    assert len(await office.told("clips.categorised")) == 2


async def test_an_incident_is_given_with_a_category_and_beside_those_before_it(office: Desk) -> None:
    clip = await office.clip(incident="INC-1")
    for category, incident, said in (
        ("evidential", "INC-2", "is evidential and shows INC-2; "),
        ("evidential", "INC-3", "is evidential and shows INC-3; "),  # the category that it has, and something new
        ("evidential", "INC-3", "is evidential and shows INC-3 already"),
        ("complaint", "INC-1", "is complaint and shows INC-1"),
    ):
        asked = Categorisation(clip, category, "as seen", "ADMIN", now_iso(), incident=incident)
        assert said in (await office.ask(asked)).says
    fate = await office.fate(clip)
    kinds = [type(fact).__name__ for fact in fate.facts]
    assert kinds == ["Categorised", "IncidentGiven", "IncidentGiven", "Categorised", "IncidentGiven"]
    assert incidents_of(fate) == ("INC-1", "INC-2", "INC-3")
    planned = await office.planned(clip)
    assert planned is not None and planned["incident"] == "INC-3"
    assert len(await office.told("clips.categorised")) == 3


@pytest.mark.parametrize(("incident", "confirms"), [("", False), (" INC", False), ("I\nC", False), ("x" * 201, False),
                                                    ("INC-1", True)])  # fmt: skip
async def test_what_is_no_incident_is_refused(office: Desk, incident: str, confirms: bool) -> None:
    clip = await office.clip()
    asked = Categorisation(clip, "evidential", "as seen", "ADMIN", now_iso(), confirms, incident)
    refused(await office.ask(asked), "incident")
    assert (await office.fate(clip)).facts == ()


async def test_an_incident_takes_a_clip_out_of_the_bin(office: Desk) -> None:
    clip = await office.clip()
    await office.categorise(clip, "training")
    await office.intend(clip)
    refused(await office.categorise(clip, "training"), "in the bin as such")
    asked = Categorisation(clip, "training", "as seen", "ADMIN", now_iso(), incident="INC-1")
    done(await office.ask(asked), "out of the bin and training and shows INC-1")
    assert (await office.fate(clip)).disposal is None


async def test_a_name_that_the_policy_does_not_define_is_refused_with_the_nearest(office: Desk) -> None:
    clip = await office.clip()
    refused(await office.categorise(clip, "complaints"), "'complaints'", "did you mean 'complaint'?", "bwv retention")
    assert (await office.fate(clip)).facts == ()


async def test_a_clip_that_is_not_verified_yet_is_judged_as_it_will_be(office: Desk) -> None:
    clip = await office.clip(row={"standing": Standing.SECURED, "verified_version": None})
    await office.categorise(clip, "complaint", "ADMIN")
    done(await office.categorise(clip, "training", "BAKER"), "complaint is kept longer")
    assert [told["counts"] for told in await office.told("clips.categorised")] == ["complaint", "complaint"]


async def test_a_category_takes_a_clip_out_of_the_bin(office: Desk) -> None:
    clip = await office.clip()
    await office.intend(clip)
    done(await office.categorise(clip, "evidential"), "out of the bin and evidential")
    fate = await office.fate(clip)
    assert (fate.disposal, fate.intended_at, fate.intent, fate.dispose_from) == (None, None, None, None)
    await office.intend(clip)
    refused(await office.categorise(clip, "evidential"), "in the bin as such", "restore", "--not-before")
    assert (await office.fate(clip)).disposal == "intended"


@pytest.mark.parametrize(("disposal", "says"), [("committed", "is being disposed of"), ("done", "was disposed of")])
async def test_what_is_committed_is_refused_with_its_decision(office: Desk, disposal: str, says: str) -> None:
    clip = await office.clip()
    await office.intend(clip)
    await office.database.execute("UPDATE clip_fate SET disposal = %s WHERE clip_id = %s", (disposal, clip))
    answer = await office.categorise(clip, "evidential")
    refused(answer, says, "'uncategorised'", "policy 1", f"bwv explain {clip}")
    assert (await office.fate(clip)).disposal == disposal
    assert await office.told("clips.categorised") == []


# -- times -------------------------------------------------------------------------------------------------


async def correct(office: Desk, clip: str, at: object, by: str = "ADMIN", *, confirms: bool = False):  # type: ignore[no-untyped-def]
    time = at if isinstance(at, str) else now_iso(at)  # type: ignore[arg-type]
    return await office.ask(TimeCorrection(clip, time, "the clock was wrong", by, now_iso(), confirms))


async def test_the_later_time_counts_until_an_earlier_one_is_confirmed(office: Desk) -> None:
    recorded = ago(days=10)
    clip = await office.clip(docked_at=ago(days=9), recorded_at=now_iso(recorded))
    await office.categorise(clip, "uncategorised")
    ends_at = (await office.planned(clip) or {})["ends_at"]
    earlier = now_iso(recorded - 8 * DAY)

    answer = await correct(office, clip, earlier, "ADMIN")
    done(answer, "kept longer", "until another person confirms", "bwv correct-time")
    assert (await office.planned(clip) or {})["ends_at"] == ends_at
    refused(await correct(office, clip, earlier, "ADMIN", confirms=True), "ADMIN", "cannot confirm it too")
    refused(await correct(office, clip, recorded, "BAKER", confirms=True), "ADMIN corrected")

    done(await correct(office, clip, earlier, "BAKER", confirms=True), "confirmed by BAKER")
    assert timedelta(days=7, hours=22) < ends_at - (await office.planned(clip) or {})["ends_at"] < timedelta(days=8.1)
    done(await correct(office, clip, earlier, "CLARK", confirms=True), "BAKER has confirmed")
    assert len(await office.told("clips.time-corrected")) == 2


async def test_a_later_time_counts_at_once(office: Desk) -> None:
    clip = await office.clip(docked_at=ago(days=9), recorded_at=now_iso(ago(days=40)))
    answer = await correct(office, clip, ago(days=10))
    done(answer, "kept until")
    assert "confirm" not in answer.says
    assert (await office.planned(clip) or {})["ends_at"] > ago(days=-18)


async def test_a_time_that_cannot_be_is_refused(office: Desk) -> None:
    clip = await office.clip(docked_at=ago(days=9))
    refused(await correct(office, clip, ago(days=1)), "was docked at", "cannot have been recorded")
    refused(await correct(office, clip, "last Tuesday"), "'last Tuesday' is no time", "2026-11-22T10:00:00+00:00")
    refused(await correct(office, clip, "2026-11-22T10:00:00"), "which zone")
    refused(await correct(office, clip, ago(days=12), confirms=True), "was not corrected")
    assert (await office.fate(clip)).facts == ()


# -- files -------------------------------------------------------------------------------------------------


def written(folder: Path, *lines: str) -> Path:
    path = folder / "categories.csv"
    path.write_text("\n".join(lines) + "\n")
    return path


def test_a_file_is_read_whatever_the_order_of_its_columns(tmp_path: Path) -> None:
    path = written(
        tmp_path, "\ufeffcategory,clip,reason", 'evidential,CAM-1/r1,"an arrest, in a shop"', "complaint,b,x"
    )
    assert read_file(path, KNOWN) == [
        Wanted("CAM-1/r1", "evidential", "an arrest, in a shop", 2),
        Wanted("b", "complaint", "x", 3),
    ]


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        (("clip,category",), "expected clip, category, reason"),
        (("clip,category,reason",), "no clips below"),
        (("clip,category,reason", "a,complaints,x"), "row 2, column category: the policy in force defines no category"),
        (("clip,category,reason", "a,complaint,"), "row 2, column reason: empty"),
        (("clip,category,reason", "a,complaint,x", "a,evidential,y"), "row 3, column clip: a stands in row 2 already"),
        (("clip,category,reason", "a,complaint,x,y"), "row 2: more cells than columns"),
        (("clip,category,reason", 'a,"complaint,x'), "is not CSV"),
    ],
)
def test_every_fault_of_a_file_names_its_row_and_column(tmp_path: Path, lines: tuple[str, ...], says: str) -> None:
    with pytest.raises(click.UsageError) as wrong:
        read_file(written(tmp_path, *lines), KNOWN)
    assert says in str(wrong.value)


def test_all_faults_are_told_at_once_and_a_file_that_is_no_text_too(tmp_path: Path) -> None:
    path = written(tmp_path, "clip,category,reason", *(f"clip{number},x,y" for number in range(30)))
    with pytest.raises(click.UsageError) as wrong:
        read_file(path, KNOWN)
    said = str(wrong.value)
    assert "nothing was sent" in said and "row 21" in said and "row 22" not in said and "10 more" in said
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(click.UsageError, match="not UTF-8"):
        read_file(path, KNOWN)


async def test_rows_name_clips_by_id_or_by_camera_and_recording(office: Desk) -> None:
    clip, other = await office.clip(), await office.clip()
    name = (await office.fate(other)).recording
    rows = [Wanted(clip, "complaint", "x", 2), Wanted(f"CAM-1/{name}", "complaint", "x", 3)]
    assert [row.clip for row in await resolve(office.database, rows, "f.csv")] == [clip, other]
    wrong = [*rows, Wanted(clip[:12], "complaint", "x", 4), Wanted(other, "complaint", "x", 5)]
    with pytest.raises(click.UsageError) as fault:
        await resolve(office.database, wrong, "f.csv")
    said = str(fault.value)
    assert (
        f"row 4, column clip: no clip {clip[:12]!r}" in said
        and f"row 5, column clip: {other} is the clip of row 3" in said
    )
