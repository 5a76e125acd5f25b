"""Signatures, enrolled keys, and the statements that are signed."""
