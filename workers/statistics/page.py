"""The published page: one file without script, its plots drawn from the numbers, a table for every plot."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from workers.prosecution.disclosure.times import moment
from workers.statistics.figures import FIGURES, Figure, Sum
from workers.statistics.months import month as month_named
from workers.statistics.page_course import course
from workers.statistics.plots import Bar, bars, number, percent
from workers.statistics.stated import Stated
from workers.statistics.tables import Line, Place, Table
from workers.statistics.trend import MONTHS, courses

HERE = Path(__file__).parent


def page(stated: Stated, earlier: Sequence[Stated] = ()) -> bytes:
    """The page, as UTF-8.

    Args:
        earlier: what was published of earlier months.
    """
    followed = courses(stated, earlier)
    css = HERE.joinpath("page.css").read_text(encoding="utf-8")
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, keep_trailing_newline=True)
    template = environment.from_string(HERE.joinpath("page.html").read_text(encoding="utf-8"))
    text = template.render(
        policy=_policy(css),
        css=Markup(css),
        words=month_named(stated.month).words(),
        month=stated.month,
        first=_first(stated),
        figures=[{**_figure(figure, stated), "course": course(figure, followed)} for figure in FIGURES],
        months=MONTHS,
        fewest=stated.fewest,
        size=f"{stated.size:,}",
        size_plain=stated.size,
        checkpoint=stated.checkpoint,
        fold_sha256=stated.fold_sha256,
        areas_sha256=stated.areas_sha256,
        sealed=moment(stated.sealed_at),
    )
    return text.encode()


def _policy(css: str) -> str:
    """Nothing but this very style (Content Security Policy Level 3)."""
    style = base64.b64encode(hashlib.sha256(css.encode()).digest()).decode()
    return f"default-src 'none'; style-src 'sha256-{style}'; base-uri 'none'; form-action 'none'"


def _first(stated: Stated) -> list[dict[str, str]]:
    """What is asked first, in large figures."""
    kept, filmed, gaps = (stated.table(name).force for name in ("kept", "filmed", "gaps"))
    stops = [_value(filmed, f"{kind}_{part}") for kind in ("stop_search", "stop_account") for part in ("all", "some")]
    of = [_value(filmed, kind) for kind in ("stop_search", "stop_account")]
    seen = None if None in stops else sum(n for n in stops if n)
    every = None if None in of else sum(n for n in of if n)
    return [
        {"says": "recordings came from cameras", "told": number(_value(kept, "recorded"))},
        {"says": "of them kept for a reason", "told": _share(_value(kept, "kept"), _value(kept, "recorded"))},
        {"says": "of stops filmed by one camera at least", "told": _share(seen, every)},
        {"says": "gaps in the footage of encounters still open", "told": number(_value(gaps, "explained_open"))},
    ]


def _share(part: int | None, whole: int | None) -> str:
    if part is None or whole is None:
        return "withheld"
    return percent(part, whole) or "none"


def _value(place: Place, measure: str) -> int | None:
    return next(line.number for line in place.lines if line.measure == measure)


def _figure(figure: Figure, stated: Stated) -> dict[str, Any]:
    table, query = stated.table(figure.name), stated.query(figure.name)
    return {
        "name": figure.name,
        "title": figure.title,
        "counts": f"{query.counts[:1].upper()}{query.counts[1:]}",
        "note": figure.note,
        "sha256": query.sha256,
        "parts": _parts(figure, table),
        "areas": _areas(figure, table),
    }


def _parts(figure: Figure, table: Table) -> list[dict[str, Any]]:
    """One plot and table for each total, and each way of dividing it.

    What is only divided into so and not so ("followed by a charge") stands together, and of both the first is drawn.
    """
    lines = {line.measure: line for line in table.force.lines}
    together: dict[tuple[str, str], list[Sum]] = {}
    for one in figure.completed(lines):
        together.setdefault((one.total, one.how), []).append(one)
    made = []
    for sums in together.values():
        one, total = sums[0], lines[sums[0].total]
        rows = [lines[measure] for each in sums for measure in each.parts]
        drawn = [lines[next(iter(each.parts))] for each in sums] if len(sums) > 1 else rows
        caption = ": ".join((figure.title, ", ".join(filter(None, (one.says, one.how)))))
        made.append(
            {
                "says": one.says,
                "head": ", ".join(filter(None, (f"{one.says[:1].upper()}{one.says[1:]}", one.how))),
                "nothing": total.number == 0 or not rows,
                "caption": caption,
                "total": number(total.number),
                "rows": [
                    {"says": row.says, "told": number(row.number), "shown": row.number is not None,
                     "share": percent(row.number, total.number)}
                    for row in rows
                ],
                "plot": bars(caption, [_bar(row, total, figure) for row in drawn]),
            }
        )  # fmt: skip
    return made


def _bar(line: Line, total: Line, figure: Figure) -> Bar:
    share = None if line.number is None or total.number is None else line.number / (total.number or 1)
    told = number(line.number)
    if part := percent(line.number, total.number):
        told = f"{told} · {part}"
    return Bar(line.says, share, told, strong=line.measure == figure.share or line.measure.endswith("_all"))


def _areas(figure: Figure, table: Table) -> dict[str, Any] | None:
    """A table of every area, and a plot of the share that the figure is about, BCU by BCU."""
    if len(table.places) < 2:
        return None
    columns = {line.measure: line for line in table.force.lines}
    return {
        "columns": [_column(figure, line) for line in columns.values()],
        "rows": [
            {
                "says": place.borough or place.bcu,
                "bcu": not place.borough,
                "cells": [number(line.number) for line in place.lines],
            }
            for place in table.places[1:]
        ],
        "plot": _by_bcu(figure, table) if figure.share else "",
    }


def _column(figure: Figure, line: Line) -> str:
    """A part's words; with what it is a part of, where the figure has several totals."""
    several = len({one.total for one in figure.sums}) > 1
    kind = next((one.says for one in figure.sums if one.total == line.total), "")
    return f"{kind}: {line.says}" if several and line.measure != line.total else line.says


def _by_bcu(figure: Figure, table: Table) -> Markup:
    drawn = []
    for place in table.bcus():
        if figure.share == "filmed":
            part, whole = _stops(place)
            what = "of stops and searches filmed by one camera at least"
        else:
            part, whole = _value(place, figure.share), _value(place, "recorded")
            what = next(line.says for line in place.lines if line.measure == figure.share)
        share = None if part is None or whole is None else part / (whole or 1)
        told = "withheld" if share is None else f"{number(part)} of {number(whole)} · {percent(part, whole) or '–'}"
        drawn.append(Bar(place.bcu, share, told, strong=True))
    return bars(f"{figure.title}, by BCU: {what}", drawn) if drawn else Markup("")


def _stops(place: Place) -> tuple[int | None, int | None]:
    """Stops and searches filmed by one camera at least, and all of them."""
    part = [_value(place, f"stop_search_{name}") for name in ("all", "some")]
    return (None if None in part else sum(n for n in part if n)), _value(place, "stop_search")
