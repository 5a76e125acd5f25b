"""A clip over the JSON API: for whoever may see its page, each look on record, and as the document says."""

from __future__ import annotations

import jsonschema

from console.web.api import ROOT
from console.web.pages.api import DOCUMENT
from console.web.people import Role
from tests.web.site import Site


async def test_a_clip_is_answered_to_whoever_may_see_it_and_the_look_is_recorded(site: Site) -> None:
    clip = await site.clip("PC-100")
    officer = await site.signed_in("PC-100", Role.OFFICER)
    answer = await officer.get(f"{ROOT}/clips/{clip}")
    assert answer.status_code == 200, answer.text
    schema = {"$ref": "#/components/schemas/ClipShown", "components": DOCUMENT["components"]}
    jsonschema.Draft202012Validator(schema).validate(answer.json())
    told = answer.json()
    assert (told["clip_id"], told["relation"], told["officer"]) == (clip, "own", "PC-100")
    assert told["media"] == f"/clips/{clip}/media"
    assert (await officer.get(told["media"])).status_code == 200
    assert site.looks()[:1] == [("look", "own", None)]


async def test_a_clip_of_others_is_refused_in_words_and_nothing_of_it_is_told(site: Site) -> None:
    clip = await site.clip("PC-100")
    other = await site.signed_in("PC-200", Role.OFFICER)
    answer = await other.get(f"{ROOT}/clips/{clip}")
    assert answer.status_code == 403 and answer.headers["content-type"] == "application/problem+json"
    assert "Say why you look at it" in answer.json()["detail"] and "PC-100" not in answer.text
    assert site.looks() == []
    operator = await site.signed_in("OPS-1", Role.OPERATOR)
    told = (await operator.get(f"{ROOT}/clips/{clip}")).json()
    assert (told["relation"], told["media"]) == ("work", None), "the record, and no footage"
    site.kafka = False
    assert (await operator.get(f"{ROOT}/clips/{clip}")).status_code == 503, "what cannot be recorded is not shown"
    assert (await operator.get(f"{ROOT}/clips/clip-{'a' * 32}")).status_code == 404
