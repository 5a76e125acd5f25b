"""How alarms reach people: mail, one an address, and a webhook. Each channel is given everything, whoever is away."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from functools import partial

from msgspec import Struct

from streams.engine.health import Health
from streams.engine.waiting import Waiting
from streams.settings import Settings
from workers.database.engine import Database
from workers.errors import ConfigurationInvalid, MailAway, WebhookAway
from workers.mail import post_of
from workers.operations.alarms.delivering import Send, deliver
from workers.operations.alarms.judge import Telling
from workers.operations.alarms.telling import mail_message, webhook_body
from workers.operations.alarms.webhook import Webhook

RETRY_MOST = 300.0
"""Seconds between two tries at most, while a channel is away."""

AT_ONCE = 2
"""Channels that are given something at the same time; each holds a connection of the pool meanwhile."""


class Channel(Struct, frozen=True):
    """One way to people.

    Attributes:
        name: as alarm_channels has it.
        part: what is away when it fails.
    """

    name: str
    part: str
    send: Send


class Channels:
    """All of them.

    Raises:
        ConfigurationInvalid: one cannot be what the settings say.
    """

    def __init__(self, settings: Settings, health: Health) -> None:
        self._settings = settings
        self._health = health
        self._post = post_of(settings.mail, settings.home)
        self._webhook = webhook_of(settings)
        self.each = self._those_that_are_set()
        self._waiting = {channel.name: Waiting(settings.retry_first, RETRY_MOST) for channel in self.each}

    def _those_that_are_set(self) -> tuple[Channel, ...]:
        addresses = dict.fromkeys(self._settings.alarm_mail.replace(",", " ").split())
        found = [Channel(f"mail:{address}", MailAway.part, self._by_mail(address)) for address in addresses]
        if self._webhook is not None:
            found.append(Channel("webhook", WebhookAway.part, self._by_webhook(self._webhook)))
        return tuple(found)

    async def close(self) -> None:
        """Give back what is open."""
        if self._webhook is not None:
            await self._webhook.close()

    async def give(self, database: Database) -> None:
        """Give each channel what it has not had.

        Raises:
            DatabaseAway: nobody knows what they have had.
        """

        async def each(channel: Channel) -> None:
            async with slots:
                await self._try(channel, partial(deliver, database, channel.name, channel.send))

        slots = asyncio.Semaphore(AT_ONCE)
        await asyncio.gather(*map(each, self.each))

    async def send(self, channel: Channel, tellings: Sequence[Telling], number: int) -> bool:
        """Give one channel tellings that no row notes; returns whether it took them."""
        return await self._try(channel, partial(channel.send, tellings, number))

    async def _try(self, channel: Channel, work: Callable[[], Awaitable[object]]) -> bool:
        """Do this unless the channel was away a moment ago; note whether it is."""
        waiting = self._waiting[channel.name]
        if waiting.delay() > 0:
            return False
        try:
            await work()
        except (MailAway, WebhookAway) as fault:
            waiting.note(fault)
        else:
            waiting.got_through()
        away = [
            fault for one in self.each if one.part == channel.part for fault in self._waiting[one.name].parts.values()
        ]
        if away:
            self._health.waits_for(channel.part, away[0].reason, excuses=False)
        else:
            self._health.is_back(channel.part)
        return not waiting

    def _by_mail(self, address: str) -> Send:
        async def send(tellings: Sequence[Telling], number: int) -> None:
            s = self._settings
            message = mail_message(s.mail_from, [address], tellings, s.runbook, datetime.now(UTC), number)
            await asyncio.to_thread(self._post, message)

        return send

    def _by_webhook(self, webhook: Webhook) -> Send:
        async def send(tellings: Sequence[Telling], number: int) -> None:
            await webhook.send(
                webhook_body(tellings, self._settings.runbook), f"alarms-{self._settings.namespace}-{number}"
            )

        return send


def webhook_of(settings: Settings) -> Webhook | None:
    """The webhook, or None where none is set. Nothing is asked of it yet.

    Raises:
        ConfigurationInvalid: its file is not there, others may read it, or it does not hold a URL and keys.
    """
    if not settings.alarm_webhook:
        return None
    path = settings.home / settings.alarm_webhook
    try:
        if path.stat().st_mode & 0o077:
            raise ConfigurationInvalid(f"{path}: an address that others can read; chmod 600 it")
        return Webhook(path.read_text().splitlines())
    except OSError as error:
        raise ConfigurationInvalid(f"alarm_webhook: {path} cannot be read: {error.strerror}") from error
