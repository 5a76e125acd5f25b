"""A month of a small force, made up at random, and its figures counted a second time: in Python, one event after the
other, without SQL and without the custody log."""

from __future__ import annotations

import random
from collections import Counter
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from tests.statistics.told import Told

LONDON = ZoneInfo("Europe/London")
DOCKS = {"DOCK-01": ("CN", "Camden"), "DOCK-02": ("CN", "Islington"), "DOCK-03": ("NW", "Brent"), "DOCK-09": ("", "")}
KNOWN = {"Camden": "CN", "Islington": "CN", "Brent": "NW"}
KINDS = ("stop_search", "stop_account", "use_of_force")
OUTCOMES = ("charge", "plea_guilty", "conviction")
YEAR_MONTH = (2026, 10)

Counts = dict[str, Counter[tuple[str, str]]]
"""Figure → (borough, measure) → number."""


class Force:
    """Tells what happens, and remembers it as a person with pencil and paper would."""

    def __init__(self, told: Told, seed: int) -> None:
        self.told, self.chance = told, random.Random(seed)
        self.counts: Counts = {
            name: Counter()
            for name in ("recorded", "kept", "submitted", "outcomes", "outcome_clips", "deleted", "looked_at", "filmed",
                         "gaps", "complaints")
        }  # fmt: skip

    def happened(self, clips: int = 60, stops: int = 40, cases: int = 12) -> Counts:
        """Tell of it all; returns what was counted."""
        ours = [clip for clip in (self._clip() for _ in range(clips)) if clip is not None]
        sent = self._cases(cases, [clip for clip, _ in ours])
        for clip, borough in ours:
            self._fate(clip, borough, clip in sent)
        for number in range(stops):
            self._stop(number)
        return self.counts

    def _moment(self) -> tuple[str, bool]:
        """Some time between the end of September and the beginning of November, and whether it is of October."""
        start = datetime(2026, 9, 29, tzinfo=LONDON).timestamp()
        at = datetime.fromtimestamp(start + self.chance.randrange(35 * 86400), tz=LONDON)
        return at.astimezone(ZoneInfo("UTC")).isoformat(), (at.year, at.month) == YEAR_MONTH

    def _clip(self) -> tuple[str, str] | None:
        at, october = self._moment()
        dock, device = (
            self.chance.choice(list(DOCKS)),
            self.chance.choice(["body_worn", "body_worn", "taser", "vehicle"]),
        )
        kind = self.chance.choice(["footage"] * 6 + ["event_log"])
        clip = self.told.recorded(at, dock, device, kind)
        if not october or kind == "event_log":
            return None
        borough = DOCKS[dock][1]
        self.counts["recorded"][borough, f"recorded_{device}"] += 1
        self.counts["looked_at"]["", "verb: collection"] += 1
        return clip, borough

    def _looked_at(self, verb: str, october: bool, times: int = 1) -> None:
        if october and times:
            self.counts["looked_at"]["", f"verb: {verb}"] += times

    def _fate(self, clip: str, borough: str, was_sent: bool) -> None:
        held, linked, category = Counter[str](), False, "uncategorised"
        for number in range(self.chance.randrange(4)):
            at, october = self._moment()
            what = self.chance.choice(["category", "hold", "lift", "look"])
            if what == "category":
                category = self.chance.choice(["uncategorised", "evidential"])
                self.told.did("clips.categorised", clip, at, category=category)
                self._looked_at("alteration", october)
            elif what == "look":
                self.told.did(
                    "clips.consulted", clip, at, verb="consultation", person="PC-1", what="look", relation="own"
                )
                self._looked_at("consultation", october)
            elif what == "hold":
                reason, name = self.chance.choice(["complaint", "case", "dsi"]), f"hold-{clip}-{number}"
                self.told.did("holds.accepted", clip, at, hold_id=name, hold_reason=reason)
                self._looked_at("alteration", october)
                held[name], linked = 1, linked or reason != "case"
            elif held:
                name, _ = held.popitem()
                self.told.did("holds.lifted", clip, at, hold_id=name, hold_reason="case")
                self._looked_at("alteration", october)
        gone = not held and not was_sent and self.chance.random() < 0.4
        if gone:
            at, october = self._moment()
            self.told.disposed(clip, at, rule=category)
            self._looked_at("erasure", october)
            if october:
                self.counts["deleted"][borough, f"rule: {category}"] += 1
        kept = was_sent or bool(held) or category != "uncategorised"
        self.counts["kept"][borough, "deleted" if gone else "kept" if kept else "waiting"] += 1
        self.counts["submitted"][borough, "submitted" if was_sent else "not_submitted"] += 1
        self.counts["complaints"][borough, "linked" if linked else "not_linked"] += 1

    def _cases(self, cases: int, clips: list[str]) -> set[str]:
        """Each case goes once, is answered or not, and is followed by something or not."""
        sent: set[str] = set()
        clips_followed: dict[tuple[str, str], bool] = {}
        for number in range(cases):
            at, october = self._moment()
            with_footage, acknowledged = self.chance.random() < 0.7, self.chance.random() < 0.8
            theirs = self.chance.sample(clips, self.chance.randint(1, 4)) if with_footage else []
            recipient = self.chance.choice(["cps", "cps", "defence"])
            self.told.submission(f"case-{number}", *theirs, at=at, recipient=recipient,
                                 answer="acknowledged" if acknowledged else None)  # fmt: skip
            sent |= set(theirs)
            self._looked_at("disclosure", october, len(theirs))  # one entry for each clip; those of the case name none
            day = datetime.fromisoformat(at).astimezone(LONDON).date()
            came = {outcome: self._outcome(f"case-{number}", outcome, day) for outcome in OUTCOMES}
            if october and acknowledged and recipient == "cps":
                group = "footage" if with_footage else "none"
                for outcome, followed in came.items():
                    self.counts["outcomes"]["", f"{group}{'_' if followed else '_no_'}{outcome}"] += 1
                    for clip in theirs:
                        clips_followed[clip, outcome] = clips_followed.get((clip, outcome), False) or followed
        for (_, outcome), followed in clips_followed.items():
            self.counts["outcome_clips"]["", f"clips{'_' if followed else '_no_'}{outcome}"] += 1
        return sent

    def _outcome(self, case: str, outcome: str, sent: date) -> bool:
        """What comes back, if anything: before or after, sometimes taken back."""
        if self.chance.random() < 0.4:
            return False
        on = sent + timedelta(days=self.chance.randint(-3, 9))
        self.told.outcome(case, outcome, on.isoformat())
        self._looked_at("combination", True)  # told on 14 October
        if self.chance.random() < 0.2:
            self.told.outcome(case, outcome, on.isoformat(), "d 1", withdrawn=True)
            self._looked_at("combination", True)
            return False
        return on >= sent

    def _stop(self, number: int) -> None:
        """A stop, joined once or several times: the last join counts."""
        at, october = self._moment()
        kind, officers = self.chance.choice(KINDS), self.chance.randint(1, 3)
        borough = self.chance.choice([*KNOWN, None, "12 Acacia Avenue"])
        gaps: list[tuple[str, str | None]] = []
        for telling in range(1, self.chance.randint(1, 3) + 1):
            gaps = []
            for _ in range(officers):
                lacks = self.chance.choice([(), (), ("none",), ("late",), ("late", "early"), ("muted",)])
                gaps += [(lack, self.chance.choice([None, "camera", "officer"])) for lack in lacks]
            self.told.encounter(f"enc-{number}", *gaps, officers=officers, at=at, kind=kind, borough=borough, bcu=None,
                                telling=telling)  # fmt: skip
        if not october:
            return
        where = borough if borough in KNOWN else ""
        unfilmed = [kind for kind, _ in gaps].count("none")
        filmed = "none" if unfilmed == officers else "some" if unfilmed else "all"
        self.counts["filmed"][where, f"{kind}_{filmed}"] += 1
        for lack, why in gaps:
            whole = lack == "none"
            for measure in ("gaps", f"gap_{lack}", f"{'unrecorded' if whole else 'partial'}_{why or 'open'}",
                            *(() if whole else ("gap_partial",))):  # fmt: skip
                self.counts["gaps"][where, measure] += 1
