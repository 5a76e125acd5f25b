"""Each bad thing on a camera: a clear refusal with its reason and what to do; the others are unharmed."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.dock.conftest import put_recording
from workers.dock.bays import find_bays, find_cameras
from workers.dock.camera import Camera, Look
from workers.dock.folder import Changed, NotPlain
from workers.dock.inventory import DockIdentity, declare, dock_camera
from workers.dock.measuring import Stopped, measure
from workers.dock.sidecars import SidecarWrong, read_sidecar
from workers.errors import DockGone
from workers.footage.canonical import canonical
from workers.keys.signing import Role, Signer

NAME = "BWC-0417"
GOOD = "20261122-0009"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A camera in a bay with one good recording."""
    camera = tmp_path / "BAY-01" / NAME
    put_recording(camera, 9)
    return camera


def look_at(folder: Path) -> Look:
    places, refused = find_cameras(folder.parents[1])
    assert not refused
    return Camera(folder.parents[1], places[0]).look()


def change(folder: Path, **fields: Any) -> None:
    """Add a recording 1 whose sidecar says something odd; None takes a field away."""
    path, _ = put_recording(folder, 1)
    sidecar = path.with_suffix(".json")
    said = {**json.loads(sidecar.read_text()), **fields}
    sidecar.write_text(json.dumps({k: v for k, v in said.items() if v != "ABSENT"}))


def _unreadable(folder: Path) -> None:
    path, _ = put_recording(folder, 1)
    path.with_suffix(".json").write_bytes(b"\x00\xff\xfe not json")


def _cut_off(folder: Path) -> None:
    path, _ = put_recording(folder, 1)
    sidecar = path.with_suffix(".json")
    sidecar.write_bytes(sidecar.read_bytes()[:-10])


def _device(folder: Path) -> None:
    try:
        os.mknod(folder / "disk.mp4", 0o600 | 0o020000, os.makedev(1, 3))
    except PermissionError:
        pytest.skip("only root makes devices")


def _hard_link(folder: Path) -> None:
    path, _ = put_recording(folder, 1)
    os.link(path, folder.parents[1] / ".elsewhere.mp4")


def _socket(folder: Path) -> None:
    with socket.socket(socket.AF_UNIX) as made:
        here = os.getcwd()
        os.chdir(folder)  # the path of a socket may have no more than 107 bytes
        try:
            made.bind("s.mp4")
        finally:
            os.chdir(here)


def _same_id(folder: Path) -> None:
    put_recording(folder, 1, recording="twin")
    put_recording(folder, 2, recording="twin")


def _linked_sidecar(folder: Path) -> None:
    path, _ = put_recording(folder, 1)
    sidecar = path.with_suffix(".json")
    sidecar.rename(folder.parents[1] / ".real.json")
    sidecar.symlink_to(folder.parents[1] / ".real.json")


BAD: dict[str, tuple[Callable[[Path], Any], str]] = {
    "unreadable sidecar": (_unreadable, "not JSON"),
    "sidecar cut off": (_cut_off, "not JSON"),
    "sidecar that is a list": (lambda f: put_recording(f, 1)[0].with_suffix(".json").write_text("[]"), "schema"),
    "missing digest": (lambda f: change(f, sha256="ABSENT"), "no sha256"),
    "digest that is none": (lambda f: change(f, sha256="abc"), "64 lower-case hex"),
    "unknown source type": (lambda f: change(f, source_type="drone"), "unknown source type"),
    "unknown field": (lambda f: change(f, colour="blue"), "colour"),
    "zero bytes": (lambda f: put_recording(f, 1, footage=b"", size=10), "0 bytes"),
    "zero bytes declared": (lambda f: change(f, size=0), "0 bytes"),
    "negative size": (lambda f: change(f, size=-1), "expected 0 to"),
    "a number that cannot be signed": (lambda f: change(f, sequence=2**60), "expected 0 to"),
    "a time that is none": (lambda f: change(f, started="yesterday"), "ISO 8601"),
    "../ in the file name": (lambda f: change(f, file="../../BAY-01/BWC-0417/20261122-0009.mp4"), "leaves the camera"),
    "an absolute file name": (lambda f: change(f, file="/etc/passwd"), "leaves the camera"),
    "../ in the recording id": (lambda f: change(f, recording="../../etc/passwd"), "../"),
    "control characters in the id": (lambda f: change(f, recording="a\x07b"), "control characters"),
    "NUL in the file name": (lambda f: change(f, file="a\x00.mp4"), "control characters"),
    "an id of 300 bytes": (lambda f: change(f, recording="x" * 300), "300 bytes"),
    "a file name of 300 bytes": (lambda f: change(f, file="x" * 300), "300 bytes"),
    "an owner as long as a message": (lambda f: change(f, owner="x" * 2_000_000), "owner"),
    "control characters in a file's name": (lambda f: (f / "a\x1b[31m.mp4").write_bytes(b"x"), "control characters"),
    "a name that is not UTF-8": (lambda f: Path(os.fsdecode(bytes(f) + b"/\xff.mp4")).write_bytes(b"x"), "UTF-8"),
    "a symlink": (lambda f: (f / "link.mp4").symlink_to("/etc/passwd"), "symbolic link"),
    "a sidecar that is a symlink": (_linked_sidecar, "symbolic link"),
    "a FIFO": (lambda f: os.mkfifo(f / "pipe.mp4"), "FIFO"),
    "a device": (_device, "device"),
    "a socket": (_socket, "socket"),
    "a folder": (lambda f: (f / "DCIM").mkdir(), "folder"),
    "a hard link": (_hard_link, "hard links"),
    "a recording without a sidecar": (lambda f: (f / "lost.mp4").write_bytes(b"x"), "no sidecar lost.json"),
    "a sidecar without a recording": (lambda f: put_recording(f, 1)[0].unlink(), "not on the camera"),
    "two with one id": (_same_id, "recording id 'twin' is claimed by"),
    "two with one sequence": (
        lambda f: [put_recording(f, 1, sequence=5), put_recording(f, 2, sequence=5)], "sequence 5 is claimed by"
    ),
    "two sidecars of one file": (
        lambda f: [put_recording(f, 1), put_recording(f, 2, file="20261122-0001.mp4")], "is claimed by"
    ),
    "a clock that is none": (lambda f: (f / "camera.json").write_text("{"), "clock"),
}  # fmt: skip


@pytest.mark.parametrize("bad", BAD)
def test_a_bad_thing_is_refused_with_reason_and_action_and_harms_no_other(folder: Path, bad: str) -> None:
    make, reason = BAD[bad]
    make(folder)
    before = {p.name: p.lstat().st_size for p in folder.iterdir()}
    look = look_at(folder)
    found = {f.sidecar.recording for f in look.recordings}
    assert found - {"20261122-0001", "20261122-0002"} == {GOOD}
    assert any(reason in item.reason for item in look.refused), look.refused
    assert all(item.reason and item.action and item.name.isprintable() for item in look.refused)
    assert {p.name: p.lstat().st_size for p in folder.iterdir()} == before
    canonical(look.refused)  # it can be signed


@pytest.mark.parametrize(
    "name", ["-rf.mp4", "\u202egpj.mp4", "\u200fx.mp4", "%2e%2e%2fx.mp4", "x" * 251 + ".mp4", "日本.mp4"]
)
def test_an_unusual_name_is_only_a_name(folder: Path, name: str) -> None:
    path, _ = put_recording(folder, 1, file=name, recording=name)
    path.rename(folder / name)
    look = look_at(folder)
    assert name in {f.sidecar.recording for f in look.recordings}
    assert not look.refused


def test_an_upper_case_digest_is_the_same_digest(folder: Path) -> None:
    change(folder, sha256="AB" * 32)
    assert "ab" * 32 in {f.sidecar.sha256 for f in look_at(folder).recordings}


@pytest.mark.parametrize("bay", ["bay-01", "..x", "B" * 40, "BAY 1"])
def test_a_folder_that_can_be_no_bay_is_refused_and_the_others_serve(folder: Path, bay: str) -> None:
    dock = folder.parents[1]
    (dock / bay).mkdir(exist_ok=True)
    bays, refused = find_bays(dock)
    assert bays == ["BAY-01"]
    assert [item.name for item in refused] == ([bay] if not bay.startswith(".") else [])


def test_a_bay_or_camera_that_is_a_link_is_not_followed(folder: Path, tmp_path: Path) -> None:
    dock = folder.parents[1]
    (dock / "BAY-02").symlink_to(dock / "BAY-01")
    (dock / "BAY-01" / "BWC-0500").symlink_to(folder)
    places, refused = find_cameras(dock)
    assert [place.camera for place in places] == [NAME]
    assert [item.name for item in refused] == ["BAY-02", "BAY-01/BWC-0500"]


def test_a_camera_that_was_swapped_for_another_folder_is_gone(folder: Path) -> None:
    dock = folder.parents[1]
    camera = Camera(dock, find_cameras(dock)[0][0])
    folder.rename(dock / "old")
    folder.mkdir()
    with pytest.raises(DockGone, match="another folder"):
        camera.look()


def _grow(path: Path) -> None:
    with path.open("ab") as file:
        file.write(b"more")


def _replace(path: Path) -> None:
    other = path.with_name("other")
    other.write_bytes(path.read_bytes())
    other.rename(path)


TOUCHED: dict[str, Callable[[Path], Any]] = {
    "grows": _grow,
    "shrinks": lambda p: os.truncate(p, 600_000),
    "changes": lambda p: p.write_bytes(b"z" * p.stat().st_size),
    "is replaced": _replace,
}


@pytest.mark.parametrize("how", TOUCHED)
def test_a_recording_that_is_touched_while_it_is_read_is_not_declared(folder: Path, how: str) -> None:
    path, _ = put_recording(folder, 1, footage=b"a" * (2 << 20))
    dock = folder.parents[1]
    camera = Camera(dock, find_cameras(dock)[0][0])
    found = next(f for f in camera.look().recordings if f.sidecar.sequence == 1)
    calls: list[int] = []

    def touch(done: int) -> None:
        if not calls:
            TOUCHED[how](path)
        calls.append(done)

    if how == "is replaced":  # the open file is still the old one: the next opening finds the other
        measure(camera, path.name, found.stamp, progress=touch)
        with pytest.raises(Changed):
            measure(camera, path.name, found.stamp)
    else:
        with pytest.raises(Changed, match="changed while it was read"):
            measure(camera, path.name, found.stamp, progress=touch)
    assert calls


def test_measuring_can_be_called_off(folder: Path) -> None:
    dock = folder.parents[1]
    camera = Camera(dock, find_cameras(dock)[0][0])
    [found] = camera.look().recordings
    with pytest.raises(Stopped):
        measure(camera, found.sidecar.file, found.stamp, stopped=lambda: True)


def test_a_link_put_in_place_of_a_recording_is_not_followed(folder: Path) -> None:
    dock = folder.parents[1]
    camera = Camera(dock, find_cameras(dock)[0][0])
    [found] = camera.look().recordings
    path = folder / found.sidecar.file
    path.rename(dock / "real.mp4")
    path.symlink_to(dock / "real.mp4")
    with pytest.raises(NotPlain):
        measure(camera, path.name, found.stamp)


def test_no_descriptor_is_left_open_by_looking_and_declaring(folder: Path) -> None:
    put_recording(folder, 1)
    (folder / "pipe.mp4").symlink_to("/dev/zero")
    dock = folder.parents[1]
    camera = Camera(dock, find_cameras(dock)[0][0])
    identity = DockIdentity("DOCK-01", Signer.new(Role.DOCK, "DOCK-01"), "http://127.0.0.1:1")
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(5):
        look = camera.look()
        docking = dock_camera(identity, camera, look, 1_800_000_000.0, restarted=False)
        for found in look.recordings:
            declare(identity, camera, docking, found)
    assert len(os.listdir("/proc/self/fd")) == before


def test_a_report_of_an_earlier_docking_put_back_on_the_camera_is_not_given_again(folder: Path) -> None:
    dock = folder.parents[1]
    camera = Camera(dock, find_cameras(dock)[0][0])
    look = camera.look()
    identity = DockIdentity("DOCK-01", Signer.new(Role.DOCK, "DOCK-01"), "http://127.0.0.1:1")
    first = dock_camera(identity, camera, look, 1_800_000_000.0, restarted=False)
    declare(identity, camera, first, look.recordings[0])
    [kept] = (folder / ".dock/reports").iterdir()
    old = kept.read_bytes()
    second = dock_camera(identity, camera, look, 1_800_000_000.0, restarted=False)
    kept.write_bytes(old)
    report = json.loads(declare(identity, camera, second, look.recordings[0]).body)
    assert (second.docking, report["docking"]) == (first.docking + 1, first.docking + 1)


@settings(max_examples=300)
@given(
    st.dictionaries(
        st.sampled_from(["recording", "file", "size", "sequence", "owner", "started", "sha256", "preroll"]),
        st.one_of(
            st.none(), st.text(max_size=40), st.integers(), st.floats(allow_nan=False, allow_infinity=False),
            st.dictionaries(st.sampled_from(["seconds", "sound"]), st.floats(allow_nan=False, allow_infinity=False)),
        ),
    )
)  # fmt: skip
def test_a_sidecar_with_anything_in_it_is_read_or_refused(fields: dict[str, Any]) -> None:
    good = {
        "recording": "r", "file": "r.mp4", "source_type": "taser", "sequence": 1,
        "started": "2026-11-22T21:04:05Z", "size": 5, "sha256": None,
    }  # fmt: skip
    try:
        sidecar = read_sidecar(json.dumps({**good, **fields}).encode("utf-8", "surrogatepass"))
    except SidecarWrong as refused:
        assert str(refused)
        assert refused.action
    else:
        canonical(sidecar)
        assert "/" not in sidecar.file


@settings(max_examples=300)
@given(st.binary(max_size=200))
def test_a_sidecar_of_any_bytes_is_refused(data: bytes) -> None:
    with pytest.raises(SidecarWrong):
        read_sidecar(data)


def test_a_deeply_nested_sidecar_is_refused() -> None:
    with pytest.raises(SidecarWrong):
        read_sidecar(b'{"track":' + b"[" * 100_000)
