"""Grounds on which a subject access request may be refused: a closed list, each with its place in the law.

Footage of the police is processed for law enforcement: Part 3 of the Data Protection Act 2018 applies, as amended by
the Data (Use and Access) Act 2025. A restriction must be necessary and proportionate, and lasts no longer than it is.
"""

from __future__ import annotations

from workers.errors import Refused

GROUNDS = {
    "inquiry": ("DPA 2018 s.45(4)(a)", "it would obstruct an official or legal inquiry, investigation or procedure"),
    "crime": (
        "DPA 2018 s.45(4)(b)",
        "it would prejudice preventing, detecting, investigating or prosecuting crime, or carrying out a sentence",
    ),
    "public-security": ("DPA 2018 s.45(4)(c)", "public security must be protected"),
    "national-security": ("DPA 2018 s.45(4)(d)", "national security must be protected"),
    "rights-of-others": ("DPA 2018 s.45(4)(e)", "the rights and freedoms of others must be protected"),
    "privilege": ("DPA 2018 s.45A", "legal professional privilege"),
    "court-record": ("DPA 2018 s.43(3)", "it is in a judicial decision or a document made for proceedings"),
    "unfounded": ("DPA 2018 s.53(1)", "the request is manifestly unfounded"),
    "excessive": ("DPA 2018 s.53(1)", "the request is excessive"),
}
"""Name of a ground → where it stands, and what it says."""


def ground(name: str) -> str:
    """A ground as it is recorded: "rights-of-others (DPA 2018 s.45(4)(e)): …".

    Raises:
        Refused: it is none of the list.
    """
    if name not in GROUNDS:
        raise Refused(f"{name[:40]!r} is no ground of refusal", f"one of {', '.join(GROUNDS)}")
    place, says = GROUNDS[name]
    return f"{name} ({place}): {says}"
