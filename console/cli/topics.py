"""`bwv topics`: the list of topics, and the broker made to agree with it."""

from __future__ import annotations

import click

from console.cli.common import json_option, run, settings_of, show_json, show_table
from streams.engine.admin import apply as apply_topics
from streams.topics import TOPICS, full_name


@click.group()
def topics() -> None:
    """Create the topics, or show what would change."""


@topics.command()
@click.pass_context
def apply(context: click.Context) -> None:
    """Create what is missing; safe to repeat. Partition counts that differ are an error: keys would move."""
    created = run(apply_topics(settings_of(context)))
    click.echo(f"{len(created)} created" + "".join(f"\n  {name}" for name in created))


@topics.command("list")
@json_option
@click.pass_context
def list_(context: click.Context, as_json: bool) -> None:
    """Every topic, what it carries and what orders it."""
    settings = settings_of(context)
    rows = [(full_name(settings.namespace, t.name), t.carries.__name__, t.key, t.kept // 86400, t.says) for t in TOPICS]
    if as_json:
        show_json([dict(zip(("topic", "carries", "key", "days", "says"), row, strict=True)) for row in rows])
    else:
        show_table("Topics", ("topic", "carries", "ordered by", "days", "says"), rows)
