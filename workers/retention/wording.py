"""A decision in sentences for people, each with the rule that it follows and where that rule comes from."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from workers.retention.choice import Choice
from workers.retention.decision import Outcome, Reason
from workers.retention.facts import Clip, EarlyDisposal, Hold
from workers.retention.reckoning import Reckoned, plausible
from workers.retention.rules import Clock, Policy, Rule

PROTOCOL = Reason("", "protocol", "docs/life-of-a-clip.md §3")

COUNTS_FROM = {
    Clock.RECORDED: "recording",
    Clock.DOCKED: "docking",
    Clock.CASE_CLOSED: "the end of its case",
    Clock.OUTCOME: "the outcome of its case",
    Clock.LAST_REVIEW: "its last review",
}


def said(moment: datetime, policy: Policy) -> str:
    """A moment for people: "31 Dec 2026 09:15 (Europe/London)"; with seconds where a trial counts them."""
    local = moment.astimezone(policy.zone)
    clock = f"{local:%H:%M:%S}" if policy.for_trial else f"{local:%H:%M}"
    return f"{local.day} {local:%b} {local.year} {clock} ({policy.timezone})"


def hold_sentence(hold: Hold, policy: Policy) -> Reason:
    """Why one hold keeps a clip; of a restricted one, no more than that it does."""
    if hold.restricted:
        return Reason("kept by the force", "hold", PROTOCOL.source)
    rule = policy.holds.get(hold.reason)
    since = f" since {said(hold.at, policy)}" if hold.at else ""
    placed = f", placed by {hold.by}" if hold.by else ""
    named = f" {hold.hold_id}" if hold.hold_id else ""
    people = {0: "people lift it", 1: "one person lifts it"}.get(rule.people if rule else 0)
    lifts = people or f"{rule.people if rule else 2} people lift it"
    return Reason(
        f"held for {hold.reason.value}{named}{since}{placed}: it stays until {lifts}",
        f"hold/{hold.reason.value}",
        rule.source if rule else PROTOCOL.source,
    )


def reasons_of(clip: Clip, choice: Choice, reckoned: Reckoned, policy: Policy) -> tuple[Reason, ...]:
    """Why these dates, without the holds."""
    return tuple(_sentences(clip, choice, reckoned, policy))


def exception_of(choice: Choice, reckoned: Reckoned, policy: Policy) -> str | None:
    """Why it is kept longer than its period, in few words; None if it is not."""
    if reckoned.delayed and choice.not_before is not None:
        return f"taken out of the bin, not before {choice.not_before.day:%Y-%m-%d}"
    if reckoned.kept and choice.kept is not None:
        return f"a review on {choice.kept.at:%Y-%m-%d} said keep"
    if reckoned.late:
        return f"docked late: at least {policy.late_docking.minimum} from docking"
    return None


def _sentences(clip: Clip, choice: Choice, reckoned: Reckoned, policy: Policy) -> Iterator[Reason]:
    rule = reckoned.rule
    if rule is None:
        yield Reason(
            f"kept: {clip.standing.value} and not verified yet; nothing goes before it is verified or in quarantine",
            "not-verified",
            PROTOCOL.source,
        )
        return
    yield Reason(_period(clip, choice, reckoned, rule, policy), rule.name, rule.source)
    yield from _prolonged(choice, reckoned, policy)
    yield from _people(choice, reckoned, policy)
    yield from _categories(choice, rule, policy)
    yield from _times(clip, choice, rule, policy)


def _period(clip: Clip, choice: Choice, reckoned: Reckoned, rule: Rule, policy: Policy) -> str:
    under = f"(rule {rule.name}, policy {policy.version})"
    if reckoned.gone:
        return f"{_goes(reckoned, policy)}: people decided so, whatever its period {under}"
    if reckoned.outcome is Outcome.NEVER:
        return f"never goes by itself: {_undated(reckoned, rule)} {under}"
    assert reckoned.began is not None
    began = f"{COUNTS_FROM[rule.clock]} on {said(reckoned.began, policy)}"
    if rule.clock is Clock.LAST_REVIEW and choice.kept is None:
        began = f"recording on {said(reckoned.began, policy)}, since there was no review yet"
    if reckoned.review_from is not None:
        return (
            f"a person decides from {said(reckoned.review_from, policy)}: {rule.title} is reviewed {rule.period} "
            f"after {began} {under}"
        )
    return f"{_goes(reckoned, policy)}: {rule.title} goes within {rule.period} of {began} {under}"


def _goes(reckoned: Reckoned, policy: Policy) -> str:
    assert reckoned.dispose_from is not None and reckoned.ends_at is not None
    return f"kept until {said(reckoned.dispose_from, policy)}, gone by {said(reckoned.ends_at, policy)}"


def _undated(reckoned: Reckoned, rule: Rule) -> str:
    if rule.period.never:
        return f"{rule.title} is kept for ever"
    if rule.clock in (Clock.CASE_CLOSED, Clock.OUTCOME):
        return f"its {rule.period} count from {COUNTS_FROM[rule.clock]}, which is not known yet"
    if reckoned.began is None:
        return "nobody knows when it was recorded; correct the time with: bwv correct-time"
    return f"{rule.period} have no end in any calendar"


def _prolonged(choice: Choice, reckoned: Reckoned, policy: Policy) -> Iterator[Reason]:
    if reckoned.late and reckoned.end is not None:
        late = policy.late_docking
        yield Reason(
            f"docked late: its period ended on {said(reckoned.end, policy)}, and it is kept for at least "
            f"{late.minimum} from docking",
            "late-docking",
            late.source,
        )
    if reckoned.kept and choice.kept is not None:
        yield Reason(
            f"{choice.kept.by} reviewed it on {said(choice.kept.at, policy)} and said keep: a period runs from then on",
            "review-decided",
            PROTOCOL.source,
        )
    if reckoned.delayed and choice.not_before is not None:
        yield Reason(
            f"{choice.not_before.by} took it out of the bin: not before {choice.not_before.day:%Y-%m-%d}",
            "not-before",
            PROTOCOL.source,
        )


def _people(choice: Choice, reckoned: Reckoned, policy: Policy) -> Iterator[Reason]:
    if not reckoned.gone or choice.gone is None:
        return
    gone = choice.gone
    if isinstance(gone, EarlyDisposal):
        yield Reason(
            f"early disposal: {gone.asked_by} asked, {gone.approved_by} approved on {said(gone.at, policy)}",
            "early-disposal",
            "DPA 2018 s.47 and s.100: accidental, private or privileged footage is not kept",
        )
    else:
        yield Reason(
            f"{gone.by} reviewed it on {said(gone.at, policy)} and said dispose", "review-decided", PROTOCOL.source
        )


def _categories(choice: Choice, rule: Rule, policy: Policy) -> Iterator[Reason]:
    for name in choice.undefined:
        yield Reason(
            f"category {name!r} is not in policy {policy.version}, so the longest of all counts ({rule.category})",
            "undefined-category",
            PROTOCOL.source,
        )
    if len(choice.names) > 1 and not choice.undefined:
        yield Reason(
            f"of its categories the longest counts: {', '.join(choice.names)}; a second person confirms a shorter one",
            "longest-category",
            PROTOCOL.source,
        )


def _times(clip: Clip, choice: Choice, rule: Rule, policy: Policy) -> Iterator[Reason]:
    if rule.clock not in (Clock.RECORDED, Clock.LAST_REVIEW):
        return
    if not choice.corrections:
        said_by_camera = clip.recorded_at
        if said_by_camera is not None and not plausible(said_by_camera, clip.docked_at):
            yield Reason(
                f"the camera says {said(said_by_camera, policy)}, which cannot be: it was docked on "
                f"{said(clip.docked_at, policy)}; correct the time with: bwv correct-time",
                "time-unknown",
                PROTOCOL.source,
            )
        return
    given = said(choice.corrections[-1], policy)
    if choice.corrected and len(choice.corrections) == 1:
        yield Reason(f"its time was corrected to {given}, and confirmed", "time-corrected", PROTOCOL.source)
    else:
        yield Reason(
            f"its time was corrected to {given}; until a second person confirms it, the latest of its times counts",
            "time-corrected",
            PROTOCOL.source,
        )
