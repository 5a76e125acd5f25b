"""Intake: may this declaration become a clip? The rules, pure, and what the database knows."""
