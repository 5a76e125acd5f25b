"""Apache Kafka, one KRaft node on the loopback interface, from locked jars and any Java from 17 on.

The first clean stop on a machine also writes an archive of the classes that the broker loaded (about 50 MB,
3 s); every later start maps it instead of reading 46 jars and is ready in about half the time and CPU.
"""

from __future__ import annotations

import base64
import hashlib
import os
import shutil
import socket
import subprocess
import tempfile
import uuid
from collections.abc import Callable
from pathlib import Path

from local.files import write_private
from local.jars import LOCK, default_cache, fetch_jars, missing_jars
from local.java import Java, find_java
from local.processes import tethered
from local.server import Server, nobody_listens
from workers.errors import PartUnreachable

# An ApiVersions request (version 0, client "bwvping"): answered once the broker is registered and unfenced.
_PING = b"\0\0\0\x11\0\x12\0\0\0\0\0\1\0\7bwvping"

_LOGGING = {
    "defaultLogLevel": "warn",
    "showDateTime": "true",
    "dateTimeFormat": "yyyy-MM-dd'T'HH:mm:ss.SSSXXX",
    "log.org.apache.kafka.server.KafkaRaftServer": "info",
    "log.kafka.server": "info",
}


def cluster_id(number: uuid.UUID) -> str:
    """As Kafka writes one, and as its tool reads it: what begins with "-" would be an option to it."""
    return base64.urlsafe_b64encode(number.bytes).decode().rstrip("=").replace("-", "_")


class Kafka(Server):
    """A broker and its controller in one process.

    Args:
        cache: folder of the jars and of the class archive, shared by all stacks of a user.
        java: path of a Java; found when None.
        heap: `-Xmx`.
        properties: added to, or in place of, ours in server.properties.
    """

    name = "kafka"
    port_names = ("broker", "controller")

    def __init__(
        self,
        folder: Path,
        *,
        cache: Path | None = None,
        java: str | None = None,
        heap: str = "256m",
        properties: dict[str, str] | None = None,
        tell: Callable[[str], None] = nobody_listens,
    ) -> None:
        super().__init__(folder, tell=tell)
        self.cache = cache or default_cache()
        self._java_wanted = java
        self._heap = heap
        self._more = properties or {}
        self._properties = self.folder / "server.properties"
        self._new_archive = self.folder / "classes.jsa"
        self._java = Java("", 0, "")
        self._jars: list[Path] = []

    @property
    def bootstrap(self) -> str:
        """The address for clients; known once started."""
        return f"127.0.0.1:{self.ports['broker']}"

    def needs_download(self) -> bool:
        """True when the first start will fetch jars (45 MB)."""
        return bool(missing_jars(self.cache))

    def properties(self) -> dict[str, str]:
        """What server.properties says; the reasons stand where a default was left."""
        listeners = f"BROKER://{self.bootstrap},CONTROLLER://127.0.0.1:{self.ports['controller']}"
        return {
            "process.roles": "broker,controller",
            "node.id": "1",
            # A fixed voter: `controller.quorum.bootstrap.servers` would store the port in the data.
            "controller.quorum.voters": f"1@127.0.0.1:{self.ports['controller']}",
            "listeners": listeners,
            "advertised.listeners": listeners,
            "listener.security.protocol.map": "BROKER:PLAINTEXT,CONTROLLER:PLAINTEXT",
            "inter.broker.listener.name": "BROKER",
            "controller.listener.names": "CONTROLLER",
            "log.dirs": str(self.folder / "data"),
            "auto.create.topics.enable": "false",
            "num.partitions": "1",
            "default.replication.factor": "1",
            "offsets.topic.replication.factor": "1",
            "offsets.topic.num.partitions": "4",
            "transaction.state.log.replication.factor": "1",
            "transaction.state.log.min.isr": "1",
            "transaction.state.log.num.partitions": "4",
            "share.coordinator.state.topic.replication.factor": "1",
            "share.coordinator.state.topic.min.isr": "1",
            "group.initial.rebalance.delay.ms": "0",  # 3000: every group would wait 3 s for nobody
            "group.min.session.timeout.ms": "1000",  # 6000: tests want to see members die sooner
            # A killed broker is refused (DuplicateBrokerRegistration) until its old session ends: 9000.
            "broker.heartbeat.interval.ms": "500",
            "broker.session.timeout.ms": "3000",
            "num.network.threads": "2",
            "num.io.threads": "4",
            "background.threads": "2",
            "log.cleaner.dedupe.buffer.size": "4194304",  # 128 MiB of heap
            "log.index.size.max.bytes": "1048576",
            **self._more,
        }

    def _prepare(self) -> None:
        self._jars = fetch_jars(self.cache)
        self._java = find_java(self._java_wanted)
        write_private(self._properties, "".join(f"{k}={v}\n" for k, v in self.properties().items()))
        self._new_archive.unlink(missing_ok=True)
        if not (self.folder / "data" / "meta.properties").exists():
            self._format()

    def _format(self) -> None:
        cluster = cluster_id(uuid.uuid4())
        tool = ["kafka.tools.StorageTool", "format", "-t", cluster, "-c", str(self._properties)]
        done = subprocess.run(
            tethered(self._jvm("128m", *tool)),
            capture_output=True,
            text=True,
            check=False,
            env=dict(self._environment()),
        )
        if done.returncode != 0:
            raise PartUnreachable(f"kafka could not format {self.folder}: {done.stdout}{done.stderr}")

    def _command(self) -> list[str]:
        return tethered(self._jvm(self._heap, "kafka.Kafka", str(self._properties), learn=True))

    def _jvm(self, heap: str, main: str, *args: str, learn: bool = False) -> list[str]:
        archive = self._archive()
        if archive.exists():
            sharing = [f"-XX:SharedArchiveFile={archive}"]
        else:
            sharing = [f"-XX:ArchiveClassesAtExit={self._new_archive}"] if learn else []
        return [
            self._java.path,
            f"-Xmx{heap}",
            "-Xms64m",
            "-XX:+UseSerialGC",
            "-XX:TieredStopAtLevel=1",
            "-Xshare:auto",
            *sharing,
            "-XX:+ExitOnOutOfMemoryError",
            "-Djava.awt.headless=true",
            *(f"-Dorg.slf4j.simpleLogger.{key}={value}" for key, value in _LOGGING.items()),
            "-cp",
            os.pathsep.join(map(str, self._jars)),
            main,
            *args,
        ]

    def _archive(self) -> Path:
        """Named by what it was made from; a JVM that finds it unsuitable all the same goes on without it."""
        of = f"{self._java.path}\n{self._java.build}\n{self._jars[0].parent}\n".encode() + LOCK.read_bytes()
        return self.cache / f"classes-{hashlib.sha256(of).hexdigest()[:16]}.jsa"

    def stop(self, timeout: float = 20) -> None:
        """As every server; the one that is to leave an archive of its classes is never ended at once."""
        learns = self._jars and not self._archive().exists()
        super().stop(timeout or (20 if learns else 0))

    def _ended(self, exit_code: int | None) -> None:
        # 143 is the JVM's own exit after SIGTERM: it was not killed while it wrote.
        if exit_code == 143 and self._new_archive.exists() and not self._archive().exists():
            with tempfile.NamedTemporaryFile(dir=self.cache, prefix=".classes-", delete=False) as new:
                shutil.copyfile(self._new_archive, new.name)
            os.replace(new.name, self._archive())
        self._new_archive.unlink(missing_ok=True)

    def _serves(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.ports["broker"]), 0.5) as connection:
                connection.settimeout(2)
                connection.sendall(_PING)
                return len(connection.recv(4)) == 4
        except OSError:
            return False
