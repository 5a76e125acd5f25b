"""Signing in and out."""

from __future__ import annotations

import asyncio
import logging
import re

from starlette.responses import Response

from console.web import sessions
from console.web.guard import EVERYBODY, FOOTAGE, WATCHERS, Page
from console.web.people import Person, Role, fits
from console.web.visit import Visit

log = logging.getLogger(__name__)

WRONG = "Warrant number and password do not fit."
ENOUGH = "Too many tries with this warrant number. Wait a quarter of an hour, or have your password set anew."

_OURS = re.compile(r"/[A-Za-z0-9][A-Za-z0-9/_?&=%.:+-]{0,500}")
"""A path of ours to go on to; never one that begins with two slashes."""

_HASHING = asyncio.Semaphore(2)
"""Passwords that are checked at once: each takes a core and 32 MiB."""


async def ask(visit: Visit) -> Response:
    """The form."""
    if visit.signed_in:
        return visit.go(home_of(visit.person))
    return _form(visit)


async def sign_in(visit: Visit) -> Response:
    """Check the password, and open a session under a new cookie."""
    fields = await visit.fields()
    name, password = (fields.get(field, [""])[0] for field in ("person", "password"))
    name = name.strip().upper()[:32]
    database, now = visit.parts.database, visit.now
    if not await sessions.may_try(database, name, now):
        log.warning("too many tries to sign in as %r", name)
        return _form(visit, ENOUGH, 429)
    person = visit.parts.people.find(name)
    async with _HASHING:
        right = await asyncio.to_thread(fits, password, person.password if person else "")
    if person is None or not right:
        log.warning("a wrong password for %r", name)
        return _form(visit, WRONG, 403)
    async with database.transaction() as connection:
        await sessions.forget_tries(connection, name)
        value = await sessions.begin(connection, person, now)
    asked = fields.get("next", [""])[0]
    response = visit.go(asked if _OURS.fullmatch(asked) else home_of(person))
    visit.parts.cookies.keep(response, visit.parts.cookies.session, value)
    return response


async def sign_out(visit: Visit) -> Response:
    """End the session."""
    await visit.fields()
    await sessions.end(visit.parts.database, visit.session.session)
    response = visit.go("/signin")
    visit.parts.cookies.drop(response, visit.parts.cookies.session)
    return response


async def home(visit: Visit) -> Response:
    """Lead to what this person is here for."""
    return visit.go(home_of(visit.person))


async def account(visit: Visit) -> Response:
    """Who one is here, with which roles."""
    return visit.show("account.html", {})


def home_of(person: Person) -> str:
    """The first page of this person."""
    if person.has({Role.OFFICER}):
        return "/mine"
    if person.has(WATCHERS):
        return "/board"
    return "/search" if person.has(FOOTAGE) else "/account"


def _form(visit: Visit, problem: str = "", status: int = 200) -> Response:
    asked = visit.query("next")
    return visit.show("signin.html", {"problem": problem, "next": asked if _OURS.fullmatch(asked) else ""}, status)


PAGES = (
    Page("/signin", ask, public=True),
    Page("/signin", sign_in, methods=("POST",), public=True),
    Page("/signout", sign_out, EVERYBODY, methods=("POST",)),
    Page("/", home, EVERYBODY),
    Page("/account", account, EVERYBODY),
)
