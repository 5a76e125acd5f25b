"""What a recipient finds in a package: one table, and what it makes of the case's own papers. Pure.

| part | cps | defence | data subject | training |
|---|---|---|---|---|
| defendants and their offences | yes | yes | no | no |
| clocks, every exhibit of the case | yes | no | no | no |
| schedules of unused material (MG6C) | yes | yes | no | no |
| sensitive schedules, reports and working lists (MG6D, MG6E, SDC, unused) | yes | no | no | no |
| drafts of producing statements (MG11) | yes | yes | no | no |
| sidecar of a master (track, note) | yes | no | no | no |
| how a redaction was made: what it covers, and when | yes | no | no | no |
| how a range was made, where it was ordered for this exhibit | yes | yes | no | no |
| how a range was made, where it was ordered for another reason | yes | no | no | no |
| what the custody entries say, beside their headers | yes | yes | no | no |

Which footage may go at all is decided before (disclosure/recipients.py). What a submission's manifest says of its
exhibits is in every package, since its digest is in the custody log.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from enum import StrEnum
from typing import Any

import msgspec

from workers.prosecution.cases.case import Case, Exhibit
from workers.prosecution.statements import DerivativeKind, DerivativeOrder, Lineage, Recipient


class Part(StrEnum):
    """What a package may hold beside its exhibits."""

    DEFENDANTS = "defendants"
    WHOLE_CASE = "whole_case"
    SCHEDULES = "schedules"
    SENSITIVE = "sensitive"
    STATEMENTS = "statements"
    SIDECAR = "sidecar"
    REDACTION = "redaction"
    PAYLOADS = "payloads"


HOLDS: Mapping[Recipient, frozenset[Part]] = {
    Recipient.CPS: frozenset(Part),
    Recipient.DEFENCE: frozenset({Part.DEFENDANTS, Part.SCHEDULES, Part.STATEMENTS, Part.PAYLOADS}),
    Recipient.DATA_SUBJECT: frozenset(),
    Recipient.TRAINING: frozenset(),
}

SERVED = frozenset({"MG6C"})
"""Schedules that the defence sees; every other one may name what is sensitive."""


def has(recipient: Recipient, part: Part) -> bool:
    """Whether this recipient's package holds this part."""
    return part in HOLDS[recipient]


def may_have_schedule(recipient: Recipient, name: str) -> bool:
    """Whether a schedule goes into this recipient's package.

    Args:
        name: of its file, such as "MG6C.csv".
    """
    served = name.partition(".")[0] in SERVED
    return has(recipient, Part.SCHEDULES if served else Part.SENSITIVE)


def may_have_lineage(recipient: Recipient, lineage: Lineage, reason: str) -> bool:
    """Whether a package tells how something was made.

    The signed order in a lineage has the words of whoever ordered it first, be it for another case: beside the CPS
    nobody reads words that were not written for this exhibit.

    Args:
        reason: of an order that a submission of this exhibit makes.
    """
    if has(recipient, Part.REDACTION):
        return True
    if lineage.kind is DerivativeKind.REDACTION or not has(recipient, Part.PAYLOADS):
        return False
    return msgspec.json.decode(lineage.order.body, type=DerivativeOrder).reason in ("", reason)


def case_for(case: Case, recipient: Recipient, references: Collection[str]) -> dict[str, Any]:
    """The case as this recipient reads it, as plain JSON data: what is not named here stays at home.

    Args:
        references: exhibits of the package.
    """
    told: dict[str, Any] = {name: getattr(case, name) for name in ("case_id", "urn", "kind", "title", "officer")}
    told["exhibits"] = [_exhibit(one) for one in case.standing() if one.reference in references]
    if case.subject is not None:
        told["subject"] = case.subject
    if case.approved_until is not None:
        told |= {"approved_until": case.approved_until, "approved_by": case.approved_by}
    if has(recipient, Part.DEFENDANTS):
        told["defendants"] = case.defendants
        told["first_hearing"] = case.first_hearing
    if has(recipient, Part.WHOLE_CASE):
        told["exhibits"] = [_exhibit(one) for one in case.standing()]
        told["guilty_plea_anticipated"] = case.guilty_plea_anticipated
        told |= {name: getattr(case, name) for name in ("version", "clock", "clock_since", "clock_ends", "incidents")}
    plain: dict[str, Any] = msgspec.to_builtins(told)
    return plain


def _exhibit(exhibit: Exhibit) -> dict[str, Any]:
    names = ("reference", "clip_id", "producer", "description", "start", "end", "mg11")
    # The redaction file stays at home: its writer may have noted what it hides.
    return {name: getattr(exhibit, name) for name in names} | {"redacted": exhibit.redaction is not None}
