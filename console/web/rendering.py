"""Templates and the files beside them; everything is escaped, and a name that a template lacks is an error."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape
from starlette.responses import HTMLResponse, Response

_HERE = Path(__file__).parent
_CODE = re.compile("`([^`]+)`")
LONDON = ZoneInfo("Europe/London")

MEDIA_TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}

STATIC = {
    path.name: (path.read_bytes(), MEDIA_TYPES[path.suffix])
    for path in sorted((_HERE / "static").iterdir())
    if path.suffix in MEDIA_TYPES
}
"""File name → bytes and media type; read once."""


def size(count: float | None) -> str:
    """Bytes for people."""
    if count is None:
        return "–"
    left = float(count)
    for unit in ("bytes", "kB", "MB", "GB"):
        if left < 1000:
            return f"{left:.0f} {unit}" if unit == "bytes" else f"{left:.1f} {unit}"
        left /= 1000
    return f"{left:.1f} TB"


def moment(at: datetime | None) -> str:
    """A time for people, local."""
    return "–" if at is None else f"{at.astimezone(LONDON):%-d %B %Y, %H:%M:%S %Z}"


def day(at: datetime | None) -> str:
    """A day for people, local."""
    return "–" if at is None else f"{at.astimezone(LONDON):%-d %B %Y}"


def clock(at: datetime | None) -> str:
    """A time of day for people, local."""
    return "–" if at is None else f"{at.astimezone(LONDON):%H:%M}"


def clock_to_second(at: datetime | None) -> str:
    """The same, to the second."""
    return "–" if at is None else f"{at.astimezone(LONDON):%H:%M:%S}"


def lasting(seconds: float | None) -> str:
    """A length for people: 1:02:03."""
    if seconds is None:
        return "–"
    whole = round(seconds)
    return (
        f"{whole // 3600}:{whole // 60 % 60:02}:{whole % 60:02}" if whole >= 3600 else f"{whole // 60}:{whole % 60:02}"
    )


def coded(text: str) -> Markup:
    """A sentence in which `commands` stand as Markdown has them."""
    return Markup(_CODE.sub(r"<code>\1</code>", str(escape(text))))


def _environment() -> Environment:
    made = Environment(
        loader=FileSystemLoader(_HERE / "templates"), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True, auto_reload=False,  # code and templates are of one release
    )  # fmt: skip
    made.filters.update(coded=coded, size=size, moment=moment, day=day, clock=clock, lasting=lasting)
    made.filters.update(clock_to_second=clock_to_second)
    return made


_TEMPLATES = _environment()


def drawn(name: str, values: Mapping[str, Any]) -> str:
    """A part of a page from its template."""
    return _TEMPLATES.get_template(name).render(values)


def rendered(
    name: str, values: Mapping[str, Any], status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    """A page from its template."""
    return HTMLResponse(drawn(name, values), status, headers)
