"""What a stage is: a name, the topics it listens to, and what it does with one message.

A stage reads like a sentence: receive, let the worker do it, publish. It knows nothing of offsets,
acknowledgement, retries or dead letters; that is `streams/engine/delivery.py` (short work) and
`streams/engine/long_work.py` (bytes, minutes), which run the same `receive`.

What `receive` may raise decides what happens to the message:
    returns              done: acknowledged.
    PermanentFault       dead-lettered with its reason, then acknowledged.
    MoveRefused          done: somebody was first, the row has decided. Logged, acknowledged.
    PassingFault         not acknowledged: the stage waits with full jitter and calls `receive` again.
    TryLater             long work only: the message gives its slot back and is tried after `retry_after`.
    anything else        a defect: dead-lettered with its traceback; many in a row stop the stage.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import ClassVar

from msgspec import Struct

from streams.messages import Message
from streams.settings import Settings
from workers.database.engine import Database
from workers.fate.outbox import Event


class Envelope(Struct, frozen=True):
    """What came with a message.

    Attributes:
        topic: without the namespace.
        time: append time at the broker, seconds since 1970; for lag only.
        headers: CloudEvents headers, decoded.
    """

    topic: str
    partition: int
    offset: int
    key: str
    time: float
    headers: dict[str, str]
    body: bytes

    @property
    def urgent(self) -> bool:
        """Whether it came by the urgent lane."""
        return self.topic.endswith(".urgent")


class Parts(Struct, frozen=True):
    """What a stage is given to work with.

    Attributes:
        publish: sends one event and returns when the broker confirmed it. For what is not a move; a move's
            events go through the outbox.
        show: sets a metric of the stage's own by its name.
    """

    settings: Settings
    database: Database
    publish: Callable[[Event], Awaitable[None]]
    show: Callable[[str, float], None] = lambda name, value: None


class Stage:
    """Root of all stages. One instance lives as long as its process."""

    name: ClassVar[str]
    listens: ClassVar[tuple[str, ...]]

    def __init__(self, parts: Parts) -> None:
        self.settings = parts.settings
        self.database = parts.database
        self.publish = parts.publish
        self.show = parts.show

    async def start(self) -> None:
        """Open what the stage needs; raise ConfigurationInvalid to refuse to start."""

    async def stop(self) -> None:
        """Close it again; called once, also after a failed start."""

    async def receive(self, message: Message, envelope: Envelope) -> None:
        """Do the stage's work for one message; may be called again for the same message."""
        raise NotImplementedError


class LongStage(Stage):
    """A stage that moves bytes. `receive` may be cancelled at any await and must resume from what is stored."""

    def source_of(self, message: Message) -> str:
        """Who is served by this message (the dock): no source may take all slots."""
        raise NotImplementedError
