"""Each server alone: it keeps its data and its addresses, and lets only the right people in."""

from __future__ import annotations

import io
import os
import shutil
import signal
import stat
import uuid
from pathlib import Path

import psycopg
import pytest
from minio.error import S3Error

from local.credentials import store_roles
from local.ffmpeg import find_ffmpeg
from local.java import find_java
from local.kafka import Kafka, cluster_id
from local.postgres import Postgres
from local.stack import POLICIES
from local.store import Store
from tests.local.probing import first_letter, gone, make_topic, send
from workers.errors import ConfigurationInvalid, PartUnreachable

pytestmark = pytest.mark.stack


async def test_kafka_keeps_records_and_address(tmp_path: Path) -> None:
    kafka = Kafka(tmp_path / "kafka")
    kafka.start()
    try:
        address, pid = kafka.bootstrap, kafka.pid()
        assert pid is not None
        await make_topic(address)
        await send(address, b"kept")
        kafka.stop()
        assert gone(pid) and kafka.pid() is None and not kafka.alive()
        kafka.start()
        assert kafka.bootstrap == address
        assert await first_letter(address) == b"kept"
        kafka.stop()
        # The controller's port must not be part of the data: another one has to do as well.
        (tmp_path / "kafka" / "ports.json").unlink()
        kafka.start()
        assert kafka.bootstrap != address
        assert await first_letter(kafka.bootstrap) == b"kept"
    finally:
        kafka.stop()


def test_the_store_keeps_objects_and_address(tmp_path: Path) -> None:
    store = Store(tmp_path / "store", store_roles(tmp_path / "credentials", POLICIES))
    store.start()
    try:
        endpoint, key = store.endpoint, "local/store-check/kept"
        store.client().put_object(store.bucket, key, io.BytesIO(b"kept"), 4)
        store.stop()
        store.start()
        assert store.endpoint == endpoint
        with store.client().get_object(store.bucket, key) as answer:
            assert answer.read() == b"kept"
        assert store.client().get_object_lock_config(store.bucket).mode is None
        with pytest.raises(S3Error, match="AccessDenied"):
            store.client("verification").put_object(store.bucket, key, io.BytesIO(b"x"), 1)
        # What serves is proven without leaving anything behind.
        found = [entry.object_name for entry in store.client().list_objects(store.bucket, recursive=True)]
        assert found == [key]
    finally:
        store.stop()
    assert not [path for port in store.ports.values() for path in Path("/tmp").glob(f"seaweedfs-*-{port}.sock")]


def test_credentials_are_random_stay_and_are_ours_alone(tmp_path: Path) -> None:
    first, second = (store_roles(tmp_path / name, POLICIES) for name in ("a", "b"))
    assert store_roles(tmp_path / "a", POLICIES) == first
    assert {role.secret_key for role in first.values()}.isdisjoint(r.secret_key for r in second.values())
    assert len(first) > 1 and "admin" in first
    assert {stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "a").iterdir()} == {0o600}
    assert all(role.secret_key not in repr(role) for role in first.values())


def test_a_store_without_an_administrator_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationInvalid, match=r"admin\.json"):
        store_roles(tmp_path / "credentials", tmp_path)


WAYS = [True] if os.geteuid() != 0 or shutil.which("setpriv") is None else [True, False]


@pytest.mark.parametrize("namespace", WAYS, ids=["first way", "second way"][: len(WAYS)])
def test_postgres_keeps_rows_and_address(tmp_path: Path, namespace: bool) -> None:
    server = Postgres(tmp_path / "postgres", tmp_path / "credentials", namespace=namespace)
    server.start()
    try:
        dsn = server.dsn
        with psycopg.connect(dsn) as connection:
            connection.execute("CREATE TABLE letters (body text)")
            connection.execute("INSERT INTO letters VALUES ('kept')")
        server.stop()
        server.start()
        assert server.dsn == dsn
        with psycopg.connect(dsn) as connection:
            assert connection.execute("SELECT body FROM letters").fetchall() == [("kept",)]
            assert connection.execute("SHOW fsync").fetchone() == ("on",)
            assert connection.execute("SHOW unix_socket_directories").fetchone() == ("",)
        assert stat.S_IMODE(server.passfile.stat().st_mode) == 0o600
    finally:
        server.stop()


def test_postgres_refuses_a_wrong_password_and_no_password(tmp_path: Path) -> None:
    server = Postgres(tmp_path / "postgres", tmp_path / "credentials")
    server.start()
    try:
        bare = server.dsn.split("?")[0]
        with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
            psycopg.connect(bare, password="guessed")
        with pytest.raises(psycopg.OperationalError, match="no password supplied"):
            psycopg.connect(bare, passfile="/nonexistent")
    finally:
        server.stop()


def test_a_folder_has_one_owner_and_a_killed_server_comes_back(tmp_path: Path) -> None:
    server = Postgres(tmp_path / "postgres", tmp_path / "credentials")
    server.start()
    try:
        with pytest.raises(ConfigurationInvalid, match=str(os.getpid())):
            Postgres(tmp_path / "postgres", tmp_path / "credentials").start()
        pid = server.pid()
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        assert server.wait(10) == -signal.SIGKILL
        server.start()
        assert server.alive() and server.pid() != pid
    finally:
        server.stop()


def test_a_server_that_cannot_start_says_why(tmp_path: Path) -> None:
    kafka = Kafka(tmp_path / "kafka", properties={"process.roles": "dancer"})
    with pytest.raises(PartUnreachable, match="dancer"):
        kafka.start()
    assert not kafka.alive()


def test_only_a_java_that_runs_kafka_will_do(tmp_path: Path) -> None:
    old = tmp_path / "java"
    old.write_text("#!/bin/sh\necho 'openjdk version \"11.0.2\" 2019-01-15' >&2\n")
    old.chmod(0o755)
    with pytest.raises(ConfigurationInvalid, match="Java 11"):
        find_java(str(old))
    assert find_java().major >= 17


def test_ffmpeg_is_found_with_its_version() -> None:
    found = find_ffmpeg()
    assert Path(found.ffmpeg).exists() and Path(found.ffprobe).exists() and found.version


def test_no_id_of_a_cluster_begins_as_an_option_does() -> None:
    assert not cluster_id(uuid.UUID(bytes=b"\xf8" * 16)).startswith("-")
    assert len({cluster_id(uuid.UUID(int=number << 64)) for number in range(1000)}) == 1000
