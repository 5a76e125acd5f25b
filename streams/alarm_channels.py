"""How alarms reach people: mail and a webhook; and what is told while the database, which notes them, is away."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime

from msgspec import Struct

from streams.engine.health import Health
from streams.engine.waiting import pause
from streams.settings import Settings
from workers.errors import ConfigurationInvalid, DatabaseAway, MailAway, WebhookAway
from workers.mail import post_of
from workers.operations.alarms.figures import Figures
from workers.operations.alarms.judge import Standing, Telling, judge
from workers.operations.alarms.table import BY_NAME
from workers.operations.alarms.telling import mail_message, webhook_body
from workers.operations.alarms.webhook import Webhook

LOOK_EVERY = 5.0
"""Seconds between two looks whether the database is away."""

Send = Callable[[Sequence[Telling], int], Awaitable[None]]
"""Sends tellings under a number that is the same when they are sent again; raises MailAway or WebhookAway."""


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

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._post = post_of(settings.mail, settings.home)
        self._webhook = webhook_of(settings)
        self._addresses = tuple(settings.alarm_mail.replace(",", " ").split())

    def each(self) -> list[Channel]:
        """Those that are set."""
        found = [Channel("mail", MailAway.part, self._by_mail)] if self._addresses else []
        return found + ([Channel("webhook", WebhookAway.part, self._by_webhook)] if self._webhook is not None else [])

    async def close(self) -> None:
        """Give back what is open."""
        if self._webhook is not None:
            await self._webhook.close()

    async def _by_mail(self, tellings: Sequence[Telling], number: int) -> None:
        s = self._settings
        message = mail_message(s.mail_from, self._addresses, tellings, s.runbook, datetime.now(UTC), number)
        await asyncio.to_thread(self._post, message)

    async def _by_webhook(self, tellings: Sequence[Telling], number: int) -> None:
        if self._webhook is not None:
            await self._webhook.send(webhook_body(tellings, self._settings.runbook))


class WithoutDatabase:
    """Tells that the database is away, which is where everything else is noted; remembers in memory alone.

    A process that is started again meanwhile tells it again.
    """

    def __init__(self, channels: Channels, health: Health) -> None:
        self._channels = channels
        self._health = health
        self._standing: tuple[Standing, ...] = ()
        self._unsent: dict[str, list[Telling]] = {channel.name: [] for channel in channels.each()}

    async def watch(self, stopping: asyncio.Event) -> None:
        """Look until `stopping` is set."""
        while not await pause(stopping, LOOK_EVERY):
            await self.look(datetime.now(UTC))

    async def look(self, now: datetime) -> None:
        """Look once, and send what is due; what a channel does not take is sent at the next look."""
        away = self._health.waiting().get(DatabaseAway.part, "")
        judged = judge((BY_NAME["database-away"],), self._standing, Figures(now=now, database=away))
        self._standing = judged.standing
        for channel in self._channels.each():
            unsent = self._unsent[channel.name]
            unsent += judged.tellings
            if unsent:
                try:
                    await channel.send(unsent, int(unsent[-1].at.timestamp()))
                except (MailAway, WebhookAway) as fault:
                    self._health.waits_for(channel.part, str(fault), excuses=False)
                else:
                    unsent.clear()
                    self._health.is_back(channel.part)


def webhook_of(settings: Settings) -> Webhook | None:
    """The webhook, or None where none is set. Nothing is asked of it yet.

    Raises:
        ConfigurationInvalid: its file is not there, others may read it, or it holds no URL.
    """
    if not settings.alarm_webhook:
        return None
    path = settings.home / settings.alarm_webhook
    try:
        if path.stat().st_mode & 0o077:
            raise ConfigurationInvalid(f"{path}: an address that others can read; chmod 600 it")
        return Webhook(path.read_text().strip())
    except OSError as error:
        raise ConfigurationInvalid(f"alarm_webhook: {path} cannot be read: {error.strerror}") from error
