"""Custody: the append-only record of every event, and what an entry is."""
