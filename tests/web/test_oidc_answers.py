"""Answers of the directory that are wrong: each opens nothing, and what is wrong is said."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable
from typing import Any

from joserfc import jwt
from joserfc.jwk import OctKey

from tests.web.both import Both
from tests.web.provider import CLIENT, SECRET, Provider


def hostile(both: Both, claims: dict[str, Any], header: dict[str, Any], key: Any) -> None:
    now = int(time.time())
    said = {"iss": both.provider.issuer, "aud": CLIENT, "iat": now, "exp": now + 300, **both.provider.person, **claims}
    both.provider.token = jwt.encode(header, said, key, algorithms=[header["alg"]])


def unsigned(both: Both) -> None:
    def part(value: dict[str, Any]) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")

    now = int(time.time())
    said = {"iss": both.provider.issuer, "aud": CLIENT, "iat": now, "exp": now + 300, **both.provider.person}
    both.provider.token = f"{part({'alg': 'none'})}.{part(said)}."


def with_our_secret(both: Both) -> None:
    hostile(both, {}, {"alg": "HS256"}, OctKey.import_key(SECRET))


def with_the_public_key_as_secret(both: Both) -> None:
    public = both.provider.keys[0].as_pem(private=False)
    hostile(both, {}, {"alg": "HS256", "kid": "first"}, OctKey.import_key(base64.b64encode(public)))


def with_another_key_of_that_name(both: Both) -> None:
    both.provider.key = Provider.new_key("first")


def says(**claims: Any) -> Callable[[Both], None]:
    return lambda both: both.provider.twist.update(claims)


def knows(**claims: Any) -> Callable[[Both], None]:
    return lambda both: both.provider.person.update(claims)


def leads_back(**fields: str) -> Callable[[Both], None]:
    return lambda both: both.provider.redirected.update(fields)


NOW = int(time.time())


WRONG: tuple[tuple[Callable[[Both], None], str], ...] = (
    (says(nonce="another"), "(invalid_claim nonce)"),
    (says(nonce=None), "(missing_claim nonce)"),
    (says(iss="https://elsewhere.example"), "(invalid_claim iss)"),
    (says(iss=None), "(missing_claim iss)"),
    (says(aud="another board"), "(invalid_claim aud)"),
    (says(aud=[CLIENT, "another"], azp="another"), "(invalid_claim azp)"),
    (says(aud=[CLIENT, "another"]), "(missing_claim azp)"),
    (says(exp=NOW - 120), "(expired_token exp)"),
    (says(exp="soon"), "(invalid_claim exp)"),
    (says(iat=NOW + 3600), "(invalid_claim iat)"),
    (says(iat=NOW - 3600), "is old"),
    (says(nbf=NOW + 3600), "(invalid_claim nbf)"),
    (says(at_hash="AAAA"), "(invalid_claim at_hash)"),
    (says(sub=None), "(missing_claim sub)"),
    (unsigned, "(unsupported_algorithm)"),
    (with_our_secret, "(unsupported_algorithm)"),
    (with_the_public_key_as_secret, "(unsupported_algorithm)"),
    (with_another_key_of_that_name, "(bad_signature)"),
    (lambda both: both.provider.header.update(kid="unheard of"), "does not name"),
    (lambda both: setattr(both.provider, "token", "not.a.token"), "not valid"),
    (knows(warrant_number=None), "no warrant number"),
    (knows(warrant_number="../PC-100"), "no warrant number"),
    (knows(warrant_number=100), "no warrant number"),
    (knows(groups=["Canteen"]), "none of their groups"),
    (knows(groups={"BWV": True}), "none of their groups"),
    (leads_back(code="", error="access_denied"), "access_denied"),
    (leads_back(code="", error="<script>"), "says nothing"),
    (leads_back(iss="https://elsewhere.example"), "another directory"),
    (leads_back(state="another"), "no question of this browser"),
    (leads_back(code="invented"), "(invalid_grant)"),
)
"""What is wrong with the answer, and what is said of it."""


async def test_an_answer_that_is_wrong_opens_nothing(both: Both) -> None:
    browser = both.browser()
    for wrong, why in WRONG:
        both.provider.is_right_again()
        wrong(both)
        back = await both.sign_in(browser)
        assert back.status_code == 403 and why in back.text and "<script>" not in back.text, (why, back.text)
        assert both.site.parts.cookies.session not in back.headers.get("set-cookie", ""), why
        assert await both.sessions() == [] and (await browser.get("/mine")).status_code == 303, why
    both.provider.is_right_again()
    assert (await both.sign_in(browser)).status_code == 200
