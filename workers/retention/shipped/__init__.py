"""Policies to begin with: of two forces, from what they publish, and one for demonstrations."""

from __future__ import annotations

from importlib.resources import files

from workers.errors import PolicyInvalid

NAMES = ("met", "surrey", "demo")


def shipped(name: str) -> str:
    """The text of a policy that comes with the system."""
    if name not in NAMES:
        raise PolicyInvalid(f"no policy {name!r} comes with the system; there are {', '.join(NAMES)}")
    return files(__package__).joinpath(f"{name}.toml").read_text(encoding="utf-8")
