"""The AsyncAPI 3.0 document: channels, messages, CloudEvents headers, keys, retention, and who does what."""

from __future__ import annotations

from importlib.metadata import version
from typing import Any

from console.reference.access import ACCESS, NAMESPACE
from console.reference.pages import first_sentence
from console.reference.schemas import COMMENT
from console.reference.topics import by_full_name
from streams.engine.publishing import type_of
from streams.messages import Message
from streams.topics import TOPICS, Topic, full_name

BINDING = "0.5.0"

KEYS = {
    "clip": {"type": "string", "pattern": "^clip-[a-z2-7]{32}$", "description": "The clip's id."},
    "camera": {"type": "string", "description": "The camera's id; for keys.*, the id of the key or its owner."},
    "case": {
        "type": "string",
        "pattern": "^(case|submission|link)-[a-z2-7]{32}$",
        "description": "The id of the case, of the submission or of its link.",
    },
    "encounter": {
        "type": "string",
        "pattern": "^(encounter|clip)-[a-z2-7]{32}$",
        "description": "The id of the encounter, or of a clip that lacks the record of one.",
    },
    "log": {"type": "string", "description": "The custody log's origin, first line of its checkpoints."},
}

HEADERS: dict[str, Any] = {
    "type": "object",
    "description": "CloudEvents 1.0, Kafka binary mode. Values are UTF-8.",
    "required": ["ce_specversion", "ce_id", "ce_type", "ce_source", "ce_subject", "ce_time", "ce_dataschema"],
    "properties": {
        "ce_specversion": {"type": "string", "const": "1.0"},
        "ce_id": {
            "type": "string",
            "pattern": "^evt-[a-z2-7]{32}$",
            "description": "Derived from the event's cause: a repeat has the same id.",
        },
        "ce_type": {"type": "string", "description": "bwv. and the topic's name without the namespace."},
        "ce_source": {"type": "string", "description": "/bwv/<namespace>/<who decided>."},
        "ce_subject": {"type": "string", "description": "What it is about: a clip or a camera."},
        "ce_time": {"type": "string", "format": "date-time", "description": "When it was decided."},
        "ce_dataschema": {"type": "string", "description": "schemas/<Message>.json, beside this document."},
        "ce_traceparent": {
            "type": "string",
            "description": "Where traces are recorded: W3C Trace Context of the work that told this "
            "(CloudEvents distributed tracing extension). For people alone.",
        },
        "content-type": {"type": "string", "const": "application/json"},
    },
}


def asyncapi() -> dict[str, Any]:
    """The whole document."""
    carried = sorted({topic.carries for topic in TOPICS}, key=lambda kind: kind.__name__)
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "bwv-ingest",
            "version": version("bwv-ingest"),
            "description": "Body-worn video from the docking station to the prosecutor: every event of ingest. "
            + COMMENT,
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": "application/json",
        "servers": {
            "kafka": {
                "host": "{bootstrap}",
                "protocol": "kafka-secure",
                "description": "The force's Kafka; SASL_SSL or mutual TLS, one principal a stage and dock.",
                "variables": {"bootstrap": {"default": "127.0.0.1:9092", "description": "host:port"}},
            }
        },
        "channels": {topic.name: _channel(topic) for topic in TOPICS},
        "operations": _operations(),
        "components": {
            "schemas": {"CloudEvents": HEADERS},
            "messages": {kind.__name__: _message(kind) for kind in carried},
        },
    }


def _channel(topic: Topic) -> dict[str, Any]:
    there = by_full_name()[full_name(NAMESPACE, topic.name)]
    kind = topic.carries.__name__
    return {
        "address": f"{{namespace}}.{topic.name}",
        "title": topic.name,
        "description": topic.says,
        "parameters": {"namespace": {"default": NAMESPACE, "description": "One a force."}},
        "messages": {kind: {"$ref": f"#/components/messages/{kind}"}},
        "bindings": {
            "kafka": {
                "partitions": there.partitions,
                "replicas": there.replication,
                "topicConfiguration": {
                    "cleanup.policy": [there.config["cleanup.policy"]],
                    "retention.ms": int(there.config["retention.ms"]),
                    "max.message.bytes": int(there.config["max.message.bytes"]),
                },
                "bindingVersion": BINDING,
            }
        },
        "x-key": topic.key,
        "x-ce-type": type_of(topic.name),
        "x-recorded": topic.recorded,
        "x-custody-verb": topic.verb if topic.recorded else None,
    }


def _message(kind: type[Message]) -> dict[str, Any]:
    keys = {topic.key for topic in TOPICS if topic.carries is kind}
    assert len(keys) == 1, f"{kind.__name__} is keyed in two ways: {keys}"
    return {
        "name": kind.__name__,
        "title": kind.__name__,
        "summary": first_sentence(kind),
        "contentType": "application/json",
        "headers": {"$ref": "#/components/schemas/CloudEvents"},
        "payload": {"$ref": f"./schemas/{kind.__name__}.json"},
        "bindings": {"kafka": {"key": KEYS[keys.pop()], "bindingVersion": BINDING}},
    }


def _operations() -> dict[str, Any]:
    made: dict[str, Any] = {}
    for name, access in ACCESS.items():
        for action, topics in (("receive", access.reads), ("send", access.writes)):
            for topic in topics:
                channel = f"#/channels/{topic}"
                kind = next(t.carries.__name__ for t in TOPICS if t.name == topic)
                made[f"{name}.{action}.{topic}"] = {
                    "action": action,
                    "title": f"{name} {action}s {topic}",
                    "channel": {"$ref": channel},
                    "messages": [{"$ref": f"{channel}/messages/{kind}"}],
                    "tags": [{"name": name}],
                }
    return made
