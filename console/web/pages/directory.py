"""Signing in by the force's directory: off to it, and back with its answer."""

from __future__ import annotations

import hmac
import logging
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import timedelta

from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse, Response

from console.web import sessions
from console.web.guard import Page
from console.web.id_token import FRESH, SKEW, person_from
from console.web.oidc import Directory, question
from console.web.pages.signin import form, home_of, place
from console.web.people import Person
from console.web.sessions import Via
from console.web.visit import Visit
from workers.database.engine import Connection, execute
from workers.errors import Refused
from workers.footage.canonical import sha256_hex
from workers.prosecution.links.armour import Pace

log = logging.getLogger(__name__)

BACK = "/signin/directory/back"
"""Where the directory leads back to; registered there under the board's address."""

WITHIN = 600
"""Seconds from here to the directory and back."""

NOT_ASKED = "it may be too old; sign in from this page"
TOO_OFTEN = "Too many answers of the directory from one place. Wait a minute."

_ANSWERS = Pace(1.0, 120.0)
"""Answers from one address: each makes us ask the directory."""


async def leave(visit: Visit) -> Response:
    """Off to the directory."""
    directory, cookies = _directory(visit), visit.parts.cookies
    basis = secrets.token_urlsafe(32)
    again = cookies.left in visit.request.cookies
    response = RedirectResponse(await directory.leads_to(question(basis), again=again), 303)
    asked = urlsafe_b64encode(place(visit.query("next")).encode()).decode().rstrip("=")
    cookies.keep_for_directory(response, cookies.asked, f"{basis}.{asked}", WITHIN)
    return response


async def back(visit: Visit) -> Response:
    """The directory's answer: it opens a session, once, in the browser that asked."""
    directory, cookies = _directory(visit), visit.parts.cookies
    basis, _, asked = visit.request.cookies.get(cookies.asked, "").partition(".")
    try:
        if not _ANSWERS.may(visit.address):
            return form(visit, TOO_OFTEN, 429)
        if not basis or not hmac.compare_digest(question(basis).state.encode(), visit.query("state").encode()):
            raise Refused("the answer is to no question of this browser", NOT_ASKED)
        response = await _opened(visit, directory, basis, _place(asked))
    except Refused as refused:
        log.warning("sign-in by the directory refused: %s", refused.reason)
        response = form(visit, f"You are not signed in: {refused}.", 403)
    cookies.drop(response, cookies.asked)
    return response


async def _opened(visit: Visit, directory: Directory, basis: str, going: str) -> Response:
    asked, wanted, now = question(basis), directory.wanted, visit.now
    if visit.query("iss") not in ("", wanted.issuer):
        raise Refused("the answer is of another directory", NOT_ASKED)  # RFC 9207
    if not visit.query("code"):
        raise Refused(f"the directory says {_plain(visit.query('error'))}", "ask your administrator")
    claims = await directory.answered(asked, visit.query("code"), now.timestamp())
    told = person_from(claims, person=wanted.person, groups=wanted.groups, roles=wanted.roles)
    person = admitted(told, visit.parts.people.known().get(told.person), visit)
    cookies = visit.parts.cookies
    async with visit.parts.database.transaction() as connection:
        await _use_up(connection, asked.nonce, visit)
        value = await sessions.begin(
            connection, person, now, via=Via.DIRECTORY, lives=timedelta(seconds=wanted.lives),
            told=told if told.roles else None, instead=cookies.value(visit.request),
        )  # fmt: skip
    log.info("%s signed in by the directory", person.person)
    # A page, and no redirect: on a way that began at another site, browsers keep the session's strict cookie back.
    response = visit.show("go_on.html", {"going": going or home_of(person)})
    cookies.keep(response, cookies.session, value)
    cookies.drop(response, cookies.left)
    return response


def admitted(told: Person, kept: Person | None, visit: Visit) -> Person:
    """Who comes in.

    Args:
        told: as the directory says; with roles only where groups have them.
        kept: as the file of people says.

    Raises:
        Refused: they left, have not come yet, or nobody says what they may do.
    """
    if kept is not None and not kept.here(visit.now):
        raise Refused(f"{told.person} has left or not come yet, by the file of people", "ask your administrator")
    if told.roles:
        return told
    if kept is None:
        raise Refused(f"{told.person} is not in the file of people", "ask your administrator: bwv people add")
    return kept


async def _use_up(connection: Connection, nonce: str, visit: Visit) -> None:
    """Note that this answer has opened its session; Refused where it had before."""
    await execute(
        connection, "DELETE FROM web_answers WHERE at < %s", (visit.now - timedelta(seconds=2 * (FRESH + SKEW)),)
    )
    used = await execute(
        connection,
        "INSERT INTO web_answers (answer, at) VALUES (%s, %s) ON CONFLICT DO NOTHING",
        (sha256_hex(nonce.encode()), visit.now),
    )
    if not used:
        raise Refused("this answer has opened a session before", NOT_ASKED)


def _directory(visit: Visit) -> Directory:
    if visit.parts.directory is None:
        raise HTTPException(404)
    return visit.parts.directory


def _place(asked: str) -> str:
    try:
        return place(urlsafe_b64decode(asked + "=" * (-len(asked) % 4)).decode())
    except ValueError:
        return ""


def _plain(error: str) -> str:
    """The name of an error (OpenID Connect Core 3.1.2.6), if it is one."""
    return error[:40] if error.replace("_", "").isalnum() else "nothing"


PAGES = (
    Page("/signin/directory", leave, public=True, asks=False),
    Page(BACK, back, public=True, asks=False),
)
