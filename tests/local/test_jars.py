from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from local.jars import Jar, fetch_jars, locked_jars, missing_jars
from workers.errors import ConfigurationInvalid

GOOD = b"the bytes of a jar"


@pytest.fixture
def lock(tmp_path: Path) -> Path:
    row = {"g": "g", "a": "a", "v": "1", "sha256": hashlib.sha256(GOOD).hexdigest(), "size": len(GOOD)}
    (tmp_path / "lock.json").write_text(json.dumps({"jars": [row]}))
    return tmp_path / "lock.json"


def repository(content: bytes) -> Callable[[Jar, Path], Path]:
    def fetch(jar: Jar, scratch: Path) -> Path:
        (scratch / "fetched.jar").write_bytes(content)
        return scratch / "fetched.jar"

    return fetch


def no_network(jar: Jar, scratch: Path) -> Path:
    raise AssertionError("the cache held the jar")


def test_a_jar_is_fetched_once(tmp_path: Path, lock: Path) -> None:
    (path,) = fetch_jars(tmp_path / "cache", lock, repository(GOOD))
    assert path.read_bytes() == GOOD
    assert fetch_jars(tmp_path / "cache", lock, no_network) == [path]


@pytest.mark.parametrize("content", [b"the bytes of a Jar", GOOD[:5], b""])
def test_a_jar_with_other_bytes_in_the_cache_is_fetched_again(tmp_path: Path, lock: Path, content: bytes) -> None:
    (path,) = fetch_jars(tmp_path / "cache", lock, repository(GOOD))
    path.write_bytes(content)
    assert len(missing_jars(tmp_path / "cache", lock)) == 1
    fetch_jars(tmp_path / "cache", lock, repository(GOOD))
    assert path.read_bytes() == GOOD


@pytest.mark.parametrize("content", [b"the bytes of a Jar", GOOD[:5], b""])
def test_a_repository_that_serves_other_bytes_is_refused(tmp_path: Path, lock: Path, content: bytes) -> None:
    with pytest.raises(ConfigurationInvalid, match=r"a-1\.jar"):
        fetch_jars(tmp_path / "cache", lock, repository(content))
    assert list((tmp_path / "cache" / "jars").iterdir()) == []


def test_the_lock_names_every_jar_of_one_kafka() -> None:
    jars = locked_jars()
    assert len({jar.file_name for jar in jars}) == len(jars)
    assert {jar.v for jar in jars if jar.g == "org.apache.kafka"} == {"4.3.1"}
