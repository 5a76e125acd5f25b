"""A case as people read it, and as a script does."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import click
import msgspec

from console.cli.common import show_table
from workers.prosecution.cases.case import Case, Exhibit
from workers.prosecution.cases.cpia import earliest_end, review_from
from workers.prosecution.cases.queries import HoldOfCase, KeptClip
from workers.prosecution.cases.wording import span, words
from workers.prosecution.statements import CaseKind

SHORT = 16
"""Digits of a SHA-256 in a table; --json has them all."""


def telling(case: Case, clips: Sequence[KeptClip], holds: Sequence[HoldOfCase]) -> dict[str, Any]:
    """All of it for a script."""
    end = earliest_end(case)
    return {
        **msgspec.to_builtins(case),
        "earliest_end": end.earliest_end if case.kind is CaseKind.PROSECUTION else None,
        "reasons": end.reasons if case.kind is CaseKind.PROSECUTION else (),
        "review_from": review_from(case),
        "holds": holds,
        "clips": clips,
        "unmarked": _unmarked(case, clips),
    }


def show_case(case: Case, clips: Sequence[KeptClip], holds: Sequence[HoldOfCase]) -> None:
    """Print a case."""
    _head(case)
    _defendants(case)
    _exhibits(case, {clip.clip_id: clip for clip in clips})
    _clips(case, clips, holds)
    _unused(case, clips)
    _outcomes(case)
    _end(case)


def _head(case: Case) -> None:
    click.echo(f"{case.urn}  {case.title}  ({words(case.kind)})  officer in the case: {case.officer}")
    since = f" since {_at(case.clock_since)}" if case.clock_since else ""
    ends = f", until {_at(case.clock_ends)} ({_left(case.clock_ends)})" if case.clock_ends else ""
    click.echo(f"clock          {words(case.clock)}{since}{ends}")
    if case.first_hearing:
        click.echo(f"first hearing  {_at(case.first_hearing)} ({_left(case.first_hearing)})")
    if case.subject:
        click.echo(f"about          {case.subject}")
    if case.guilty_plea_anticipated:
        click.echo("plea           a guilty plea is anticipated: no schedule of unused material")
    if case.approved_until:
        click.echo(f"approved       until {case.approved_until} by {case.approved_by}")
    for refusal in case.refusals:
        of = f" for {len(refusal.clips)} clips" if refusal.clips else ""
        click.echo(f"refused        {refusal.ground}{of}, by {refusal.by} at {_at(refusal.at)}")
    click.echo(f"opened         {_at(case.opened_at)} by {case.opened_by}, {case.version} changes since")
    if case.closed_at:
        click.echo(f"closed         {_at(case.closed_at)} by {case.closed_by}")


def _defendants(case: Case) -> None:
    show_table(
        "\nDefendants",
        ("", "name", "offence", "wording", "committed"),
        [
            row
            for one in case.defendants
            for row in (
                [(one.label, one.name, o.offence, o.wording, o.committed) for o in one.offences]
                or [(one.label, one.name, "", "no offence is recorded", "")]
            )
        ],
    )


def _exhibits(case: Case, clips: dict[str, KeptClip]) -> None:
    show_table(
        "\nExhibits",
        ("", "part", "clip", "camera/recording", "sha-256", "producer", "MG11", "description"),
        [_exhibit(exhibit, clips.get(exhibit.clip_id)) for exhibit in case.exhibits],
    )


def _exhibit(exhibit: Exhibit, clip: KeptClip | None) -> tuple[str | None, ...]:
    where = f"{clip.camera}/{clip.recording}" if clip else ""
    digest = (clip.sha256 or "")[:SHORT] if clip else ""
    reference = f"{exhibit.reference} (withdrawn)" if exhibit.withdrawn else exhibit.reference
    described = f"{exhibit.description} (redacted)" if exhibit.redaction else exhibit.description
    return (reference, span(exhibit), exhibit.clip_id, where, digest, exhibit.producer, exhibit.mg11, described)


def _clips(case: Case, clips: Sequence[KeptClip], holds: Sequence[HoldOfCase]) -> None:
    states: dict[str, int] = {}
    for clip in clips:
        states[clip.state or "not held"] = states.get(clip.state or "not held", 0) + 1
    counted = ", ".join(f"{n} {state}" for state, n in sorted(states.items())) or "none"
    incidents = ", ".join(case.incidents) or "none"
    show_table(
        f"\nClips that are kept with it: {counted} (incidents: {incidents}; {len(holds)} holds)",
        ("clip", "camera", "recording", "recorded", "sha-256", "hold"),
        [
            (c.clip_id, c.camera, c.recording, c.recorded_at, (c.sha256 or "")[:SHORT], c.state or "not held")
            for c in clips
        ],
    )


def _unmarked(case: Case, clips: Sequence[KeptClip]) -> list[str]:
    """Clips of the case that are neither an exhibit nor looked at by the disclosure officer."""
    known = {exhibit.clip_id for exhibit in case.standing()} | {one.clip_id for one in case.unused}
    return [clip.clip_id for clip in clips if clip.clip_id not in known]


def _unused(case: Case, clips: Sequence[KeptClip]) -> None:
    left = len(_unmarked(case, clips))
    show_table(
        f"\nUnused material: {len(case.unused)} marked" + (f", {left} clips not looked at yet" if left else ""),
        ("item", "clip", "relevance", "description"),
        [(one.number, one.clip_id, words(one.relevance), one.description) for one in case.unused],
    )


def _outcomes(case: Case) -> None:
    show_table(
        "\nOutcomes",
        ("on", "of", "outcome", "", "recorded by"),
        [
            (o.on, f"{o.defendant} {o.offence or ''}".strip(), words(o.outcome) + (" (custody)" if o.custodial else ""),
             f"{o.says} {f'expected to end {o.ends}' if o.ends else ''}".strip(), o.by)
            for o in sorted(case.outcomes, key=lambda o: o.on)
        ],
    )  # fmt: skip


def _end(case: Case) -> None:
    review = review_from(case)
    if case.kind is CaseKind.PROSECUTION:
        end = earliest_end(case)
        kept = f"at least to {end.earliest_end}" if end.earliest_end else "until an outcome says when it may end"
        click.echo(f"\nkept {kept}")
        for reason in end.reasons:
            click.echo(f"  {reason}")
    if review is not None:
        click.echo(f"a person looks at it from {review:%Y-%m-%d %H:%M} UTC on: bwv case review {case.urn} keep|close")


def _at(text: str | None) -> str:
    return f"{datetime.fromisoformat(text).astimezone(UTC):%Y-%m-%d %H:%M} UTC" if text else ""


def _left(text: str) -> str:
    seconds = (datetime.fromisoformat(text) - datetime.now(UTC)).total_seconds()
    hours, minutes = divmod(int(abs(seconds)) // 60, 60)
    length = f"{hours // 24} days" if hours >= 48 else f"{hours} h {minutes:02} min"
    return f"{length} left" if seconds > 0 else f"over since {length}"
