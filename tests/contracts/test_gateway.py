"""The contract of the prosecutor's gateway, for the reference server and for any adapter at BWV_TEST_GATEWAY."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import jsonschema
import msgspec
import pytest

from tests.contracts.gateways import ADAPTER, contents, manifest_of, stub
from workers.footage.canonical import canonical, sha256_hex
from workers.prosecution.gateway.client import Gateway, missing
from workers.prosecution.gateway.contract import Outcomes, Problem, Receipt, State, content_digest, path_of
from workers.prosecution.gateway.openapi import openapi

TOKEN = os.environ.get("BWV_TEST_GATEWAY_TOKEN", "a token of the test")
DOCUMENT = openapi()


@pytest.fixture(params=["adapter" if ADAPTER else "stub"])
async def url(tmp_path: Path) -> AsyncIterator[str]:
    if ADAPTER:
        yield ADAPTER
        return
    async with stub(tmp_path, token=TOKEN) as server:
        yield server.url


@pytest.fixture
async def http(url: str) -> AsyncIterator[httpx.AsyncClient]:
    """Whoever speaks the contract without our client."""
    headers = {"Authorization": f"Bearer {TOKEN}"}
    async with httpx.AsyncClient(base_url=url, headers=headers, trust_env=False) as client:
        yield client


@pytest.fixture
async def gateway(url: str) -> AsyncIterator[Gateway]:
    made = Gateway(url, token=TOKEN)
    yield made
    await made.close()


@pytest.fixture
def name(request: pytest.FixtureRequest) -> str:
    """Of this run's own: an adapter keeps what it was given before."""
    return f"{request.node.name}-{os.urandom(4).hex()}"


def conforms(answer: httpx.Response, kind: str) -> None:
    """The answer is what the OpenAPI document says."""
    schema = {"$ref": f"#/components/schemas/{kind}", "components": DOCUMENT["components"]}
    jsonschema.validate(answer.json(), schema, cls=jsonschema.Draft202012Validator)


async def put(http: httpx.AsyncClient, manifest: dict[str, Any], attempt: int = 1) -> httpx.Response:
    body = canonical(manifest)
    headers = {"Content-Type": "application/json", "Content-Digest": content_digest(sha256_hex(body))}
    path = path_of(manifest["submission_id"])
    return await http.put(path, params={"attempt": attempt}, content=body, headers=headers)


async def put_item(http: httpx.AsyncClient, manifest: dict[str, Any], n: int, content: bytes | None = None):  # type: ignore[no-untyped-def]
    given = contents(manifest)[n] if content is None else content
    headers = {"Content-Type": "video/mp4", "Content-Digest": content_digest(sha256_hex(given))}
    return await http.put(path_of(manifest["submission_id"], n), content=given, headers=headers)


def opener(manifest: dict[str, Any], opened: list[int] | None = None) -> Callable[..., Any]:
    @asynccontextmanager
    async def open_item(item: Any) -> AsyncIterator[AsyncIterator[bytes]]:
        if opened is not None:
            opened.append(item["n"])

        async def pieces() -> AsyncIterator[bytes]:
            content = contents(manifest)[item["n"]]
            for start in range(0, len(content), 1000):
                yield content[start : start + 1000]

        yield pieces()

    return open_item


async def test_a_submission_is_taken_step_by_step_and_every_repeat_changes_nothing(
    http: httpx.AsyncClient, name: str
) -> None:
    manifest = manifest_of(name)
    path = path_of(manifest["submission_id"])
    unknown = await http.get(path)
    assert unknown.status_code == 404
    conforms(unknown, "Problem")
    first, again = await put(http, manifest), await put(http, manifest)
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json() == again.json()
    conforms(first, "Receipt")
    assert first.json()["state"] == "receiving"
    assert [item["state"] for item in first.json()["items"]] == ["missing", "missing"]
    early = await http.post(f"{path}/complete")
    assert early.status_code == 409 and early.json()["error"] == "incomplete"
    for n in (1, 2, 2):
        taken = await put_item(http, manifest, n)
        assert taken.status_code == 200, taken.text
        conforms(taken, "ItemReceipt")
    done, twice = await http.post(f"{path}/complete"), await http.post(f"{path}/complete")
    assert (done.status_code, twice.status_code) == (202, 202)
    receipt = await http.get(path)
    conforms(receipt, "Receipt")
    assert receipt.json()["state"] in ("received", "accepted", "rejected")
    assert {(i["sha256"], i["size"]) for i in receipt.json()["items"]} == {
        (item["sha256"], item["size"]) for item in manifest["items"]
    }


async def test_another_manifest_under_the_same_id_is_refused(http: httpx.AsyncClient, name: str) -> None:
    assert (await put(http, manifest_of(name))).status_code == 201
    other = await put(http, manifest_of(name, purpose="trial"))
    assert other.status_code == 409
    assert msgspec.json.decode(other.content, type=Problem).error == "other_manifest"


async def test_bytes_that_are_not_what_was_declared_are_not_taken(http: httpx.AsyncClient, name: str) -> None:
    manifest = manifest_of(name, items=1)
    await put(http, manifest)
    path = path_of(manifest["submission_id"], 1)
    right = contents(manifest)[1]
    flipped = right[:-1] + bytes([right[-1] ^ 1])
    digest = {"Content-Digest": content_digest(sha256_hex(right))}
    mangled = await http.put(path, content=flipped, headers=digest | {"Content-Type": "video/mp4"})
    swapped, longer = await put_item(http, manifest, 1, flipped), await put_item(http, manifest, 1, right + b"x")
    for answer in (mangled, swapped, longer):
        assert answer.status_code == 422, answer.text
        conforms(answer, "Problem")
    undeclared = await http.put(path, content=right, headers={"Content-Type": "video/mp4"})
    assert undeclared.status_code == 400
    assert (await http.get(path_of(manifest["submission_id"]))).json()["items"][0]["state"] == "missing"


async def test_what_is_no_request_of_the_contract_is_refused(http: httpx.AsyncClient, name: str) -> None:
    manifest = manifest_of(name)
    await put(http, manifest)
    submission = manifest["submission_id"]
    body = canonical(manifest)
    digest = {"Content-Digest": content_digest(sha256_hex(body))}
    refusals = {
        "an item that the manifest lacks": await put_item(http, manifest, 2, b"x"),
        "no item of this number": await http.put(path_of(submission, 9), content=b"x", headers=digest),
        "a number that is none": await http.put(f"/v1/submissions/{submission}/items/0", content=b"x"),
        "an id that is none": await http.put("/v1/submissions/..%2f..%2fx", content=body, headers=digest),
        "an attempt that is none": await http.put(f"/v1/submissions/{submission}?attempt=x", content=body),
        "another's manifest": await http.put(path_of(manifest_of(name + "x")["submission_id"]), content=body,
                                             headers=digest),
        "no digest": await http.put(path_of(submission), content=body),
        "a wrong digest": await http.put(path_of(submission), content=body + b" ", headers=digest),
        "a cursor that is none": await http.get("/v1/outcomes", params={"after": "../x"}),
    }  # fmt: skip
    assert {what: answer.status_code // 100 for what, answer in refusals.items()} == dict.fromkeys(refusals, 4)


async def test_nobody_without_the_token_is_answered(url: str, name: str) -> None:
    if ADAPTER and "BWV_TEST_GATEWAY_TOKEN" not in os.environ:
        pytest.skip("this adapter asks for no token")
    async with httpx.AsyncClient(base_url=url, trust_env=False) as stranger:
        for answer in (await put(stranger, manifest_of(name)), await stranger.get("/v1/outcomes")):
            assert answer.status_code in (401, 403)


@pytest.mark.parametrize("delivers", ["bytes", "link"])
async def test_our_client_sends_all_of_it_and_nothing_twice(gateway: Gateway, name: str, delivers: str) -> None:
    manifest, opened, steps = manifest_of(name, items=3), list[int](), list[str]()
    open_item = opener(manifest, opened) if delivers == "bytes" else None
    taken = await gateway.send(manifest, open_item, step=steps.append)
    assert taken.state is not State.RECEIVING and not missing(manifest, taken)
    assert steps == ["after_manifest", *["after_item"] * 3, "before_complete", "after_complete"]
    again = await gateway.send(manifest, open_item, step=steps.append)
    assert again.state is not State.RECEIVING
    assert len(steps) == 6 and opened == ([1, 2, 3] if delivers == "bytes" else [])


@pytest.mark.parametrize("stopped", ["after_manifest", "after_item", "before_complete", "after_complete"])
async def test_a_submission_that_stopped_goes_on_where_it_was(gateway: Gateway, name: str, stopped: str) -> None:
    manifest, opened = manifest_of(name, items=3), list[int]()

    class Stopped(Exception):
        pass

    def stop(step: str) -> None:
        if step == stopped:
            raise Stopped

    with pytest.raises(Stopped):
        await gateway.send(manifest, opener(manifest, opened), step=stop)
    taken = await gateway.send(manifest, opener(manifest, opened))
    assert taken.state is not State.RECEIVING and not missing(manifest, taken)
    assert opened == [1, 2, 3]


async def test_outcomes_are_pages_that_go_on_where_they_ended(http: httpx.AsyncClient) -> None:
    seen, after = 0, ""
    while True:
        answer = await http.get("/v1/outcomes", params={"after": after})
        assert answer.status_code == 200
        conforms(answer, "Outcomes")
        page = msgspec.json.decode(answer.content, type=Outcomes)
        if not page.outcomes:
            assert page.cursor == after
            break
        assert page.cursor != after
        seen, after = seen + len(page.outcomes), page.cursor
        assert seen < 100_000


async def test_a_receipt_is_the_same_each_time_it_is_asked_for(gateway: Gateway, name: str) -> None:
    manifest = manifest_of(name)
    await gateway.send(manifest)
    receipts = {msgspec.json.encode(await gateway.receipt(manifest["submission_id"])) for _ in range(3)}
    found = [msgspec.json.decode(receipt, type=Receipt) for receipt in receipts]
    finals = [receipt for receipt in found if receipt.final]
    assert len(finals) <= 1 and found[0].manifest_sha256 == sha256_hex(canonical(manifest))
