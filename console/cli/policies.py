"""How a policy, a dry run and a due list are shown to people."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import click

from console.cli.common import show_table
from workers.retention.dryrun import Difference, DryRun
from workers.retention.due import Due
from workers.retention.policy import Policy
from workers.retention.rules import Clock, HoldRule, Rule, Then
from workers.retention.wording import COUNTS_FROM

MONTHS_SHOWN = 24
CLIPS_SHOWN = 10
TRIAL = "FOR TRIAL: lengths below a day; not for real footage"


def lengths(policy: Policy) -> str:
    """Window and bin, in words."""
    return f"disposal begins {words(policy.window)} before a period ends, the bin lies {words(policy.bin)} before that"


def words(length: timedelta) -> str:
    """An exact length in its largest whole unit."""
    seconds = int(length.total_seconds())
    for unit, size in (("day", 86400), ("hour", 3600), ("minute", 60)):
        if seconds >= size and seconds % size == 0:
            return _many(seconds // size, unit)
    return _many(seconds, "second")


def show_categories(policy: Policy) -> None:
    """What is kept how long."""
    trial = f"\n{TRIAL}" if policy.for_trial else ""
    click.echo(
        f"policy {policy.version}: {policy.name}, {policy.force}, time zone {policy.timezone}{trial}\n"
        f"{lengths(policy)}\n"
        f"what is docked late is kept for at least {policy.late_docking.minimum} from docking "
        f"({policy.late_docking.source})\na sweep of more than {policy.budget.share:g} × a day's mean, or of more than "
        f"{policy.budget.per_hour:,} clips an hour, stops and asks; {policy.budget.floor:,} a day never do\n"
    )
    show_table(
        "Kept",
        ("rule", "what", "how long", "from", "then", "source"),
        (
            (rule.name, rule.title, rule.period, COUNTS_FROM[rule.clock], _then(rule), rule.source)
            for rule in _rules(policy)
        ),
    )
    if named := _named_only(policy):
        click.echo(f"\nonly people who are named for a clip see it on the board: {', '.join(named)}")


def _named_only(policy: Policy) -> list[str]:
    """Categories whose clips only named people see."""
    return [category.name for category in policy.categories if category.named_only]


def show_holds(policy: Policy) -> None:
    """What lifts a hold of each reason."""
    show_table(
        "\nHolds stay until lifted",
        ("reason", "by", "source"),
        ((reason.value, _lifted_by(rule), rule.source) for reason, rule in policy.holds.items()),
    )


def _lifted_by(rule: HoldRule) -> str:
    people = _many(rule.people, "person", "people")
    return people if rule.ends is None else f"{people}, or by itself {rule.ends} after its panel has met"


def telling(policy: Policy) -> dict[str, Any]:
    """A policy for scripts."""
    return {
        "version": policy.version, "name": policy.name, "force": policy.force, "sha256": policy.sha256,
        "timezone": policy.timezone, "for_trial": policy.for_trial,
        "window_seconds": policy.window.total_seconds(), "bin_seconds": policy.bin.total_seconds(),
        "review_within_seconds": policy.review_within.total_seconds(),
        "late_docking": {"minimum": policy.late_docking.minimum.text, "source": policy.late_docking.source},
        "budget": policy.budget,
        "rules": [_told(rule) for rule in _rules(policy)],
        "named_only": _named_only(policy),
        "holds": {
            reason.value: {"people": rule.people, "source": rule.source, "ends": rule.ends and rule.ends.text}
            for reason, rule in policy.holds.items()
        },
    }  # fmt: skip


def show_difference(result: DryRun) -> None:
    """A dry run for the person who is about to adopt its policy."""
    against = f"policy {result.against}" if result.against else "no policy: nothing goes"
    click.echo(
        f"dry run of {result.policy!r} as policy {result.version} against {against}, {_time(result.made_at)}"
        f"{f'{chr(10)}{TRIAL}' if result.for_trial else ''}\n"
        f"{result.clips:,} clips ({bytes_words(result.size)}) looked at, {result.held:,} under a hold stay\n"
        f"{result.shortened:,} clips ({bytes_words(result.shortened_size)}) would go earlier\n"
        f"{result.incidents:,} incidents are affected, {result.case_incidents:,} of them with a clip under a case hold"
    )
    show_table(
        "\nWhat would change",
        ("difference", "category now", "category then", "clips", "size", "first"),
        (
            (line.difference, line.was or "-", line.category, f"{line.clips:,}", bytes_words(line.size),
             line.first and _time(line.first))
            for line in result.lines if line.difference is not Difference.NONE
        ),
    )  # fmt: skip
    months = [month for month in result.months if month.clips_now != month.clips_then]
    show_table(
        f"\nDisposal begins, by month{_of(MONTHS_SHOWN, months)}",
        ("month", "category", "clips now", "size now", "clips then", "size then"),
        (
            (month.month, month.category, f"{month.clips_now:,}", bytes_words(month.size_now),
             f"{month.clips_then:,}", bytes_words(month.size_then))
            for month in months[:MONTHS_SHOWN]
        ),
    )  # fmt: skip
    if result.first_clips:
        show_table(
            f"\nGo earlier, the first{_of(CLIPS_SHOWN, result.first_clips)}",
            ("clip", "rule", "now from", "then from", "size", "incident"),
            (
                (clip.clip_id, clip.rule, clip.goes_now and _time(clip.goes_now), clip.goes_then and
                 _time(clip.goes_then), bytes_words(clip.size), clip.incident)
                for clip in result.first_clips[:CLIPS_SHOWN]
            ),
        )  # fmt: skip


def show_due(policy: Policy, answer: Due, what: str) -> None:
    """What goes next."""
    click.echo(f"{answer.clips:,} clips ({bytes_words(answer.size)}): {what}, under policy {policy.version}")
    if not answer.clips:
        return
    show_table(
        "\nBy rule",
        ("rule", "clips", "in the bin", "size", "disposal from"),
        (
            (sum_.rule, f"{sum_.clips:,}", f"{sum_.in_bin:,}", bytes_words(sum_.size), _time(sum_.first))
            for sum_ in answer.sums
        ),
    )
    if answer.listed:
        show_table(
            f"\nFirst{_of(len(answer.listed), range(answer.clips))}",
            ("clip", "disposal from", "in the bin", "why"),
            (
                (going.clip_id, _time(going.dispose_from), going.waits or ("yes" if going.in_bin else ""),
                 "; ".join(going.reasons))
                for going in answer.listed
            ),
        )  # fmt: skip
    click.echo("\ntake one out: bwv retention restore CLIP --not-before DAY --reason …; why: bwv explain CLIP")


def bytes_words(size: int) -> str:
    """A size for people."""
    value = float(size)
    for unit in ("B", "KB", "MB", "GB", "TB"):
        if value < 1000 or unit == "TB":
            return f"{value:.0f} {unit}" if unit in ("B", "KB") else f"{value:,.1f} {unit}"
        value /= 1000
    raise AssertionError("unreachable: TB takes everything")


def _rules(policy: Policy) -> Iterator[Rule]:
    for category in policy.categories:
        yield category.own()
        yield from map(category.overridden, category.override)
    yield policy.quarantine.rule()


def _then(rule: Rule) -> str:
    if rule.period.never:
        return "kept for ever"
    ends = "goes" if rule.then is Then.EXPIRE else f"a person reviews it, again after {rule.again}"
    return f"{ends}; kept until that is known" if rule.clock in (Clock.CASE_CLOSED, Clock.OUTCOME) else ends


def _told(rule: Rule) -> dict[str, Any]:
    return {
        "name": rule.name, "category": rule.category, "title": rule.title, "period": rule.period.text,
        "clock": rule.clock, "then": rule.then, "again": rule.again.text, "source": rule.source,
    }  # fmt: skip


def _of(shown: int, all_of: Any) -> str:
    return f" ({shown:,} of {len(all_of):,})" if len(all_of) > shown else ""


def _many(count: int, one: str, many: str | None = None) -> str:
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def _time(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"
