"""What `bwv verify` takes: durations and shares."""

from __future__ import annotations

from typing import Any

import click
import pytest

from console.cli.verify import duration, seconds_of, subset_of

NOTHING: Any = None


@pytest.mark.parametrize(
    ("words", "seconds"), [("90d", 7_776_000), ("12h", 43_200), ("30m", 1800), ("45s", 45), ("1.5h", 5400), ("0s", 0)]
)
def test_durations(words: str, seconds: float) -> None:
    assert seconds_of(NOTHING, NOTHING, words) == seconds


@pytest.mark.parametrize("words", ["90", "d", "-1d", "1w", "1 d", "1d ", "nan s", "1e3s", ""])
def test_what_is_no_duration_is_said(words: str) -> None:
    with pytest.raises(click.BadParameter, match="90d, 12h, 30m or 45s"):
        seconds_of(NOTHING, NOTHING, words)


def test_shares() -> None:
    assert subset_of(NOTHING, NOTHING, None) == (1, 1)
    assert subset_of(NOTHING, NOTHING, "3/7") == (3, 7)
    for words in ("0/7", "8/7", "1/0", "1", "a/b", "1/7/9", "01/7"):
        with pytest.raises(click.BadParameter, match="expected i/n"):
            subset_of(NOTHING, NOTHING, words)


def test_a_duration_is_said_in_a_unit_that_people_grasp() -> None:
    said = [duration(seconds) for seconds in (0.5, 119, 120, 7200, 172_800, 7_776_000)]
    assert said == ["0.5 s", "119.0 s", "2.0 m", "2.0 h", "2.0 d", "90.0 d"]
