"""The reference server as a program, its script, and the OpenAPI document that both sides are made from."""

from __future__ import annotations

import json
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import jsonschema
import pytest
from click.testing import CliRunner

from console.cli.main import cli, exit_code_of
from tests.contracts.gateways import contents, manifest_of
from workers.errors import ConfigurationInvalid
from workers.footage.canonical import canonical, sha256_hex
from workers.prosecution.gateway.contract import content_digest, path_of
from workers.prosecution.gateway.openapi import openapi
from workers.prosecution.gateway.stub.app import application
from workers.prosecution.gateway.stub.reception import Reception
from workers.prosecution.gateway.stub.shelf import Shelf

DOCUMENT = openapi()


def references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        yield from (found for key, found in value.items() if key == "$ref")
        for child in value.values():
            yield from references(child)
    elif isinstance(value, list):
        for child in value:
            yield from references(child)


def test_every_schema_of_the_document_is_one_and_every_reference_leads_somewhere() -> None:
    for schema in DOCUMENT["components"]["schemas"].values():
        jsonschema.Draft202012Validator.check_schema(schema)
    found = set(references(DOCUMENT))
    assert found
    for reference in found:
        place: Any = DOCUMENT
        for name in reference.removeprefix("#/").split("/"):
            place = place[name]


async def _never(request: Any) -> None:
    raise AssertionError(request)


def test_the_reference_server_serves_what_the_document_lists_and_nothing_else(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path)
    routes = application(Reception(shelf), token=None, hang_up=_never).routes
    served = {
        (method, re.sub(r"\{submission\}", "{submission_id}", route.path))  # type: ignore[attr-defined]
        for route in routes
        for method in route.methods - {"HEAD"}  # type: ignore[attr-defined]
    }
    listed = {
        (method.upper(), path)
        for path, operations in DOCUMENT["paths"].items()
        for method in operations
        if method != "parameters"
    }
    assert served - listed == {("GET", "/script"), ("POST", "/script")}
    assert listed <= served
    shelf.close()


class Program:
    """`bwv gateway-stub` as a process."""

    def __init__(self, home: Path, *words: str) -> None:
        command = (sys.executable, "-m", "console.cli.main", "--home", str(home), "gateway-stub", "--port", "0", *words)
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        said = ""
        while said.count("}") < 1 and (line := self.process.stdout.readline()):  # type: ignore[union-attr]
            said += line
        self.said = json.loads(said) if said else None

    def end(self, number: int) -> int:
        self.process.send_signal(number)
        self.process.communicate(timeout=30)
        return int(self.process.returncode)


def test_the_program_goes_on_after_it_was_killed(tmp_path: Path) -> None:
    script = tmp_path / "script.json"
    script.write_text('{"rules": [{"do": "reject", "reason": "the wrong unit"}], "outcomes": [{"id": "o-1", "urn":'
                      ' "01AB0012326", "defendant": "D1", "outcome": "charge", "on": "2026-10-01"}]}')  # fmt: skip
    manifest = manifest_of("program", items=0)
    body = canonical(manifest)
    path, digest = path_of(manifest["submission_id"]), {"Content-Digest": content_digest(sha256_hex(body))}
    first = Program(tmp_path, "--json", "--script", str(script))
    with httpx.Client(base_url=first.said["url"], trust_env=False) as http:
        assert http.put(path, content=body, headers=digest).status_code == 201
        assert http.post(f"{path}/complete").status_code == 202
        receipt = http.get(path).json()
    assert first.end(signal.SIGKILL) == -signal.SIGKILL
    again = Program(tmp_path, "--json")
    with httpx.Client(base_url=again.said["url"], trust_env=False) as http:
        assert http.get(path).json() == receipt
        assert (receipt["state"], receipt["reason"]) == ("rejected", "the wrong unit")
        (outcome,) = http.get("/v1/outcomes").json()["outcomes"]
        assert outcome["id"] == "o-1"
        assert http.get("/script").json()["done"] == {"reject": 1}
    assert again.said["folder"] == str(tmp_path / "gateway")
    assert again.end(signal.SIGTERM) == 0


def test_an_item_that_was_cut_off_by_a_kill_leaves_nothing(tmp_path: Path) -> None:
    manifest = manifest_of("cut off", items=2)
    body, contents_of = canonical(manifest), contents(manifest)
    path = path_of(manifest["submission_id"])
    first = Program(tmp_path, "--json")
    address = httpx.URL(first.said["url"])
    with httpx.Client(base_url=address, trust_env=False) as http:
        http.put(path, content=body, headers={"Content-Digest": content_digest(sha256_hex(body))}).raise_for_status()
        whole = {"Content-Digest": content_digest(sha256_hex(contents_of[1]))}
        http.put(f"{path}/items/1", content=contents_of[1], headers=whole).raise_for_status()
    folder = tmp_path / "gateway/items" / manifest["submission_id"]
    with socket.create_connection((address.host, address.port)) as connection:
        head = f"PUT {path}/items/2 HTTP/1.1\r\nHost: x\r\nContent-Length: {len(contents_of[2])}\r\n\r\n"
        connection.sendall(head.encode() + contents_of[2][:100])
        end = time.monotonic() + 30
        while len(list(folder.iterdir())) < 2 and time.monotonic() < end:
            time.sleep(0.01)
        assert len(list(folder.iterdir())) == 2, "it is receiving the second item"
        first.end(signal.SIGKILL)
    again = Program(tmp_path, "--json")
    assert [file.name for file in folder.iterdir()] == ["1"]
    with httpx.Client(base_url=again.said["url"], trust_env=False) as http:
        assert [item["state"] for item in http.get(path).json()["items"]] == ["received", "missing"]
    assert again.end(signal.SIGTERM) == 0


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('{"rules": [{"do": "explode"}]}', "'explode'"),
        ('{"rules": [{"do": "reject", "raeson": "x"}]}', "raeson"),
        ('{"rules": [{"do": "slow", "seconds": -1}]}', "seconds"),
        ('{"outcomes": [{"id": "o", "urn": "x", "defendant": "D1", "outcome": "charge", "on": "soon"}]}', "on"),
        ("not JSON", "docs/gateway.md"),
    ],
)
def test_a_script_that_is_wrong_is_refused_with_the_place(tmp_path: Path, text: str, words: str) -> None:
    script = tmp_path / "script.json"
    script.write_text(text)
    done = CliRunner().invoke(cli, ["--home", str(tmp_path), "gateway-stub", "--port", "0", "--script", str(script)])
    assert isinstance(done.exception, ConfigurationInvalid) and exit_code_of(done.exception) == 2
    assert words in str(done.exception) and done.output == ""
