"""A batch file: every fault with its row and column, and what is right stands beside it."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers.prosecution.statements import Purpose, Recipient
from workers.prosecution.submission.batch import MOST_BYTES, Batch, read
from workers.prosecution.submission.cells import COLUMNS, Row
from workers.sheets import SheetUnreadable

EXAMPLES = Path(__file__).parents[2] / "docs/examples"


def csv_of(text: str) -> Batch:
    return read(text.encode(), "b.csv")


def json_of(rows: object) -> Batch:
    return read(json.dumps(rows).encode(), "b.json")


def test_both_examples_of_the_documentation_say_the_same() -> None:
    found = [read((EXAMPLES / name).read_bytes(), name) for name in ("batch.csv", "batch.json")]
    assert [batch.faults for batch in found] == [(), ()]
    first, second = ([msgspec.structs.replace(row, row=0) for row in batch.rows] for batch in found)
    assert first == second and len(first) >= 4


def test_cells_as_a_spreadsheet_writes_them() -> None:
    batch = read(
        b"\xef\xbb\xbf" + b'URN, Exhibits ,purpose,purpose_item,urgent\r\n'
        b'01AB0012326,"JS/1; JS / 2;",Action Plan,3,Yes\r\n\r\n01AB0012326,,trial,,\r\n', "b.csv",
    )  # fmt: skip
    assert batch.faults == ()
    assert batch.rows == (
        Row(2, "01AB0012326", Purpose.ACTION_PLAN, ("JS/1", "JS / 2"), 3, urgent=True),
        Row(4, "01AB0012326", Purpose.TRIAL),
    )


def test_json_says_lists_numbers_and_booleans() -> None:
    batch = json_of([{"urn": "U", "purpose": "first_hearing", "exhibits": ["A/1", "A/2"], "recipient": "defence",
                      "urgent": True, "purpose_item": None}])  # fmt: skip
    assert batch.rows == (Row(1, "U", Purpose.FIRST_HEARING, ("A/1", "A/2"), None, Recipient.DEFENCE, urgent=True),)


@pytest.mark.parametrize(
    ("cells", "column", "found", "expected"),
    [
        ({"urn": ""}, "urn", "nothing", "Unique Reference"),
        ({"purpose": ""}, "purpose", "nothing", "charging"),
        ({"purpose": "chargin"}, "purpose", "'chargin'", "charging"),
        ({"recipient": "cps2"}, "recipient", "'cps2'", "cps, defence"),
        ({"purpose_item": "x"}, "purpose_item", "'x'", "a whole number"),
        ({"purpose_item": "-1"}, "purpose_item", "'-1'", "a whole number"),
        ({"purpose_item": 1.5}, "purpose_item", "a float", "text"),
        ({"urgent": "perhaps"}, "urgent", "'perhaps'", "yes or no"),
        ({"exhibits": ["JS/1", 2]}, "exhibits", "something that is no text", "references"),
        ({"address": "a\nb"}, "address", "control character", "one line"),
        ({"nobody_else": "x" * 1001}, "nobody_else", "1,001 characters", "1,000"),
        ({"urn": ["U"]}, "urn", "a list", "text"),
        ({"exibits": "JS/1"}, "exibits", "an unknown column", "exhibits"),
    ],
)
def test_a_fault_names_row_column_found_and_expected(
    cells: dict[str, object], column: str, found: str, expected: str
) -> None:
    batch = json_of([{"urn": "U", "purpose": "trial"}, {"urn": "U", "purpose": "trial"} | cells])
    assert [row.row for row in batch.rows] == [1]
    [fault] = batch.faults
    assert (fault.row, fault.column) == (2, column)
    assert found in fault.found and expected in fault.expected
    assert str(fault).startswith(f"row 2, column {column}: ")


def test_all_faults_of_a_row_are_told_at_once() -> None:
    batch = csv_of("urn,purpose,urgent,purpose_item\n,x,perhaps,y,more\n")
    assert [fault.column for fault in batch.faults] == [None, "urn", "purpose", "purpose_item", "urgent"]
    assert batch.rows == ()


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"urn,purpose\n\xff", "not UTF-8 text"),
        (b"urn;purpose\n", "unknown column 'urn;purpose'"),
        (b"urn\nU\n", "no column 'purpose'"),
        (b"urn,purpose,urn\n", "twice the column 'urn'"),
        (b'urn,purpose\n"U,trial\n', "row 2 is not CSV"),
        (b"urn,purpose\n", "no rows"),
        (b"", "no rows"),
        (b"[{", "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b'{"urn": 1}', "expected a list"),
        (b"[1]", "row 1 is a int"),
        (b"x" * (MOST_BYTES + 1), "expected a batch of at most"),
    ],
)
def test_a_file_that_is_no_batch_is_one_clear_error(data: bytes, words: str) -> None:
    with pytest.raises(SheetUnreadable, match=words):
        read(data, "b.csv")


CELLS = st.text() | st.integers() | st.booleans() | st.none() | st.lists(st.text(), max_size=3)
FILES = st.lists(st.dictionaries(st.sampled_from(COLUMNS), CELLS)).map(lambda rows: json.dumps(rows).encode())


@given(st.binary(max_size=400) | FILES)
def test_whatever_the_bytes_are_every_row_is_good_or_has_a_fault(data: bytes) -> None:
    try:
        batch = read(data, "b")
    except SheetUnreadable as error:
        assert str(error).startswith("b: ")
    else:
        assert not {row.row for row in batch.rows} & {fault.row for fault in batch.faults}
        assert batch.rows or batch.faults
