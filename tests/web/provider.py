"""A small directory: OpenID Connect over real HTTP, with real keys, that can be told to answer wrongly."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
import time
from html import escape
from typing import Any
from urllib.parse import parse_qs, unquote, urlencode

import msgspec
from joserfc import jwt
from joserfc.jwk import ECKey
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from workers.prosecution.links.server import LinksServer

CLIENT, SECRET = "board", "a secret / of both"


class Provider:
    """The directory.

    Attributes:
        people: claims of whoever is signed in there.
        twist: claims that the next ID token has instead; None takes one away.
        header, key: of the next ID token, instead of its own.
        codes: how often a code is taken.
        asked: what was asked, by path.
        asks: on a page of its own, from which somebody goes back.
        host: by which name it is asked; `localhost` is another site than the board's 127.0.0.1.
    """

    def __init__(self) -> None:
        self.server = LinksServer(self._app(), "127.0.0.1", 0)
        self.keys = [self.new_key("first")]
        self.is_right_again()
        self.codes = 1
        self.asked: list[str] = []
        self.prompts: list[str | None] = []
        self.calls_itself = ""
        self.host = "127.0.0.1"
        self.asks = False
        self._given: dict[str, tuple[dict[str, str], int]] = {}

    def is_right_again(self) -> None:
        """Somebody is signed in here, and nothing is wrong with what is said of them."""
        self.person: dict[str, Any] = {"sub": "42", "warrant_number": "pc-100", "name": "A Smith", "groups": ["BWV"]}
        self.twist: dict[str, Any] = {}
        self.header: dict[str, Any] = {}
        self.key: Any = None
        self.token: str | None = None
        self.more: dict[str, Any] = {}
        self.redirected: dict[str, str] = {}

    @property
    def issuer(self) -> str:
        return f"http://{self.host}:{self.server.port}"

    @staticmethod
    def new_key(name: str) -> ECKey:
        return ECKey.generate_key("P-256", {"kid": name, "use": "sig", "alg": "ES256"})

    def _app(self) -> Starlette:
        routes = [
            Route("/.well-known/openid-configuration", self._description),
            Route("/authorize", self._authorize),
            Route("/token", self._token, methods=["POST"]),
            Route("/keys", self._keys),
            Route("/people", self._people),
        ]
        return Starlette(routes=routes)

    async def _description(self, request: Request) -> Response:
        self.asked.append("description")
        at = self.issuer
        return JSONResponse(
            {
                "issuer": self.calls_itself or at, "authorization_endpoint": f"{at}/authorize",
                "token_endpoint": f"{at}/token", "jwks_uri": f"{at}/keys", "userinfo_endpoint": f"{at}/people",
                "token_endpoint_auth_methods_supported": ["client_secret_basic"],
            }
        )  # fmt: skip

    async def _keys(self, request: Request) -> Response:
        self.asked.append("keys")
        return JSONResponse({"keys": [key.as_dict(private=False) for key in self.keys]})

    async def _authorize(self, request: Request) -> Response:
        """As if whoever asks were signed in here already."""
        sent = dict(request.query_params)
        assert (sent["response_type"], sent["client_id"], sent["code_challenge_method"]) == ("code", CLIENT, "S256")
        assert "openid" in sent["scope"].split() and len(sent["nonce"]) >= 40 and len(sent["state"]) >= 40
        self.prompts.append(sent.get("prompt"))
        code = secrets.token_urlsafe(16)
        self._given[code] = sent, self.codes
        back = {"code": code, "state": sent["state"], "iss": self.issuer} | self.redirected
        leads = f"{sent['redirect_uri']}?{urlencode({k: v for k, v in back.items() if v})}"
        if self.asks:
            return HTMLResponse(f'<a href="{escape(leads)}">It is me</a>')
        return RedirectResponse(leads, 303)

    async def _token(self, request: Request) -> Response:
        self.asked.append("token")
        name, _, secret = base64.b64decode(request.headers["authorization"][6:]).decode().partition(":")
        form = {name: values[0] for name, values in parse_qs((await request.body()).decode()).items()}
        sent, left = self._given.get(form["code"], ({}, 0))
        made = base64.urlsafe_b64encode(hashlib.sha256(form["code_verifier"].encode()).digest()).rstrip(b"=")
        if (
            (unquote(name), unquote(secret)) != (CLIENT, SECRET)
            or not left
            or form["redirect_uri"] != sent["redirect_uri"]
            or not hmac.compare_digest(made.decode(), sent["code_challenge"])
        ):
            return JSONResponse({"error": "invalid_grant"}, 400)
        self._given[form["code"]] = sent, left - 1
        now = int(time.time())
        claims = {"iss": self.issuer, "aud": CLIENT, "iat": now, "exp": now + 300, "nonce": sent["nonce"]}
        claims = {name: value for name, value in {**claims, **self.person, **self.twist}.items() if value is not None}
        key = self.key or self.keys[-1]
        header = {"alg": "ES256", "kid": self.keys[-1].kid, **self.header}
        token = self.token or jwt.encode(header, claims, key, algorithms=[header["alg"]])
        return JSONResponse({"access_token": "opaque", "token_type": "Bearer", "id_token": token})

    async def _people(self, request: Request) -> Response:
        self.asked.append("people")
        assert request.headers["authorization"] == "Bearer opaque"
        return Response(msgspec.json.encode({"sub": self.person["sub"], **self.more}), media_type="application/json")
