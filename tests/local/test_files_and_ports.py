from __future__ import annotations

import socket
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from local.files import Lock, write_private
from local.ports import is_free, keep_ports
from workers.errors import ConfigurationInvalid


def test_a_private_file_is_ours_alone(tmp_path: Path) -> None:
    write_private(tmp_path / "secret", "x")
    assert stat.S_IMODE((tmp_path / "secret").stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["secret"]


def test_ports_stay_once_chosen(tmp_path: Path) -> None:
    told: list[str] = []
    first = keep_ports(tmp_path / "ports.json", ["a", "b"], told.append)
    assert keep_ports(tmp_path / "ports.json", ["a", "b"], told.append) == first
    assert len(set(first.values())) == 2
    assert told == []


def test_a_port_that_is_taken_is_replaced_and_said(tmp_path: Path) -> None:
    told: list[str] = []
    first = keep_ports(tmp_path / "ports.json", ["a", "b"], told.append)
    with socket.create_server(("127.0.0.1", first["a"])):
        second = keep_ports(tmp_path / "ports.json", ["a", "b"], told.append)
    assert second["a"] != first["a"]
    assert second["b"] == first["b"]
    assert str(first["a"]) in told[0] and str(second["a"]) in told[0]
    assert is_free(first["a"])


def test_a_port_that_is_only_promised_is_given_to_nobody_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("local.ports._RANGE", range(15000, 15040))
    monkeypatch.setattr("local.ports.is_free", lambda port: True)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    first = keep_ports(tmp_path / "one.json", [str(n) for n in range(15)], print)
    second = keep_ports(tmp_path / "two.json", [str(n) for n in range(15)], print)
    assert not set(first.values()) & set(second.values())
    (tmp_path / "copy.json").write_text((tmp_path / "one.json").read_text())
    told: list[str] = []
    copied = keep_ports(tmp_path / "copy.json", ["0"], told.append)
    assert copied["0"] not in first.values() and len(told) == 1
    (tmp_path / "one.json").unlink()
    third = keep_ports(tmp_path / "three.json", [str(n) for n in range(20)], print)
    assert set(third.values()) & set(first.values()), "what a home that is gone had can be had again"


def test_a_lock_has_one_holder_and_names_it(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from local.files import Lock; "
        "Lock(Path(sys.argv[1])).acquire(); print('held', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path / "lock")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=Path(__file__).parents[2],
    ) as holder:
        assert holder.stdout is not None and holder.stdout.readline() == b"held\n"
        with pytest.raises(ConfigurationInvalid, match=str(holder.pid)):
            Lock(tmp_path / "lock").acquire()
        holder.kill()
        holder.wait()
    Lock(tmp_path / "lock").acquire()
