"""Drafts of the schedules of unused material, for the disclosure officer who checks and signs them. Pure.

Every clip of the case that is no exhibit has a line, and so has the rest of a clip of which only a part is one (CPIA
Code 6.2: relevant material that is retained and is no part of the prosecution case is scheduled). The officer marks
each as relevant, not relevant or sensitive, and describes it:

| draft  | what it lists | who sees it |
|--------|---------------|-------------|
| unused | every line and where it stands: the officer's working list | cps |
| MG6C   | relevant, not sensitive | cps, defence (served by the CPS) |
| MG6D   | sensitive | cps |
| MG6E   | imagery of the incident, of either: presumed to meet the disclosure test (CPIA Code 6.6(c)) | cps |
| SDC    | the lines of MG6C as a Streamlined Disclosure Certificate, for summary trial | cps |

A number stays with its clip and goes on across submissions. It counts all that was marked, so that a gap in MG6C does
not say that something sensitive exists.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec import Struct

from workers.footage.recording import Kind
from workers.prosecution.cases.case import Case, Unused
from workers.prosecution.disclosure.material import Material, at
from workers.prosecution.disclosure.tables import Table, as_csv, as_html
from workers.prosecution.disclosure.times import span
from workers.prosecution.statements import CaseKind, Recipient, Relevance

PRESUMED = "imagery of the incident in action is presumed to meet the disclosure test (CPIA Code 6.6(c))"

SIGNED_BY = (
    "DRAFT, made by software. The disclosure officer checks it, completes it and signs it; until then it is none."
)


class Line(Struct, frozen=True):
    """One line: a clip, or the rest of it.

    Attributes:
        number: None: the disclosure officer has not looked at it.
    """

    material: Material
    description: str
    number: int | None
    relevance: Relevance | None

    @property
    def stands(self) -> str:
        """Where it stands, for the working list."""
        if self.material.gone:
            return "no longer held: deleted under the retention policy, see its certificate"
        places = {
            None: "not yet marked by the disclosure officer",
            Relevance.NOT_RELEVANT: "not relevant: on no schedule",
            Relevance.RELEVANT: f"MG6C item {self.number}",
            Relevance.SENSITIVE: f"MG6D item {self.number}",
        }
        return places[self.relevance]


def why_none(case: Case, recipient: Recipient) -> str | None:
    """Why there are no schedules for this recipient, in a sentence; None: there are."""
    if recipient not in (Recipient.CPS, Recipient.DEFENCE) or case.kind is not CaseKind.PROSECUTION:
        return "Schedules of unused material belong to a prosecution; there are none here."
    if case.guilty_plea_anticipated:
        return "A guilty plea is anticipated: no schedules of unused material are drafted (Director's Guidance, DG6)."
    return None


def schedules(case: Case, clips: Sequence[Material], recipient: Recipient) -> dict[str, str]:
    """The drafts for a recipient.

    Args:
        clips: of `unused.unused_clips`.

    Returns:
        File name → text, each as CSV and as HTML; nothing where `why_none` says so.
    """
    if why_none(case, recipient) is not None:
        return {}
    lines = lines_of(case, clips)
    held = [line for line in lines if not line.material.gone]
    relevant = [line for line in held if line.relevance is Relevance.RELEVANT]
    sensitive = [line for line in held if line.relevance is Relevance.SENSITIVE]
    if recipient is Recipient.DEFENCE:
        return _written([_mg6c(case, relevant)])
    missing = sum(line.relevance is None for line in held)
    return _written(
        [
            _marked(_mg6c(case, relevant), missing),
            _marked(_mg6d(case, sensitive), missing),
            _marked(_mg6e(case, [*relevant, *sensitive]), missing),
            _marked(_sdc(case, relevant), missing),
            _marked(_working_list(case, lines), missing),
        ]
    )


def lines_of(case: Case, clips: Sequence[Material]) -> list[Line]:
    """One line for each clip: those that are numbered in their order, then those that nobody has marked."""
    marked: Mapping[str, Unused] = {unused.clip_id: unused for unused in case.unused}
    lines = [_line(case, clip, marked.get(clip.clip_id)) for clip in clips]
    return sorted(lines, key=lambda line: (line.number is None, line.number or 0))


def presumed(lines: Sequence[Line]) -> list[Line]:
    """Lines of MG6E: imagery of the incident, of which a copy goes to the prosecutor (submission/unused.py)."""
    return [
        line
        for line in lines
        if line.relevance in (Relevance.RELEVANT, Relevance.SENSITIVE)
        and line.material.kind is Kind.FOOTAGE
        and not line.material.gone
    ]


def _line(case: Case, clip: Material, unused: Unused | None) -> Line:
    rest = ", ".join(exhibit.reference for exhibit in case.standing() if exhibit.clip_id == clip.clip_id)
    described = unused.description if unused else f"{clip.device}, not described yet"
    if rest:
        described += f" [what is outside exhibit {rest}]"
    if clip.incomplete:
        described += " [recording cut off]"
    return Line(clip, described, unused.number if unused else None, unused.relevance if unused else None)


def _mg6c(case: Case, lines: Sequence[Line]) -> Table:
    return _table("MG6C", "Schedule of relevant non-sensitive unused material", case, lines, {"for the prosecutor": ""})


def _mg6d(case: Case, lines: Sequence[Line]) -> Table:
    table = _table("MG6D", "Schedule of relevant sensitive material", case, lines, {"why it is sensitive": ""})
    return table.with_note("Not for the defence: it is never part of what goes to them.")


def _mg6e(case: Case, lines: Sequence[Line]) -> Table:
    of = {Relevance.RELEVANT: "MG6C", Relevance.SENSITIVE: "MG6D"}
    rows = tuple(
        (f"{of[line.relevance]} {line.number}" if line.relevance else "", *_cells(line), PRESUMED, "")
        for line in presumed(lines)
    )
    columns = ("schedule item", *COLUMNS, "why it may meet the test", "disclosure officer's view")
    table = Table("MG6E", "Disclosure officer's report", _about(case), columns, rows, (SIGNED_BY,))
    return table.with_note("A copy of each recording goes to the prosecutor with this report, not the line alone.")


def _sdc(case: Case, lines: Sequence[Line]) -> Table:
    table = _table("SDC", "Streamlined Disclosure Certificate", case, lines, {"meets the test? (yes/no)": ""})
    return table.with_note("For summary trial, in place of MG6C, MG6D and MG6E; one or the other is signed.")


def _working_list(case: Case, lines: Sequence[Line]) -> Table:
    rows = tuple((str(line.number or ""), *_cells(line), line.stands) for line in lines)
    about, columns = _about(case), ("item", *COLUMNS, "where it stands")
    return Table(
        "unused", "Every clip of the case that is no exhibit, and where it stands", about, columns, rows, (SIGNED_BY,)
    )


COLUMNS = ("description", "recorded", "camera", "officer", "clip", "SHA-256 of the master")


def _table(name: str, title: str, case: Case, lines: Sequence[Line], more: Mapping[str, str]) -> Table:
    rows = tuple((str(line.number), *_cells(line), *more.values()) for line in lines)
    return Table(name, title, _about(case), ("item", *COLUMNS, *more), rows, (SIGNED_BY,))


def _cells(line: Line) -> tuple[str, ...]:
    clip = line.material
    recorded = span(clip.began, at(clip, None))
    return line.description, recorded, clip.camera, clip.officer or "not known", clip.clip_id, clip.sha256


def _about(case: Case) -> str:
    return f"{case.urn}, {case.title}; officer in the case: {case.officer}; case as of version {case.version}"


def _marked(table: Table, missing: int) -> Table:
    if not missing:
        return table
    clips = "1 clip of the case is" if missing == 1 else f"{missing} clips of the case are"
    return table.with_note(
        f"INCOMPLETE: {clips} not yet marked by the disclosure officer; see the list of unused material."
    )


def _written(tables: Sequence[Table]) -> dict[str, str]:
    return {
        f"{table.name}.{ending}": write(table)
        for table in tables
        for ending, write in (("csv", as_csv), ("html", as_html))
    }
