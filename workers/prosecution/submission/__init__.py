"""Submissions: what goes to whom, its states, and what the recipient says that it has received."""
