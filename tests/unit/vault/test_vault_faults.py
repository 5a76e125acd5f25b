"""A store that fails in every way: what gets out of the vault, and how soon."""

from __future__ import annotations

import contextlib
import hashlib
import http.server
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from workers.errors import AlreadyThere, BwvError, ConfigurationInvalid, StoreAway
from workers.vault.client import Access
from workers.vault.faults import BytesRefused, NotThere
from workers.vault.retry import Limits
from workers.vault.s3 import S3Vault
from workers.vault.vault import Part, Upload, Version

QUICK = Limits(connect=0.3, silence=2.0, request=1.0, stride=0.8, tries=3, longest_wait=0.01)
DATE = "Sun, 22 Nov 2026 12:00:00 GMT"
Act = Callable[["Handler"], None]


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    acts: list[Act]
    seen: list[str]

    def _act(self) -> None:
        self.seen.append(self.command)
        if self.acts and self.acts[0] is not slow_reader:
            self.rfile.read(int(self.headers.get("content-length", 0)))
        act = self.acts.pop(0) if len(self.acts) > 1 else self.acts[0]
        with contextlib.suppress(OSError):
            act(self)

    do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = _act

    def log_message(self, format: str, *args: Any) -> None:
        pass


def answer(status: int, body: bytes = b"", **headers: str) -> Act:
    def act(handler: Handler) -> None:
        handler.send_response_only(status)
        kind = {"content-type": "application/xml"} if body.startswith(b"<") else {}
        named = {name.replace("_", "-"): text for name, text in headers.items()}
        for name, text in {"date": DATE, "content-length": str(len(body)), **kind, **named}.items():
            handler.send_header(name, text)
        handler.end_headers()
        if handler.command != "HEAD":
            handler.wfile.write(body)

    return act


def error(status: int, code: str) -> Act:
    return answer(status, f"<Error><Code>{code}</Code><Message>m</Message></Error>".encode())


def hang_up(handler: Handler) -> None:
    handler.close_connection = True


def trickle(handler: Handler) -> None:
    handler.wfile.write(b"HTTP/1.1 200 OK\r\n")
    for _ in range(100):
        handler.wfile.write(b"x")
        time.sleep(0.1)


def trickled_body(handler: Handler) -> None:
    answer(200, b"", content_length="1000000")(handler)
    for _ in range(100):
        handler.wfile.write(b"x")
        time.sleep(0.1)


def slow_reader(handler: Handler) -> None:
    time.sleep(0.7)
    handler.rfile.read(int(handler.headers["content-length"]))
    answer(200, etag='"e"')(handler)


OK = answer(200, etag='"e"', x_amz_version_id="v1")


@contextlib.contextmanager
def store(*acts: Act, limits: Limits = QUICK) -> Iterator[tuple[S3Vault, list[str]]]:
    handler = type("Scripted", (Handler,), {"acts": list(acts), "seen": []})
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    access = Access(
        endpoint=f"http://127.0.0.1:{server.server_port}",
        access_key="key",
        secret_key="canary-secret",
        bucket="evidence",
        role="transfer",
    )
    vault = S3Vault(access, limits=limits)
    try:
        yield vault, handler.seen  # type: ignore[attr-defined]
    finally:
        vault.close()
        server.shutdown()
        server.server_close()


def put(vault: S3Vault) -> Version:
    return vault.put_new("n/k", b"data", lock_until=datetime.now(UTC) + timedelta(minutes=1))


@pytest.mark.parametrize(
    "fault",
    [
        error(500, "InternalError"),
        error(503, "SlowDown"),
        answer(503, b"busy"),
        answer(429, b""),
        answer(502, b"<html>bad gateway</html>"),
        hang_up,
        error(400, "RequestTimeout"),
        error(409, "ConditionalRequestConflict"),
    ],
)
def test_a_fault_that_passes_is_tried_again(fault: Act) -> None:
    with store(fault, OK) as (vault, seen):
        assert put(vault).version_id == "v1"
    assert seen == ["PUT", "PUT"]


@pytest.mark.parametrize("fault", [error(503, "SlowDown"), hang_up, trickle, answer(500)])
def test_a_fault_that_stays_is_told_as_store_away_after_few_tries(fault: Act) -> None:
    with store(fault) as (vault, seen):
        begun = time.monotonic()
        with pytest.raises(StoreAway, match="tried 3 times"):
            put(vault)
    assert len(seen) == 3
    assert time.monotonic() - begun < 6


def test_a_store_that_fails_for_long_gets_no_storm_of_retries() -> None:
    with store(answer(500)) as (vault, seen):
        for _ in range(20):
            with pytest.raises(StoreAway):
                put(vault)
    assert len(seen) == 20 + 10


def test_one_byte_at_a_time_does_not_hold_a_request_for_ever() -> None:
    with store(trickle, limits=Limits(silence=2.0, request=0.5, tries=1)) as (vault, _):
        begun = time.monotonic()
        with pytest.raises(StoreAway, match="within"):
            put(vault)
    assert time.monotonic() - begun < 2


def test_a_store_that_reads_slowly_gets_longer_than_the_connect_timeout() -> None:
    data = bytes(16 << 20)
    with store(slow_reader) as (vault, seen):
        part = vault.put_part(Upload("n/k", "u"), 1, data, 0)
    assert part.size == len(data)
    assert seen == ["PUT"]


def test_a_lost_answer_is_made_up_for_by_looking() -> None:
    md5 = hashlib.md5(b"data", usedforsecurity=False).hexdigest()
    head = answer(200, content_length="4", etag=f'"{md5}"', x_amz_version_id="v7")
    with store(hang_up, error(412, "PreconditionFailed"), head) as (vault, seen):
        assert put(vault).version_id == "v7"
    assert seen == ["PUT", "PUT", "HEAD"]


def test_a_lost_answer_is_not_taken_for_success_where_other_bytes_are() -> None:
    head = answer(200, content_length="4", etag='"0"', x_amz_version_id="v7")
    with store(hang_up, error(412, "PreconditionFailed"), head) as (vault, _), pytest.raises(AlreadyThere):
        put(vault)


def test_a_taken_key_needs_no_second_look() -> None:
    with store(error(412, "PreconditionFailed")) as (vault, seen), pytest.raises(AlreadyThere):
        put(vault)
    assert seen == ["PUT"]


def test_an_error_inside_a_200_of_complete_is_an_error() -> None:
    body = b'<?xml version="1.0"?><Error><Code>InternalError</Code></Error>'
    with store(answer(200, body)) as (vault, seen), pytest.raises(StoreAway):
        vault.complete(Upload("n/k", "u"), [Part(1, 4, "e", 0)])
    assert seen == ["POST"] * 3


def test_a_lock_that_ended_between_the_refusal_and_the_look_is_no_fault_of_the_role() -> None:
    past = answer(200, etag='"e"', x_amz_version_id="v1", x_amz_object_lock_mode="COMPLIANCE",
                  x_amz_object_lock_retain_until_date="2020-01-01T00:00:00Z")  # fmt: skip
    denied = error(403, "AccessDenied")
    with store(denied, past, answer(204)) as (vault, seen):
        vault.delete_version("n/k", "v1")
    assert seen == ["DELETE", "HEAD", "DELETE"]
    with store(denied, past, denied, past) as (vault, seen), pytest.raises(ConfigurationInvalid) as caught:
        vault.delete_version("n/k", "v1")
    assert "DeleteObjectVersion" in str(caught.value) and seen == ["DELETE", "HEAD", "DELETE", "HEAD"]


def test_a_refusal_names_the_role_the_action_and_the_policy() -> None:
    with store(error(403, "AccessDenied")) as (vault, seen), pytest.raises(ConfigurationInvalid) as caught:
        put(vault)
    for word in ("'transfer'", "PutObject", "n/k", "deploy/policies/transfer.json"):
        assert word in str(caught.value)
    assert seen == ["PUT"]


@pytest.mark.parametrize("code", ["InvalidAccessKeyId", "SignatureDoesNotMatch", "RequestTimeTooSkewed"])
def test_bad_credentials_are_named_as_such(code: str) -> None:
    with store(error(403, code)) as (vault, _), pytest.raises(ConfigurationInvalid, match="credentials"):
        put(vault)


def test_bytes_that_are_refused_again_and_again_are_told_as_such() -> None:
    with store(error(400, "BadDigest")) as (vault, seen), pytest.raises(BytesRefused):
        put(vault)
    assert len(seen) == 3


@pytest.mark.parametrize(
    "fault",
    [
        error(400, "SomethingNew"),
        error(501, "NotImplemented"),
        answer(418, b"teapot"),
        answer(301, b"<Error><Code>PermanentRedirect</Code></Error>"),
        answer(307, b""),
        answer(404, b""),
        answer(405, b""),
        answer(409, b""),
        answer(200, b"{}"),
        hang_up,
    ],
)
@pytest.mark.parametrize("call", ["put", "head", "get", "create", "complete", "versions", "delete", "hold"])
def test_nothing_but_our_own_errors_gets_out(fault: Act, call: str) -> None:
    version, upload = Version("n/k", "v", 1, "e"), Upload("n/k", "u")
    calls: dict[str, Callable[[S3Vault], object]] = {
        "put": put,
        "head": lambda vault: vault.head("n/k"),
        "get": lambda vault: vault.get("n/k", "v").close(),
        "create": lambda vault: vault.create_upload("n/k", lock_until=None),
        "complete": lambda vault: vault.complete(upload, [Part(1, 1, "e", 0)]),
        "versions": lambda vault: list(vault.list_versions("n/")),
        "delete": lambda vault: vault.delete_version("n/k", "v"),
        "hold": lambda vault: vault.set_legal_hold(version, True),
    }
    with store(fault) as (vault, _), contextlib.suppress(BwvError):
        calls[call](vault)


def test_a_body_that_ends_early_is_not_taken_for_the_end() -> None:
    def half(handler: Handler) -> None:
        answer(200, b"half", content_length="8")(handler)
        handler.close_connection = True

    with store(half) as (vault, _), vault.get("n/k", "v") as reader:
        buffer = memoryview(bytearray(4))
        assert reader.readinto(buffer) == 4
        with pytest.raises(StoreAway, match="stopped after 4 of 8 bytes"):
            reader.readinto(buffer)


def test_a_body_that_trickles_is_cut() -> None:
    with store(trickled_body) as (vault, _):
        begun = time.monotonic()
        reader = vault.get("n/k", "v")
        with pytest.raises(StoreAway, match="a stride took more than"):
            reader.readinto(memoryview(bytearray(1000)))
    assert time.monotonic() - begun < 3


def test_a_reader_that_waits_for_its_caller_is_not_cut() -> None:
    with store(answer(200, b"abcd")) as (vault, _), vault.get("n/k", "v") as reader:
        buffer = memoryview(bytearray(2))
        assert reader.readinto(buffer) == 2
        time.sleep(1.4)
        assert reader.readinto(buffer) == 2
        assert reader.readinto(buffer) == 0


@pytest.mark.parametrize("act", [answer(200, b"whole"), answer(206, b"ab", x_amz_version_id="other")])
def test_other_bytes_than_were_asked_for_are_not_read(act: Act) -> None:
    with store(act) as (vault, _), pytest.raises(StoreAway, match="changes requests"):
        vault.get("n/k", "v", offset=1, length=2)


def test_a_missing_version_is_not_there() -> None:
    with store(error(404, "NoSuchVersion")) as (vault, _), pytest.raises(NotThere):
        vault.get("n/k", "v")


def test_a_chunk_is_not_hashed_for_its_signature(monkeypatch: pytest.MonkeyPatch) -> None:
    hashed: list[int] = []

    def counting(data: bytes = b"") -> Any:
        hashed.append(len(data))
        return hashlib.new("sha256", data)

    with store(OK) as (vault, _):
        monkeypatch.setattr("workers.vault.client.hashlib.sha256", counting)
        vault.put_part(Upload("n/k", "u"), 1, bytes(1 << 20), 0)
    assert (1 << 20) not in hashed


def test_a_secret_never_shows() -> None:
    with store(OK) as (vault, _):
        assert "canary" not in repr(vault._client.access)
    with store(error(403, "AccessDenied")) as (vault, _), pytest.raises(ConfigurationInvalid) as caught:
        put(vault)
    assert "canary" not in str(caught.value)


@pytest.mark.parametrize("endpoint", ["127.0.0.1:9000", "ftp://x", "http://x/path", "http://"])
def test_an_endpoint_that_is_none_is_refused(endpoint: str) -> None:
    with pytest.raises(ConfigurationInvalid, match="endpoint"):
        S3Vault(Access(endpoint=endpoint, access_key="k", secret_key="s", bucket="evidence", role="transfer"))
