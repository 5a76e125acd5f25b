"""The examples that camera makers copy are read by the very code that reads cameras, and cover every source."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest

from workers.dock.sidecars import read_sidecar
from workers.footage.recording import Kind, Sidecar, SourceType

EXAMPLES = sorted((Path(__file__).parents[3] / "docs/reference/examples").glob("*.json"))


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_is_a_good_sidecar_and_loses_nothing(example: Path) -> None:
    sidecar = read_sidecar(example.read_bytes())
    said = json.loads(example.read_bytes())
    written = json.loads(msgspec.json.encode(sidecar))
    assert {name: value for name, value in written.items() if name in said} == said


def test_there_is_an_example_for_each_source_and_for_an_event_log() -> None:
    sidecars = [read_sidecar(example.read_bytes()) for example in EXAMPLES]
    assert {s.source_type for s in sidecars} == set(SourceType)
    assert {s.kind for s in sidecars} == set(Kind)
    assert any(s.sha256 is None for s in sidecars)


def test_the_examples_together_use_every_field_but_the_signature() -> None:
    used = {name for example in EXAMPLES for name in json.loads(example.read_bytes())}
    assert set(Sidecar.__struct_fields__) - used == {"camera_signature"}
