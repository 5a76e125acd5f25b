"""Redaction files, which derivative an exhibit needs, and the folder in which masters lie for a while."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers.errors import Refused
from workers.prosecution.derivatives.needed import needed, thumbnail
from workers.prosecution.derivatives.redaction import Blur, Mute, Span, fits, parse
from workers.prosecution.derivatives.workspace import sweep, workspace
from workers.prosecution.statements import DerivativeKind

EXAMPLE = Path(__file__).parents[2] / "docs" / "examples" / "redaction.toml"
BLUR = {"from": "1.0", "to": "2.5", "x": "10", "y": "20", "width": "30", "height": "40"}
CLIP = "clip-" + "b" * 32


def blur(**changes: str | None) -> str:
    given = BLUR | {name.rstrip("_"): value for name, value in changes.items()}
    return "[[blur]]\n" + "".join(f"{name} = {value}\n" for name, value in given.items() if value is not None)


def refusal(text: str) -> str:
    with pytest.raises(Refused) as refused:
        parse(text)
    assert refused.value.reason.startswith("redaction file: ")
    return refused.value.reason.removeprefix("redaction file: ")


def test_the_shipped_example_is_one() -> None:
    found = parse(EXAMPLE.read_text())
    assert found.blurs and found.mutes
    fits(found, width=1280, height=720, seconds=60.0)


def test_what_is_written_is_what_is_read() -> None:
    found = parse(blur() + "[[mute]]\nfrom = 0\nto = 3\n")
    assert found.blurs == (Blur(Span(1.0, 2.5), 10, 20, 30, 40),)
    assert found.mutes == (Mute(Span(0.0, 3.0)),)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "it covers and silences nothing"),
        ("[[blur", "not TOML"),
        ("a = " + "[" * 5000, "not TOML"),
        ("[[beep]]\nfrom = 1\n", "'beep' is not known; expected tables [[blur]] and [[mute]]"),
        ("blur = 3", "blur: expected tables written [[blur]]"),
        ("[[mute]]\nfrom = 1\n", "[[mute]] 1: to is missing"),
        (blur() + blur(colour='"red"'), "[[blur]] 2: 'colour' is not known"),
        (blur(to="1.0"), "[[blur]] 1: to = 1 is not behind from = 1"),
        (blur(from_="nan"), "[[blur]] 1: from = nan; expected seconds"),
        (blur(to="inf"), "[[blur]] 1: to = inf; expected seconds"),
        (blur(from_="-0.1"), "[[blur]] 1: from = -0.1; expected seconds"),
        (blur(to="1e300"), "expected seconds into the clip, from 0 to 86400"),
        (blur(from_='"1"'), "[[blur]] 1: from = '1'; expected seconds"),
        (blur(from_="true"), "[[blur]] 1: from = True; expected seconds"),
        (blur(x="1.5"), "[[blur]] 1: x = 1.5; expected a whole number of pixels, from 0 to 16384"),
        (blur(width="0"), "[[blur]] 1: width = 0; expected a whole number of pixels, from 1"),
        (blur(height="-4"), "[[blur]] 1: height = -4"),
        (blur(x="true"), "[[blur]] 1: x = True"),
        (blur(x="0x" + "f" * 9000), "[[blur]] 1: x = a number that is far too large"),
        (blur(x="9" * 9000), "not TOML"),
        ("[[mute]]\nfrom = 0\nto = 1\n" * 201, "201 tables [[mute]]; expected at most 200"),
        ("# " + "a" * 70_000, "expected at most 65,536"),
    ],
)
def test_what_is_wrong_is_named_with_its_place(text: str, says: str) -> None:
    assert says in refusal(text)


@given(st.text(max_size=200) | st.sampled_from(["[[blur]]\n", "[[mute]]\n"]).flatmap(
    lambda head: st.text(max_size=60).map(lambda tail: head + "from = " + tail)))  # fmt: skip
def test_whatever_is_written_is_read_or_refused(text: str) -> None:
    try:
        found = parse(text)
    except Refused as refused:
        assert len(refused.reason) < 600
    else:
        assert found.blurs or found.mutes


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (blur(x="300"), "[[blur]] 1: x = 300 and width = 30 reach to 330; the picture has 320 × 240 pixels"),
        (blur(y="201"), "[[blur]] 1: y = 201 and height = 40 reach to 241"),
        (blur(to="9"), "[[blur]] 1: to = 9 lies behind the clip, which has 5.000 s"),
        ("[[mute]]\nfrom = 6\nto = 7\n", "[[mute]] 1: from = 6 lies behind the clip"),
    ],
)
def test_what_lies_outside_is_refused(text: str, says: str) -> None:
    with pytest.raises(Refused) as refused:
        fits(parse(text), width=320, height=240, seconds=5.0)
    assert says in refused.value.reason


def test_up_to_the_edge_is_inside() -> None:
    fits(parse(blur(x="290", y="200", to="5.0")), width=320, height=240, seconds=5.0)


class Part(NamedTuple):
    clip_id: str = CLIP
    start: float | None = None
    end: float | None = None
    redaction: str | None = None


def test_an_exhibit_needs_one_derivative_or_none() -> None:
    def kind(part: Part) -> DerivativeKind | None:
        order = needed(part, by="ADMIN", at="now")
        return order.kind if order else None

    assert kind(Part()) is None
    assert kind(Part(start=1.0)) is kind(Part(end=2.0)) is DerivativeKind.RANGE
    assert kind(Part(redaction=blur())) is kind(Part(start=1.0, redaction=blur())) is DerivativeKind.REDACTION


def test_the_same_part_is_the_same_derivative_and_another_is_another() -> None:
    parts = [Part(start=1.0), Part(start=1.001), Part(end=1.0), Part(start=1.0, redaction=blur())]
    orders = [needed(part, by="ADMIN", at="now") for part in parts]
    assert len({order.derivative_id for order in orders if order}) == len(parts)
    again = needed(Part(start=1.0000001), by="BAKER", at="later", reason="JS/2")
    assert again is not None and orders[0] is not None and again.derivative_id == orders[0].derivative_id


def test_the_thumbnail_of_a_redacted_exhibit_is_redacted() -> None:
    order = thumbnail(Part(start=3.0, end=9.0, redaction=blur()), by="ADMIN", at="now")
    assert (order.kind, order.start, order.end, order.redaction) == (DerivativeKind.STILL, 3.0, None, blur())


def test_a_workspace_is_ours_alone_and_goes(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), workspace(tmp_path) as folder:
        assert folder.stat().st_mode & 0o777 == 0o700
        (folder / "master").write_bytes(b"footage")
        raise ZeroDivisionError
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_process_left_goes_and_what_is_in_use_stays(tmp_path: Path) -> None:
    left = tmp_path / "bwv-derive-0123456789abcdef"
    left.mkdir()
    (left / "master").write_bytes(b"footage")
    lock = tmp_path / f"{left.name}.lock"
    descriptor = os.open(lock, os.O_CREAT | os.O_RDWR)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    other = tmp_path / "bwv-something-else"
    other.mkdir()
    assert sweep(tmp_path) == 0 and (left / "master").exists()
    os.close(descriptor)  # what happens when a process dies
    assert sweep(tmp_path) == 1
    assert list(tmp_path.iterdir()) == [other]
