"""Whoever takes the webhook: a real server that answers as it is told."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager

import uvicorn
from msgspec import Struct
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from workers.serving import Server, listen


class Taken(Struct, frozen=True):
    """A request that the receiver got."""

    status: int
    body: bytes
    headers: Mapping[str, str]

    @property
    def told(self) -> list[tuple[str, str]]:
        return [(alert["status"], alert["labels"]["alertname"]) for alert in json.loads(self.body)["alerts"]]


class Receiver:
    """Whoever takes the webhook.

    Args:
        answers: one status a request; then 200.
    """

    def __init__(self, answers: Iterable[int]) -> None:
        self._answers = iter(answers)
        self.url = ""
        self.asked: list[Taken] = []

    async def take(self, request: Request) -> Response:
        status = next(self._answers, 200)
        self.asked.append(Taken(status, await request.body(), dict(request.headers)))
        return Response(status_code=status)

    @property
    def taken(self) -> list[Taken]:
        return [one for one in self.asked if one.status == 200]

    @property
    def told(self) -> list[tuple[str, str]]:
        return [told for one in self.taken for told in one.told]


@asynccontextmanager
async def receiver(answers: Iterable[int] = ()) -> AsyncIterator[Receiver]:
    made = Receiver(answers)
    app = Starlette(routes=[Route("/secret-path", made.take, methods=["POST"])])
    listening = listen("127.0.0.1", 0)
    server = Server(uvicorn.Config(app, log_config=None, access_log=False, lifespan="off", ws="none", loop="none"))
    await server.open(listening, "receiver")
    made.url = f"http://127.0.0.1:{listening.getsockname()[1]}/secret-path"
    try:
        yield made
    finally:
        await server.close()
