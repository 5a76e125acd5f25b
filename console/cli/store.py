"""`bwv store-check`: what ingest depends on at the object store, in words."""

from __future__ import annotations

import click

from console.cli.common import console, json_option, settings_of, show_json
from streams.vaults import check_store


@click.command("store-check")
@json_option
@click.pass_context
def store_check(context: click.Context, as_json: bool) -> None:
    """Check the object store; exit 1 when a check that ingest depends on fails."""
    settings = settings_of(context)
    report = check_store(settings)
    if as_json:
        show_json({"passed": report.passed, "rows": report.rows})
    else:
        out = console()
        for row in report.rows:
            colour = "green" if row.passed else ("red" if row.level == "must" else "yellow")
            mark = "ok  " if row.passed else ("FAIL" if row.level == "must" else "no  ")
            out.print(f"[{colour}]{mark}[/] {row.level:6} {row.sentence}")
            if not row.passed:
                out.print(f"            seen: {row.seen}\n            do:   {row.action}")
        verdict = "ingest may use this store" if report.passed else "ingest refuses to start on this store"
        out.print(f"\n{settings.store}: {verdict}; chunks are protected by {report.protection.value}")
    context.exit(0 if report.passed else 1)
