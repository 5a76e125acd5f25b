"""All generated documents by name. Each is text, the same for the same code."""

from __future__ import annotations

import json
from typing import Any

from console.reference.access import acls
from console.reference.asyncapi import asyncapi
from console.reference.errors import errors_page
from console.reference.metrics import metrics_page
from console.reference.prometheus import rules
from console.reference.roles import roles_page
from console.reference.schemas import encounters_schema, message_schemas, sidecar_schema, statement_schemas
from console.reference.settings import settings_page
from console.reference.topics import topics_list, topics_page
from console.web.pages.api import DOCUMENT
from workers.prosecution.gateway.openapi import openapi

OWNED = ("docs/reference/schemas",)
"""Folders in which every JSON file is generated: one that is no longer made must go."""


def documents() -> dict[str, str]:
    """Path from the project's folder → text."""
    made = {f"docs/reference/schemas/{name}.json": _json(schema) for name, schema in message_schemas().items()}
    made |= {
        f"docs/reference/schemas/signed/{name}.json": _json(schema) for name, schema in statement_schemas().items()
    }
    return made | {
        "docs/reference/sidecar.schema.json": _json(sidecar_schema()),
        "docs/reference/encounters.schema.json": _json(encounters_schema()),
        "docs/reference/asyncapi.json": _json(asyncapi()),
        "docs/reference/topics.md": topics_page(),
        "docs/reference/settings.md": settings_page(),
        "docs/reference/errors.md": errors_page(),
        "docs/reference/metrics.md": metrics_page(),
        "docs/reference/roles.md": roles_page(),
        "docs/gateway.openapi.json": _json(openapi()),
        "docs/reference/board.openapi.json": _json(DOCUMENT),
        "deploy/prometheus/rules.yml": rules(),
        "deploy/kafka/topics.json": _json(topics_list()),
        "deploy/kafka/acls.json": _json(acls()),
    }


def _json(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"
