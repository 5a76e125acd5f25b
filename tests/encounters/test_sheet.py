"""Files of records: what is well formed is taken, and each fault names its row, its cell and what was expected."""

from __future__ import annotations

import csv
import io
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from workers.encounters.sheet import PERSONAL, SHEET, read
from workers.encounters.statements import Encounter
from workers.encounters.words import Ced, Kind, Role
from workers.sheets import SheetUnreadable

NOW = datetime(2026, 11, 22, 20, tzinfo=UTC)
EXAMPLES = Path(__file__).parents[2] / "docs/examples"

GOOD = {
    "reference": "SS/2026/1", "kind": "stop search", "at": "2026-11-20 21:04", "place": "High Street", "lat": "51.5",
    "lon": "-0.1", "officers": "PC-4711; PC-2203", "power": "PACE s1", "object": "stolen property",
    "grounds": "seen to try the doors of three cars", "ethnicity": "ns", "outcome": "no further action",
}  # fmt: skip


def csv_of(*rows: dict[str, str]) -> bytes:
    columns = list(dict.fromkeys(name for row in rows for name in row))
    out = io.StringIO()
    writer = csv.DictWriter(out, columns)
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue().encode()


def one(**changes: str) -> list[str]:
    load = read(csv_of(GOOD | changes), "x.csv", NOW)
    return [str(fault) for fault in load.faults]


def test_the_examples_are_read_and_say_the_same() -> None:
    by_name = [
        read((EXAMPLES / f"encounters.{kind}").read_bytes(), f"encounters.{kind}", NOW) for kind in ("csv", "json")
    ]
    for load in by_name:
        assert not load.faults
        assert {encounter.kind for _, encounter in load.records} == set(Kind)
    first, second = ([encounter for _, encounter in load.records] for load in by_name)
    assert first == second


def test_words_are_read_as_people_write_them() -> None:
    load = read(csv_of(GOOD), "x.csv", NOW)
    [(row, found)] = load.records
    assert row == 2 and load.faults == ()
    assert [(each.officer, each.role) for each in found.officers] == [("PC-4711", Role.LEAD), ("PC-2203", Role.PRESENT)]
    assert (found.power, found.object, found.ethnicity) == ("pace_s1", "stolen_property", "NS")
    assert found.at == "2026-11-20T21:04:00Z", "the local time of England in winter"


FAULTS = {
    "no reference": ({"reference": ""}, "row 2, column reference: nothing"),
    "a wrong kind": ({"kind": "chat"}, "row 2, column kind: 'chat'; expected stop_search, stop_account, use_of_force"),
    "no time": ({"at": "yesterday"}, "row 2, column at: 'yesterday'"),
    "a time of the future": ({"at": "2027-01-01 10:00"}, "in the future"),
    "an end before the beginning": ({"until": "2026-11-20 20:00"}, "column until"),
    "a time that comes twice": ({"at": "2026-10-25 01:30"}, "showed twice; expected it with its offset"),
    "a time that never was": ({"at": "2026-03-29 01:30"}, "skipped"),
    "half a place": ({"lon": ""}, "column lat: one of lat and lon"),
    "an address": ({"place": "14 High Street, SW1A 1AA"}, "a full postcode"),
    "an officer's name": ({"officers": "John Smith"}, "expected warrant numbers"),
    "an officer twice": ({"officers": "PC-1;PC-1"}, "somebody twice"),
    "a search without grounds": ({"grounds": ""}, "column grounds: nothing; expected it of every stop search"),
    "no authorisation": ({"power": "cjpoa_s60"}, "column authorisation"),
    "force without saying how": ({"kind": "use_of_force", "power": "", "object": ""}, "column tactics: nothing"),
    "a Taser that is no tactic": ({"tactics": "unarmed skills", "ced": "drawn"}, "column tactics: no ced"),
    "a Taser used nobody knows how": ({"tactics": "ced"}, "column ced: nothing"),
}  # fmt: skip


@pytest.mark.parametrize("what", FAULTS)
def test_a_bad_cell_is_told_by_row_and_column(what: str) -> None:
    changes, words = FAULTS[what]
    told = one(**changes)
    assert any(words in fault for fault in told), told


def test_good_rows_do_not_wait_for_bad_ones_and_a_record_comes_once() -> None:
    rows = [GOOD, GOOD | {"reference": "SS/2026/2", "kind": "?"}, GOOD | {"reference": "ss/2026/ 1"}]
    load = read(csv_of(*rows), "x.csv", NOW)
    assert [row for row, _ in load.records] == [2]
    assert sorted({fault.row for fault in load.faults}) == [3, 4]
    assert "which row 2 has too" in str(load.faults[-1])


@pytest.mark.parametrize("column", PERSONAL)
def test_no_personal_detail_has_a_column(column: str) -> None:
    assert column not in Encounter.__struct_fields__
    row = {
        name: GOOD[name]
        for name in ("reference", "kind", "at", "place", "power", "object", "grounds", "ethnicity", "outcome")
    }
    load = read(json.dumps([row | {"officers": ["PC-1"], column: "Jane Canary"}]).encode(), "x.json", NOW)
    assert load.records == ()
    assert [fault.column for fault in load.faults] == [column]
    assert "Jane Canary" not in str(load.faults)


def test_what_is_no_such_file_is_said_at_once() -> None:
    for data, words in (
        (b"\xff\xfe", "not UTF-8"),
        (b"a,b\n1,2\n", "unknown column"),
        (b"[]", "no rows"),
        (b"{}", "a list"),
    ):
        with pytest.raises(SheetUnreadable, match=words):
            read(data, "x", NOW)
    with pytest.raises(SheetUnreadable, match="unknown column 'name'"):
        read(csv_of(GOOD | {"name": "Jane Canary"}), "x.csv", NOW)


def test_gravity_of_a_taser_is_that_of_the_published_figures() -> None:
    columns = GOOD | {
        "kind": "use_of_force",
        "power": "",
        "object": "",
        "tactics": "ced",
        "ced": "fired;drawn;red dotted",
    }
    [(_, found)] = read(csv_of(columns), "x.csv", NOW).records
    assert found.gravest_ced is Ced.FIRED
    assert set(SHEET.columns) == set(Encounter.__struct_fields__)
