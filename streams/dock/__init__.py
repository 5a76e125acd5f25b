"""The dock agent: it watches the bays, declares, serves, and erases what a receipt permits."""

from streams.dock.agent import serve

__all__ = ["serve"]
