"""Links served by the stage itself: real pages over a real socket, database and store, and browsers that ask."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from email import message_from_bytes, policy
from typing import Any

import httpx
import msgspec

from streams import messages as m
from streams.links import Links
from streams.settings import Settings
from streams.stage import Envelope, Parts
from streams.vaults import open_vault
from tests.footage.footage_stages import Scene
from workers.database.engine import Database
from workers.fate.outbox import Event
from workers.footage.canonical import derived_id, sha256_hex
from workers.keys.statements import PURPOSES, now_iso
from workers.prosecution.identity import case_id
from workers.prosecution.links import rows
from workers.prosecution.links.secret import LINKS_SECRET, Secret
from workers.prosecution.links.server import PATIENCE, LinksServer
from workers.prosecution.statements import LinkChange
from workers.prosecution.submission.manifest import FORMAT, Manifest, ManifestCase, ManifestItem
from workers.prosecution.submission.mme import Mme
from workers.retention.answers import Answer, answer_to
from workers.vault.keys import attempt_keys

URN = "01AB0012326"
ADDRESS = "j.smith@cps.example"
MASKED = "j•••@c•••.example"

_FORM = re.compile(r'name="form" value="([^"]+)"')

Publish = Callable[[Event], Awaitable[None]]


class Browser:
    """Somebody's browser: it keeps cookies and follows nothing by itself."""

    def __init__(self, base: str) -> None:
        self.http = httpx.AsyncClient(base_url=base, follow_redirects=False, timeout=20)

    async def get(self, path: str, **headers: str) -> httpx.Response:
        return await self.http.get(path, headers={name.replace("_", "-"): value for name, value in headers.items()})

    async def send(self, link: str, to: str, **fields: str) -> httpx.Response:
        """Send a form from the link's page."""
        found = _FORM.search((await self.get(link)).text)
        return await self.http.post(f"{link}/{to}", data={"form": found.group(1) if found else "", **fields})

    async def media(self, link: str, n: int = 1, way: str = "media", **headers: str) -> httpx.Response:
        """An item, by its stable address and the one that this leads to."""
        led = await self.get(f"{link}/items/{n}/{way}")
        assert led.status_code == 302, led.text
        return await self.get(led.headers["location"], **headers)


class Linked:
    """One namespace: cases, submissions with footage in the store, their links, and the stage that serves them."""

    def __init__(self, settings: Settings, database: Database, scene: Scene) -> None:
        self.settings = settings
        self.database = database
        self.scene = scene
        self.told: list[m.LinkOpened] = []
        self.publish: Publish = self._keep
        self.browsers: list[Browser] = []
        secret = settings.keys / LINKS_SECRET
        if not secret.exists():
            secret.touch(0o600)
            secret.write_text("s" * 48)
        self.secret = Secret.read(settings.keys)
        self.stage = Links(Parts(settings, database, self._published))

    async def _published(self, event: Event) -> None:
        await self.publish(event)  # whatever a test has put there

    async def _keep(self, event: Event) -> None:
        assert event.topic == "links.opened"
        self.told.append(m.decode(event.body, m.LinkOpened))

    async def close(self) -> None:
        for browser in self.browsers:
            await browser.http.aclose()
        await self.stage.stop()

    @asynccontextmanager
    async def served(self, *, patience: float = PATIENCE, **changes: Any) -> AsyncIterator[str]:
        """A second stage with other settings, or with less patience; yields where it serves."""
        stage = Links(Parts(msgspec.structs.replace(self.settings, **changes), self.database, self._published))
        server = LinksServer(stage.server.app, "127.0.0.1", 0, patience=patience)
        await server.start()
        yield f"http://127.0.0.1:{server.port}"
        await server.stop()
        await stage.stop()

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self.stage.server.port}"

    def browser(self, base: str = "") -> Browser:
        made = Browser(base or self.base)
        self.browsers.append(made)
        return made

    # -- what is submitted ---------------------------------------------------------------------------------

    async def item(self, n: int, data: bytes, media_type: str = "video/mp4", **changes: Any) -> ManifestItem:
        """An item whose bytes lie in the store."""
        clip = derived_id("clip", self.settings.namespace, n, sha256_hex(data))
        vault = open_vault(self.settings, "transfer")
        version = vault.put_new(attempt_keys(self.settings.namespace, clip, 1).footage, data, lock_until=None)
        vault.close()
        made = ManifestItem(
            n, f"JS/{n}", clip, None, "master", sha256_hex(data), len(data), media_type, sha256_hex(data),
            version.version_id, version.key, "Camera of PC 100", "PC 100", None, None,
            Mme("recorded", recorded_at="2026-11-22T10:00:00.000Z"),
        )  # fmt: skip
        return msgspec.structs.replace(made, **changes)

    async def link(
        self, *items: ManifestItem, address: str | None = ADDRESS, urn: str = URN, known: bool = True
    ) -> str:
        """The path of a submission's link.

        Args:
            known: whether there is such a case.
        """
        case = case_id(self.settings.namespace, urn)
        submission = derived_id("submission", self.settings.namespace, urn, address, *(item.n for item in items))
        async with self.database.transaction() as connection:
            base = f"http://{self.settings.links_host}"
            url = await rows.make(
                connection, self.secret, base, submission_id=submission, case_id=case, address=address
            )
        manifest = Manifest(
            FORMAT, submission, self.settings.namespace, ManifestCase(case, urn, "prosecution", "R v Doe", "PC 100"),
            "charging", None, "cps", items, Mme("recorded"), url, "ADMIN", "2026-11-22T12:00:00.000Z",
        )  # fmt: skip
        if known:
            await self.database.execute(
                "INSERT INTO cases (case_id, urn, kind, version, officer, clock, opened_at, body)"
                " VALUES (%s, %s, 'prosecution', 1, 'PC 100', 'charged', now(), '{}') ON CONFLICT DO NOTHING",
                (case, urn),
            )
        await self.database.execute(
            "INSERT INTO submissions (submission_id, case_id, urn, purpose, recipient, state, ordered, items, manifest,"
            " urgent, requested_at) VALUES (%s, %s, %s, 'charging', 'cps', 'prepared', '{}', %s, %s, false, now())",
            (submission, case, urn, len(items), msgspec.json.encode(manifest).decode()),
        )
        return url.removeprefix(base)

    async def id_of(self, link: str) -> str:
        async with self.database.connection() as connection:
            found = await rows.find_open(connection, link.rpartition("/")[2])
        assert found is not None
        return found.link_id

    # -- people --------------------------------------------------------------------------------------------

    async def opened(self, link: str) -> Browser:
        """A browser that has opened the link, with the code that was sent if it has an address."""
        browser = self.browser()
        page = await browser.get(link)
        if "Send me a code" in page.text:
            given = await browser.send(link, "session", code=await self.code(browser, link))
            assert given.status_code == 303, given.text
        return browser

    async def code(self, browser: Browser, link: str) -> str:
        """Have a code sent, and read the mail."""
        before = set(self.mails())
        sent = await browser.send(link, "code")
        assert sent.status_code == 303, sent.text
        [mail] = set(self.mails()) - before
        found = re.search(r"Your code: (\d{4} \d{4})", message_from_bytes(mail, policy=policy.default).get_content())
        assert found is not None
        return found.group(1)

    def mails(self) -> list[bytes]:
        """Everything that was mailed."""
        return [path.read_bytes() for path in (self.settings.home / self.settings.mail).glob("*.eml")]

    async def ask(self, change: LinkChange) -> Answer:
        """Ask the stage for a change as the command line does."""
        signed = self.scene.person.sign(PURPOSES[LinkChange], change)
        request = derived_id("evt", change.link_id, signed.signature)
        message = m.LinkRequested(change.link_id, signed)
        headers = {"ce_id": request}
        await self.stage.receive(
            message, Envelope("links.requested", 0, 0, change.link_id, 0.0, headers, m.encode(message))
        )
        answer = await answer_to(self.database, request)
        assert answer is not None
        return answer

    async def change(self, link: str, *, address: str | None = None) -> Answer:
        """Revoke a link, or give it an address."""
        return await self.ask(self.wanted(await self.id_of(link), address))

    def wanted(self, link: str, address: str | None = None) -> LinkChange:
        return LinkChange(link, address is None, "as it says", "ADMIN", now_iso(), address)

    async def close_case(self, urn: str = URN) -> None:
        case = case_id(self.settings.namespace, urn)
        assert await self.database.execute("UPDATE cases SET closed_at = now() WHERE case_id = %s", (case,)) == 1

    async def sql(self, statement: str, *parameters: Any) -> int:
        return await self.database.execute(statement, parameters)
