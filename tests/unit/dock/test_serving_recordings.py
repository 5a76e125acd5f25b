"""The dock's server and its client: ranges, limits, signatures, names, and cameras that leave."""

from __future__ import annotations

import base64
import http.client
import json
import os
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.dock.conftest import put_recording
from workers.dock.bays import find_cameras
from workers.dock.camera import Camera
from workers.dock.client import DockRefused, DockSource
from workers.dock.offers import Offer, address
from workers.dock.ranges import RangeUnfit, single_range
from workers.dock.server import DockServer
from workers.errors import DockBusy, DockGone, NameInvalid
from workers.keys.signing import Role, Signer
from workers.keys.statements import PURPOSES, Fetch, now_iso

NAME = "BWC-0417"
SIZE = 300_007


class Served:
    """One camera with one recording behind a server."""

    def __init__(self, dock: Path, serves: int = 4, size: int = SIZE) -> None:
        self.dock = dock
        self.path, self.declared = put_recording(dock / "BAY-01" / NAME, 1, footage=os.urandom(size))
        self.footage = self.path.read_bytes()
        self.signer = Signer.new(Role.SERVICE, "transfer")
        self.server = DockServer("127.0.0.1", 0, [self.signer.enrolment()], serves=serves)
        self.server.start()
        self.camera = Camera(dock, find_cameras(dock)[0][0])
        [found] = self.camera.look().recordings
        self.offer = Offer(self.camera, found)
        self.where = address(NAME, 7, self.declared["recording"])
        self.server.offers.add(self.where, self.offer)

    def source(self, **options: Any) -> DockSource:
        return DockSource(self.server.base + self.where, self.signer, **options)

    def ask(
        self, path: str | None = None, *, signed: str | None = None, method: str = "GET", **headers: str
    ) -> tuple[int, dict[str, str], bytes]:
        """A raw request; `signed`: the path that the signature is for."""
        path = self.where if path is None else path
        fetch = self.signer.sign(PURPOSES[Fetch], Fetch(path if signed is None else signed, now_iso()))
        token = base64.b64encode(msgspec.json.encode(fetch)).decode()
        return self.raw(method, path, {"Authorization": f"BWV {token}", **headers})

    def raw(self, method: str, path: str, headers: dict[str, str]) -> tuple[int, dict[str, str], bytes]:
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        with socket.create_connection(self.server.server_address[:2], timeout=10) as link:  # type: ignore[arg-type]
            request = f"{method} {path} HTTP/1.1\r\nHost: x\r\n{lines}Connection: close\r\n\r\n"
            link.sendall(request.encode("utf-8", "surrogateescape"))
            answer = http.client.HTTPResponse(link, method=method)
            answer.begin()
            body = answer.read()
            told = {name.lower(): value for name, value in answer.getheaders()}
            answer.close()
        return answer.status, told, body


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    made = Served(tmp_path)
    yield made
    made.server.stop()


def read(source: DockSource, offset: int = 0, length: int | None = None, stride: int = 65_536) -> bytes:
    content, buffer = bytearray(), memoryview(bytearray(stride))
    with source.open(offset, length) as reader:
        while count := reader.readinto(buffer):
            content += buffer[:count]
    return bytes(content)


@pytest.mark.parametrize("stride", [1, 997, 65_536, 1 << 20])
def test_the_bytes_arrive_as_they_lie_there_at_any_stride(served: Served, stride: int) -> None:
    wanted = 2_000 if stride == 1 else None
    assert read(served.source(), 0, wanted, stride) == served.footage[:wanted]


@pytest.mark.parametrize(("offset", "length"), [(0, 1), (5, 70_000), (SIZE - 1, 1), (100_000, None), (0, SIZE)])
def test_a_range_is_exactly_that_range(served: Served, offset: int, length: int | None) -> None:
    end = None if length is None else offset + length
    source = served.source()
    assert read(source, offset, length) == served.footage[offset:end]
    assert source.size == SIZE


def test_size_and_sidecar_need_no_slot(tmp_path: Path) -> None:
    served = Served(tmp_path, serves=1, size=64 << 20)
    try:
        with served.source().open():
            assert served.source().size == 64 << 20
            assert json.loads(served.source().sidecar()) == served.declared
    finally:
        served.server.stop()


def test_a_reader_that_is_one_too_many_is_told_when_to_come_back_and_may_then(tmp_path: Path) -> None:
    served = Served(tmp_path, serves=2, size=64 << 20)
    try:
        first, second = served.source().open(), served.source().open()
        with pytest.raises(DockBusy) as busy:
            served.source().open()
        assert busy.value.retry_after == 1.0
        status, headers, body = served.ask()
        assert (status, headers["retry-after"], json.loads(body)["error"]) == (503, "1", "busy")
        first.close()
        third = None
        for _ in range(1000):  # until the server has noticed that the first hung up
            try:
                third = served.source().open()
                break
            except DockBusy:
                threading.Event().wait(0.01)
        assert third is not None
        second.close()
        third.close()
    finally:
        served.server.stop()


@pytest.mark.parametrize(
    ("header", "status"),
    [
        ("bytes=0-0", 206), ("bytes=-5", 206), ("bytes=10-", 206), (f"bytes=0-{10**17}", 206),
        (f"bytes={SIZE}-", 416), ("bytes=5-4", 416), ("bytes=0-1,3-4", 416), ("bytes=-", 416), ("bytes=-0", 416),
        ("lines=0-1", 416), ("bytes=a-b", 416), ("bytes=-1-2", 416), ("bytes=0-" + "9" * 40, 416), ("", 416),
    ],
)  # fmt: skip
def test_only_one_satisfiable_range_is_served(served: Served, header: str, status: int) -> None:
    found, headers, body = served.ask(Range=header)
    assert found == status
    if status == 416:
        assert headers["content-range"] == f"bytes */{SIZE}"
    else:
        first, length = single_range(header, SIZE)
        assert headers["content-range"] == f"bytes {first}-{first + length - 1}/{SIZE}"
        assert body == served.footage[first : first + length]
        assert headers["x-bwv-size"] == str(SIZE)


def test_a_range_of_an_empty_thing_does_not_exist() -> None:
    with pytest.raises(RangeUnfit):
        single_range("bytes=0-", 0)


def test_head_tells_the_size_and_sends_nothing(served: Served) -> None:
    status, headers, body = served.ask(method="HEAD")
    assert (status, headers["content-length"], headers["x-bwv-size"], body) == (200, str(SIZE), str(SIZE), b"")


@pytest.mark.parametrize("method", ["PUT", "POST", "DELETE", "PATCH", "OPTIONS", "TRACE"])
def test_nothing_can_be_done_but_reading(served: Served, method: str) -> None:
    assert served.ask(method=method)[0] == 501
    assert served.path.read_bytes() == served.footage


def _token(served: Served, signer: Signer, purpose: str, path: str, at: str) -> str:
    signed = signer.sign(purpose, Fetch(path, at))
    return "BWV " + base64.b64encode(msgspec.json.encode(signed)).decode()


UNSIGNED: dict[str, Any] = {
    "no signature": lambda s: {},
    "another scheme": lambda s: {"Authorization": "Bearer x"},
    "not base64": lambda s: {"Authorization": "BWV !!!"},
    "not a signed thing": lambda s: {"Authorization": "BWV " + base64.b64encode(b"{}").decode()},
    "an unknown key": lambda s: {
        "Authorization": _token(s, Signer.new(Role.SERVICE, "transfer"), PURPOSES[Fetch], s.where, now_iso())
    },
    "a signature for another path": lambda s: {
        "Authorization": _token(s, s.signer, PURPOSES[Fetch], s.where + "/sidecar", now_iso())
    },
    "a signature for another purpose": lambda s: {
        "Authorization": _token(s, s.signer, "bwv.report.1", s.where, now_iso())
    },
    "an old signature": lambda s: {
        "Authorization": _token(s, s.signer, PURPOSES[Fetch], s.where, "2020-01-01T00:00:00Z")
    },
    "a signature of the future": lambda s: {
        "Authorization": _token(s, s.signer, PURPOSES[Fetch], s.where, "2090-01-01T00:00:00Z")
    },
    "a time that is none": lambda s: {"Authorization": _token(s, s.signer, PURPOSES[Fetch], s.where, "now")},
}


@pytest.mark.parametrize("case", UNSIGNED)
def test_whoever_does_not_sign_reads_nothing(served: Served, case: str) -> None:
    status, _, body = served.raw("GET", served.where, UNSIGNED[case](served))
    assert status == 401
    assert json.loads(body)["error"] == "unsigned"
    assert served.offer.served == 0


TRAVERSAL = [
    "/", "/..", "/../../etc/passwd", "/etc/passwd", "//etc/passwd", "/%2e%2e/%2e%2e/etc/passwd",
    "/..%2f..%2fetc/passwd",
    f"/{NAME}/7/../../../etc/passwd", f"/{NAME}/7/20261122-0001.mp4", f"/BAY-01/{NAME}/20261122-0001.mp4",
    f"/{NAME}/7/%00", f"/{NAME}/7/-rf", f"/{NAME}/7/" + "a" * 300, f"/{NAME}/7/" + "x" * 5000,
    f"/{NAME}/.dock/docking.json",
    f"/{NAME}/7/%E2%80%AEgpj", f"/{NAME}/8/{'0' * 32}", "*", "http://127.0.0.1:22/", f"/{NAME}/7/\\..\\..\\x",
    "/sidecar", "/sidecar/sidecar", f"/{NAME}/7/~root", f"/{NAME}//7", "/.", f"/{NAME.lower()}/7/{'0' * 32}",
]  # fmt: skip


@pytest.mark.parametrize("path", TRAVERSAL)
def test_a_path_that_was_never_offered_serves_nothing(served: Served, path: str) -> None:
    for asked in {path, path + "/sidecar", served.where + path, served.where + "?x=" + path}:
        if asked == served.where + "/sidecar":
            continue  # that one is offered
        status, _, body = served.ask(asked)
        assert status in (400, 401, 404), (asked, status)
        assert set(json.loads(body)) == {"error", "reason"}
    assert served.offer.served == 0


@pytest.mark.parametrize("raw", ["/\x00", "/a b", "/\u202e", "/\x7f", "/\udcff"])
def test_a_malformed_request_line_is_refused(served: Served, raw: str) -> None:
    status, _, _ = served.raw("GET", raw, {})
    assert status in (400, 401, 404)


@pytest.mark.parametrize(
    "location",
    [
        "http://127.0.0.1:1/etc/passwd", "file:///etc/passwd", "http://u:p@127.0.0.1:1/BWC-0417/7/" + "0" * 32,
        "http://127.0.0.1:1/BWC-0417/7/" + "0" * 32 + "?x", "http://127.0.0.1:1/BWC-0417/7/" + "0" * 32 + "\r\nX: y",
        "http://127.0.0.1:99999/BWC-0417/7/" + "0" * 32, "ftp://127.0.0.1/BWC-0417/7/" + "0" * 32, "", "http://[",
    ],
)  # fmt: skip
def test_a_location_of_another_form_is_not_asked(location: str) -> None:
    with pytest.raises(NameInvalid):
        DockSource(location, Signer.new(Role.SERVICE, "transfer"))


def test_a_dock_that_is_not_there_is_gone() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound and not listening: refused
        port = taken.getsockname()[1]
        source = DockSource(f"http://127.0.0.1:{port}{address(NAME, 7, 'r')}", Signer.new(Role.SERVICE, "transfer"))
        for ask in (source.open, source.sidecar, lambda: source.size):
            with pytest.raises(DockGone, match="does not answer"):
                ask()


def test_a_key_that_the_dock_does_not_know_is_told_plainly(served: Served) -> None:
    stranger = DockSource(served.server.base + served.where, Signer.new(Role.SERVICE, "transfer"))
    with pytest.raises(DockRefused, match=r"401.*not enrolled"):
        stranger.open()


def test_a_withdrawn_recording_is_gone_with_its_reason_and_ends_the_body(tmp_path: Path) -> None:
    served = Served(tmp_path, size=64 << 20)
    try:
        with served.source().open() as reader:
            buffer = bytearray(1 << 20)
            assert reader.readinto(buffer) == 1 << 20
            served.server.offers.withdraw(served.offer, 410, "camera BWC-0417 was taken out of BAY-01")
            with pytest.raises(DockGone):
                while reader.readinto(buffer):
                    pass
        with pytest.raises(DockGone, match="taken out of BAY-01"):
            served.source().open()
        assert served.ask()[0] == 410
    finally:
        served.server.stop()


def test_a_camera_that_left_unnoticed_is_gone_when_asked(served: Served) -> None:
    (served.dock / "BAY-01" / NAME).rename(served.dock / "in-the-hand")
    status, _, body = served.ask()
    assert status == 410
    assert "no longer in BAY-01" in json.loads(body)["reason"]


@pytest.mark.parametrize("how", ["grows", "changes", "is a link", "is gone", "is a hard link"])
def test_a_recording_that_is_not_the_measured_one_is_not_served(served: Served, how: str) -> None:
    if how == "grows":
        with served.path.open("ab") as file:
            file.write(b"x")
    elif how == "changes":
        other = served.path.with_name("other")
        other.write_bytes(served.footage)
        other.rename(served.path)
    elif how == "is a link":
        served.path.rename(served.dock / "real.mp4")
        served.path.symlink_to(served.dock / "real.mp4")
    elif how == "is a hard link":
        os.link(served.path, served.dock / "second.mp4")
    else:
        served.path.unlink()
    status, _, body = served.ask()
    assert (status, json.loads(body)["error"]) == (409, "changed")
    with pytest.raises(DockGone, match="409"):
        served.source().open()
    assert served.offer.served == 0


def test_a_recording_cut_short_in_the_middle_of_its_body_ends_the_body(tmp_path: Path) -> None:
    served = Served(tmp_path, size=64 << 20)
    try:
        with served.source().open() as reader:
            buffer = bytearray(1 << 20)
            assert reader.readinto(buffer) == 1 << 20
            os.truncate(served.path, 1 << 20)
            with pytest.raises(DockGone):
                while reader.readinto(buffer):
                    pass
    finally:
        served.server.stop()


def _talk(*pieces: bytes, hold: bool = False) -> tuple[str, threading.Thread, socket.socket]:
    """A dock that says just these bytes, then hangs up, or holds the line."""
    listening = socket.create_server(("127.0.0.1", 0))
    release = threading.Event()

    def serve() -> None:
        link, _ = listening.accept()
        with link:
            link.recv(65_536)
            for piece in pieces:
                link.sendall(piece)
            if hold:
                link.settimeout(20)
                try:
                    while link.recv(65_536):
                        pass
                except OSError:
                    release.set()

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    return f"http://127.0.0.1:{listening.getsockname()[1]}{address(NAME, 7, 'r')}", thread, listening


HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\nX-Bwv-Size: 100000\r\n\r\n"


@pytest.mark.parametrize(
    ("pieces", "hold"),
    [
        ((b"",), False), ((b"nonsense\r\n\r\n",), False), ((HEAD[:20],), True), ((HEAD,), True),
        ((HEAD + b"x" * 99_999,), False), ((HEAD + b"x" * 99_999,), True), ((HEAD, b"x" * 500), False),
        ((b"HTTP/1.1 200 OK\r\n\r\n",), False), ((b"HTTP/1.1 200 OK\r\nX: " + b"y" * 200_000,), False),
        ((b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:22/\r\nContent-Length: 0\r\n\r\n",), False),
        ((b"HTTP/1.1 500 Oops\r\nContent-Length: 9999999999\r\n\r\nx",), False),
    ],
)  # fmt: skip
def test_whatever_a_dock_says_wrong_it_is_gone_within_the_patience(pieces: tuple[bytes, ...], hold: bool) -> None:
    location, thread, listening = _talk(*pieces, hold=hold)
    with listening:
        with pytest.raises(DockGone):
            read(DockSource(location, Signer.new(Role.SERVICE, "transfer"), patience=0.3))
        thread.join(20)


def test_a_reader_can_be_ended_from_another_thread(tmp_path: Path) -> None:
    location, thread, listening = _talk(HEAD, hold=True)
    source = DockSource(location, Signer.new(Role.SERVICE, "transfer"), patience=60)
    ended: list[BaseException] = []
    with listening:
        reader = source.open()

        def wait() -> None:
            try:
                reader.readinto(bytearray(10))
            except DockGone as gone:
                ended.append(gone)

        waiting = threading.Thread(target=wait)
        waiting.start()
        source.abort()
        waiting.join(10)
        assert ended
        reader.close()
        thread.join(20)


def test_progress_counts_what_left(served: Served) -> None:
    def counted(expected: tuple[int, int, bool]) -> None:
        # The reader may have the last bytes before the server has counted them.
        end = time.monotonic() + 10
        while (found := (served.offer.served, served.offer.position, served.offer.fetched)) != expected:
            assert time.monotonic() < end, f"counted {found}, expected {expected}"
            time.sleep(0.001)

    read(served.source(), 0, 100_000)
    counted((100_000, 100_000, False))
    read(served.source(), 100_000)
    counted((SIZE, SIZE, True))
