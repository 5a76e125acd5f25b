"""A small list that people and programs share: one JSON file of ours alone, read again when it has changed."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Generic, TypeVar

import msgspec
from msgspec import Struct

from local.files import Lock, write_private
from workers.errors import ConfigurationInvalid

Row = TypeVar("Row", bound=Struct)

PATIENCE = 5.0
"""Seconds that a change waits for another one to be written."""


class PrivateFile(Generic[Row]):
    """The file; mode 0600, replaced in one step.

    Args:
        path: of the file. Without one the list is empty.
        kind: of its rows.
        key: of a row.
        what: it is, for people: "people".
    """

    def __init__(self, path: Path, kind: type[Row], key: Callable[[Row], str], what: str) -> None:
        self.path = path
        self._kind = kind
        self._key = key
        self._what = what
        self._seen: tuple[int, int, int] | None = None
        self._rows: dict[str, Row] = {}

    def rows(self) -> dict[str, Row]:
        """Every row by its key; not to be changed.

        Raises:
            ConfigurationInvalid: the file is none of these, or others can read it.
        """
        try:
            stat = self.path.stat()
        except FileNotFoundError:
            self._seen, self._rows = None, {}
            return self._rows
        seen = stat.st_mtime_ns, stat.st_size, stat.st_ino
        if seen != self._seen:
            if stat.st_mode & 0o077:
                raise ConfigurationInvalid(f"{self.path}: others can read it, and it is secret; chmod 600 it")
            try:
                raw = msgspec.json.decode(self.path.read_bytes(), type=list[dict[str, Any]])
                rows = [msgspec.convert(row, self._kind) for row in raw]
            except msgspec.DecodeError as error:
                raise ConfigurationInvalid(
                    f"{self.path}: not a file of {self._what} ({error}); see bwv people"
                ) from error
            self._seen, self._rows = seen, {self._key(row): row for row in rows}
        return self._rows

    @contextmanager
    def changing(self) -> Iterator[dict[str, Row]]:
        """Every row, to be changed; written when the block ends well and something is different.

        Raises:
            ConfigurationInvalid: somebody else has been changing it for PATIENCE seconds.
        """
        lock = self._locked()
        try:
            rows = dict(self.rows())
            before = dict(rows)
            yield rows
            if rows != before:
                listed = sorted(rows.values(), key=self._key)
                write_private(self.path, msgspec.json.format(msgspec.json.encode(listed), indent=1).decode() + "\n")
        finally:
            lock.release()

    def _locked(self) -> Lock:
        lock = Lock(self.path.with_suffix(".lock"))
        end = time.monotonic() + PATIENCE
        while True:
            try:
                lock.acquire()
                return lock
            except ConfigurationInvalid:
                if time.monotonic() >= end:
                    raise
                time.sleep(0.02)
