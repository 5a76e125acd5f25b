"""What was raced, who was first, and what befell the processes."""

from __future__ import annotations

from collections import Counter

from tests.races.force import Race
from tests.races.judge import Outcome


class Tally:
    """Counts of a run."""

    def __init__(self) -> None:
        self.outcomes: dict[Race, Counter[Outcome]] = {race: Counter() for race in Race}
        self.wrong: list[str] = []
        self.rounds = 0
        self.seconds: dict[int, float] = {}

    def spread(self, clips: int) -> float:
        """Seconds in which the sweep comes past so many clips, by the last round of its kind."""
        return min(10.0, 0.5 * self.seconds.get(clips, 0.1 * clips))

    @property
    def trials(self) -> int:
        """Clips that were raced for."""
        return sum(counts.total() for counts in self.outcomes.values())

    def table(self) -> str:
        """One line a race."""
        lines = [f"{'race':34}{'trials':>8}{'kept':>8}{'gone':>8}"]
        for race, counts in self.outcomes.items():
            lines.append(f"{race:34}{counts.total():8}{counts[Outcome.KEPT]:8}{counts[Outcome.GONE]:8}")
        gone = sum(counts[Outcome.GONE] for counts in self.outcomes.values())
        lines.append(f"{'all':34}{self.trials:8}{self.trials - gone:8}{gone:8}")
        return "\n".join(lines)
