"""Each thing that can be left out of the table of moves: what notices, or why it does no harm.

A new move or condition has to be put into one of the two lists; `python -m tests.model --mutants` helps to find which.
"""

from __future__ import annotations

CAUGHT = {
    "relocate: same without docking": "reports that wait",
    "restart: when without disposal": "disposal while it waits",
    "restart: when without interrupted": "urgency after the last attempt",
    "restart: same without attempt": "intake sleeps through an attempt",
    "restart: events without clips.registered": "other bytes",
    "hasten: when without disposal": "disposal while it waits",
    "hasten: when without attempt": "urgency after the last attempt",
    "secure: when without standing": "a failing camera",
    "secure: when without disposal": "two releases",
    "secure: same without attempt": "two transfers, one key",
    "secure: sets without standing": "nothing goes wrong",
    "secure: sets without interrupted": "disposal while it waits",
    "secure: events without clips.secured": "nothing goes wrong",
    "interrupt: when without standing": "other bytes",
    "interrupt: when without disposal": "disposal while it waits",
    "interrupt: sets without interrupted": "other bytes",
    "try again: when without standing": "two transfers, one key",
    "try again: when without disposal": "lies and disposal",
    "try again: when without attempt": "urgency after the last attempt",
    "try again: same without attempt": "two transfers, one key",
    "try again: sets without attempt": "urgency after the last attempt",
    "try again: events without clips.registered": "two transfers, one key",
    "quarantine: when without standing": "a failing camera",
    "quarantine: when without disposal": "other bytes",
    "quarantine: sets without standing": "other bytes",
    "quarantine: sets without interrupted": "other bytes",
    "recognise disposed: sets without disposal": "a database restored",
    "recognise disposed: sets without camera_copy": "a database restored",
    "verify: when without disposal": "two releases",
    "verify: sets without standing": "nothing goes wrong",
    "verify: events without clips.verified": "a failing camera",
    "fail read-back: when without disposal": "lies and disposal",
    "fail read-back: sets without standing": "two transfers, one key",
    "fail read-back: sets without attempt": "two transfers, one key",
    "fail read-back: sets without stored_version": "two transfers, one key",
    "fail read-back: events without clips.registered": "two transfers, one key",
    "exhaust: when without disposal": "urgency after the last attempt",
    "exhaust: sets without standing": "urgency after the last attempt",
    "exhaust: sets without attempt": "urgency after the last attempt",
    "exhaust: sets without stored_version": "urgency after the last attempt",
    "exhaust: events without clips.readback-failed": "urgency after the last attempt",
    "release: when without standing": "a database restored",
    "release: when without disposal": "two releases",
    "release: sets without standing": "nothing goes wrong",
    "note wiped: sets without camera_copy": "nothing goes wrong",
    "decide quarantine: when without decision": "other bytes",
}
"""What is left out → the scenario in which a rule then breaks."""

_IMPLIED = "standing registered or secured already means that nothing was verified; a second lock on the same door"
_OTHER_COLUMN = "attempt and stored version change together: the other one of the two still refuses a sleeper"
_ONCE_MORE = "only repeats what was done or told already; whoever reads the message finds that it is of the past"
_FOR_PEOPLE = "custody and people read it, no stage acts on it; that it is told is tested against PostgreSQL"

HARMLESS = {
    "relocate: when without standing": "the place of a released recording is read by nobody",
    "restart: when without standing": "interrupted is set only while registered",
    "restart: same without docking": "transfer takes the place from the row, not from the message",
    "restart: sets without interrupted": _ONCE_MORE,
    "hasten: when without standing": _ONCE_MORE,
    "hasten: when without urgent": _ONCE_MORE,
    "hasten: same without attempt": "the ordinary message of the new attempt still waits",
    "hasten: sets without urgent": "the lanes are one here; only speed differs",
    "hasten: events without clips.registered.urgent": "the ordinary message still waits; only speed differs",
    "interrupt: when without interrupted": _ONCE_MORE,
    "interrupt: same without attempt": "interrupted too often is healed by the dock's next report",
    "interrupt: same without docking": "interrupted too often is healed by the dock's next report",
    "interrupt: events without clips.transfer-interrupted": _FOR_PEOPLE,
    "try again: sets without interrupted": _ONCE_MORE,
    "quarantine: same without attempt": "the bytes were read twice and differ, whichever attempt they were for",
    "quarantine: events without clips.quarantined": _FOR_PEOPLE,
    "recognise disposed: when without standing": "transfer asks for the certificate only while registered",
    "recognise disposed: when without disposal": "a certificate is there, so disposal is done whatever the row says",
    "recognise disposed: same without attempt": "a certificate is there, whichever attempt was under way",
    "recognise disposed: events without receipts.requested": "the dock's next report asks again",
    "verify: when without standing": _OTHER_COLUMN,
    "verify: same without attempt": _OTHER_COLUMN,
    "verify: same without stored_version": _OTHER_COLUMN,
    "fail read-back: when without standing": _OTHER_COLUMN,
    "fail read-back: when without attempt": "verification takes exhaust for the last attempt",
    "fail read-back: same without attempt": _OTHER_COLUMN,
    "fail read-back: same without stored_version": _OTHER_COLUMN,
    "fail read-back: events without clips.readback-failed": _FOR_PEOPLE,
    "exhaust: when without standing": _OTHER_COLUMN,
    "exhaust: when without attempt": "verification takes exhaust for the last attempt alone",
    "exhaust: same without attempt": _OTHER_COLUMN,
    "exhaust: same without stored_version": _OTHER_COLUMN,
    "release: same without verified_version": "the verified version never changes",
    "release: events without clips.released": "the dock asks again and is answered from the row",
    "note wiped: when without standing": "a dock erases only what has a receipt",
    "note wiped: when without camera_copy": _ONCE_MORE,
    "note wiped after disposal: when without camera_copy": _ONCE_MORE,
    "note wiped after disposal: when without disposal": "a dock erases only what has a receipt",
    "note wiped after disposal: sets without camera_copy": "unknown stays unknown: less is known, nothing false",
    "decide quarantine: when without standing": "people are shown only what is in quarantine",
} | {
    f"{move}: when without verified_version": _IMPLIED
    for move in (
        "restart",
        "hasten",
        "secure",
        "interrupt",
        "try again",
        "quarantine",
        "recognise disposed",
        "verify",
        "fail read-back",
        "exhaust",
    )
}
"""What is left out → why nothing breaks."""
