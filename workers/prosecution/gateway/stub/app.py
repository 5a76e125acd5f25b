"""The reference server over HTTP: the contract's five requests, and /script for whoever tests with it."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import os
import re
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from workers.errors import ConfigurationInvalid
from workers.prosecution.gateway.contract import (
    MANIFEST_BYTES,
    OUTCOMES,
    SUBMISSIONS,
    ItemLink,
    Problem,
    content_digest,
)
from workers.prosecution.gateway.stub.reception import NotTaken, Reception
from workers.prosecution.gateway.stub.script import At, Do, read_script
from workers.prosecution.gateway.stub.shelf import PART
from workers.prosecution.identity import SUBMISSION_ID

SCRIPT = "/script"
LINK_BYTES = 1 << 16
NUMBER = re.compile(r"[1-9][0-9]{0,5}")

Hang = Callable[[Request], Awaitable[None]]
"""Ends a request's connection without an answer."""

Handler = Callable[[Request], Awaitable[Response]]


def application(reception: Reception, *, token: str | None, hang_up: Hang) -> Starlette:
    """The application.

    Args:
        token: bearer token that every request of the contract must carry; None: none is asked for.
        hang_up: how the server ends a connection without an answer.
    """
    desk = _Desk(reception, hang_up)
    submission = SUBMISSIONS + "/{submission}"
    return Starlette(
        routes=[
            Route(submission, desk.scripted(At.MANIFEST, desk.manifest), methods=["PUT"]),
            Route(submission, desk.scripted(At.RECEIPT, desk.receipt), methods=["GET"]),
            Route(submission + "/items/{n}", desk.scripted(At.ITEM, desk.item), methods=["PUT"]),
            Route(submission + "/complete", desk.scripted(At.COMPLETE, desk.complete), methods=["POST"]),
            Route(OUTCOMES, desk.scripted(At.OUTCOMES, desk.outcomes), methods=["GET"]),
            Route(SCRIPT, desk.script, methods=["GET", "POST"]),
        ],
        middleware=[Middleware(_Token, token=token)] if token else [],
        exception_handlers={NotTaken: _refused},
    )


class _Desk:
    """One handler a request of the contract."""

    def __init__(self, reception: Reception, hang_up: Hang) -> None:
        self._reception = reception
        self._hang_up = hang_up

    def scripted(self, at: At, handler: Handler) -> Handler:
        """The handler under the script's rules about requests."""

        async def handle(request: Request) -> Response:
            about = self._reception.about(request.path_params.get("submission", ""))
            if self._reception.take(frozenset({Do.AWAY}), about, at) is not None:
                return _problem(503, "away", "the script says that this gateway is away")
            if slow := self._reception.take(frozenset({Do.SLOW}), about, at):
                await asyncio.sleep(slow.seconds)
            answer = await handler(request)
            about = self._reception.about(request.path_params.get("submission", "")) or about
            if answer.status_code < 300 and self._reception.take(frozenset({Do.LOSE_ANSWER}), about, at) is not None:
                await self._hang_up(request)
            return answer

        return handle

    async def manifest(self, request: Request) -> Response:
        attempt = request.query_params.get("attempt", "1")
        if not NUMBER.fullmatch(attempt):
            raise NotTaken(400, "bad_request", f"attempt {attempt[:20]!r}: expected a whole number from 1")
        body = await _body(request, MANIFEST_BYTES)
        _check_digest(request, hashlib.sha256(body).hexdigest())
        new, receipt = self._reception.manifest(_submission(request), body, int(attempt))
        return _json(receipt, 201 if new else 200)

    async def item(self, request: Request) -> Response:
        submission, n = _submission(request), _number(request)
        wanted = self._reception.wanted(submission, n)
        if request.headers.get("content-type", "").split(";")[0] == "application/json":
            link = _link(await _body(request, LINK_BYTES), n)
            return _json(self._reception.item(submission, n, link.sha256, link.size, link.url))
        folder = self._reception.shelf.files / submission
        folder.mkdir(exist_ok=True)
        part = folder / f"{PART}{n}.{os.urandom(4).hex()}"
        try:
            sha256, size = await _stored(request, part, wanted.wanted_size)
            _check_digest(request, sha256)
            taken = self._reception.item(submission, n, sha256, size, put_away=lambda: part.replace(folder / str(n)))
        finally:
            part.unlink(missing_ok=True)
        return _json(taken)

    async def complete(self, request: Request) -> Response:
        return _json(self._reception.complete(_submission(request)), 202)

    async def receipt(self, request: Request) -> Response:
        return _json(self._reception.receipt(_submission(request)))

    async def outcomes(self, request: Request) -> Response:
        return _json(self._reception.outcomes(request.query_params.get("after", "")))

    async def script(self, request: Request) -> Response:
        if request.method == "POST":
            try:
                self._reception.add(read_script(await _body(request, MANIFEST_BYTES)))
            except ConfigurationInvalid as error:
                raise NotTaken(400, "bad_request", str(error)) from error
        return _json(self._reception.standing())


class _Token:
    """Answers 401 to whoever does not carry the token."""

    def __init__(self, app: ASGIApp, token: str) -> None:
        self._app = app
        self._expected = f"Bearer {token}".encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        given = dict(scope.get("headers", ())).get(b"authorization", b"")
        if scope["type"] == "http" and not hmac.compare_digest(given, self._expected):
            await _problem(401, "unauthorised", "not the bearer token of this gateway")(scope, receive, send)
            return
        await self._app(scope, receive, send)


def _submission(request: Request) -> str:
    name = str(request.path_params["submission"])
    if not SUBMISSION_ID.fullmatch(name):
        raise NotTaken(400, "bad_request", f"{name[:100]!r} is no id of a submission")
    return name


def _number(request: Request) -> int:
    name = str(request.path_params["n"])
    if not NUMBER.fullmatch(name):
        raise NotTaken(400, "bad_request", f"{name[:20]!r} is no number of an item")
    return int(name)


def _link(body: bytes, n: int) -> ItemLink:
    try:
        link = msgspec.json.decode(body, type=ItemLink)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise NotTaken(400, "bad_request", f"not a link of an item: {error}") from error
    if link.n != n:
        raise NotTaken(400, "bad_request", f"the link is of item {link.n}")
    return link


async def _body(request: Request, most: int) -> bytes:
    read = bytearray()
    async for piece in request.stream():
        read += piece
        if len(read) > most:
            raise NotTaken(413, "too_large", f"more than {most} bytes")
    return bytes(read)


async def _stored(request: Request, part: Any, most: int) -> tuple[str, int]:
    """Write the body to a file; returns its SHA-256 and size."""
    digest, size = hashlib.sha256(), 0
    try:
        with part.open("xb") as file:
            async for piece in request.stream():
                size += len(piece)
                if size > most:
                    raise NotTaken(422, "digest_differs", f"more than the {most} bytes of the manifest")
                digest.update(piece)
                file.write(piece)
            file.flush()
            os.fsync(file.fileno())
    except ClientDisconnect as error:
        raise NotTaken(400, "bad_request", f"the body ended after {size} bytes") from error
    return digest.hexdigest(), size


def _check_digest(request: Request, sha256: str) -> None:
    given = request.headers.get("content-digest")
    if given is None:
        raise NotTaken(400, "bad_request", "no Content-Digest; expected sha-256=:…: (RFC 9530)")
    if given != content_digest(sha256):
        raise NotTaken(422, "digest_differs", f"Content-Digest is {given[:100]}, what came has {sha256}")


async def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, NotTaken)
    return _problem(error.status, error.error, error.reason)


def _problem(status: int, error: str, reason: str) -> Response:
    return _json(Problem(error, reason), status)


def _json(value: Any, status: int = 200) -> Response:
    return Response(msgspec.json.encode(value), status, media_type="application/json")
