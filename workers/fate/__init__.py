"""The fate of a clip: one row decides. The table of moves, the row, the outbox."""
