"""The pages: plain HTML, no script, readable on a phone and on paper."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.responses import HTMLResponse

from workers.prosecution.links.address import masked
from workers.prosecution.links.armour import policy
from workers.prosecution.links.rows import PATH, Link
from workers.prosecution.links.sessions import Session
from workers.prosecution.submission.manifest import Manifest, ManifestItem

_FOLDER = Path(__file__).with_name("templates")

STYLE = (_FOLDER / "style.css").read_text()
POLICY = policy(STYLE)

LONDON = ZoneInfo("Europe/London")

KINDS = {
    "master": "original recording",
    "range": "part of a recording",
    "still": "still picture",
    "playback": "playback copy",
    "redaction": "redacted copy",
}
"""Kind of an item → what a reader calls it."""

NOT_HERE = (
    "There is nothing here",
    "This link is not valid, or no longer valid. If it was given to you, ask the police force that gave it to you.",
)
"""Title and text for whoever has no right to know more: unknown, revoked and closed look the same."""

TRY_AGAIN = (
    "Not available just now",
    "Part of the service does not answer. Nothing is wrong with your link; please try again in a few minutes.",
)
STALE = (
    "This page has expired",
    "Please go back to your link, load it again, and repeat what you did. The page needs cookies.",
)
BROKEN = ("Something went wrong", "The fault is ours and has been noted. Please try again later.")
CLOSED = ("Closed", "The link is closed in this browser. Open it again whenever you need it.")
NOT_THIS_WAY = ("That cannot be done here", "Please open your link again.")


def _size(count: int) -> str:
    size = float(count)
    for unit in ("bytes", "kB", "MB"):
        if size < 1000:
            return f"{size:.0f} {unit}" if unit == "bytes" else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} GB"


def _clock(seconds: float) -> str:
    whole = int(seconds)
    return f"{whole // 3600}:{whole // 60 % 60:02}:{whole % 60:02}"


def _moment(at: datetime) -> str:
    return f"{at.astimezone(LONDON):%-d %B %Y, %H:%M %Z}"


def _said(text: str) -> str:
    """A time that a camera said, for people; what is none stays as it is."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return text
    return text if at.tzinfo is None else f"{at.astimezone(LONDON):%-d %B %Y, %H:%M:%S %Z}"


def _environment() -> Environment:
    made = Environment(
        loader=FileSystemLoader(_FOLDER), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True,
    )  # fmt: skip
    made.filters.update(size=_size, clock=_clock, moment=_moment, said=_said)
    made.globals.update(style=STYLE, kinds=KINDS)
    return made


_PAGES = _environment()


def plain(says: tuple[str, str], status: int, headers: Mapping[str, str] | None = None) -> HTMLResponse:
    """A page of one title and one sentence."""
    title, sentence = says
    return _page("plain.html", status, {"title": title, "sentence": sentence}, headers)


def code_page(
    link: Link, token: str, form: str, *, sent: bool, minutes: int, problem: str = "", status: int = 200
) -> HTMLResponse:
    """Where a code is asked for and given; says nothing of the case.

    Args:
        sent: whether a code was sent that can still be given.
        minutes: that a code lives.
    """
    assert link.address is not None
    values = {"to": masked(link.address), "sent": sent, "minutes": minutes, "problem": problem}
    return _page("code.html", status, values | {"action": PATH + token, "form": form})


def items_page(manifest: Manifest, token: str, form: str, session: Session) -> HTMLResponse:
    """What was submitted, each item with its player."""
    values = {"it": manifest, "items": [_shown(item) for item in manifest.items], "session": session}
    return _page("items.html", 200, values | {"action": PATH + token, "form": form})


def _shown(item: ManifestItem) -> dict[str, Any]:
    major = item.media_type.partition("/")[0]
    whole = item.kind != "master" or item.start is None
    fragment = "" if whole else f"#t={item.start:g}" + ("" if item.end is None else f",{item.end:g}")
    return {"item": item, "major": major, "fragment": fragment}


def _page(name: str, status: int, values: dict[str, Any], headers: Mapping[str, str] | None = None) -> HTMLResponse:
    return HTMLResponse(_PAGES.get_template(name).render(values), status, headers)
