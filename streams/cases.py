"""cases: what people, and the prosecutor's outcomes, make of a case."""

from __future__ import annotations

from streams.messages import Message
from streams.stage import Envelope, Stage
from workers.errors import MessageInvalid


class Cases(Stage):
    """cases: what people, and the prosecutor's outcomes, make of a case."""

    name = "cases"
    listens = ("cases.requested",)

    async def receive(self, message: Message, envelope: Envelope) -> None:
        """Do what the message's type asks for."""
        raise MessageInvalid(f"cases does not listen to {type(message).__name__}")


STAGE = Cases
