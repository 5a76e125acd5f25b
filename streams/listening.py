"""Who listens to what: the topics of every stage that has a consumer group, known without importing one.

A stage says it itself (`listens`, beside what it does with it); a test holds the two together. From this table come
permissions (console/reference/access.py) and lag (streams/lagging.py), for which nobody should load twelve stages.
"""

from __future__ import annotations

from streams.topics import TOPICS

LISTENS: dict[str, tuple[str, ...]] = {
    "intake": (
        "cameras.docked",
        "uploads.reported",
        "keys.enrolled",
        "keys.revoked",
        "urgency.requested",
        "quarantine.decided",
    ),
    "transfer": ("clips.registered", "clips.registered.urgent"),
    "verification": ("clips.secured", "clips.secured.urgent"),
    "release": ("clips.verified", "receipts.requested", "clips.wiped"),
    "probe": ("clips.verified",),
    "retention": (
        "clips.registered",
        "clips.registered.urgent",
        "clips.quarantined",
        "clips.verified",
        "categories.requested",
        "corrections.requested",
        "policies.requested",
        "reviews.requested",
        "disposals.early-requested",
        "restores.requested",
        "sweeps.requested",
        "holds.accepted",
        "holds.lifted",
        "clips.disposed",
    ),
    "holds": (
        "holds.requested",
        "holds.lift-requested",
        "holds.standing-placed",
        "holds.standing-lifted",
        "holds.matched",
        "cases.end-set",
        "complaints.end-set",
        "clips.registered",
        "clips.registered.urgent",
        "clips.categorised",
        "clips.verified",
        "clips.quarantined",
    ),
    "disposal": ("disposals.committed",),
    "cases": ("cases.requested",),
    "derivation": ("derivatives.requested",),
    "prosecution": (
        "submissions.requested",
        "submissions.requested.urgent",
        "submissions.prepared",
        "submissions.returned",
        "submissions.retry-requested",
        "derivatives.made",
        "derivatives.failed",
    ),
    "links": ("links.requested",),
    "encounters": ("encounters.requested", "encounters.reason-requested", "scrutiny.requested"),
    "record": tuple(topic.name for topic in TOPICS if topic.recorded),
}
"""Stage → its topics, without the namespace. The dock listens too, and has no group: each dock hears everything."""
