"""The OpenAPI 3.1 document of the gateway's contract, from its values (docs/gateway.openapi.json)."""

from __future__ import annotations

import inspect
from typing import Any

import msgspec

from workers.prosecution.gateway import contract as c

VERSION = "1.0.0"

SHAPES = (c.Receipt, c.ItemReceipt, c.ItemLink, c.Outcome, c.Outcomes, c.Problem)

SUBMISSION = {
    "name": "submission_id",
    "in": "path",
    "required": True,
    "description": "The submission's id; derived from its content, so it is also the idempotency key.",
    "schema": {"type": "string", "pattern": "^submission-[a-z2-7]{32}$"},
}
ITEM = {
    "name": "n",
    "in": "path",
    "required": True,
    "description": "Number of the item in the manifest.",
    "schema": {"type": "integer", "minimum": 1},
}
ATTEMPT = {
    "name": "attempt",
    "in": "query",
    "description": "The how-manieth time it is sent. A higher one opens a submission again that was rejected or lacks "
    "items; one that is whole and not rejected stays as it is. The same one again changes nothing.",
    "schema": {"type": "integer", "minimum": 1, "default": 1},
}
AFTER = {
    "name": "after",
    "in": "query",
    "description": "Cursor of the page before; empty or absent: from the first outcome.",
    "schema": {"type": "string", "default": ""},
}
DIGEST = {
    "name": "Content-Digest",
    "in": "header",
    "required": True,
    "description": "RFC 9530, of the body: `sha-256=:<base64>:`. What differs is not taken (422).",
    "schema": {"type": "string", "pattern": "^sha-256=:[A-Za-z0-9+/]{43}=:$"},
}
OPTIONAL_DIGEST = {**DIGEST, "required": False, "description": "As with the manifest; required with bytes."}

MANIFEST = {
    "type": "object",
    "description": "The submission's manifest (docs/submissions.md), as its RFC 8785 bytes. A gateway reads what is "
    "named here and keeps the rest as it is.",
    "required": ["format", "submission_id", "purpose", "case", "items"],
    "properties": {
        "format": {"const": "bwv-submission/1"},
        "submission_id": SUBMISSION["schema"],
        "purpose": {"type": "string"},
        "case": {"type": "object", "required": ["urn"], "properties": {"urn": {"type": "string"}}},
        "link": {"type": ["string", "null"], "description": "Where the recipient looks at it."},
        "items": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["n", "reference", "sha256", "size", "media_type"],
                "properties": {
                    "n": {"type": "integer", "minimum": 1},
                    "reference": {"type": "string"},
                    "sha256": {"type": "string", "pattern": "^[0-9a-f]{64}$"},
                    "size": {"type": "integer", "minimum": 0},
                    "media_type": {"type": "string"},
                },
            },
        },
    },
}

REFUSALS = {
    400: "Not of this contract.",
    401: "The bearer token is missing or wrong. The sender waits and a person mends it; nothing is lost.",
    404: "Nothing is known of it. The sender begins again, with the same id.",
    409: "`other_manifest`: this id is there with another manifest. `incomplete`: items are missing. "
    "`not_receiving`: it takes nothing any more.",
    413: "Larger than this gateway takes.",
    422: "`digest_differs`: the bytes are not those of the Content-Digest, or not those of the manifest.",
    503: "Busy or away: the sender tries again with full jitter. So are 408, 425, 429, 500, 502 and 504.",
}


def openapi() -> dict[str, Any]:
    """The whole document."""
    _, components = msgspec.json.schema_components(SHAPES, ref_template="#/components/schemas/{name}")
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Gateway to the prosecutor",
            "version": VERSION,
            "description": inspect.getdoc(c) or "",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [
            {"url": "{gateway}", "variables": {"gateway": {"default": "http://127.0.0.1:8600"}}},
        ],
        "security": [{"bearer": []}, {}],
        "paths": _paths(),
        "components": {
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}},
            "schemas": {**dict(sorted(components.items())), "Manifest": MANIFEST},
            "responses": {f"Refused{status}": _answer(says, "Problem") for status, says in REFUSALS.items()},
        },
    }


def _paths() -> dict[str, Any]:
    submission = c.SUBMISSIONS + "/{submission_id}"
    return {
        submission: {
            "parameters": [SUBMISSION],
            "put": _operation(
                "sendManifest",
                "Send the manifest. The same again changes nothing; another one under the same id is refused.",
                {200: _answer("It was there; the receipt so far.", "Receipt"), 201: _answer("It is new.", "Receipt")},
                (400, 401, 409, 413, 422, 503),
                parameters=[ATTEMPT, DIGEST],
                body={"application/json": {"schema": _ref("Manifest")}},
            ),
            "get": _operation(
                "receipt",
                "Ask for the receipt. It is final with `accepted` or `rejected`, and the same ever after.",
                {200: _answer("The receipt as far as it is.", "Receipt")},
                (401, 404, 503),
            ),
        },
        submission + "/items/{n}": {
            "parameters": [SUBMISSION, ITEM],
            "put": _operation(
                "sendItem",
                "Send an item: its bytes, or its link. One that is there already is taken again and changes nothing.",
                {200: _answer("It is there.", "ItemReceipt")},
                (400, 401, 404, 409, 413, 422, 503),
                parameters=[OPTIONAL_DIGEST],
                body={
                    "application/json": {"schema": _ref("ItemLink")},
                    "video/mp4": {"schema": {"description": "The file."}},
                    "image/png": {"schema": {"description": "The file."}},
                    "*/*": {"schema": {"description": "The file, with the manifest's media type."}},
                },
            ),
        },
        submission + "/complete": {
            "parameters": [SUBMISSION],
            "post": _operation(
                "complete",
                "Say that this was all of it. From the 202 on the gateway answers for it.",
                {202: _answer("Taken; ask for the receipt.", "Receipt")},
                (401, 404, 409, 503),
            ),
        },
        c.OUTCOMES: {
            "get": _operation(
                "outcomes",
                "Ask what became of defendants. Outcomes keep their order and their ids for ever.",
                {200: _answer("The next page; empty where there is nothing new.", "Outcomes")},
                (400, 401, 503),
                parameters=[AFTER],
            ),
        },
    }


def _operation(
    name: str,
    says: str,
    answers: dict[int, Any],
    refusals: tuple[int, ...],
    *,
    parameters: list[dict[str, Any]] | None = None,
    body: dict[str, Any] | None = None,
) -> dict[str, Any]:
    refused = {str(status): {"$ref": f"#/components/responses/Refused{status}"} for status in refusals}
    made: dict[str, Any] = {"operationId": name, "summary": says}
    if parameters:
        made["parameters"] = parameters
    if body:
        made["requestBody"] = {"required": True, "content": body}
    return made | {"responses": {str(status): answer for status, answer in answers.items()} | refused}


def _answer(says: str, kind: str) -> dict[str, Any]:
    return {"description": says, "content": {"application/json": {"schema": _ref(kind)}}}


def _ref(kind: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{kind}"}
