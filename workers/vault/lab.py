"""The bench on which the store is checked: probes for each role, keys of this run, and cleaning up."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property

from minio.time import from_http_header

from workers.errors import ConfigurationInvalid, StoreAway
from workers.vault import keys, wire
from workers.vault.client import Access
from workers.vault.deadline import Watchdog
from workers.vault.probe import Probe
from workers.vault.refusals import Refused
from workers.vault.report import Level, Row
from workers.vault.retry import Limits
from workers.vault.values import Version

ANONYMOUS = "anonymous"


@dataclass(frozen=True, slots=True)
class Check:
    """One thing to try.

    Args:
        run: returns whether the store did as the sentence says, and what was seen.
    """

    name: str
    level: Level
    sentence: str
    advice: str
    run: Callable[[Lab], tuple[bool, str]]

    def row(self, lab: Lab) -> Row:
        """The check, run. A store that does not answer one request fails this check, not the run."""
        try:
            passed, seen = self.run(lab)
        except (StoreAway, Refused, LookupError, ValueError) as error:
            passed, seen = False, f"{type(error).__name__}: {error}"
        return Row(self.name, self.level, self.sentence, passed, seen, self.advice)


class Lab:
    """One run of the check.

    Args:
        access: gives each role's way to the store.
        lock_seconds: how long its locks last.
    """

    def __init__(
        self, access: Callable[[str], Access], namespace: str, *, limits: Limits, lock_seconds: int = 3
    ) -> None:
        self._access = access
        self._limits = limits
        self._watchdog = Watchdog()
        self._probes: dict[str, Probe] = {}
        self.lock_seconds = lock_seconds
        self.namespace = namespace
        self.prefix = keys.store_check_prefix(namespace, secrets.token_hex(6))
        # Under clips/ inside the run's prefix, so that the policies of transfer and verification apply.
        clip = "clip-" + secrets.token_hex(16).translate(str.maketrans("0189", "ghij"))
        self._clip = f"{self.prefix}clips/{clip}/1/"

    def role(self, name: str) -> Probe:
        """A probe with that role's credentials; `anonymous` has none."""
        if name not in self._probes:
            self._probes[name] = Probe(self._access(name), self._limits, self._watchdog)
        return self._probes[name]

    @property
    def admin(self) -> Probe:
        """The role that may do everything under store-check/, and nothing to evidence."""
        return self.role("admin")

    def key(self, name: str) -> str:
        """A key of this run."""
        return self._clip + name

    @cached_property
    def clock_offset(self) -> timedelta:
        """What to add to our clock to have the store's, to the second."""
        reply = self.admin.send("GET", query={"versioning": ""})
        return from_http_header(reply.headers["date"]) - datetime.now(UTC).replace(microsecond=0)

    @property
    def store_now(self) -> datetime:
        """The store's clock, as well as we know it."""
        return datetime.now(UTC) + self.clock_offset

    def until(self, seconds: int = 0) -> datetime:
        """The end of a lock of this run, by the store's clock."""
        lasting = timedelta(seconds=seconds or self.lock_seconds)
        return wire.whole_second(self.store_now + lasting)

    @cached_property
    def locked(self) -> tuple[str, str, datetime]:
        """A small locked object: key, version id, end of its lock."""
        key, until = self.key("locked"), self.until()
        reply = self.admin.put(key, b"x", wire.lock_headers(until))
        if not reply.ok:
            raise StoreAway(f"a locked PUT was answered {reply}")
        return key, reply.version_id, until

    @cached_property
    def plain(self) -> tuple[str, str]:
        """A small object without a lock: key, version id."""
        key = self.key("plain")
        return key, self.admin.put(key, b"0123456789").version_id

    def kept(self, key: str, version_id: str, until: datetime) -> bool:
        """Is the version there with its COMPLIANCE lock until exactly that date?"""
        reply = self.admin.head(key, version_id)
        lock = wire.head_of(key, reply.headers).lock if reply.ok else None
        return lock is not None and (lock.mode, lock.until) == ("COMPLIANCE", until)

    def settle(self) -> None:
        """Gives the store a moment to notice a connection that broke."""
        time.sleep(0.3)

    def leftovers(self) -> list[Version]:
        """Versions and markers of this and of earlier runs that are at least an hour old."""
        root = f"{self.namespace}/store-check/"
        old = self.store_now - timedelta(hours=1)
        versions = self.admin.versions(root)
        return [v for v in versions if v.key.startswith(self.prefix) or (v.modified and v.modified < old)]

    def clean_up(self, patience: float) -> list[Version]:
        """Aborts the uploads and deletes every version of the run as its lock ends.

        Args:
            patience: seconds to go on for.

        Returns:
            What could not be deleted.
        """
        for upload in wire.Answer(self.admin.send("GET", query={"uploads": "", "prefix": self.prefix}).data).uploads():
            self.admin.send("DELETE", upload.key, query={"uploadId": upload.upload_id})
        deadline = time.monotonic() + patience
        while left := self.leftovers():
            for version in left:
                reply = self.admin.delete(version.key, version.version_id)
                if not reply.ok:
                    self.admin.about(version.key, version.version_id, "legal-hold", wire.legal_hold_body(False))
            if time.monotonic() > deadline:
                return self.leftovers()
            time.sleep(0.1)
        return []

    def close(self) -> None:
        """Closes the connections."""
        for probe in self._probes.values():
            probe.close()


def demand_answer(lab: Lab) -> None:
    """The bucket answers.

    Raises:
        StoreAway: the store does not answer.
        ConfigurationInvalid: no bucket, or wrong credentials.
    """
    reply = lab.admin.send("GET", query={"versioning": ""})
    if reply.status in (403, 404):
        access = lab.admin.access
        raise ConfigurationInvalid(
            f"the bucket {access.bucket!r} cannot be checked by the role {access.role!r} ({reply}): "
            f"create it, and give the role its keys and its policy deploy/policies/{access.role}.json"
        )
