"""The board as browsers meet it: real pages over a real socket and database, and a vault in memory."""

from __future__ import annotations

import asyncio
import itertools
import re
import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any

import httpx
import msgspec

from console.web.app import PAGES, Board
from console.web.csrf import Cookies
from console.web.guard import Page
from console.web.oidc import Directory
from console.web.passwords import Cost, hashed
from console.web.people import PEOPLE, People, Person, Role
from console.web.people_file import PeopleFile
from console.web.visit import Parts
from streams import messages as m
from streams.settings import Settings
from tests.footage.footage_stages import Scene
from workers.catalogue.projection import project
from workers.custody.entry import Recorded
from workers.database.engine import Database
from workers.errors import BrokerAway
from workers.fate.outbox import Event
from workers.footage.canonical import sha256_hex
from workers.keys.signing import Role as KeyRole
from workers.keys.signing import Signer
from workers.keys.statements import PURPOSES, Viewing, ViewingLock
from workers.prosecution.links.bodies import Stored, read_window
from workers.prosecution.links.server import LinksServer
from workers.retention.answers import Answer, Verdict, answer
from workers.retention.facts import Fact
from workers.retention.shipped import shipped
from workers.vault.fake import FakeVault
from workers.vault.keys import attempt_keys

PASSWORD = "three random words"
CHEAP = hashed(PASSWORD, Cost(4, 8, 1))
FOOTAGE = bytes(range(256)) * 40

_FORM = re.compile(r'name="form" value="([^"]+)"')
_NUMBERS = itertools.count(1)


class Browser:
    """Somebody's browser: it keeps cookies and follows nothing by itself."""

    def __init__(self, base: str) -> None:
        self.http = httpx.AsyncClient(
            base_url=base, follow_redirects=False, timeout=20, headers={"accept": "text/html"}
        )

    async def get(self, path: str, **headers: str) -> httpx.Response:
        return await self.http.get(path, headers=headers)

    async def send(self, path: str, on: str, **fields: Any) -> httpx.Response:
        """Send a form to a path, with the proof from the page `on`."""
        found = _FORM.search((await self.get(on)).text)
        return await self.http.post(path, data={"form": found.group(1) if found else "", **fields})

    async def sign_in(self, person: str, password: str = PASSWORD, **fields: str) -> httpx.Response:
        return await self.send("/signin", "/signin", person=person, password=password, **fields)


class Site:
    """One namespace with people and clips; what the board tells is projected, as the record does."""

    def __init__(
        self,
        settings: Settings,
        database: Database,
        pages: Iterable[Page] = PAGES,
        *,
        directory: Directory | None = None,
        people_file: PeopleFile | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.settings = settings
        self.database = database
        self.scene = Scene(settings, database)
        self.vault = FakeVault()
        self.people = People(settings.home / PEOPLE)
        self.told: list[Event] = []
        self.recorded: list[Recorded] = []
        self.answers = ""
        self.kafka = True
        self.browsers: list[Browser] = []
        self.parts = Parts(
            settings=settings,
            database=database,
            people=self.people,
            cookies=Cookies(secure=settings.board_url.startswith("https:")),
            publish=self._publish,
            read=self._read,
            directory=directory,
            people_file=people_file,
        )
        self.server = LinksServer(Board(self.parts, pages, clock).armoured(), "127.0.0.1", 0)

    async def _publish(self, event: Event) -> None:
        if not self.kafka:
            raise BrokerAway("Kafka was stopped")
        self.told.append(event)
        await self.record(event)
        if event.source == "person" and self.answers:
            async with self.database.transaction() as connection:
                said = Answer(Verdict.DONE, f"{event.subject} {self.answers}")
                await answer(connection, event.id, "retention", said)

    async def record(self, event: Event) -> None:
        recorded = Recorded(
            event.topic, 0, len(self.recorded), event.id, event.topic, datetime.now(UTC).isoformat(), event.source,
            event.subject, "consultation", event.body, msgspec.json.decode(event.body),
        )  # fmt: skip
        self.recorded.append(recorded)
        async with self.database.transaction() as connection:
            await project(connection, recorded)

    async def _read(self, stored: Stored, offset: int, length: int) -> bytearray:
        return await asyncio.to_thread(read_window, self.vault, stored, offset, length)

    def looks(self) -> list[tuple[str, str, str | None]]:
        """What was told of looks: what, relation, reason."""
        return [(one.what, one.relation, one.reason) for one in self.consulted()]

    def consulted(self) -> list[m.ClipConsulted]:
        """The same, with all that was told."""
        return [m.decode(one.body, m.ClipConsulted) for one in self.told if one.topic == "clips.consulted"]

    # -- people ------------------------------------------------------------------------------------------------

    def person(self, person: str, *roles: Role) -> Person:
        return self.people.add(person, f"Name of {person}", roles, CHEAP)

    def browser(self) -> Browser:
        made = Browser(f"http://127.0.0.1:{self.server.port}")
        self.browsers.append(made)
        return made

    async def signed_in(self, person: str, *roles: Role) -> Browser:
        """A browser in which somebody with these roles is signed in."""
        if self.people.find(person) is None:
            self.person(person, *roles)
        browser = self.browser()
        assert (await browser.sign_in(person)).status_code == 303
        return browser

    def key(self, person: str) -> Signer:
        signer = Signer.new(KeyRole.PERSON, person)
        signer.save(self.settings.keys / "person" / f"{person}.pem")
        return signer

    # -- clips -------------------------------------------------------------------------------------------------

    async def clip(
        self, officer: str | None = "PC-100", *, standing: str = "verified", facts: Iterable[Fact] = (), **declared: Any
    ) -> str:
        """A clip of this officer, with its footage in the vault.

        Args:
            facts: what people decided about it.
            declared: of its recording.
        """
        name, data = f"R{next(_NUMBERS)}", FOOTAGE
        made = await self.scene.registered(data, recording=name, **declared)
        await self.record(m.event("clips.registered", made, key=made.clip_id, subject=made.clip_id, source="intake",
                                  cause=(made.clip_id,)))  # fmt: skip
        if officer is not None:
            await self.database.execute(
                "INSERT INTO attributions VALUES (%s, %s, %s, 'test', 'ADMIN', now())",
                (f"evt-{made.clip_id}", made.clip_id, officer),
            )
        key = attempt_keys(self.settings.namespace, made.clip_id, 1).footage
        version = self.vault.put_new(key, data, lock_until=None) if standing != "registered" else None
        await self.database.execute(
            "UPDATE clip_fate SET standing = %s, stored_version = %s, facts = %s WHERE clip_id = %s",
            (standing, version and version.version_id, msgspec.json.encode(list(facts)).decode(), made.clip_id),
        )
        return made.clip_id

    async def adopt(self) -> None:
        """The policy of the Metropolitan Police Service is in force."""
        toml = shipped("met")
        await self.database.execute(
            "INSERT INTO policies VALUES (1, 'met', %s, %s, now(), 'ADMIN', '{}')", (toml, sha256_hex(toml.encode()))
        )

    async def viewing(self, clip_id: str, kind: str, *named: str, at: str = "2026-11-22T12:00:00.000Z") -> None:
        """A person says who may see a clip."""
        body = Viewing(clip_id, kind, named, "before the first account", "ADMIN", at)
        message = m.ClipViewingSet(clip_id, self.scene.person.sign(PURPOSES[Viewing], body))
        await self.record(
            m.event(
                "clips.viewing-set", message, key=clip_id, subject=clip_id, source="person", cause=(clip_id, kind, at)
            )
        )

    async def lock(self, kind: str = "lock", *, at: str = "2026-11-22T12:00:00.000Z", **fields: Any) -> None:
        """A person locks the viewing of clips, or ends that."""
        body = ViewingLock("lock-a", kind, "post-incident procedure", "ADMIN", at, **fields)
        message = m.ViewingLockSet("lock-a", self.scene.person.sign(PURPOSES[ViewingLock], body))
        await self.record(
            m.event("viewings.set", message, key="lock-a", subject="lock-a", source="person", cause=("lock-a", kind))
        )

    async def close(self) -> None:
        for browser in self.browsers:
            await browser.http.aclose()
        await self.server.stop()
