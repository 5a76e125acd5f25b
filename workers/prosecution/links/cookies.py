"""The cookies of a link: who has opened it, and that a form was ours."""

from __future__ import annotations

import hmac
import secrets
from typing import Literal

from starlette.requests import Request
from starlette.responses import Response

from workers.prosecution.links.secret import Secret, text


class Cookies:
    """Cookies for one service; each link has its own, so that two links in one browser do not meet.

    HttpOnly, SameSite=Strict, for this host and path / alone; over https Secure, with the prefix that makes a browser
    insist on all of it (RFC 6265bis, `__Host-`).

    Args:
        secure: whether recipients come by https.
    """

    def __init__(self, secret: Secret, *, secure: bool) -> None:
        self._secret = secret
        self._secure = secure

    def session(self, request: Request, link: str) -> str | None:
        """The value of the link's session cookie."""
        return request.cookies.get(self.name(link, "open", secure=self._secure))

    def keep_session(self, response: Response, link: str, value: str, seconds: float) -> None:
        """Give the browser a session."""
        self._set(response, self.name(link, "open", secure=self._secure), value, int(seconds))

    def drop_session(self, response: Response, link: str) -> None:
        """Take it back."""
        self._set(response, self.name(link, "open", secure=self._secure), "", 0)

    def form(self, request: Request, link: str) -> tuple[str, str]:
        """What proves that a form is ours: the cookie's value (a new one if there is none), and the form's field."""
        value = request.cookies.get(self.name(link, "form", secure=self._secure)) or secrets.token_urlsafe(16)
        return value, self.proof(link, value)

    def keep_form(self, response: Response, link: str, value: str) -> None:
        """Give the browser the cookie that its form needs."""
        self._set(response, self.name(link, "form", secure=self._secure), value, None)

    def is_ours(self, request: Request, link: str, field: str) -> bool:
        """Whether a form that was sent came from our page in this browser (against forged requests)."""
        value = request.cookies.get(self.name(link, "form", secure=self._secure))
        return value is not None and hmac.compare_digest(self.proof(link, value).encode(), field.encode())

    def proof(self, link: str, value: str) -> str:
        """What the form of whoever has this cookie carries."""
        return text(self._secret.mac("form", link.encode(), value.encode()))

    @staticmethod
    def name(link: str, what: Literal["open", "form"], *, secure: bool) -> str:
        """Name of a link's cookie."""
        return f"{'__Host-' if secure else ''}bwv-{what}-{link.removeprefix('link-')[:12]}"

    def _set(self, response: Response, name: str, value: str, seconds: int | None) -> None:
        response.set_cookie(
            name, value, max_age=seconds, path="/", secure=self._secure, httponly=True, samesite="strict"
        )
