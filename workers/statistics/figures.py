"""Every figure that can be published: its SQL file, what its numbers are called, and which of them add up to which."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

FOLDER = Path(__file__).parent / "figures"

DEVICES = {"body_worn": "body-worn", "taser": "Taser", "vehicle": "vehicle", "unknown": "device not recorded"}
KINDS = {"stop_search": "stop and search", "stop_account": "stop and account", "use_of_force": "use of force"}
FOLLOWED = {"charge": "a charge", "plea_guilty": "a guilty plea", "conviction": "a conviction"}
WHY = {"camera": "explained by the camera's event log", "officer": "the officer gave a reason", "open": "unexplained"}
VERBS = ("collection", "alteration", "consultation", "disclosure", "combination", "erasure")


class Sum(Struct, frozen=True):
    """A total and the parts that make it up; a measure may be a part, or a total, of more than one sum.

    Attributes:
        total: measure that is computed from its parts.
        says: what the total is called.
        parts: measure → what it is called, in the order in which they are shown.
        others: beginning of further parts whose names only the answer knows ("rule: "); "" where there are none.
        how: by what it is divided, where a total is divided in more than one way.
        overlap: what stands behind one part may stand behind another too, as an encounter with two gaps does.
    """

    total: str
    says: str
    parts: Mapping[str, str]
    others: str = ""
    how: str = ""
    overlap: bool = False


class Figure(Struct, frozen=True):
    """One SQL file and how its answer is read.

    Attributes:
        name: of the file, without ".sql".
        title: as people ask for it.
        note: what the numbers do not say; shown beside them.
        by_area: whether it can be told by area.
        share: of which sum's part a share is drawn: what the figure is about.
    """

    name: str
    title: str
    sums: tuple[Sum, ...]
    note: str = ""
    by_area: bool = True
    share: str = ""

    @property
    def sql(self) -> str:
        """The file, as it is published."""
        return (FOLDER / f"{self.name}.sql").read_text(encoding="utf-8")

    @property
    def sha256(self) -> str:
        """Digest of the file."""
        return hashlib.sha256(self.sql.encode()).hexdigest()

    def header(self, word: str) -> str:
        """What the file's header says under a word ("Counts", "Unit", "Reads")."""
        lines, taken = iter(self.sql.splitlines()), []
        for line in lines:
            text = line.removeprefix("-- ")
            if text.startswith(f"{word}:"):
                taken.append(text.removeprefix(f"{word}:").strip())
            elif taken and line.startswith("--    "):
                taken.append(text.strip())
            elif taken:
                break
        return " ".join(taken)

    def completed(self, measures: Iterable[str]) -> tuple[Sum, ...]:
        """Its sums, with the parts whose names only an answer knows."""
        named = sorted(set(measures))
        return tuple(
            one
            if not one.others
            else replace(one, parts={**one.parts, **{m: m.removeprefix(one.others) for m in named
                                                     if m.startswith(one.others) and m not in one.parts}})
            for one in self.sums
        )  # fmt: skip


def _filmed(kind: str, says: str) -> Sum:
    parts = {"all": "every officer's camera", "some": "some officers' cameras", "none": "no camera"}
    return Sum(kind, says, {f"{kind}_{part}": words for part, words in parts.items()})


def _followed(group: str, total: str, says: str) -> tuple[Sum, ...]:
    return tuple(
        Sum(total, says, {f"{group}_{kind}": f"followed by {words}", f"{group}_no_{kind}": f"not followed by {words}"})
        for kind, words in FOLLOWED.items()
    )


FIGURES = (
    Figure("recorded", "What came from the cameras", (
        Sum("recorded", "recordings", {f"recorded_{device}": says for device, says in DEVICES.items()}),
    )),
    Figure("kept", "What has become of it", (
        Sum("recorded", "recordings", {
            "kept": "kept for a reason", "waiting": "neither kept nor deleted yet", "deleted": "deleted",
        }),
    ), "Any category that somebody gave is a reason, however short its period. So the share kept has settled when the "
       "shortest period, often 31 days, is over for the whole month: by then what nobody needed is deleted. For "
       "comparison: the press was told of 535,000 recordings kept of 1.6 million in about a year at the Metropolitan "
       "Police, 33%.", share="kept"),
    Figure("submitted", "What went to the prosecutor", (
        Sum("recorded", "recordings", {"submitted": "submitted", "not_submitted": "not submitted"}),
    ), "Footage is submitted months after it was recorded: the figure of a recent month grows. Recordings are withheld "
       "with the cases that they went for.", share="submitted"),
    Figure("outcomes", "What submitted footage was followed by", (
        *_followed("footage", "cases_footage", "cases with footage"),
        *_followed("none", "cases_none", 'cases that said "not recorded"'),
    ), "Followed by is not led to: footage exists where officers were present and chose to record, and such cases "
       "differ from those without in more than the footage.", by_area=False),
    Figure("outcome_clips", "The clips behind it", _followed("clips", "clips_submitted", "clips submitted"),
           "Clips are withheld with the cases that they rest on.", by_area=False),
    Figure("deleted", "What was deleted, by rule", (Sum("deletions", "clips deleted", {}, others="rule: "),),
           "Deleted in the month, whenever it was recorded."),
    Figure("looked_at", "What people did with footage", (
        Sum("deeds", "entries", {f"verb: {verb}": verb for verb in VERBS}),
    ), "The six verbs of the Data Protection Act 2018 s.62.", by_area=False),
    Figure("filmed", "Stops and uses of force, filmed or not", tuple(_filmed(*kind) for kind in KINDS.items()),
           "An encounter whose footage was not docked at the checkpoint counts as not filmed.", share="filmed"),
    Figure("gaps", "What the footage of encounters lacks, and why", (
        Sum("gaps", "gaps", {"gap_none": "no clip at all", "gap_partial": "a part is missing"}, overlap=True),
        Sum("gap_none", "officers without any clip", {f"unrecorded_{why}": says for why, says in WHY.items()},
            overlap=True),
        Sum("gap_partial", "gaps in a clip", {
            "gap_late": "begun late", "gap_early": "ended early", "gap_muted": "without sound",
        }, how="what is missing", overlap=True),
        Sum("gap_partial", "gaps in a clip", {f"partial_{why}": says for why, says in WHY.items()},
            how="what explains it", overlap=True),
    ), "Whether a reason is a good one is for a supervisor; here it was given. Gaps are withheld with the encounters "
       "that they rest on.", share="unrecorded_open"),
    Figure("complaints", "What is linked to complaints", (
        Sum("recorded", "recordings", {"linked": "linked to a complaint", "not_linked": "not linked"}),
    ), "Recordings are withheld with the complaints that they are held for: sixty for one complaint are one.",
       share="linked"),
)  # fmt: skip
"""In the order in which they are shown."""

SAME = (
    (("looked_at", "verb: collection"), ("recorded", "recorded")),
    (("looked_at", "verb: erasure"), ("deleted", "deletions")),
    (("kept", "deleted"), ("deleted", "deletions")),
    (("submitted", "submitted"), ("outcome_clips", "clips_submitted")),
)
"""Two numbers of two figures that count the same things: the first pair always, the second as long as nothing is
deleted twice, the others in a force's first month. Where they are equal one is withheld with the other."""

BY_NAME = {figure.name: figure for figure in FIGURES}
