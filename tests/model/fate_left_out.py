"""Each thing that can be left out of the moves of fate, or of the protocol around them: what notices, or why not.

A new move, condition or rule has to be put into one of the lists; `python -m tests.model --mutants` helps to find it.
"""

from __future__ import annotations

CAUGHT = {
    "place hold: when without disposal": "a hold against disposal",
    "place hold: same without hold_reasons": "two holds, one lift",
    "place hold: sets without disposal": "a hold against disposal",
    "place hold: sets without intended_at": "a hold against disposal",
    "place hold: sets without intent": "a hold against disposal",
    "place hold: sets without dispose_from": "a hold against disposal",
    "place hold: events without holds.accepted": "a database restored",
    "lift hold: same without hold_reasons": "two holds, one lift",
    "categorise: when without disposal": "two facts at once",
    "categorise: same without facts": "two facts at once",
    "categorise: sets without disposal": "two facts at once",
    "categorise: sets without intended_at": "two facts at once",
    "categorise: sets without intent": "two facts at once",
    "categorise: sets without dispose_from": "two facts at once",
    "correct time: when without disposal": "two facts at once",
    "correct time: same without facts": "two facts at once",
    "correct time: sets without disposal": "two facts at once",
    "correct time: sets without intended_at": "two facts at once",
    "correct time: sets without intent": "two facts at once",
    "correct time: sets without dispose_from": "two facts at once",
    "decide review: when without disposal": "two facts at once",
    "decide review: same without facts": "two facts at once",
    "decide review: sets without disposal": "two facts at once",
    "decide review: sets without intended_at": "two facts at once",
    "decide review: sets without intent": "two facts at once",
    "decide review: sets without dispose_from": "two facts at once",
    "allow early disposal: when without disposal": "early disposal",
    "allow early disposal: same without facts": "early disposal",
    "intend disposal: when without disposal": "damage",
    "intend disposal: when without held": "a hold against disposal",
    "intend disposal: same without facts": "another category",
    "intend disposal: sets without disposal": "nobody objects",
    "restore: when without disposal": "out of the bin",
    "restore: same without facts": "out of the bin",
    "restore: sets without disposal": "out of the bin",
    "restore: sets without intended_at": "out of the bin",
    "restore: sets without intent": "out of the bin",
    "restore: sets without dispose_from": "out of the bin",
    "withdraw intent: when without disposal": "another policy",
    "withdraw intent: sets without disposal": "another policy",
    "withdraw intent: sets without intended_at": "another policy",
    "withdraw intent: sets without intent": "another policy",
    "withdraw intent: sets without dispose_from": "another policy",
    "commit disposal: when without disposal": "two disposers",
    "commit disposal: same without intended_at": "a hold against disposal",
    "commit disposal: same without lease_end": "the lease, and a shorter category",
    "commit disposal: sets without disposal": "nobody objects",
    "commit disposal: events without disposals.committed": "nobody objects",
    "dispose: sets without disposal": "nobody objects",
    "renew lease: when without disposal": "the lease",
    "renew lease: same without lease_end": "the lease sleeps through another policy",
    "confirm lease: same without lease_end": "the lease sleeps through another policy",
}
"""What is left out of the table → the scenario in which a rule then breaks."""

_STANDING = "no standing that a stored clip can still come to is decided otherwise"
_FOR_PEOPLE = (
    "custody and people read it, no stage of this model acts on it; that it is told is tested against PostgreSQL"
)

HARMLESS = {
    "lift hold: when without disposal": "what is held is not committed",
    "lift hold: when without held": "only an ACTIVE hold is lifted, and its reason stands in the row",
    "lift hold: events without holds.lifted": _FOR_PEOPLE,
    "categorise: events without clips.categorised": _FOR_PEOPLE,
    "correct time: events without clips.time-corrected": _FOR_PEOPLE,
    "decide review: events without reviews.decided": _FOR_PEOPLE,
    "allow early disposal: events without disposals.early-approved": _FOR_PEOPLE,
    "intend disposal: same without standing": _STANDING,
    "intend disposal: events without disposals.intended": _FOR_PEOPLE,
    "restore: events without disposals.cancelled": _FOR_PEOPLE,
    "withdraw intent: same without intended_at": "what is due is put into the bin again",
    "withdraw intent: events without disposals.cancelled": _FOR_PEOPLE,
    "commit disposal: when without held": "a hold takes it out of the bin, so disposal tells too",
    "commit disposal: same without facts": "what is said takes it out of the bin, and another bin begins later",
    "commit disposal: same without standing": _STANDING,
    "dispose: when without disposal": "disposal has looked at the row, and nothing takes a commit back",
    "dispose: events without clips.disposed": _FOR_PEOPLE,
    "renew lease: when without standing": "no clip goes back from where the lease looks for it",
    "confirm lease: when without disposal": "a date that is confirmed after the commit is past",
}
"""What is left out of the table → why nothing breaks."""

PROTOCOL_CAUGHT = {
    "row_first": "a hold against disposal",
    "guard": "a standing hold",
    "decides_again": "a standing hold",
    "new_date": "another policy",
    "bin": "nobody objects",
    "camera": "nobody objects",
    "lease": "the lease, and a shorter category",
    "head": "the first lock",
    "keeps_hold_on": "two holds, one lift",
    "off_after_commit": "a hold against disposal",
    "waits": "nobody objects",
    "looks_at_row": "a database restored",
    "off_each_try": "a hold, and whoever sleeps",
    "proves": "nobody objects",
    "aborts": "nobody objects",
    "lists_again": "nobody objects",
    "lease_row_first": "the lease and a hold",
    "reads_back": "a lying lock",
    "checks_lifted": "a request comes again",
    "fails_long": "a database restored",
    "missing_means_committed": "a database restored",
}
"""What is left out of the protocol → the scenario in which a rule then breaks."""

PROTOCOL_HARMLESS = {
    "date": "the decision that commit makes again has a date of its own, and that one is waited for",
}
"""What is left out of the protocol → why nothing breaks."""
