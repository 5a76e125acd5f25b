"""The generated documents are those of the code, and what we send is what they say."""

from __future__ import annotations

import json
from enum import Enum
from pathlib import Path
from typing import Any, get_args, get_origin, get_type_hints

import jsonschema
import msgspec
import pytest
from click.testing import CliRunner

from console.reference.__main__ import ROOT, differences, main, write
from console.reference.access import ACCESS
from console.reference.documents import documents
from streams.engine.process import STAGES
from streams.messages import encode
from streams.topics import BY_NAME, STAGES_WITH_DEAD_LETTERS, TOPICS
from workers.footage.recording import Sidecar
from workers.keys.statements import PURPOSES

DOCUMENTS = documents()
EXAMPLES = ROOT / "docs" / "reference" / "examples"
CARRIED = sorted({topic.carries for topic in TOPICS}, key=lambda kind: kind.__name__)


def schema_of(name: str) -> dict[str, Any]:
    schema: dict[str, Any] = json.loads(DOCUMENTS[f"docs/reference/{name}"])
    jsonschema.Draft202012Validator.check_schema(schema)
    return schema


def conforms(value: Any, schema: dict[str, Any]) -> None:
    jsonschema.validate(value, schema, cls=jsonschema.Draft202012Validator)


def example(kind: Any, *, full: bool) -> Any:
    """A value of a type: with every field, or with those alone that have no default."""
    origin = get_origin(kind)
    if origin is tuple:
        kinds = get_args(kind)
        if kinds[-1] is not ...:
            return tuple(example(each, full=full) for each in kinds)
        return (example(kinds[0], full=full),) if full else ()
    if origin is dict:
        return {"some": "thing"} if full else {}
    if origin is not None:  # T | None
        return example(next(a for a in get_args(kind) if a is not type(None)), full=full) if full else None
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        hints = get_type_hints(kind)
        fields = [field for field in msgspec.structs.fields(kind) if full or field.required]
        return kind(**{field.name: example(hints[field.name], full=full) for field in fields})
    if isinstance(kind, type) and issubclass(kind, Enum):
        return next(iter(kind))
    return {str: "text", int: 1, float: 0.5, bool: True}[kind]


def test_every_document_is_as_the_code_has_it() -> None:
    assert not list(differences(ROOT)), "make them again with: python -m console.reference --write"


def test_the_same_code_gives_the_same_documents() -> None:
    assert documents() == DOCUMENTS


def test_a_document_that_differs_is_shown_and_one_that_is_left_over_goes(tmp_path: Path) -> None:
    assert len(write(tmp_path)) == len(DOCUMENTS)
    assert write(tmp_path) == []
    (tmp_path / "docs/reference/topics.md").write_text("something else\n")
    left = tmp_path / "docs/reference/schemas/NobodySendsThis.json"
    left.write_text("{}")
    shown = CliRunner().invoke(main, ["--check", "--root", str(tmp_path)])
    assert shown.exit_code == 1
    assert "-something else" in shown.output
    assert "NobodySendsThis.json: nothing makes this file any more" in shown.output
    assert len(write(tmp_path)) == 2
    assert not left.exists()
    assert CliRunner().invoke(main, ["--check", "--root", str(tmp_path)]).exit_code == 0
    assert CliRunner().invoke(main, []).exit_code == 2


@pytest.mark.parametrize("full", [True, False], ids=["full", "shortest"])
@pytest.mark.parametrize("kind", CARRIED, ids=lambda kind: kind.__name__)
def test_a_message_conforms_to_its_schema(kind: Any, full: bool) -> None:
    schema = schema_of(f"schemas/{kind.__name__}.json")
    sent = json.loads(encode(example(kind, full=full)))
    conforms(sent, schema)
    conforms(sent | {"a_field_of_next_year": 1}, schema)  # readers ignore what they do not know
    for field in schema["required"]:
        with pytest.raises(jsonschema.ValidationError):
            conforms({name: value for name, value in sent.items() if name != field}, schema)


@pytest.mark.parametrize("kind", PURPOSES, ids=lambda kind: kind.__name__)
def test_what_is_signed_conforms_to_its_schema(kind: Any) -> None:
    schema = schema_of(f"schemas/signed/{kind.__name__}.json")
    assert schema["x-purpose"] == PURPOSES[kind]
    conforms(json.loads(msgspec.json.encode(example(kind, full=True))), schema)


def test_a_sidecar_conforms_and_a_misspelt_field_does_not() -> None:
    schema = schema_of("sidecar.schema.json")
    sidecar = json.loads(msgspec.json.encode(example(Sidecar, full=True)))
    conforms(sidecar, schema)
    conforms(sidecar | {"sha256": None}, schema)  # this camera cannot compute a digest
    for wrong in ({"sequnce": 1}, {"source_type": "drone"}, {"sequence": "1"}):
        with pytest.raises(jsonschema.ValidationError):
            conforms(sidecar | wrong, schema)
    del sidecar["sha256"]
    with pytest.raises(jsonschema.ValidationError):
        conforms(sidecar, schema)


def test_each_example_in_the_documents_conforms_to_its_schema() -> None:
    """A name in capitals is its message's (ClipSecured.json, ClipSecured-urgent.json); the others are sidecars."""
    names = {kind.__name__: f"schemas/{kind.__name__}.json" for kind in CARRIED}
    names |= {kind.__name__: f"schemas/signed/{kind.__name__}.json" for kind in PURPOSES}
    found = sorted(EXAMPLES.rglob("*.json"))
    assert found
    for path in found:
        kind = path.stem.split("-")[0]
        name = names.get(kind) if kind[0].isupper() else "sidecar.schema.json"
        assert name is not None, f"{path.name}: an example of no message; known are {', '.join(names)}"
        conforms(json.loads(path.read_text()), schema_of(name))


def test_the_asyncapi_document_has_what_the_specification_requires() -> None:
    document = json.loads(DOCUMENTS["docs/reference/asyncapi.json"])
    assert document["asyncapi"] == "3.0.0"
    assert {"title", "version"} <= set(document["info"])
    assert set(document["channels"]) == set(BY_NAME)
    for name, channel in document["channels"].items():
        assert channel["address"] == f"{{namespace}}.{name}"
        assert set(channel["parameters"]) == {"namespace"}
        assert channel["bindings"]["kafka"]["topicConfiguration"]["retention.ms"] == BY_NAME[name].kept * 1000
    for server in document["servers"].values():
        assert {"host", "protocol"} <= set(server)
    for operation in document["operations"].values():
        assert operation["action"] in ("send", "receive")
    for message in document["components"]["messages"].values():
        assert message["bindings"]["kafka"]["key"]["type"] == "string"
    headers = document["components"]["schemas"]["CloudEvents"]
    assert {"ce_id", "ce_type", "ce_source", "ce_specversion"} <= set(headers["required"])


def test_every_reference_inside_the_asyncapi_document_leads_somewhere() -> None:
    document = json.loads(DOCUMENTS["docs/reference/asyncapi.json"])
    seen = 0
    for reference in _references(document):
        seen += 1
        if reference.startswith("./"):
            assert f"docs/reference/{reference[2:]}" in DOCUMENTS
            continue
        target = document
        for part in reference.removeprefix("#/").split("/"):
            target = target[part]
    assert seen > len(TOPICS)


def test_the_table_of_access_is_that_of_the_stages() -> None:
    import importlib

    assert {*ACCESS, "person"} == {*STAGES, "person", "board"}
    for stage in STAGES:
        kind = getattr(importlib.import_module(f"streams.{stage}"), "STAGE", None)
        if kind is not None:
            assert set(ACCESS[stage].reads) == set(kind.listens), stage
    for topic in TOPICS:
        assert any(topic.name in access.writes for access in ACCESS.values()), f"nobody writes {topic.name}"


def test_a_dock_may_write_reports_and_read_answers_and_nothing_else() -> None:
    acls = json.loads(DOCUMENTS["deploy/kafka/acls.json"])["acls"]
    dock = {(row["operation"], row["name"]) for row in acls if row["principal"] == "User:bwv-dock-{DOCK}"}
    assert dock == {
        ("WRITE", "bwv.cameras.docked"),
        ("WRITE", "bwv.uploads.reported"),
        ("WRITE", "bwv.clips.wiped"),
        ("READ", "bwv.clips.released"),
        ("READ", "bwv.uploads.rejected"),
        ("READ", "bwv.clips.quarantined"),
    }


def test_nobody_but_release_and_the_relay_may_tell_of_a_receipt() -> None:
    acls = json.loads(DOCUMENTS["deploy/kafka/acls.json"])["acls"]
    writers = {row["principal"] for row in acls if (row["operation"], row["name"]) == ("WRITE", "bwv.clips.released")}
    assert writers == {"User:bwv-release", "User:bwv-relay"}
    assert not [row for row in acls if row["operation"] in ("ALL", "ALTER", "DELETE") or row["permission"] != "ALLOW"]
    for stage in STAGES_WITH_DEAD_LETTERS:
        letters = {row["principal"] for row in acls if row["name"] == f"bwv.dead-letters.{stage}"}
        assert letters == {f"User:bwv-{stage}", "User:bwv-operator"}


def test_whoever_looks_at_lag_may_read_what_it_takes_and_joins_no_group() -> None:
    acls = json.loads(DOCUMENTS["deploy/kafka/acls.json"])["acls"]
    for principal in ("User:bwv-operator", "User:bwv-alarms", "User:bwv-board"):
        may = {(r["operation"], r["resource"]) for r in acls if (r["principal"], r["name"]) == (principal, "bwv.")}
        assert may >= {("DESCRIBE", "GROUP"), ("DESCRIBE", "TOPIC"), ("READ", "TOPIC")}, principal
        assert not [r for r in acls if (r["principal"], r["operation"], r["resource"]) == (principal, "READ", "GROUP")]


def _references(value: Any) -> list[str]:
    if isinstance(value, dict):
        here = [value["$ref"]] if isinstance(value.get("$ref"), str) else []
        return here + [found for child in value.values() for found in _references(child)]
    if isinstance(value, list):
        return [found for child in value for found in _references(child)]
    return []
