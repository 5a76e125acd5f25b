"""The JSON API: what its questions are, how each becomes a page behind its guard, and its OpenAPI 3.1 document.

Every answer is a value that pages are drawn from too, so that programs see what people see, and no more: the same
table of roles, the same records of who looked.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any

import msgspec
from msgspec import Struct
from starlette.responses import Response

from console.web.guard import Page
from console.web.people import Role
from console.web.visit import Visit

VERSION = "1.0.0"
ROOT = "/api/v1"


class ProblemDetails(Struct, frozen=True):
    """RFC 9457: why there is no answer.

    Attributes:
        detail: for people, with what to do.
    """

    type: str
    title: str
    status: int
    detail: str


class Field(Struct, frozen=True):
    """One field of an address.

    Attributes:
        says: what it is, for people.
        values: all that it may be; none: any text.
        pattern: that its text fits; empty: any.
    """

    name: str
    says: str
    values: tuple[str, ...] = ()
    pattern: str = ""


class Operation(Struct, frozen=True):
    """One question.

    Attributes:
        name: of the operation in the document.
        path: under ROOT, as starlette writes it.
        says: what is answered, in a sentence.
        gives: the value that is answered.
        answer: answers; a Response where there is another answer than the value.
        roles: who may ask.
        fields: of the path, and of what follows the question mark.
        refuses: statuses besides those of every question.
    """

    name: str
    path: str
    says: str
    gives: type[Struct]
    answer: Callable[[Visit], Awaitable[Struct | Response]]
    roles: frozenset[Role]
    fields: tuple[Field, ...] = ()
    refuses: tuple[int, ...] = ()

    def page(self) -> Page:
        """The same as a page behind its guard."""

        async def answered(visit: Visit) -> Response:
            found = await self.answer(visit)
            return found if isinstance(found, Response) else as_json(found)

        return Page(ROOT + self.path, answered, self.roles)


REFUSALS: Mapping[int, str] = {
    400: "What was sent cannot be used.",
    401: "Nobody is signed in, and no token was sent, or one that opens nothing.",
    403: "Not for the roles of whoever asks, or a clip that is not for these eyes.",
    404: "There is no such thing, or none for whoever asks.",
    429: "Too many requests; `Retry-After` says when to ask again.",
    503: "A part of the system is away; nothing is shown that is not on record. `Retry-After` says when to ask again.",
}
ALWAYS = (401, 403, 429, 503)
"""Statuses that any question may be answered with."""


def as_json(value: Any) -> Response:
    """A value as it is answered."""
    return Response(msgspec.json.encode(value), media_type="application/json")


def openapi(operations: Iterable[Operation]) -> dict[str, Any]:
    """The document of these questions."""
    asked = tuple(operations)
    kinds = {one.gives for one in asked} | {ProblemDetails}
    ordered = sorted(kinds, key=lambda kind: (kind.__name__, kind.__module__))
    schemas, components = msgspec.json.schema_components(ordered, ref_template="#/components/schemas/{name}")
    of_kind = dict(zip(ordered, schemas, strict=True))
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Body-worn video: the board",
            "version": VERSION,
            "description": inspect.cleandoc(__doc__ or ""),
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "{board}", "variables": {"board": {"default": "http://127.0.0.1:8700"}}}],
        "security": [{"token": []}, {"session": []}],
        "paths": {_plain(ROOT + one.path): {"get": _operation(one, of_kind[one.gives])} for one in asked},
        "components": {
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer", "description": "Of `bwv people token new`."},
                "session": {"type": "apiKey", "in": "cookie", "name": "bwv-session",
                            "description": "Of whoever is signed in; over https its name begins with `__Host-`."},
            },
            "schemas": dict(sorted(components.items())),
            "responses": {f"Refused{status}": _refusal(says) for status, says in REFUSALS.items()},
        },
    }  # fmt: skip


def _operation(one: Operation, schema: Mapping[str, Any]) -> dict[str, Any]:
    refused = {str(status): {"$ref": f"#/components/responses/Refused{status}"}
               for status in sorted({*ALWAYS, *one.refuses})}  # fmt: skip
    in_path = set(re.findall(r"\{(\w+)", one.path))
    assert in_path <= {field.name for field in one.fields}, f"{one.path}: a field of the path is not described"
    made: dict[str, Any] = {
        "operationId": one.name,
        "summary": one.says,
        "description": f"For: {', '.join(sorted(role.value for role in one.roles))}.",
    }
    if one.fields:
        made["parameters"] = [_parameter(field, in_path=field.name in in_path) for field in one.fields]
    answer = {"description": one.says, "content": {"application/json": {"schema": schema}}}
    return {**made, "responses": {"200": answer, **refused}}


def _parameter(field: Field, *, in_path: bool) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "string"}
    if field.values:
        schema["enum"] = list(field.values)
    if field.pattern:
        schema["pattern"] = field.pattern
    place = {"in": "path", "required": True} if in_path else {"in": "query"}
    return {"name": field.name, **place, "description": field.says, "schema": schema}


def _refusal(says: str) -> dict[str, Any]:
    schema = {"$ref": "#/components/schemas/ProblemDetails"}
    return {"description": says, "content": {"application/problem+json": {"schema": schema}}}


def _plain(path: str) -> str:
    return re.sub(r"\{(\w+):\w+\}", r"{\1}", path)
