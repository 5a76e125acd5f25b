"""The package's own page: one file with its style and its script in it, which needs no network and asks for none."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup
from msgspec import Struct

from workers.prosecution.disclosure.schedules import why_none
from workers.prosecution.disclosure.times import moment
from workers.prosecution.package import wording
from workers.prosecution.package.contents import Contents, Item
from workers.prosecution.package.recipients import Part, has
from workers.prosecution.package.thumbnails import Picture
from workers.prosecution.statements import Recipient

HERE = Path(__file__).parent


class Papers(Struct, frozen=True):
    """What was written into the package beside the exhibits.

    Attributes:
        schedules: names of the files ("MG6C.csv", "MG6C.html").
        statements: exhibit reference → its paragraph.
        pictures: path of an exhibit's file → its thumbnail.
    """

    schedules: tuple[str, ...]
    statements: Mapping[str, str]
    pictures: Mapping[str, Picture]


def page(contents: Contents, origins: Sequence[wording.Origin], papers: Papers) -> bytes:
    """The page, as UTF-8."""
    css, js = (HERE.joinpath(name).read_text(encoding="utf-8") for name in ("page.css", "page.js"))
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, keep_trailing_newline=True)
    template = environment.from_string(HERE.joinpath("page.html").read_text(encoding="utf-8"))
    values = _values(contents, papers)
    text = template.render(policy=_policy(css, js), css=Markup(css), js=Markup(js), origins=origins, **values)
    return text.encode()


def _policy(css: str, js: str) -> str:
    """Nothing but this very script and style, and files beside the page (Content Security Policy Level 3)."""
    script, style = (base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in (js, css))
    return (
        f"default-src 'none'; script-src 'sha256-{script}'; style-src 'sha256-{style}'; img-src 'self' file:; "
        "media-src 'self' file:; worker-src blob:; base-uri 'none'; form-action 'none'"
    )


def _values(contents: Contents, papers: Papers) -> dict[str, Any]:
    manifest, case, recipient = contents.manifest, contents.case, contents.recipient
    scheduled = has(recipient, Part.SCHEDULES)
    return {
        "urn": manifest.case.urn,
        "title": manifest.case.title,
        "officer": manifest.case.officer,
        "whom": wording.WHOM[recipient],
        "purpose": wording.purpose(contents),
        "withheld": wording.WITHHELD.get(recipient, ""),
        "counted": wording.counted(contents.items),
        "items": [_item(item, papers.pictures[item.path]) for item in contents.items],
        "drafts": [
            {
                "name": name,
                "says": wording.SCHEDULES[name],
                "page": f"data/schedules/{name}.html",
                "table": f"data/schedules/{name}.csv",
            }
            for name in sorted({name.partition(".")[0] for name in papers.schedules})
        ],
        "no_drafts": why_none(case, recipient) if scheduled else None,
        "statements": [{"reference": name, "text": text} for name, text in papers.statements.items()],
        "expires": _day(case.approved_until) if recipient is Recipient.TRAINING else "",
        "approved_by": case.approved_by,
        "submission": manifest.submission_id,
        "manifest_sha256": manifest.sha256,
        "ordered_by": manifest.ordered_by,
        "ordered_at": moment(datetime.fromisoformat(manifest.ordered_at)),
        "link": manifest.link,
    }


def _item(item: Item, picture: Picture) -> dict[str, Any]:
    about = item.about
    still = about.media_type.startswith("image/")
    # What was cut out begins at its own beginning; in a master the exhibit's minute is somewhere inside.
    inside = about.kind == "master"
    start, end = (about.start, about.end) if inside else (None, None)
    if inside and item.exhibit is not None:
        start, end = item.exhibit.start, item.exhibit.end
    thumbnail = item.path if still else item.path.rpartition("/")[0] + "/thumbnail.jpg" if picture.data else ""
    fragment = f"#t={start:g}" + (f",{end:g}" if end is not None else "") if start is not None else ""
    return {
        "reference": about.reference,
        "description": about.description,
        "producer": about.producer,
        "media_type": about.media_type,
        "path": item.path,
        "size": f"{about.size:,}",
        "sha256": about.sha256,
        "parent": about.parent_sha256 if about.kind != "master" else "",
        "what": wording.what(item),
        "when": wording.when(item),
        "sound": wording.sound(item),
        "thumbnail": thumbnail,
        "no_picture": picture.why,
        "fragment": fragment,
        "from_second": "" if start is None else f"{start:g}",
        "to_second": "" if end is None else f"{end:g}",
        "press": "Show" if still else f"Play from {_minute(start)}" if start else "Play",
    }


def _minute(second: float) -> str:
    minutes, seconds = divmod(int(second), 60)
    return f"{minutes}:{seconds:02}"


def _day(day: str | None) -> str:
    found = date.fromisoformat(day or "")
    return f"{found.day} {found:%B %Y}"
