"""Professional standards at the board: who they are, and what they open."""

from __future__ import annotations

import re

import httpx

from console.web.people import Role
from tests.web.site import Browser, Site

PLACE = {
    "reason": "complaint",
    "place": "51.5007,-0.1246,200",
    "since": "2026-11-22T09:30",
    "until": "2026-11-22T10:30",
}
"""Where the clips of these tests were made, as far as anybody knows: they have no track."""

REFERENCE = "CO/00123/26"

_MAIN = re.compile("<main.*</main>", re.DOTALL)


async def standards(site: Site, person: str = "PSD-1") -> Browser:
    """Somebody of professional standards, signed in."""
    return await site.signed_in(person, Role.STANDARDS)


async def opened(browser: Browser, reference: str = REFERENCE, **fields: str) -> httpx.Response:
    """They give the form, and press the button."""
    return await browser.send("/complaints", "/complaints", reference=reference, **(PLACE | fields))


def main(answer: httpx.Response) -> str:
    """What the page itself says."""
    found = _MAIN.search(answer.text)
    assert found is not None
    return found.group()
