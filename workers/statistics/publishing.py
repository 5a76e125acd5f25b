"""Writes a month's figures as a folder of static files, for any web server."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from workers.errors import RuleBroken
from workers.statistics import trend
from workers.statistics.areas import COLUMNS, Areas
from workers.statistics.counting import FOLD
from workers.statistics.figures import FIGURES
from workers.statistics.page import page
from workers.statistics.stated import Stated, csv_rows


def files(stated: Stated, areas: Areas, earlier: Sequence[Stated] = ()) -> Mapping[str, bytes]:
    """Path in the folder → what is in it. The same statements give the same bytes. Pure.

    Args:
        earlier: what was published of earlier months, for the months side by side.
    """
    header, *rows = csv_rows(stated)
    made = {
        "index.html": page(stated, earlier),
        "csv/trend.csv": _csv(trend.csv_rows(stated, earlier)),
        "figures.json": msgspec.json.format(msgspec.json.encode(stated), indent=1) + b"\n",
        "checkpoint.txt": stated.checkpoint.encode(),
        "areas.csv": (areas.text or ",".join(COLUMNS) + "\n").encode(),
        "sql/fold.sql": FOLD.encode(),
    }
    for figure in FIGURES:
        made[f"sql/{figure.name}.sql"] = figure.sql.encode()
        made[f"csv/{figure.name}.csv"] = _csv([header, *(row for row in rows if row[1] == figure.name)])
    return made


def publish(stated: Stated, areas: Areas, folder: Path, earlier: Sequence[Stated] = ()) -> list[Path]:
    """Write the files into a new folder, `index.html` last; returns their paths.

    Raises:
        RuleBroken: there is something already: figures that were published are not written over.
    """
    if folder.exists() and any(folder.iterdir()):
        raise RuleBroken(f"{folder} is not empty: what was published stays as it is; name a new folder")
    made = files(stated, areas, earlier)
    for path, data in sorted(made.items(), key=lambda one: one[0] == "index.html"):
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
    return [folder / path for path in sorted(made)]


def _csv(rows: list[tuple[str, ...]]) -> bytes:
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows(rows)
    return out.getvalue().encode()
