"""JSON Schemas (2020-12) of messages, of what is signed, and of the sidecar that a camera writes."""

from __future__ import annotations

import inspect
from typing import Any

import msgspec
from msgspec import Struct

from streams.topics import TOPICS
from workers.encounters.statements import Encounter
from workers.footage.recording import Sidecar
from workers.keys.statements import PURPOSES

DIALECT = "https://json-schema.org/draft/2020-12/schema"
COMMENT = "Made by `python -m console.reference --write` from the code; edit the code."


def message_schemas() -> dict[str, dict[str, Any]]:
    """Name of each message that a topic carries → its schema."""
    kinds = {topic.carries for topic in TOPICS}
    return {kind.__name__: _schema(kind) for kind in sorted(kinds, key=lambda kind: kind.__name__)}


def statement_schemas() -> dict[str, dict[str, Any]]:
    """Name of each body that is signed → its schema; `x-purpose` is what its signature is bound to."""
    bodies = sorted(PURPOSES, key=lambda kind: kind.__name__)
    return {kind.__name__: _schema(kind) | {"x-purpose": PURPOSES[kind]} for kind in bodies}


def sidecar_schema() -> dict[str, Any]:
    """Schema of the JSON file that a camera writes beside a recording."""
    return _schema(Sidecar)


def encounters_schema() -> dict[str, Any]:
    """Schema of the file that `bwv encounters load` takes as JSON: a list of records."""
    made = _schema(Encounter)
    officers = made["properties"]["officers"]
    officers["items"] = {"anyOf": [officers["items"], {"type": "string", "description": "The first one leads."}]}
    head = {key: made.pop(key) for key in ("$schema", "$comment")}
    definitions = made.pop("$defs", {})
    return head | {"title": "Encounters", "type": "array", "items": {**made, "additionalProperties": False},
                   "$defs": definitions}  # fmt: skip


def _schema(kind: type[Struct]) -> dict[str, Any]:
    made = msgspec.json.schema(kind)
    definitions = made.pop("$defs", {})
    whole = definitions.pop(kind.__name__, made)
    whole = {"$schema": DIALECT, "$comment": COMMENT, **whole, "description": inspect.getdoc(kind) or ""}
    if definitions:
        whole["$defs"] = dict(sorted(definitions.items()))
    return whole
