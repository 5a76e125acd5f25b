"""The JSON API gives what the board shows, as its document says; and nobody learns more from it than from a page."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import jsonschema
import msgspec

from console.web.api import ROOT
from console.web.app import PAGES
from console.web.pages.api import DOCUMENT, OPERATIONS
from console.web.people import Role
from tests.operations.board_desk import Desk
from tests.operations.board_rows import CASES, SUBMISSIONS, URNS, everything, received
from tests.operations.test_board import DOCKS

VALUES = {"name": "quarantine", "case": CASES[0], "submission": SUBMISSIONS[2]}


def fits(value: Any, schema: Mapping[str, Any]) -> None:
    """Raises where a value is not what the document says."""
    jsonschema.Draft202012Validator({**schema, "components": DOCUMENT["components"]}).validate(value)


def answer_of(path: str, status: str) -> Mapping[str, Any]:
    found = DOCUMENT["paths"][path]["get"]["responses"][status]
    if "$ref" in found:
        found = DOCUMENT["components"]["responses"][found["$ref"].rpartition("/")[2]]
    [content] = found["content"].values()
    schema: Mapping[str, Any] = content["schema"]
    return schema


async def test_every_question_is_answered_as_the_document_says(desk: Desk) -> None:
    await everything(desk.database)
    await received(desk.database, SUBMISSIONS[2])
    for dock in DOCKS:
        desk.shows(dock)
    async with await desk.signed_in(Role.RECORDS, Role.OPERATOR, Role.PROSECUTION) as person:
        assert (await person.get(f"{ROOT}/openapi.json")).json() == msgspec.json.decode(msgspec.json.encode(DOCUMENT))
        for one in OPERATIONS:
            if one.name == "getClip":
                continue  # tests/web/test_clips.py: looks are recorded
            path = (ROOT + one.path).format(**VALUES)
            answer = await person.get(path)
            assert answer.status_code == 200, (path, answer.text)
            fits(answer.json(), answer_of(ROOT + one.path, "200"))
        for path, asked, status in (
            ("/lists/{name}", "/lists/nothing", "404"), ("/lists/{name}", "/lists/bin?sort=soon&id=x", "400"),
            ("/cases/{case}", "/cases/none", "404"), ("/submissions", "/submissions?state=odd", "400"),
            ("/submissions/{submission}", "/submissions/x", "404"),
        ):  # fmt: skip
            answer = await person.get(ROOT + asked)
            assert str(answer.status_code) == status, asked
            fits(answer.json(), answer_of(ROOT + path, status))
        board = (await person.get(f"{ROOT}/board")).json()
        assert {bay["camera"] for dock in board["docks"] for bay in dock["bays"]} >= {"CAM-BAY-03"}
        assert board["counts"]["quarantine"] == 1 and board["asked"]["rows"]
    async with await desk.signed_in(Role.PANEL) as stranger:
        for one in OPERATIONS:
            assert (await stranger.get((ROOT + one.path).format(clip="x", **VALUES))).status_code == 403, one.name


def test_the_document_names_every_question_of_the_table_of_pages_and_no_other() -> None:
    served = {page.path for page in PAGES if page.path.startswith("/api/")}
    assert served == {*DOCUMENT["paths"], f"{ROOT}/openapi.json"}
    names = [path["get"]["operationId"] for path in DOCUMENT["paths"].values()]
    assert len(set(names)) == len(names)
    for schema in DOCUMENT["components"]["schemas"].values():
        jsonschema.Draft202012Validator.check_schema(schema)


SEES: list[tuple[Role, str, set[str], bool]] = [
    (Role.PROSECUTION, "P-1", {URNS[0]}, True),
    (Role.OPERATOR, "P-2", {URNS[0], URNS[1]}, False),
    (Role.PROTECTION, "P-3", {URNS[1]}, True),
    (Role.RECORDS, "P-4", {URNS[0], URNS[1]}, True),
    (Role.OFFICER, "PC-1", {URNS[0], URNS[1]}, True),
    (Role.OFFICER, "PC-2", set(), False),
]
"""Role and person → the open cases that they see, and whether they see whom these are about."""


async def test_cases_and_submissions_are_for_whoever_works_on_them(desk: Desk) -> None:
    await everything(desk.database)
    await received(desk.database, SUBMISSIONS[2])
    for role, person, urns, knows in SEES:
        async with await desk.signed_in(role, person=person) as client:
            for root in ("", ROOT):
                listed = (await client.get(f"{root}/cases")).text
                assert {urn for urn in URNS if urn in listed} == urns, (role, person)
                assert ("R v Smith" in listed) == (knows and bool(urns)), role
                case = await client.get(f"{root}/cases/{CASES[0]}")
                assert case.status_code == (200 if URNS[0] in urns else 404), role
                assert ("Jo Smith" in case.text) == (knows and URNS[0] in urns), role
                submission = await client.get(f"{root}/submissions/{SUBMISSIONS[2]}")
                assert submission.status_code == (200 if URNS[0] in urns else 404), role
                sent = (await client.get(f"{root}/submissions?state=rejected")).text
                assert (SUBMISSIONS[2][11:23] in sent) == (URNS[0] in urns) and SUBMISSIONS[0][11:23] not in sent, role


async def test_a_submission_shows_what_its_recipient_has_and_leads_to_each_clip(desk: Desk) -> None:
    await everything(desk.database)
    await received(desk.database, SUBMISSIONS[2])
    async with await desk.signed_in(Role.PROSECUTION) as client:
        page = (await client.get(f"/submissions/{SUBMISSIONS[2]}")).text
        for words in ("cannot be played", "CPS-77", "f" * 64, "is missing, says the recipient", 'href="/clips/clip-1"',
                      f'href="/cases/{CASES[0]}"', f"bwv submissions retry {SUBMISSIONS[2]}", "left"):  # fmt: skip
            assert words in page, words
        case = (await client.get(f"/cases/{CASES[0]}")).text
        clip = (await desk.database.fetch("SELECT clip_id FROM exhibits"))[0]["clip_id"]
        assert f'href="/clips/{clip}"' in case and all(f"/submissions/{one}" in case for one in SUBMISSIONS)
        led = await client.get("/cases", params={"find": "01ab 0000126"})
        assert led.headers["location"] == f"/cases/{CASES[0]}"
        assert URNS[2] in (await client.get("/cases?closed=1")).text
        one = (await client.get(f"{ROOT}/submissions/{SUBMISSIONS[2]}")).json()
        assert len(one["differences"]) == 3 and [item["answer"] for item in one["items"]] == ["received", "missing"]
