"""derivation: makes ranges, stills, playback copies and redactions from masters."""

from __future__ import annotations

from streams.messages import Message
from streams.stage import Envelope, LongStage
from workers.errors import MessageInvalid


class Derivation(LongStage):
    """derivation: makes ranges, stills, playback copies and redactions from masters."""

    name = "derivation"
    listens = ("derivatives.requested",)

    def source_of(self, message: Message) -> str:
        """Who is served by this message."""
        return "cases"

    async def receive(self, message: Message, envelope: Envelope) -> None:
        """Do what the message's type asks for."""
        raise MessageInvalid(f"derivation does not listen to {type(message).__name__}")


STAGE = Derivation
