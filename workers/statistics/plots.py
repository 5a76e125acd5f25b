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


def meter(share: float | None, mark: float | None = None) -> Markup:
    """A thin bar beside a number that says the same, so nobody is told of it.

    Args:
        share: 0 to 1; None: withheld.
        mark: what it is compared with, drawn as a line across.
    """
    parts = [Markup('<rect class="track" width="100%" y="4" height="8" rx="3"/>')]
    if share is None:
        parts.append(Markup('<line class="withheld" x2="100%" y1="8" y2="8"/>'))
    elif share > 0:
        parts.append(
            Markup('<rect class="strong" width="{w}%" y="4" height="8" rx="3"/>').format(w=f"{100 * share:.2f}")
        )
    if mark is not None:
        parts.append(Markup('<line class="mark" x1="{x}%" x2="{x}%" y1="0" y2="16"/>').format(x=f"{100 * mark:.2f}"))
    return Markup('<svg class="meter" width="100%" height="16" aria-hidden="true">{parts}</svg>').format(
        parts=Markup("").join(parts)
    )


class Column(Struct, frozen=True):
    """One month of a plot.

    Attributes:
        says: stands below it; under: below that, "" for nothing.
        height: 0 to 1 of the plot's height; None: withheld, or nothing was published.
        withheld: it is the former.
    """

    says: str
    under: str
    height: float | None
    withheld: bool = False
    strong: bool = False


TALL, HEAD = 110, 24
"""Pixels of the highest column, and above it for the words that tell its scale."""


def columns(title: str, scale: str, drawn: Sequence[Column]) -> Markup:
    """A plot of months side by side, from zero to what `scale` says in words."""
    step, foot = 100 / len(drawn), HEAD + TALL
    parts = [Markup('<text class="value" x="0" y="{y}">{scale}</text>').format(y=FOOT, scale=scale)]
    for place, one in enumerate(drawn):
        left, middle = step * (place + 0.12), step * (place + 0.5)
        if one.height is not None:
            parts.append(
                Markup('<rect class="{kind}" x="{x}%" y="{y}" width="{width}%" height="{height}"/>').format(
                    kind="strong" if one.strong else "bar", x=f"{left:.2f}", width=f"{step * 0.76:.2f}",
                    y=f"{foot - TALL * one.height:.1f}", height=f"{TALL * one.height:.1f}",
                )
            )  # fmt: skip
        elif one.withheld:
            parts.append(
                Markup('<line class="withheld" x1="{x}%" x2="{x}%" y1="{y}" y2="{foot}"/>').format(
                    x=f"{middle:.2f}", y=HEAD, foot=foot
                )
            )
        for words, y in ((one.says, foot + 16), (one.under, foot + 32)):
            if words:
                parts.append(
                    Markup('<text class="month" x="{x}%" y="{y}">{words}</text>').format(
                        x=f"{middle:.2f}", y=y, words=words
                    )
                )
    parts.append(Markup('<line class="ground" x2="100%" y1="{y}" y2="{y}"/>').format(y=foot))
    return Markup(
        '<div class="plot course" role="img" aria-label="{title}">'
        '<svg width="100%" height="{height}">{parts}</svg></div>'
    ).format(title=title, height=foot + 38, parts=Markup("").join(parts))


def number(value: int | None) -> str:
    """A number as people read it."""
    return "withheld" if value is None else f"{value:,}"


def percent(part: int | None, whole: int | None) -> str:
    """A share as people read it; "" where there is none, or one of both is withheld."""
    return f"{part / whole:.1%}" if part is not None and whole else ""
