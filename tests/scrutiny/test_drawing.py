"""The draw: the same for everybody, whoever holds the records; what is changed is found."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from workers.custody.checkpoint import Checkpoint
from workers.scrutiny.drawing import FORMAT, Draw, PassedOver, faults, list_digest, lot, other_list, rank, ranked

NOTED = Checkpoint("force.example/log", 9, bytes(range(32)))
TEN = tuple(f"encounter-{letter}" for letter in "abcdefghij")
DOCS = Path(__file__).parents[2] / "docs" / "scrutiny.md"


def published(encounters: tuple[str, ...], seed: str, n: int, excluded: dict[str, str]) -> Draw:
    out = lot(ranked(encounters, seed), n, excluded)
    return Draw(FORMAT, "draw-1", "2026-03", n, seed, tuple(sorted(encounters)), list_digest(encounters), out.drawn,
                out.passed_over, NOTED.size, NOTED.root.hex(), f"{NOTED.text()}\n— force c2ln\n")  # fmt: skip


def test_a_golden_draw() -> None:
    # printf 'tooting\0encounter-c' | sha256sum, and so on, sorted: worked out without this code
    assert rank("tooting", "encounter-c") == "6bb86e26d74e6f686fe05b59d200d2eb7a00a352d0ac7377ad08d6e7cf1b6592"
    assert lot(ranked(TEN, "tooting"), 3, {}).drawn == ("encounter-f", "encounter-a", "encounter-e")
    assert list_digest(reversed(TEN)) == "cde8bf5e9c84256ee04c20995ed71423d3dc5464d9f0fb2bb1b1f7289898f811", (
        "sort ids.txt | sha256sum"
    )


def test_what_is_passed_over_keeps_its_rank_and_is_named() -> None:
    first, second, third, fourth, *_ = ranked(TEN, "tooting")
    out = lot(ranked(TEN, "tooting"), 3, {second: "live-case", ranked(TEN, "tooting")[9]: "complaint"})
    assert out.drawn == (first, third, fourth)
    assert out.passed_over == (PassedOver(second, "live-case"),), "only what the lot came across"


def test_no_encounter_has_a_better_chance() -> None:
    counts = dict.fromkeys(TEN, 0)
    for number in range(2000):
        for one in lot(ranked(TEN, f"seed {number}"), 3, {}).drawn:
            counts[one] += 1
    assert sum(counts.values()) == 6000
    assert all(520 < count < 680 for count in counts.values()), counts  # 600 expected, four standard deviations


ids = st.lists(st.text("abcdef0123456789", min_size=1, max_size=8), min_size=1, max_size=30, unique=True)


@settings(max_examples=60)
@given(ids, st.text(min_size=1, max_size=8), st.integers(1, 12), st.data())
def test_a_published_draw_is_repeated_and_a_changed_one_is_found(
    encounters: list[str], seed: str, n: int, data: st.DataObject
) -> None:
    words = {one: "complaint" for one in data.draw(st.lists(st.sampled_from(encounters), unique=True))}
    made = published(tuple(encounters), seed, n, words)
    assert faults(msgspec.json.decode(msgspec.json.encode(made), type=Draw)) == []
    assert len(made.drawn) == min(n, len(encounters) - len(words))
    changed = [replace(made, encounters=(*made.encounters, "zz")), replace(made, list_sha256="0" * 64)]
    if made.drawn:
        changed += [replace(made, drawn=made.drawn[1:]), replace(made, drawn=(*made.drawn[:-1], "zz"))]
        dropped = PassedOver(made.drawn[0], "complaint")
        changed.append(replace(made, passed_over=(*made.passed_over, dropped)))
    if made.passed_over:
        changed.append(replace(made, passed_over=made.passed_over[1:]))
    # the note of another state: its size, its root; and what is no note
    changed += [replace(made, size=8), replace(made, root="00" * 32), replace(made, checkpoint="note")]
    for one in changed:
        assert faults(one), one


def test_the_list_is_the_one_that_the_panel_was_given() -> None:
    made = published(TEN, "tooting", 3, {})
    given = "".join(f"{one}\n" for one in TEN).encode()
    assert other_list(made, given) == []
    [wrong] = other_list(made, given.replace(b"encounter-a", b"encounter-z"))
    assert made.list_sha256 in wrong


def test_the_dozen_lines_of_the_docs_draw_the_same(tmp_path: Path) -> None:
    [code] = re.findall(r"```python\n(.*?)```", DOCS.read_text(encoding="utf-8"), re.DOTALL)
    assert len(code.splitlines()) <= 14
    first, second, *_ = ranked(TEN, "tooting")
    for words in ({}, {second: "live-case", first: "complaint"}):
        file = tmp_path / "draw.json"
        made = published(TEN, "tooting", 3, words)
        for told, right in ((made, True), (replace(made, drawn=made.drawn[::-1]), False)):
            file.write_bytes(msgspec.json.encode(told))
            said: list[str] = []
            exec(compile(code, "docs/scrutiny.md", "exec"), {"FILE": str(file), "print": said.append})
            assert said == [right], (words, told)
