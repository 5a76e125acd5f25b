"""Proof that a form came from our own page in this browser (against forged requests), and the cookies it rests on.

The field of a form is an HMAC under the value of a cookie that only this browser and we know: the session's, or before
somebody has signed in, one that is made for the form.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import Response

FIELD = "form"


class Cookies:
    """The cookies of the board: HttpOnly, SameSite=Strict, and over https Secure with the prefix `__Host-`.

    Attributes:
        session: who is signed in.
        before: what forms rest on before that.
        asked: what the directory was asked in this browser.
        left: somebody has signed out at this machine; the directory asks the next one anew.

    Args:
        secure: whether people come by https.
    """

    def __init__(self, *, secure: bool) -> None:
        self._secure = secure
        prefix = "__Host-" if secure else ""
        self.session = f"{prefix}bwv-session"
        self.before = f"{prefix}bwv-form"
        self.asked = f"{prefix}bwv-directory"
        self.left = f"{prefix}bwv-left"

    def value(self, request: Request) -> str | None:
        """The session's cookie."""
        return request.cookies.get(self.session)

    def keep(self, response: Response, name: str, value: str) -> None:
        """Give a cookie; it ends with the browser, the session with the database's row."""
        response.set_cookie(name, value, path="/", secure=self._secure, httponly=True, samesite="strict")

    def keep_for_directory(self, response: Response, name: str, value: str, lives: int | None = None) -> None:
        """Give a cookie that comes along when the directory leads back here: SameSite=Lax.

        Args:
            lives: seconds; with the browser if not given.
        """
        response.set_cookie(name, value, max_age=lives, path="/", secure=self._secure, httponly=True, samesite="lax")

    def drop(self, response: Response, name: str) -> None:
        """Take it back."""
        response.set_cookie(name, "", max_age=0, path="/", secure=self._secure, httponly=True, samesite="strict")

    def basis(self, request: Request, *, signed_in: bool) -> str:
        """The cookie that forms rest on; a new value where the browser has none yet."""
        found = request.cookies.get(self.session if signed_in else self.before)
        return found or secrets.token_urlsafe(24)


def proof(basis: str) -> str:
    """What the form of whoever has this cookie carries."""
    return hmac.digest(basis.encode(), b"bwv board form", "sha256").hex()


def is_ours(request: Request, basis: str | None, fields: Mapping[str, list[str]]) -> bool:
    """Whether a form that was sent came from our page in this browser."""
    if basis is None or request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        return False
    given = fields.get(FIELD, [""])[0]
    return hmac.compare_digest(proof(basis).encode(), given.encode())
