"""The demo's last line: it says yes only when every clip is accounted for."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from console.cli.demo_retention import Closing

RIGHT = Closing(clips=8, kept=6, held=1, gone=1, leaving=0, certified=1)


def test_every_clip_kept_held_or_gone_with_its_certificate_adds_up() -> None:
    assert RIGHT.adds_up


@pytest.mark.parametrize(
    "wrong",
    [
        {"clips": 9},
        {"kept": 5},
        {"held": 0, "kept": 7},
        {"gone": 0, "kept": 7},
        {"certified": 0},
        {"certified": 2},
        {"gone": 2, "held": 0},
        {"kept": 5, "leaving": 1},
        {"clips": 9, "leaving": 1},
    ],
)
def test_anything_else_does_not(wrong: dict[str, Any]) -> None:
    assert not msgspec.structs.replace(RIGHT, **wrong).adds_up
