"""A month of a force with five BCUs, as its figures' queries would answer."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta

from workers.custody.queries import SealedHead
from workers.statistics.areas import Areas
from workers.statistics.asking import Answers, Counted
from workers.statistics.figures import FIGURES
from workers.statistics.months import month
from workers.statistics.stated import Stated, publishable
from workers.statistics.trend import last_months

BCUS = {
    "Central North": ("Camden", "Islington"),
    "Central West": ("Hammersmith and Fulham", "Kensington and Chelsea", "Westminster"),
    "East": ("Barking and Dagenham", "Havering", "Redbridge"),
    "North West": ("Barnet", "Brent", "Harrow"),
    "South West": ("Kingston", "Merton", "Richmond", "Wandsworth"),
}

CHECKPOINT = (
    "custody.force.example\n1834211\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n\n— custody.force.example sig\n"
)
HEAD = SealedHead(1834211, bytes(32), CHECKPOINT, datetime(2026, 11, 22, 10, 0, tzinfo=UTC))


def october() -> Stated:
    """Its statement, the same each time."""
    return a_month("2026-10")


def a_year() -> list[Stated]:
    """Every month of the year before October, each as it was published then."""
    return [
        a_month(one.name, seed, SealedHead(1000 + seed, bytes(32), HEAD.checkpoint, one.until + timedelta(days=40)))
        for seed, one in enumerate(last_months("2026-10")[:-1])
    ]


def a_month(name: str, seed: int = 3, head: SealedHead = HEAD, bcus: Mapping[str, tuple[str, ...]] = BCUS) -> Stated:
    """The statement of a month, the same each time."""
    found: dict[str, list[Counted]] = {figure.name: [] for figure in FIGURES}
    chance = random.Random(seed)
    for bcu, boroughs in bcus.items():
        for borough in boroughs:
            for figure, measure, number in _borough(chance):
                found[figure].append(Counted(bcu, borough, measure, number, number))
    for figure, measure, number, behind in _force():
        found[figure].append(Counted("", "", measure, number, behind))
    answers: Answers = {name: tuple(sorted(rows)) for name, rows in found.items()}
    return publishable(answers, head, month(name), Areas())


def _borough(chance: random.Random) -> Iterator[tuple[str, str, int]]:
    recorded = chance.randint(1500, 6000)
    taser, vehicle = chance.randint(0, 14), chance.randint(20, 300)
    yield "recorded", "recorded_body_worn", recorded - taser - vehicle
    yield "recorded", "recorded_taser", taser
    yield "recorded", "recorded_vehicle", vehicle
    deleted, kept = int(recorded * chance.uniform(0.3, 0.5)), int(recorded * chance.uniform(0.28, 0.38))
    yield from (("kept", "kept", kept), ("kept", "deleted", deleted), ("kept", "waiting", recorded - kept - deleted))
    submitted, linked = chance.randint(0, 250), chance.randint(0, 30)
    yield from (("submitted", "submitted", submitted), ("submitted", "not_submitted", recorded - submitted))
    yield from (("complaints", "linked", linked), ("complaints", "not_linked", recorded - linked))
    for rule in ("uncategorised", "non-evidential", "stop-and-search"):
        yield "deleted", f"rule: {rule}", chance.randint(2, 2000)
    for kind, most in (("stop_search", 600), ("stop_account", 90), ("use_of_force", 140)):
        for part, share in (("all", 0.8), ("some", 0.12), ("none", 0.08)):
            yield "filmed", f"{kind}_{part}", int(most * share * chance.uniform(0.5, 1.2))
    gaps = {kind: chance.randint(0, 40) for kind in ("none", "late", "early", "muted")}
    yield from (("gaps", f"gap_{kind}", number) for kind, number in gaps.items())
    part = sum(gaps.values()) - gaps["none"]
    yield "gaps", "gap_partial", part
    for measure, every in (("unrecorded", gaps["none"]), ("partial", part)):
        camera, officer = int(every * 0.4), int(every * 0.35)
        yield "gaps", f"{measure}_camera", camera
        yield "gaps", f"{measure}_officer", officer
        yield "gaps", f"{measure}_open", every - camera - officer


def _force() -> Iterator[tuple[str, str, int, int]]:
    for verb, number in (("collection", 47000), ("alteration", 21000), ("consultation", 38211), ("disclosure", 4312),
                         ("combination", 990), ("erasure", 20110)):  # fmt: skip
        yield "looked_at", f"verb: {verb}", number, number
    for kind, cases in (("charge", 254), ("plea_guilty", 135), ("conviction", 168)):
        yield "outcomes", f"footage_{kind}", cases, cases
        yield "outcomes", f"footage_no_{kind}", 410 - cases, 410 - cases
        yield "outcome_clips", f"clips_{kind}", 11 * cases, cases
        yield "outcome_clips", f"clips_no_{kind}", 11 * (410 - cases), 410 - cases
    for kind, cases in (("charge", 19), ("plea_guilty", 10), ("conviction", 3)):
        yield "outcomes", f"none_{kind}", cases, cases
        yield "outcomes", f"none_no_{kind}", 31 - cases, 31 - cases
