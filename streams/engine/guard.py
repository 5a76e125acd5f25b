"""What happens to one message: decode, check, let the stage work, and say what its outcome means.

The one place of the rules in `streams/stage.py`; both engines call `Guard.attempt`, and acknowledge a message
only after it returned. Everything that can be wrong with a message is found inside it: bytes that are not JSON
are a fault of the message, never of the engine.
"""

from __future__ import annotations

import asyncio
import logging
from typing import NoReturn

import structlog

from streams.dead_letters import Origin, bury
from streams.engine import exits, tracing
from streams.engine.health import Health
from streams.engine.publishing import Publisher, decoded, type_of
from streams.messages import Message, decode
from streams.settings import Settings
from streams.stage import Envelope, LongStage, Stage
from streams.topics import BY_NAME, short_name
from workers.errors import MessageInvalid, MoveRefused, PassingFault, PermanentFault, TryLater

log = logging.getLogger(__name__)

MOST_BYTES = 1 << 20
"""A message is metadata; anything larger is somebody's mistake or attack."""

BURY_WITHIN = 20.0
"""Seconds in which the broker must confirm a dead letter, else the process ends and the message comes again."""

KEY_SHOWN = 100
"""Bytes of a key that a log line has: anybody's record may have any key."""

KEYED_BY = {"clip": "clip_id", "camera": "camera"}
"""What orders a topic → the field that must equal a message's key; what is about the whole log has none."""


class AnswerOverdue(PassingFault):
    """The stage's work took longer than a short message may; it is called again."""

    part = "stage's own work"


Opened = tuple[Message, Envelope]


def open_message(origin: Origin, namespace: str) -> Opened:
    """Decode a record and check that it lies where it belongs.

    Raises:
        MessageInvalid: what is wrong with it.
    """
    topic = short_name(namespace, origin.topic)
    carries = BY_NAME[topic].carries
    body = origin.value
    if not body:
        raise MessageInvalid(f"an empty record; expected a {carries.__name__}")
    if len(body) > MOST_BYTES:
        raise MessageInvalid(f"{len(body)} bytes; expected a {carries.__name__} of at most {MOST_BYTES}")
    headers = decoded(origin.headers)
    found = headers.get("ce_type")
    if found != type_of(topic):
        raise MessageInvalid(f"on the wrong topic: {topic} carries {type_of(topic)}, the record says {found}")
    if not headers.get("ce_id"):
        raise MessageInvalid("no CloudEvents id: expected a header ce_id")
    message = decode(body, carries)
    key = (origin.key or b"").decode("utf-8", "replace")
    field = KEYED_BY.get(BY_NAME[topic].key)
    named = getattr(message, field, None) if field else None
    if named and named != key:
        raise MessageInvalid(f"its key is {key!r}, but it is about {named!r}")
    return message, Envelope(topic, origin.partition, origin.offset, key, origin.time, headers, body)


def _about(origin: Origin, namespace: str) -> dict[str, str]:
    """What a record is about, by the name of that (clip, camera, case), whether or not it can be decoded."""
    kind = BY_NAME[short_name(namespace, origin.topic)].key
    return {} if kind == "log" else {kind: (origin.key or b"")[:KEY_SHOWN].decode("utf-8", "replace")}


class Guard:
    """Runs a stage's `receive` under the rules.

    Args:
        patience: seconds for one call of `receive`; None for long work, whose stages have deadlines inside.
    """

    def __init__(
        self,
        stage: Stage,
        settings: Settings,
        publisher: Publisher,
        health: Health,
        *,
        patience: float | None,
    ) -> None:
        self.stage = stage
        self.health = health
        self._namespace = settings.namespace
        self._limit = settings.fault_limit
        self._publisher = publisher
        self._patience = patience
        self._may_be_later = isinstance(stage, LongStage)
        self._faults = 0

    def open(self, origin: Origin) -> Opened:
        """The same as `open_message`, in this namespace."""
        return open_message(origin, self._namespace)

    async def attempt(self, origin: Origin, opened: Opened | None = None, attempts: int = 1) -> None:
        """Try a message once. When this returns, the message may be acknowledged.

        Args:
            opened: what `open` gave, if the engine needed it before.
            attempts: how often it was tried, this time included.

        Raises:
            PassingFault: a part is away; try again later, do not acknowledge.
            TryLater: long work only; try again after its `retry_after`.
            StageEnds: too many permanent faults in a row; do not acknowledge.
        """
        # On each line of the log from here on; nothing of the message before is left there.
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(**_about(origin, self._namespace))
        try:
            message, envelope = opened or self.open(origin)
            with self.health.working(), tracing.working(self.stage.name, envelope):
                await self._receive(message, envelope)
        except PassingFault:
            raise
        except MoveRefused as refused:
            log.info("somebody was first: %s", refused)
            self.health.refused_moves.inc()
        except PermanentFault as fault:
            await self._bury(origin, fault, attempts, defect=False)
            return
        except TryLater as later:
            if self._may_be_later:
                raise
            await self._bury(origin, later, attempts, defect=True)
            return
        except Exception as defect:  # noqa: BLE001 (whatever it is, it is kept with its trace)
            await self._bury(origin, defect, attempts, defect=True)
            return
        if self._faults:
            self._faults = 0
            self.health.faults_in_a_row.set(0)
        self.health.handled.inc()

    async def _receive(self, message: Message, envelope: Envelope) -> None:
        deadline = asyncio.timeout(self._patience)
        try:
            async with deadline:
                await self.stage.receive(message, envelope)
        except TimeoutError as error:
            if deadline.expired():
                raise AnswerOverdue(
                    f"{envelope.topic}/{envelope.partition}/{envelope.offset} took more than {self._patience:g} s"
                ) from error
            raise

    async def _bury(self, origin: Origin, fault: Exception, attempts: int, *, defect: bool) -> None:
        place = f"{origin.topic}/{origin.partition}/{origin.offset}"
        self._faults += 1
        self.health.faults_in_a_row.set(self._faults)
        if self._faults >= self._limit:
            reason = f"{self._faults} permanent faults in a row, the last at {place}: {fault!r}"
            raise exits.StageEnds(exits.TOO_MANY_FAULTS, reason) from fault
        log.error("dead letter %s: %s: %s", place, type(fault).__name__, fault, exc_info=fault if defect else None)
        try:
            async with asyncio.timeout(BURY_WITHIN):
                await bury(self._publisher, self.stage.name, origin, fault, attempts, defect=defect)
        except Exception as error:  # noqa: BLE001 (nothing may be acknowledged past it)
            self._unsafe(f"{place} could not be dead-lettered: {error!r}")
        self.health.dead_lettered.inc()
        self.health.handled.inc()

    @staticmethod
    def _unsafe(reason: str) -> NoReturn:
        exits.leave(exits.UNSAFE, reason)
