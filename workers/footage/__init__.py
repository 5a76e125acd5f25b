"""Footage: what a recording is, how its bytes are moved, proved and described."""
