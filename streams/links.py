"""links: serves what a submission's link leads to."""

from __future__ import annotations

from streams.messages import Message
from streams.stage import Envelope, Stage
from workers.errors import MessageInvalid


class Links(Stage):
    """links: serves what a submission's link leads to."""

    name = "links"
    listens = ("links.requested",)

    async def receive(self, message: Message, envelope: Envelope) -> None:
        """Do what the message's type asks for."""
        raise MessageInvalid(f"links does not listen to {type(message).__name__}")


STAGE = Links
