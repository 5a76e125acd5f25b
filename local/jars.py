"""Kafka's jars: the locked ones, byte for byte, from Maven's central repository into a cache.

jgo fetches single jars for us. It only warns about a bad checksum, and a download that is cut off leaves a
file that counts as cached; so it works in a scratch folder, and a jar enters the cache in one step, after its
size and SHA-256 agreed with `kafka.lock.json`.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from workers.errors import ConfigurationInvalid, PartUnreachable

LOCK = Path(__file__).with_name("kafka.lock.json")


@dataclass(frozen=True)
class Jar:
    """One row of the lock: Maven coordinate, SHA-256 (hex), bytes."""

    g: str
    a: str
    v: str
    sha256: str
    size: int

    @property
    def file_name(self) -> str:
        """Its name in the cache."""
        return f"{self.a}-{self.v}.jar"

    def is_at(self, path: Path) -> bool:
        """True when the file is this jar, every byte of it."""
        try:
            with path.open("rb") as file:
                return os.fstat(file.fileno()).st_size == self.size and (
                    hashlib.file_digest(file, "sha256").hexdigest() == self.sha256
                )
        except FileNotFoundError:
            return False


def default_cache() -> Path:
    """Where the jars lie unless a caller says otherwise."""
    return Path.home() / ".cache" / "bwv" / "kafka"


def locked_jars(lock: Path = LOCK) -> list[Jar]:
    """The rows of the lock file."""
    return [Jar(**row) for row in json.loads(lock.read_text())["jars"]]


def missing_jars(cache: Path, lock: Path = LOCK) -> list[Jar]:
    """The locked jars that the cache does not hold, or holds with other bytes."""
    return [jar for jar in locked_jars(lock) if not jar.is_at(cache / "jars" / jar.file_name)]


def fetch_jars(cache: Path, lock: Path = LOCK, fetch: Callable[[Jar, Path], Path] | None = None) -> list[Path]:
    """The locked jars, every digest checked; what is missing or altered is fetched first.

    Args:
        cache: folder; made when absent.
        fetch: gets a jar and a scratch folder, returns the file it made there. By default jgo.

    Raises:
        ConfigurationInvalid: the repository serves other bytes than the lock names.
        PartUnreachable: the repository cannot be reached.
    """
    folder = cache / "jars"
    folder.mkdir(parents=True, exist_ok=True)
    missing = missing_jars(cache, lock)
    if missing:
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda jar: _bring(jar, folder, fetch or _by_jgo), missing))
    return [folder / jar.file_name for jar in locked_jars(lock)]


def _bring(jar: Jar, folder: Path, fetch: Callable[[Jar, Path], Path]) -> None:
    with tempfile.TemporaryDirectory(dir=folder, prefix=".fetching-") as scratch:
        fetched = fetch(jar, Path(scratch))
        if not jar.is_at(fetched):
            raise ConfigurationInvalid(
                f"{jar.file_name}: expected {jar.size} bytes with SHA-256 {jar.sha256} (kafka.lock.json), "
                f"the repository served {fetched.stat().st_size} other bytes: refused"
            )
        os.replace(fetched, folder / jar.file_name)


def _by_jgo(jar: Jar, scratch: Path) -> Path:
    from jgo.maven import MavenContext  # noqa: PLC0415 - slow, and only for a machine that lacks a jar

    try:
        context = MavenContext(repo_cache=scratch)
        return Path(context.project(jar.g, jar.a).at_version(jar.v).artifact().resolve())
    except Exception as error:  # jgo raises whatever its HTTP client raised
        raise PartUnreachable(
            f"cannot fetch {jar.g}:{jar.a}:{jar.v} from Maven's central repository: {error}"
        ) from error
