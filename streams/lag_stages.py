"""The stages whose lag is watched, and by what each is known to be there and at work."""

from __future__ import annotations

from workers.operations.lag.verdict import Shows

BYTES = ("transfer", "verification", "derivation")
"""They publish transfers.progressed while they work."""
MINUTES = ("probe", "holds", "disposal", "prosecution")
"""One message may take them minutes, and they tell of no bytes. Every other stage is short."""
SHOWS = {name: Shows.BYTES for name in BYTES} | {name: Shows.NOTHING for name in MINUTES}

BY_LOCK = ("relay", "sweep", "lease", "receipts", "alarms")
"""They read no topic, and one process works at a time: it holds the stage's lock."""
BY_WORD = ("scrub",)
"""They have neither a group nor a lock: they are known where they run on this machine, by what they say."""
RECORD = "record"
"""Takes all partitions itself, from the positions in its tables: its group has offsets and no members."""
