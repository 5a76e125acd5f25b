"""Retention: how long, by which rule; holds; the bin; disposal; and why."""
