"""prosecution: prepares what is submitted, and sends it to the gateway."""

from __future__ import annotations

from streams.messages import Message
from streams.stage import Envelope, LongStage
from workers.errors import MessageInvalid


class Prosecution(LongStage):
    """prosecution: prepares what is submitted, and sends it to the gateway."""

    name = "prosecution"
    listens = (
        "submissions.requested",
        "submissions.requested.urgent",
        "submissions.prepared",
        "submissions.returned",
        "submissions.retry-requested",
    )

    def source_of(self, message: Message) -> str:
        """Who is served by this message."""
        return "cases"

    async def receive(self, message: Message, envelope: Envelope) -> None:
        """Do what the message's type asks for."""
        raise MessageInvalid(f"prosecution does not listen to {type(message).__name__}")


STAGE = Prosecution
