"""`bwv store-check`: what ingest depends on at the object store, in words."""

from __future__ import annotations

from dataclasses import asdict
from functools import partial

import click

from console.cli.common import console, json_option, settings_of, show_json
from streams.vaults import access_of
from workers.vault.report import Level
from workers.vault.store_check import check_store


@click.command("store-check")
@json_option
@click.pass_context
def store_check(context: click.Context, as_json: bool) -> None:
    """Check the object store; exit 1 when a check that ingest depends on fails."""
    settings = settings_of(context)
    report = check_store(partial(access_of, settings), settings.namespace)
    if as_json:
        show_json({"passed": report.passed, "protection": report.protection, "rows": [asdict(r) for r in report.rows]})
    else:
        out = console()
        for row in report.rows:
            must = row.level is Level.MUST
            colour, mark = ("green", "ok  ") if row.passed else ("red", "FAIL") if must else ("yellow", "no  ")
            out.print(f"[{colour}]{mark}[/] {row.level.value:6} {row.sentence}")
            if not row.passed:
                out.print(f"            seen: {row.seen}\n            do:   {row.advice}")
        verdict = "ingest may use this store" if report.passed else "ingest refuses to start on this store"
        how = report.protection.value if report.protection else "nothing"
        out.print(f"\n{settings.store}: {verdict}; chunks are protected by {how} ({report.seconds:.1f} s)")
    context.exit(0 if report.passed else 1)
