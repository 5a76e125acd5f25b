"""The list of topics, for people (topics.md) and for whoever makes them at a broker (topics.json)."""

from __future__ import annotations

from typing import Any

from console.reference.access import NAMESPACE, readers_of, writers_of
from console.reference.pages import duration, page, table
from console.reference.schemas import COMMENT
from streams.engine.admin import Wanted, wanted
from streams.settings import Settings
from streams.topics import KEPT, STAGES_WITH_DEAD_LETTERS, TOPICS, dead_letters_of, full_name


def by_full_name() -> dict[str, Wanted]:
    """Topics as they should be at a broker outside the local stack."""
    return {topic.name: topic for topic in wanted(Settings(namespace=NAMESPACE))}


def topics_list() -> dict[str, Any]:
    """Every topic with its partitions, replicas and properties."""
    return {
        "$comment": COMMENT,
        "namespace": NAMESPACE,
        "topics": [
            {"name": t.name, "partitions": t.partitions, "replication": t.replication, "config": t.config}
            for t in by_full_name().values()
        ],
    }


def topics_page() -> str:
    """The table of topics."""
    there = by_full_name()
    rows = [
        (
            f"`{topic.name}`",
            f"[{topic.carries.__name__}](schemas/{topic.carries.__name__}.json)",
            f"{topic.key} id",
            str(there[full_name(NAMESPACE, topic.name)].partitions),
            duration(topic.kept),
            topic.verb if topic.recorded else "–",
            ", ".join(writers_of(topic.name)),
            ", ".join(readers_of(topic.name)),
            topic.says,
        )
        for topic in TOPICS
    ]
    head = ("topic", "message", "key", "partitions", "kept", "custody verb", "written by", "read by", "says")
    letters = ", ".join(f"`{dead_letters_of(stage)}`" for stage in STAGES_WITH_DEAD_LETTERS)
    return page(
        "Topics",
        f"Each name is prefixed with the namespace (`{NAMESPACE}.`). Partitions are those outside the local stack, "
        "where each topic has three replicas, of which two must have a message before it is confirmed. A key's "
        "messages are in order; nothing is ordered or decided by the append time.",
        table(head, rows),
        f"Dead letters, one topic a stage, one partition, kept {duration(KEPT)}: {letters}. A dead letter is the "
        "original message, bytes and headers, with the reason in further headers.",
        "Messages are a public interface: a change adds fields, and readers ignore those they do not know. Headers "
        "are CloudEvents 1.0 in binary mode; [asyncapi.json](asyncapi.json) has them all.",
    )
