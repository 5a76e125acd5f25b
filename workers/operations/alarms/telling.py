"""How alarms read: one mail, or one webhook in the shape that Alertmanager sends, for all that is told at once.

A webhook's body has one alert for each telling. `fingerprint` is the same for all that is told of one subject, so a
receiver puts them together as it does Alertmanager's: fired, perhaps in hand (still `firing`), over (`resolved`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime
from email.message import EmailMessage
from email.utils import format_datetime
from typing import Any

from workers.operations.alarms.conditions import stamp
from workers.operations.alarms.judge import Kind, Telling
from workers.operations.alarms.table import BY_NAME, TICKET, Alarm

NOT_ENDED = "0001-01-01T00:00:00Z"
"""Alertmanager's word for an alert that is still on."""


def runbook_of(runbook: str, alarm: str) -> str:
    """Where the runbook says what to do about an alarm."""
    return f"{runbook}#{alarm}"


def mail_message(
    sender: str, to: Sequence[str], tellings: Sequence[Telling], runbook: str, now: datetime, upto: int
) -> EmailMessage:
    """One mail for all of it. A repeat after a crash has the same Message-ID.

    Args:
        to: addresses.
        upto: number of the last telling.
    """
    message = EmailMessage()
    message["From"], message["To"] = sender, ", ".join(to)
    message["Subject"] = _subject(tellings)
    message["Date"] = format_datetime(now)
    message["Message-ID"] = f"<alarms-{upto}-{_digest(f'{sender} {to}')}@bwv-ingest>"
    message["Auto-Submitted"] = "auto-generated"  # RFC 3834: no out-of-office answer
    message.set_content("\n\n".join(_paragraph(telling, runbook) for telling in tellings) + "\n")
    return message


WORDS = {Kind.FIRED: "ALARM", Kind.ACKNOWLEDGED: "In hand", Kind.OVER: "Over"}
"""What a mail says first, by what is told."""


def _subject(tellings: Sequence[Telling]) -> str:
    first = next(telling for kind in WORDS for telling in tellings if telling.kind is kind)
    more = f" and {len(tellings) - 1} more" if len(tellings) > 1 else ""
    return f"{WORDS[first.kind]}: {_title(first)}{more}"


def _paragraph(telling: Telling, runbook: str) -> str:
    alarm = BY_NAME.get(telling.alarm)
    if telling.kind is Kind.OVER:
        return (
            f"OVER   {_title(telling)}\n       {telling.says} (as last seen)\n"
            f"       {stamp(telling.since)} to {stamp(telling.at)}"
        )
    if telling.kind is Kind.ACKNOWLEDGED:
        return f"HAND   {_title(telling)}, {telling.subject}\n       {telling.says}\n       {stamp(telling.at)}"
    return (
        f"ALARM  {_title(telling)}\n       {telling.says}\n       since {stamp(telling.since)}\n"
        f"  do:  {alarm.do if alarm else 'see the runbook'}\n       {runbook_of(runbook, telling.alarm)}"
    )


def _title(telling: Telling) -> str:
    alarm = BY_NAME.get(telling.alarm)
    return alarm.title if alarm else telling.alarm


def webhook_body(tellings: Sequence[Telling], runbook: str) -> dict[str, Any]:
    """The body of a webhook, as Alertmanager's version 4 has it."""
    firing = any(telling.kind is not Kind.OVER for telling in tellings)
    return {
        "version": "4",
        "receiver": "bwv-ingest",
        "status": "firing" if firing else "resolved",
        "groupKey": "bwv-ingest",
        "groupLabels": {},
        "commonLabels": {"source": "bwv-ingest"},
        "commonAnnotations": {},
        "externalURL": "",
        "truncatedAlerts": 0,
        "alerts": [_alert(telling, BY_NAME.get(telling.alarm), runbook) for telling in tellings],
    }


def _alert(telling: Telling, alarm: Alarm | None, runbook: str) -> dict[str, Any]:
    over = telling.kind is Kind.OVER
    return {
        "status": "resolved" if over else "firing",
        "labels": {
            "alertname": telling.alarm,
            "subject": telling.subject,
            "severity": alarm.severity if alarm else TICKET,
            "source": "bwv-ingest",
        },
        "annotations": {
            "summary": _title(telling),
            "description": telling.says,
            **({"acknowledged": telling.says} if telling.kind is Kind.ACKNOWLEDGED else {}),
            "action": alarm.do if alarm else "",
            "runbook_url": runbook_of(runbook, telling.alarm),
        },
        "startsAt": _zulu(telling.since),
        "endsAt": _zulu(telling.at) if over else NOT_ENDED,
        "generatorURL": "",
        "fingerprint": _digest(f"{telling.alarm}\0{telling.subject}"),
    }


def _zulu(at: datetime) -> str:
    return at.isoformat().replace("+00:00", "Z")


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]
