"""How many dead letters wait for a person: counted anew when the end of one of their topics has moved."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka import errors as kafka

from streams.dead_letters import list_letters
from streams.settings import Settings
from streams.topics import STAGES_WITH_DEAD_LETTERS, dead_letters_of, full_name
from workers.errors import BrokerAway


class LettersWaiting:
    """Asks for the ends of the topics again and again, and reads them only when that tells of something new."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._consumer: AIOKafkaConsumer | None = None
        self._ends: Mapping[TopicPartition, int] = {}
        self._counts: dict[str, int] = {}

    async def close(self) -> None:
        """Disconnect."""
        consumer, self._consumer = self._consumer, None
        if consumer is not None:
            await consumer.stop()

    async def count(self) -> Mapping[str, int]:
        """Stage → letters that nobody has redriven; stages without any are left out.

        Raises:
            BrokerAway, PartUnreachable: Kafka does not answer.
        """
        try:
            ends = await self._newest()
        except (kafka.KafkaError, OSError) as error:
            await self.close()
            raise BrokerAway(f"Kafka does not answer at {self._settings.kafka}: {error!r}") from error
        if ends != self._ends:
            letters = await list_letters(self._settings)
            self._ends, self._counts = ends, dict(Counter(letter.stage for letter in letters))
        return self._counts

    async def _newest(self) -> dict[TopicPartition, int]:
        if self._consumer is None:
            consumer = AIOKafkaConsumer(
                bootstrap_servers=self._settings.kafka, client_id="bwv-alarms", group_id=None, enable_auto_commit=False
            )
            try:
                await consumer.start()
            except BaseException:
                await consumer.stop()
                raise
            self._consumer = consumer
        names = {full_name(self._settings.namespace, dead_letters_of(stage)) for stage in STAGES_WITH_DEAD_LETTERS}
        there = names & set(await self._consumer.topics())
        return dict(await self._consumer.end_offsets([TopicPartition(name, 0) for name in there]))
