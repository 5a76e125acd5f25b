"""links: serves what a submission's link leads to, and changes links when a person asks.

    links.requested    a person revokes a link, or gives it another address: links.changed, and nobody has it open
    an HTTP request    links.opened, confirmed by the broker before the first byte leaves

The pages are workers/prosecution/links/app.py; docs/links.md says what they promise.
"""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from functools import singledispatchmethod

from starlette.applications import Starlette

from streams.engine.byte_threads import ByteThreads, Work
from streams.messages import LinkChanged, LinkOpened, LinkRequested, Message, event
from streams.requests import Requests
from streams.stage import Envelope, Parts, Stage
from streams.vaults import open_vault
from workers.database.engine import Connection
from workers.errors import BrokerAway, MessageInvalid
from workers.fate.row import announce
from workers.keys.keyring import Keyring, load_public
from workers.keys.statements import now_iso
from workers.mail import post_of
from workers.prosecution.links.access import Access, Told
from workers.prosecution.links.app import Pages, starlette
from workers.prosecution.links.armour import Armour, Pace
from workers.prosecution.links.bodies import read_window
from workers.prosecution.links.changing import change
from workers.prosecution.links.cookies import Cookies
from workers.prosecution.links.door import Door, Lives
from workers.prosecution.links.media import Media
from workers.prosecution.links.pages import POLICY
from workers.prosecution.links.post import code_message
from workers.prosecution.links.secret import Secret
from workers.prosecution.links.server import LinksServer
from workers.prosecution.statements import LinkChange
from workers.prosecution.submission.manifest import ManifestItem
from workers.retention.answers import Answer, Verdict
from workers.vault.retry import Limits

PROVED_WITHIN = 5.0
"""Seconds for the broker to confirm an access; then whoever asked is sent away, and nothing has left."""

READS = Limits(connect=3.0, silence=5.0, request=15.0, tries=2)
"""Of one window from the store: somebody waits at a screen."""


class Links(Stage):
    """Serves links."""

    name = "links"
    listens = ("links.requested",)

    def __init__(self, parts: Parts) -> None:
        super().__init__(parts)
        keyring = Keyring(self.database, load_public(self.settings.trust_root))
        self.requests = Requests(self.name, self.database, keyring)
        self.vault = open_vault(self.settings, "prosecution", limits=READS)
        self.threads = ByteThreads(self.settings, self.name)
        self.post = post_of(self.settings.mail, self.settings.home)
        self.app = self._pages()
        armoured = Armour(self.app, secure=self.settings.links_url.startswith("https:"), pace=Pace(), policy=POLICY)
        self.server = LinksServer(armoured, self.settings.links_host, self.settings.links_port)

    def _pages(self) -> Starlette:
        settings = self.settings
        secret = Secret.read(settings.keys)
        cookies = Cookies(secret, secure=settings.links_url.startswith("https:"))
        lives = Lives(timedelta(seconds=settings.code_lives), timedelta(seconds=settings.link_session))
        door, told = Door(self.database, secret, cookies, lives), Told(self._tell)
        made = Pages(
            door,
            cookies,
            Media(door, self._read, told),
            told,
            self._send,
            code_minutes=round(settings.code_lives / 60),
            session_seconds=settings.link_session,
        )
        return starlette(made.routes())

    async def start(self) -> None:
        """Open the port."""
        await self.server.start()

    async def stop(self) -> None:
        """Close it again."""
        await self.server.stop()
        self.threads.close()
        self.vault.close()

    # -- what the pages need -------------------------------------------------------------------------------

    async def _read(self, item: ManifestItem, offset: int, length: int) -> bytearray:
        return await self.threads.run(Work(), lambda: read_window(self.vault, item, offset, length))

    async def _send(self, address: str, code: str, at: datetime) -> None:
        minutes = round(self.settings.code_lives / 60)
        message = code_message(self.settings.mail_from, address, code, minutes, at)
        await asyncio.to_thread(self.post, message)

    async def _tell(self, access: Access) -> None:
        at = now_iso(access.at)
        opened = LinkOpened(
            link_id=access.link.link_id,
            case_id=access.link.case_id,
            submission_id=access.link.submission_id,
            holder=access.session.holder,
            what=access.what,
            at=at,
            clip_id=access.item.clip_id if access.item else None,
            reference=access.item.reference if access.item else None,
            part=access.part,
        )
        cause = (access.link.link_id, access.session.session, access.what, opened.reference, access.part, at)
        case = opened.case_id
        made = event("links.opened", opened, key=case, subject=case, source=self.name, cause=cause)
        try:
            async with asyncio.timeout(PROVED_WITHIN):
                await self.publish(made)  # goes on by itself if it is late; then more is on record than was seen
        except TimeoutError as late:
            raise BrokerAway(f"Kafka has not confirmed an access within {PROVED_WITHIN:g} s") from late

    # -- what people ask for -------------------------------------------------------------------------------

    async def receive(self, message: Message, envelope: Envelope) -> None:
        """Do what the message's type asks for; a person's request is always answered."""
        async with self.requests.answering(envelope):
            await self._take(message, envelope)

    @singledispatchmethod
    async def _take(self, message: Message, envelope: Envelope) -> None:
        raise MessageInvalid(f"links does not listen to {type(message).__name__}")

    @_take.register
    async def _(self, message: LinkRequested, envelope: Envelope) -> None:
        asked = await self.requests.opened(message.change, LinkChange, message.link_id)

        async def work(connection: Connection) -> Answer:
            link, says = await change(connection, asked)
            told = LinkChanged(link.link_id, link.case_id, link.submission_id, asked.revoked, message.change)
            cause = (envelope.headers["ce_id"],)
            made = event("links.changed", told, key=link.case_id, subject=link.link_id, source=self.name, cause=cause)
            await announce(connection, [made])
            return Answer(Verdict.DONE, says, {"link_id": link.link_id, "revoked": asked.revoked})

        await self.requests.decide(envelope, "change a link", asked, work)


STAGE = Links
