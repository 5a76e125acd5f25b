"""What somebody is told who gets no page: in words on pages, as problem details (RFC 9457) on the JSON API."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING
from urllib.parse import quote

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

if TYPE_CHECKING:
    from console.web.visit import Visit

STALE = "Load the page again and repeat what you did. The page needs cookies."
NOT_YOURS = "None of your roles may use this page. Ask your administrator if it should be one of yours."
NOT_HERE = "There is no such page or clip."
NOT_THIS_WAY = "What was sent cannot be used. Go back, and try again."
AWAY = "A part of the system does not answer. Nothing is lost; please try again in a minute."
BROKEN = "The fault is ours and is in the log. Please try again later."
SIGNED_OUT = "What you sent was not done. Sign in, and do it again."
SIGN_IN = "Sign in, or send a token: Authorization: Bearer."

REALM = 'Bearer realm="bwv board"'
"""What a request without a token is told (RFC 6750, 3)."""


class NoEntry(HTTPException):
    """A token that opens nothing, or not this."""

    def __init__(self, status: int, detail: str, headers: Mapping[str, str]) -> None:
        super().__init__(status, detail, dict(headers))


def is_api(request: Request) -> bool:
    """Whether a program asks: it gets no page, and a token may open it."""
    return request.url.path.startswith("/api/")


def problem(title: str, detail: str, status: int, headers: Mapping[str, str] | None = None) -> Response:
    """Problem details."""
    body = msgspec.json.encode({"type": "about:blank", "title": title, "status": status, "detail": detail})
    return Response(body, status, headers, media_type="application/problem+json")


def to_sign_in(visit: Visit) -> Response:
    """To the sign-in page, and back afterwards; whoever sends something is told that it was not done."""
    request = visit.request
    if is_api(request):
        return problem("Not signed in", SIGN_IN, 401, {"WWW-Authenticate": REALM})
    if "text/html" not in request.headers.get("accept", "text/html"):
        return PlainTextResponse("Sign in first.\n", 401, {"WWW-Authenticate": REALM})
    if request.method not in ("GET", "HEAD"):
        response = visit.plain("You are signed out", SIGNED_OUT, 401)
        response.headers["WWW-Authenticate"] = REALM
        return response
    asked = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    return Response(None, 303, {"Location": f"/signin?next={quote(asked, safe='')}"})
