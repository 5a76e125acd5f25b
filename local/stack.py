"""The three servers as one: started together, stopped together, their addresses in one file."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from local.credentials import store_roles
from local.ffmpeg import Ffmpeg, find_ffmpeg
from local.files import private_folder, write_private
from local.kafka import Kafka
from local.postgres import Postgres
from local.server import Server, nobody_listens
from local.store import Store

POLICIES = Path(__file__).parent.parent / "deploy" / "policies"
BUCKET = "evidence"


def server_folders(home: Path) -> list[Path]:
    """Where each server keeps its things."""
    return [home / part.name for part in (Kafka, Store, Postgres)]


def _no_progress(part: str, state: str) -> None:
    del part, state


@dataclass(frozen=True)
class Addresses:
    """Where everything is; `stack.toml` holds the same."""

    kafka: str
    database: str
    store: str
    bucket: str
    credentials: str
    ffmpeg: str
    ffprobe: str
    ffmpeg_version: str

    def toml(self) -> str:
        """The file that the project's settings read."""
        # A JSON string is a TOML string, as long as nothing is escaped that need not be.
        rows = "".join(f"{key} = {json.dumps(text, ensure_ascii=False)}\n" for key, text in vars(self).items())
        return f"# Written by the local stack at every start.\n{rows}"


class Stack:
    """Kafka, the object store and PostgreSQL under one folder.

    The servers are tied to this process: they end when it ends, however it ends.

    Args:
        home: folder of everything, made when absent (0700).
        policies: folder with one `<role>.json` for each role of the store.
        cache: where Kafka's jars lie; see `jars.default_cache`.
        java: path of a Java; found when None.
        tell: gets a sentence when something needs to be known.
    """

    def __init__(
        self,
        home: Path,
        *,
        policies: Path = POLICIES,
        cache: Path | None = None,
        java: str | None = None,
        tell: Callable[[str], None] = nobody_listens,
    ) -> None:
        self.home = private_folder(home.absolute())
        self.credentials = self.home / "credentials"
        self.file = self.home / "stack.toml"
        self.kafka = Kafka(self.home / Kafka.name, cache=cache, java=java, tell=tell)
        self.store = Store(self.home / Store.name, store_roles(self.credentials, policies), bucket=BUCKET, tell=tell)
        self.postgres = Postgres(self.home / Postgres.name, self.credentials, tell=tell)
        self.servers: tuple[Server, ...] = (self.kafka, self.store, self.postgres)
        self._ffmpeg: Ffmpeg | None = None

    def start(self, on_progress: Callable[[str, str], None] = _no_progress, timeout: float = 120) -> Addresses:
        """Start what does not run, all at once, and write `stack.toml`.

        Args:
            on_progress: called from several threads with a part and `fetching`, `starting`, `ready`
                or `failed`.
            timeout: seconds for the slowest part.

        Raises:
            PartUnreachable, ConfigurationInvalid: of the first part that failed; the others are stopped.
        """

        def start(server: Server) -> None:
            download = server is self.kafka and self.kafka.needs_download()
            on_progress(server.name, "fetching" if download else "starting")
            try:
                server.start(timeout)
            except BaseException:
                on_progress(server.name, "failed")
                raise
            on_progress(server.name, "ready")

        try:
            with ThreadPoolExecutor(len(self.servers) + 1) as pool:
                ffmpeg = pool.submit(find_ffmpeg)
                for started in [pool.submit(start, server) for server in self.servers]:
                    started.result()
                self._ffmpeg = ffmpeg.result()
        except BaseException:
            self.stop()
            raise
        self.write_addresses()
        return self.addresses()

    def stop(self, on_progress: Callable[[str, str], None] = _no_progress, timeout: float = 20) -> None:
        """Stop all at once, in order; what does not end within `timeout` seconds is killed."""

        def stop(server: Server) -> None:
            on_progress(server.name, "stopping")
            server.stop(timeout)
            on_progress(server.name, "stopped")

        with ThreadPoolExecutor(len(self.servers)) as pool:
            list(pool.map(stop, self.servers))

    def addresses(self) -> Addresses:
        """Known once started."""
        if self._ffmpeg is None:
            self._ffmpeg = find_ffmpeg()
        return Addresses(
            kafka=self.kafka.bootstrap,
            database=self.postgres.dsn,
            store=self.store.endpoint,
            bucket=BUCKET,
            credentials=str(self.credentials),
            ffmpeg=self._ffmpeg.ffmpeg,
            ffprobe=self._ffmpeg.ffprobe,
            ffmpeg_version=self._ffmpeg.version,
        )

    def write_addresses(self) -> None:
        """Write `stack.toml` again, after a server had to take another port."""
        write_private(self.file, self.addresses().toml())

    def __enter__(self) -> Stack:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
