"""Clips whose decision is written down in golden/*.txt, where a reader follows them; `python -m` writes it again."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import msgspec
from msgspec import Struct

from workers.fate.moves import Standing
from workers.footage.recording import Kind, SourceType
from workers.retention.decide import decide
from workers.retention.facts import (
    Categorised,
    Clip,
    Confirmed,
    EarlyDisposal,
    Fact,
    Hold,
    HoldReason,
    IncidentGiven,
    NotBefore,
    Reviewed,
    TimeConfirmed,
    TimeCorrected,
    Verdict,
)
from workers.retention.policy import Policy, parse
from workers.retention.shipped import NAMES, shipped

FOLDER = Path(__file__).parent / "golden"
RECORDED = datetime(2026, 2, 26, 1, 30, tzinfo=UTC)
DOCKED = datetime(2026, 2, 26, 6, 10, tzinfo=UTC)
USUAL = Clip("clip-usual", SourceType.BODY_WORN, Kind.FOOTAGE, Standing.RELEASED, RECORDED, DOCKED)
VERSION = 7


class Case(Struct, frozen=True):
    """A clip, its history, and the moments at which somebody asks."""

    title: str
    clip: Clip = USUAL
    facts: tuple[Fact, ...] = ()
    holds: tuple[Hold, ...] = ()
    asked: tuple[datetime, ...] = (datetime(2026, 3, 20, 8, tzinfo=UTC),)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def clip(**changes: object) -> Clip:
    return msgspec.structs.replace(USUAL, **changes)


NOON = at("2026-03-01T12:00")
CASES = (
    Case("nobody categorised it", asked=(at("2026-03-01T08:00"), at("2026-03-24T01:59"), at("2026-03-27T08:00"))),
    Case("recorded by a Taser", clip(source_type=SourceType.TASER)),
    Case("a camera's event log", clip(kind=Kind.EVENT_LOG)),
    Case("recorded on a leap day", clip(recorded_at=at("2024-02-29T12:00"), docked_at=at("2024-02-29T20:00")),
         (Categorised("stop-and-search", "PC-1", at("2024-03-01T09:00")),), asked=(at("2025-02-20T08:00"),)),
    Case("recorded in the hour that comes twice", clip(recorded_at=at("2026-10-25T01:30"),
         docked_at=at("2026-10-25T09:00")), asked=(at("2026-11-02T08:00"),)),
    Case("docked a month late", clip(docked_at=at("2026-03-25T06:10"))),
    Case("the camera's clock was never set", clip(recorded_at=at("1980-01-06T00:00"))),
    Case("the camera said no time", clip(recorded_at=None)),
    Case("recorded a year after it was docked", clip(recorded_at=at("2027-02-26T01:30"))),
    Case("categorised as evidence", facts=(Categorised("volume-crime", "PC-1", NOON),)),
    Case("evidence of an incident, which changes none of its dates",
         facts=(Categorised("volume-crime", "PC-1", NOON), IncidentGiven("INC-1", "PC-1", NOON))),
    Case("a shorter category, not confirmed",
         facts=(Categorised("serious-offence", "PC-1", NOON), Categorised("training", "PC-1", at("2026-03-02T12:00")))),
    Case("a shorter category, confirmed",
         facts=(Categorised("serious-offence", "PC-1", NOON), Categorised("training", "PC-1", at("2026-03-02T12:00")),
                Confirmed("training", "PS-2", at("2026-03-03T12:00")))),
    Case("a category that the policy does not define", facts=(Categorised("cold-case", "PC-1", NOON),)),
    Case("material of a case that is open", facts=(Categorised("case-material", "PC-1", NOON),)),
    Case("an earlier time, not confirmed", facts=(TimeCorrected(at("2026-02-20T01:30"), "PC-1", NOON),)),
    Case("an earlier time, confirmed", facts=(TimeCorrected(at("2026-02-20T01:30"), "PC-1", NOON),
                                              TimeConfirmed(at("2026-02-20T01:30"), "PS-2", at("2026-03-02T12:00")))),
    Case("a complaint hold, and one that must not be talked about",
         holds=(Hold("hold-a", HoldReason.COMPLAINT, NOON, "PSD-1"),
                Hold("hold-b", HoldReason.CONDUCT, NOON, "PSD-2", restricted=True)),
         asked=(at("2026-03-27T08:00"),)),
    Case("taken out of the bin", facts=(NotBefore(date(2026, 6, 1), "PC-1", at("2026-03-25T08:00")),),
         asked=(at("2026-03-27T08:00"), at("2026-05-30T08:00"))),
    Case("reviewed and kept", facts=(Categorised("complaint", "PC-1", NOON),
                                     Reviewed(Verdict.KEEP, "DP-1", at("2032-03-01T10:00"))),
         asked=(at("2032-02-26T02:00"), at("2033-03-01T10:00"))),
    Case("reviewed and let go", facts=(Categorised("complaint", "PC-1", NOON),
                                       Reviewed(Verdict.DISPOSE, "DP-1", at("2032-03-01T10:00"))),
         asked=(at("2032-03-01T10:00"),)),
    Case("private footage that two people let go early", facts=(EarlyDisposal("PC-1", "DP-1", NOON),), asked=(NOON,)),
    Case("let go early, and then it was evidence",
         facts=(EarlyDisposal("PC-1", "DP-1", NOON), Categorised("volume-crime", "PC-1", at("2026-03-02T12:00"))),
         asked=(at("2026-03-03T12:00"),)),
    Case("bytes that are not the declared ones", clip(standing=Standing.QUARANTINED)),
    Case("not verified yet", clip(standing=Standing.SECURED)),
    Case("damaged in the vault", clip(standing=Standing.DAMAGED), asked=(at("2026-03-27T08:00"),)),
)  # fmt: skip


def page(policy: Policy) -> str:
    """What a policy says about every case."""
    head = f"policy {policy.version}, {policy.name}: every case of tests/retention/golden_cases.py, as it is decided"
    return "\n".join((head, *(line for case in CASES for line in _lines(case, policy)))) + "\n"


def _lines(case: Case, policy: Policy) -> Iterator[str]:
    yield f"\n== {case.title}"
    clip = case.clip
    times = f"recorded {_iso(clip.recorded_at)}, docked {_iso(clip.docked_at)}"
    yield f"   {clip.source_type} {clip.kind}, {clip.standing}, {times}"
    for fact in case.facts:
        yield f"   fact {msgspec.json.encode(fact).decode()}"
    for hold in case.holds:
        yield f"   hold {hold.entry}"
    for now in case.asked:
        decision = decide(clip, case.facts, case.holds, policy, now)
        plan = decision.plan
        yield f"   {_iso(now)}: {type(decision).__name__.upper()} {decision.reasons[0].says}"
    yield f"      category {plan.category}, rule {plan.rule}, {plan.outcome}{', held' if plan.held else ''}"
    for name in ("intend_from", "dispose_from", "ends_at", "review_from"):
        moment: datetime | None = getattr(plan, name)
        if moment is not None:
            yield f"      {name} {_iso(moment)}"
    if plan.exception:
        yield f"      exception: {plan.exception}"
    for reason in plan.reasons:
        yield f"      - {reason.says} [{reason.rule}: {reason.source}]"


def _iso(moment: datetime | None) -> str:
    return "unknown" if moment is None else moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def main() -> None:
    """Write the pages."""
    for name in NAMES:
        (FOLDER / f"{name}.txt").write_text(page(parse(shipped(name), VERSION)))


if __name__ == "__main__":
    main()
