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
from workers.statistics.plots import Bar, bars, meter, number, percent
from workers.statistics.stated import Stated
from workers.statistics.tables import Line, Table
from workers.statistics.trend import COURSES, MONTHS, courses, followed

HERE = Path(__file__).parent

PRESS_KEPT = 535_000 / 1_600_000
"""Share kept at the Metropolitan Police, as the press was told of about a year."""

FIRST = (
    ("filmed", "of stops filmed by at least one camera", "stops", ""),
    ("kept", "of recordings kept for a reason", "recordings", "the press told of 33% at the Metropolitan Police"),
    ("gaps", "of officers' missing footage unexplained", "times that an officer had no clip", ""),
    ("submitted", "of recordings sent to the prosecutor", "recordings", ""),
)
"""Figure, what its share is of, of what, and with what it is compared."""


def page(stated: Stated, earlier: Sequence[Stated] = ()) -> bytes:
    """The page, as UTF-8.

    Args:
        earlier: what was published of earlier months.
    """
    months = courses(stated, earlier)
    css = HERE.joinpath("page.css").read_text(encoding="utf-8")
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, keep_trailing_newline=True)
    template = environment.from_string(HERE.joinpath("page.html").read_text(encoding="utf-8"))
    text = template.render(
        policy=_policy(css),
        css=Markup(css),
        words=month_named(stated.month).words(),
        month=stated.month,
        quiet=Markup(' class="none"'),
        first=_first(stated),
        figures=[{**_figure(figure, stated), "course": course(figure, months)} for figure in FIGURES],
        months=MONTHS,
        fewest=stated.fewest,
        size=f"{stated.size:,}",
        size_plain=stated.size,
        checkpoint=stated.checkpoint,
        fold_sha256=stated.fold_sha256,
        areas_sha256=stated.areas_sha256,
        sealed=moment(stated.sealed_at),
        unfinished=stated.unfinished,
    )
    return text.encode()


def _policy(css: str) -> str:
    """Nothing but this very style (Content Security Policy Level 3)."""
    style = base64.b64encode(hashlib.sha256(css.encode()).digest()).decode()
    return f"default-src 'none'; style-src 'sha256-{style}'; base-uri 'none'; form-action 'none'"


def _first(stated: Stated) -> list[dict[str, Any]]:
    """What is asked first, in large figures."""
    made = []
    for figure, says, what, mark in FIRST:
        part, whole = followed(stated.table(figure).force, COURSES[figure])
        known = part is not None and whole is not None
        made.append(
            {
                "figure": figure,
                "known": known,
                "says": says if known else f"share {says}",
                "told": (percent(part, whole) or "none") if known else "withheld",
                "of": f"{number(part)} of {number(whole)} {what}" if known else "withheld to protect small numbers",
                "mark": mark,
                "bar": meter(_share(part, whole), PRESS_KEPT if mark else None),
            }
        )
    return made


def _share(part: int | None, whole: int | None) -> float | None:
    return part / whole if part is not None and whole else None


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
        rows = [lines[measure] for each in sums for measure in each.parts if not _never(lines[measure])]
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


def _never(line: Line) -> bool:
    """Whether it is of recordings without a device, of which there are none: they are from before headers named it."""
    return line.measure == "recorded_unknown" and line.number == 0


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
    columns = [line for line in table.force.lines if not _never(line)]
    shown = {line.measure for line in columns}
    return {
        "columns": [_column(figure, line) for line in columns],
        "rows": [
            {
                "says": place.borough or place.bcu,
                "bcu": not place.borough,
                "cells": [number(line.number) for line in place.lines if line.measure in shown],
            }
            for place in table.places[1:]
        ],
        "plot": _by_bcu(figure, table) if figure.share else "",
        "says": COURSES[figure.name].says,
    }


def _column(figure: Figure, line: Line) -> str:
    """A part's words; with what it is a part of, where the figure has several totals."""
    several = len({one.total for one in figure.sums}) > 1
    kind = next((one.says for one in figure.sums if one.total == line.total), "")
    return f"{kind}: {line.says}" if several and line.measure != line.total else line.says


def _by_bcu(figure: Figure, table: Table) -> Markup:
    course = COURSES[figure.name]
    drawn = []
    for place in table.bcus():
        part, whole = followed(place, course)
        known = part is not None and whole is not None
        told = f"{number(part)} of {number(whole)} · {percent(part, whole) or '–'}" if known else "withheld"
        drawn.append(Bar(place.bcu, _share(part, whole) if whole else (0.0 if known else None), told, strong=True))
    return bars(f"{figure.title}, by BCU: {course.says}", drawn) if drawn else Markup("")
