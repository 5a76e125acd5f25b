"""What is around every page of the board: headers that forbid, and a bound on how much one client may ask."""

from __future__ import annotations

from starlette.types import ASGIApp

from workers.prosecution.links.armour import Armour, Pace

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; media-src 'self'; connect-src 'self'; "
    "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
"""Nothing inline, nothing of others. A page that needs a script has it as a file, and is readable without."""


def armoured(app: ASGIApp, *, secure: bool) -> Armour:
    """The application within its armour.

    Args:
        secure: whether people come by https: then browsers are told to insist on it.
    """
    return Armour(app, secure=secure, pace=Pace(), policy=POLICY)
