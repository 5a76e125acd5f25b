"""Plots as SVG, drawn from the published numbers: bars with their label above and their number beside it.

Widths are per cent and text is in pixels of the page, so a plot is as wide as the page and its text stays readable on a
telephone. Nothing is told by colour alone: each bar has its words. Beside each plot stands a table of the same numbers.
"""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup
from msgspec import Struct

ROW = 44
"""Pixels of a bar with its words; where the page is narrow its style makes it higher, and puts the number below."""

THICK = 14
"""Pixels of the bar itself."""

FOOT, TOP = 16, 23
"""Pixels from the top of a row to the foot of its words, and to its bar."""


class Bar(Struct, frozen=True):
    """One bar.

    Attributes:
        share: 0 to 1 of the plot's width; None: withheld.
        told: its number, in words.
        strong: it is what the figure is about.
    """

    says: str
    share: float | None
    told: str
    strong: bool = False


def bars(title: str, drawn: Sequence[Bar]) -> Markup:
    """A plot of horizontal bars, each a drawing of its own, so that the page's style can space them.

    Args:
        title: what a reader who does not see it is told; the numbers stand in the table beside it.
    """
    rows = Markup("").join(map(_row, drawn))
    return Markup('<div class="plot" role="img" aria-label="{title}">{rows}</div>').format(title=title, rows=rows)


def _row(bar: Bar) -> Markup:
    parts = [
        Markup('<text x="0" y="{y}">{says}</text>').format(y=FOOT, says=bar.says),
        Markup('<text class="value" x="100%" y="{y}" text-anchor="end">{told}</text>').format(y=FOOT, told=bar.told),
        Markup('<rect class="track" y="{y}" width="100%" height="{thick}" rx="3"/>').format(y=TOP, thick=THICK),
    ]
    if bar.share is None:
        parts.append(Markup('<line class="withheld" x2="100%" y1="{y}" y2="{y}"/>').format(y=TOP + THICK // 2))
    elif bar.share > 0:
        parts.append(
            Markup('<rect class="{kind}" y="{y}" width="{width}%" height="{thick}" rx="3"/>').format(
                kind="strong" if bar.strong else "bar", y=TOP, width=f"{100 * bar.share:.2f}", thick=THICK
            )
        )
    return Markup('<svg width="100%" height="{height}">{parts}</svg>').format(height=ROW, parts=Markup("").join(parts))


def number(value: int | None) -> str:
    """A number as people read it."""
    return "withheld" if value is None else f"{value:,}"


def percent(part: int | None, whole: int | None) -> str:
    """A share as people read it; "" where there is none, or one of both is withheld."""
    return f"{part / whole:.1%}" if part is not None and whole else ""
