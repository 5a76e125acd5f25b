"""Signing in with a password, and out; how one comes in by the directory is in `directory.py`."""

from __future__ import annotations

import asyncio
import logging
import re

from starlette.responses import Response

from console.web import sessions, tries
from console.web.guard import EVERYBODY, FOOTAGE, WATCHERS, Page
from console.web.passwords import fits
from console.web.people import Person, Role
from console.web.sessions import Via
from console.web.visit import Visit

log = logging.getLogger(__name__)

WRONG = "Warrant number and password do not fit."
ENOUGH = "Too many tries to sign in. Wait a quarter of an hour, or have the password set anew."

_OURS = re.compile(r"/[A-Za-z0-9][A-Za-z0-9/_?&=%.:+-]{0,500}")
"""A path of ours to go on to; never one that begins with two slashes."""

_HASHING = asyncio.Semaphore(2)
"""Passwords that are checked at once: each takes a core and 32 MiB."""


async def ask(visit: Visit) -> Response:
    """The form."""
    if visit.signed_in:
        return visit.go(home_of(visit.person))
    return form(visit)


async def sign_in(visit: Visit) -> Response:
    """Check the password, and open a session under a new cookie."""
    fields = await visit.fields()
    name, password = (fields.get(field, [""])[0] for field in ("person", "password"))
    name = name.strip().upper()[:32]
    database, now = visit.parts.database, visit.now
    if not await tries.may_try(database, name, visit.address, now):
        log.warning("too many tries to sign in as %r", name)
        return form(visit, ENOUGH, 429)
    person = visit.parts.people.find(name, now)
    async with _HASHING:
        right = await asyncio.to_thread(fits, password, person.password if person else "")
    if person is None or not right:
        log.warning("a wrong password for %r", name)
        return form(visit, WRONG, 403)
    log.info("%s signed in by password", person.person)
    cookies = visit.parts.cookies
    async with database.transaction() as connection:
        await tries.forget_tries(connection, name, visit.address)
        value = await sessions.begin(connection, person, now, instead=cookies.value(visit.request))
    response = visit.go(place(fields.get("next", [""])[0]) or home_of(person))
    cookies.keep(response, cookies.session, value)
    return response


async def sign_out(visit: Visit) -> Response:
    """End the session; whoever came by the directory is asked for anew at this machine."""
    await visit.fields()
    await sessions.end(visit.parts.database, visit.session.session)
    response, cookies = visit.go("/signin"), visit.parts.cookies
    cookies.drop(response, cookies.session)
    if visit.session.via is Via.DIRECTORY:
        cookies.keep_for_directory(response, cookies.left, "1")
    return response


async def home(visit: Visit) -> Response:
    """Lead to what this person is here for."""
    return visit.go(home_of(visit.person))


async def account(visit: Visit) -> Response:
    """Who one is here, with which roles; administrators see how the file of people was taken."""
    shown = visit.parts.people_file if visit.person.has({Role.ADMINISTRATOR}) else None
    return visit.show("account.html", {"session": visit.session, "file": shown})


def home_of(person: Person) -> str:
    """The first page of this person."""
    if person.has({Role.OFFICER}):
        return "/mine"
    if person.has(WATCHERS):
        return "/board"
    return "/search" if person.has(FOOTAGE) else "/account"


def place(asked: str) -> str:
    """Where somebody wanted to go, if that is a place of ours; otherwise nothing."""
    return asked if _OURS.fullmatch(asked) else ""


def form(visit: Visit, problem: str = "", status: int = 200) -> Response:
    """The page to sign in on: the directory first, where there is one; a password where anybody has one."""
    directory = visit.parts.directory is not None
    passwords = not directory or any(one.password for one in visit.parts.people.known().values())
    values = {"problem": problem, "next": place(visit.query("next")), "directory": directory, "passwords": passwords}
    return visit.show("signin.html", values, status)


PAGES = (
    Page("/signin", ask, public=True),
    Page("/signin", sign_in, methods=("POST",), public=True),
    Page("/signout", sign_out, EVERYBODY, methods=("POST",)),
    Page("/", home, EVERYBODY),
    Page("/account", account, EVERYBODY),
)
