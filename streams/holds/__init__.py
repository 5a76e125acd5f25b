"""The stage that places and lifts holds, each part in a module of its own."""

from streams.holds.stage import Holds

STAGE = Holds

__all__ = ["STAGE", "Holds"]
