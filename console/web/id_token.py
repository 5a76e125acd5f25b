"""What the directory says of somebody: the ID token checked (OpenID Connect Core 3.1.3.7), its claims as a person."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from authlib.oidc.core import CodeIDToken  # type: ignore[import-untyped]
from joserfc import jwt
from joserfc.errors import InvalidKeyIdError, JoseError
from joserfc.jwk import KeySet
from joserfc.jws import JWSRegistry

from console.web.people import Person, Role, plain_name
from workers.errors import NameInvalid, Refused
from workers.footage.clip import check_enrolled_id

ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512")
"""Signatures that only the directory can make: never `none`, and never one under a secret that we share (HS256)."""

SKEW = 60
"""Seconds that the directory's clock may be off."""
FRESH = 600
"""Seconds: an ID token that was issued longer ago answers another question than ours."""
MOST_GROUPS = 2000

AGAIN = "sign in again; if it stays so, tell your administrator what stands here"


class UnknownKey(Exception):
    """The token is signed with a key that is none of these: the directory may have new ones."""


def claims_of(
    token: str, keys: KeySet, *, issuer: str, client: str, nonce: str, access_token: str | None, now: float
) -> dict[str, Any]:
    """The claims of an ID token, once everything about it was checked.

    Args:
        issuer, client: whom it must come from, and be for.
        nonce: that we sent, so that it answers this sign-in and no other.
        access_token: that came with it; a hash of it in the token must fit.
        now: seconds since 1970.

    Raises:
        UnknownKey: none of these keys has the name that the token gives.
        Refused: anything else about it is wrong.
    """
    try:
        found = jwt.decode(token, keys, registry=JWSRegistry(algorithms=ALGORITHMS, strict_check_header=False))
        wanted = {"iss": {"essential": True, "value": issuer}, "aud": {"essential": True, "value": client}}
        said = {"nonce": nonce, "client_id": client, "access_token": access_token}
        CodeIDToken(found.claims, found.header, wanted, said).validate(int(now), SKEW)
    except InvalidKeyIdError as unknown:
        raise UnknownKey from unknown
    except (JoseError, ValueError, TypeError) as wrong:
        # A hostile token can be wrong in any way; what it says is not repeated.
        raise Refused(f"the directory's answer is not valid ({_about(wrong)})", AGAIN) from wrong
    if not now - FRESH - SKEW <= found.claims["iat"]:
        raise Refused("the directory's answer is old", AGAIN)
    return dict(found.claims)


def person_from(
    claims: Mapping[str, Any], *, person: str, groups: str, roles: Mapping[str, tuple[Role, ...]] | None
) -> Person:
    """Who the claims are about.

    Args:
        person, groups: names of the claims that hold the warrant number and the groups.
        roles: group → roles; None: the file of people has the roles, and the person comes without.

    Raises:
        Refused: no warrant number, or no group of theirs has a role here.
    """
    number = claims.get(person)
    number = number.strip().upper() if isinstance(number, str) else ""
    try:
        check_enrolled_id("person", number)
    except NameInvalid as none:
        raise Refused(f"the directory gives no warrant number (claim {person!r})", "tell your administrator") from none
    name = claims.get("name")
    try:
        named = plain_name(name) if isinstance(name, str) else number
    except Refused:
        named = number
    if roles is None:
        return Person(number, named, ())
    held = groups_of(claims, groups)
    given = tuple(sorted({role for group in held for role in roles.get(group, ())}))
    if not given:
        raise Refused(
            f"the directory knows {number}, and none of their groups has a role here", "ask your administrator for one"
        )
    return Person(number, named, given)


def groups_of(claims: Mapping[str, Any], name: str) -> list[str]:
    """The groups that a claim holds: a list of texts, or one text."""
    found = claims.get(name)
    listed = [found] if isinstance(found, str) else found if isinstance(found, list) else []
    return [group for group in listed[:MOST_GROUPS] if isinstance(group, str)]


def _about(error: Exception) -> str:
    """What is wrong, and with which claim; never a value."""
    what, claim = getattr(error, "error", type(error).__name__), getattr(error, "claim", "")
    return f"{what} {claim}".strip()[:80]
