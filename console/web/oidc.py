"""The force's directory as the board meets it: OpenID Connect, authorisation code with a proof key (RFC 7636).

What the directory is sent (state, nonce, proof key) is derived from one random cookie that only this browser has. So
nothing is stored for whoever merely begins to sign in, and an answer opens a session only in the browser that asked.
"""

from __future__ import annotations

import asyncio
import hmac
import ssl
import time
from base64 import urlsafe_b64encode
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote, urlsplit

import httpx
import msgspec
from authlib.common.urls import add_params_to_uri  # type: ignore[import-untyped]
from authlib.oauth2.rfc7636 import create_s256_code_challenge  # type: ignore[import-untyped]
from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from msgspec import Struct

from console.web.id_token import AGAIN, UnknownKey, claims_of
from console.web.oidc_settings import Wanted
from workers.errors import DirectoryAway, Refused

SCOPE = "openid profile"
WITHIN = 10.0
"""Seconds for the directory to answer; somebody waits."""
MOST_BYTES = 1 << 20
"""Of an answer."""
SERVES = 900.0
"""Seconds that the directory's description and keys serve; a key that was withdrawn is believed no longer."""
KEYS_AGAIN = 10.0
"""Seconds between two askings for keys: tokens with invented key names cause no more."""


class Description(Struct, frozen=True):
    """What the directory says of itself (OpenID Connect Discovery 3), as far as we need it."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    userinfo_endpoint: str = ""
    token_endpoint_auth_methods_supported: tuple[str, ...] = ("client_secret_basic",)


class Question(Struct, frozen=True):
    """What one sign-in asks, from its cookie."""

    state: str
    nonce: str
    verifier: str


def question(basis: str) -> Question:
    """What the sign-in with this cookie asks."""
    made = {name: _derived(basis, name) for name in ("state", "nonce", "verifier")}
    return Question(**made)


def _derived(basis: str, name: str) -> str:
    return urlsafe_b64encode(hmac.digest(basis.encode(), f"bwv board {name}".encode(), "sha256")).decode().rstrip("=")


class Directory:
    """The directory.

    Args:
        wanted: the settings.
        back: where it sends people back to: an address of the board, as they see it.
        clock: seconds that only go forward.
    """

    def __init__(self, wanted: Wanted, back: str = "", clock: Callable[[], float] = time.monotonic) -> None:
        self.wanted = wanted
        self.back = back
        self._clock = clock
        self._http = httpx.AsyncClient(
            timeout=WITHIN,
            follow_redirects=False,
            verify=ssl.create_default_context() if wanted.issuer.startswith("https") else False,
            trust_env=False,  # the environment is read by the settings alone
        )
        self._described: tuple[float, Description] | None = None
        self._keys: tuple[float, KeySet] | None = None
        self._lock = asyncio.Lock()

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def leads_to(self, asked: Question, *, again: bool) -> str:
        """Where the browser goes to sign in.

        Args:
            again: they must prove who they are anew: somebody else has just signed out at this machine.

        Raises:
            DirectoryAway: it does not answer.
        """
        described = await self._description()
        sent = {
            "response_type": "code",
            "client_id": self.wanted.client,
            "redirect_uri": self.back,
            "scope": SCOPE,
            "state": asked.state,
            "nonce": asked.nonce,
            "code_challenge": create_s256_code_challenge(asked.verifier),
            "code_challenge_method": "S256",
        }
        if again:
            sent["prompt"] = "login"
        return str(add_params_to_uri(described.authorization_endpoint, list(sent.items())))

    async def answered(self, asked: Question, code: str, now: float) -> dict[str, Any]:
        """What the directory says of whoever brought this code; the code is used up.

        Args:
            now: seconds since 1970.

        Raises:
            DirectoryAway: it does not answer.
            Refused: it knows no such code, or its answer is not valid.
        """
        described = await self._description()
        tokens = await self._exchange(described, asked, code)
        token, access = tokens.get("id_token"), tokens.get("access_token")
        if not isinstance(token, str):
            raise Refused("the directory's answer has no ID token", AGAIN)
        access = access if isinstance(access, str) else None
        claims = await self._checked(token, asked.nonce, access, now)
        missing = {self.wanted.person} | ({self.wanted.groups} if self.wanted.roles is not None else set())
        if access and described.userinfo_endpoint and not missing <= claims.keys():
            more = await self._json(self._get(described.userinfo_endpoint, access), "what it knows of people")
            if more.get("sub") != claims["sub"]:
                raise Refused("the directory's answers are about two people", AGAIN)
            claims = {**more, **claims}
        return claims

    async def _checked(self, token: str, nonce: str, access: str | None, now: float) -> dict[str, Any]:
        """The claims; keys are asked for again where the token names one that is not known."""
        for newest in (False, True):
            keys = await self._key_set(newest=newest)
            try:
                return claims_of(
                    token, keys, issuer=self.wanted.issuer, client=self.wanted.client, nonce=nonce,
                    access_token=access, now=now,
                )  # fmt: skip
            except UnknownKey:
                continue
        raise Refused("the directory's answer is signed with a key that the directory does not name", AGAIN)

    async def _exchange(self, described: Description, asked: Question, code: str) -> Mapping[str, Any]:
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self.back,
            "client_id": self.wanted.client,
            "code_verifier": asked.verifier,
        }
        basic = None
        if self.wanted.secret:
            if "client_secret_basic" in described.token_endpoint_auth_methods_supported:
                # RFC 6749, 2.3.1: both are form-encoded first.
                basic = httpx.BasicAuth(quote(self.wanted.client, safe=""), quote(self.wanted.secret, safe=""))
            else:
                form["client_secret"] = self.wanted.secret
        request = self._http.build_request("POST", described.token_endpoint, data=form)
        return await self._json(request, "its tokens", auth=basic)

    # -- what it says of itself ----------------------------------------------------------------------------

    async def _description(self) -> Description:
        async with self._lock:
            if self._described is None or self._clock() - self._described[0] >= SERVES:
                where = f"{self.wanted.issuer.rstrip('/')}/.well-known/openid-configuration"
                try:
                    found = msgspec.convert(await self._json(self._get(where), "its description"), Description)
                except msgspec.ValidationError as odd:
                    raise DirectoryAway(f"the directory's description is none: {odd}") from odd
                if found.issuer != self.wanted.issuer:
                    raise DirectoryAway(
                        f"the directory calls itself {found.issuer[:100]!r}; board_oidc_issuer says"
                        f" {self.wanted.issuer!r}"
                    )
                for endpoint in (
                    found.authorization_endpoint, found.token_endpoint, found.jwks_uri,
                    found.userinfo_endpoint or found.token_endpoint,
                ):  # fmt: skip
                    if urlsplit(endpoint).scheme != urlsplit(self.wanted.issuer).scheme:
                        raise DirectoryAway(f"the directory leads to {endpoint[:100]!r}, which is not safe")
                self._described = self._clock(), found
            return self._described[1]

    async def _key_set(self, *, newest: bool) -> KeySet:
        described = await self._description()
        async with self._lock:
            age = SERVES if self._keys is None else self._clock() - self._keys[0]
            if self._keys is None or age >= (KEYS_AGAIN if newest else SERVES):
                raw: Any = await self._json(self._get(described.jwks_uri), "its keys")
                try:
                    self._keys = self._clock(), KeySet.import_key_set(raw)
                except (JoseError, ValueError, TypeError, KeyError) as odd:
                    raise DirectoryAway(f"the directory's keys cannot be read: {type(odd).__name__}") from odd
            return self._keys[1]

    # -- asking --------------------------------------------------------------------------------------------

    def _get(self, where: str, access: str | None = None) -> httpx.Request:
        headers = {"Authorization": f"Bearer {access}"} if access else None
        return self._http.build_request("GET", where, headers=headers)

    async def _json(self, request: httpx.Request, what: str, auth: httpx.Auth | None = None) -> dict[str, Any]:
        body = b""
        try:
            async with asyncio.timeout(WITHIN):
                answer = await self._http.send(request, auth=auth, stream=True)
                try:
                    async for chunk in answer.aiter_bytes():
                        body += chunk
                        if len(body) > MOST_BYTES:
                            raise DirectoryAway(f"the directory sends more than {MOST_BYTES} bytes as {what}")
                finally:
                    await answer.aclose()
        except (httpx.HTTPError, TimeoutError) as error:
            raise DirectoryAway(f"the directory: {what}: {str(error) or type(error).__name__}") from error
        if answer.status_code in (400, 401, 403) and request.method == "POST":
            raise Refused(f"the directory gives no tokens ({_error_of(body)})", AGAIN)
        if answer.status_code != 200:
            raise DirectoryAway(f"the directory answers {answer.status_code} when asked for {what}")
        try:
            return msgspec.json.decode(body, type=dict[str, Any])
        except msgspec.DecodeError as odd:
            raise DirectoryAway(f"the directory sends no JSON object as {what}") from odd


def _error_of(body: bytes) -> str:
    """The error's name (RFC 6749, 5.2), if it is one."""
    try:
        found = msgspec.json.decode(body, type=dict[str, Any]).get("error")
    except msgspec.DecodeError:
        return "no reason"
    return found[:40] if isinstance(found, str) and found.replace("_", "").isalnum() else "no reason"
