"""Prosecution: cases and exhibits, what is made from clips, submissions, packages, outcomes."""
