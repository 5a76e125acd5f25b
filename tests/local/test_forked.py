"""Programs that are forked from a process which has imported their modules."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from local.forked import Forked, Zygote
from tests.local.probing import gone, until
from workers.errors import ConfigurationInvalid, PartUnreachable

ROOT = Path(__file__).parents[2]

LETTER = """\
import os, sys, threading, time
import slow
print(os.environ["WORD"], sys.argv[1:], os.getcwd(), os.getsid(0) == os.getpid(), slow.IMPORTED_BY, flush=True)
if sys.argv[1] != "stay":
    sys.exit(int(sys.argv[1]))
threading.Thread(target=time.sleep, args=(600,), daemon=True).start()
time.sleep(600)
"""


@pytest.fixture
def modules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of modules that a zygote can import."""
    folder = tmp_path / "modules"
    folder.mkdir()
    (folder / "letter.py").write_text(LETTER)
    (folder / "slow.py").write_text("import os\nIMPORTED_BY = os.getpid()\n")
    (folder / "restless.py").write_text(
        "import threading, time\nthreading.Thread(target=time.sleep, args=(600,), daemon=True).start()\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(folder))
    return folder


@pytest.fixture
def zygote(modules: Path, tmp_path: Path) -> Iterator[Zygote]:
    one = Zygote(("slow",), tmp_path / "zygote.log")
    yield one
    one.stop()


def letter(zygote: Zygote, folder: Path, what: str, word: str = "hello") -> Forked:
    environment = {**os.environ, "WORD": word}
    argv = (sys.executable, "-m", "letter", what)
    return zygote.fork(argv, log=folder / f"{word}.log", cwd=folder, env=environment)


def said(folder: Path, word: str) -> str:
    """The first line of a letter's log, once it is there."""
    log = folder / f"{word}.log"
    until(lambda: log.exists() and log.read_text().endswith("\n"))
    return log.read_text().splitlines()[0]


def test_a_forked_program_is_a_process_of_its_own_that_imports_nothing_again(zygote: Zygote, tmp_path: Path) -> None:
    one, other = (letter(zygote, tmp_path, "stay", word) for word in ("one", "other"))
    lines = [said(tmp_path, word).split() for word in ("one", "other")]
    assert [line[:4] for line in lines] == [
        ["one", "['stay']", str(tmp_path), "True"],
        ["other", "['stay']", str(tmp_path), "True"],
    ]
    importers = {line[4] for line in lines}
    assert len(importers) == 1
    assert importers.isdisjoint({str(one.pid), str(other.pid)})
    assert one.exit_code() is None
    for child in (one, other):
        assert child.end(10)


def test_ps_shows_the_command_that_a_forked_program_stands_for(zygote: Zygote, tmp_path: Path) -> None:
    child = letter(zygote, tmp_path, "stay")
    said(tmp_path, "hello")
    shown = Path(f"/proc/{child.pid}/cmdline").read_bytes().rstrip(b"\0")
    # As far as there is room: the command line of the zygote.
    assert shown
    assert f"{sys.executable}\0-m\0letter\0stay".encode().startswith(shown)
    child.end(10)


@pytest.mark.parametrize("code", [0, 7])
def test_how_it_ended_is_told(zygote: Zygote, tmp_path: Path, code: int) -> None:
    child = letter(zygote, tmp_path, str(code))
    assert child.wait(10) == code
    assert child.exit_code() == code


def test_a_killed_program_is_told_by_its_signal_and_can_be_started_again(zygote: Zygote, tmp_path: Path) -> None:
    child = letter(zygote, tmp_path, "stay")
    os.kill(child.pid, signal.SIGKILL)
    assert child.wait(10) == -signal.SIGKILL
    again = letter(zygote, tmp_path, "0", "again")
    assert again.wait(10) == 0


def test_a_killed_zygote_takes_its_programs_along_and_is_started_again(zygote: Zygote, tmp_path: Path) -> None:
    child = letter(zygote, tmp_path, "stay")
    parent = int(Path(f"/proc/{child.pid}/stat").read_text().rsplit(")", 1)[1].split()[1])
    os.kill(parent, signal.SIGKILL)
    assert child.wait(10) == -signal.SIGKILL
    until(lambda: gone(child.pid))
    until(lambda: gone(parent))
    again = letter(zygote, tmp_path, "0", "again")
    assert again.wait(10) == 0


def test_nothing_outlives_a_killed_starter(modules: Path, tmp_path: Path) -> None:
    code = (
        "import os, sys; from pathlib import Path; from local.forked import Zygote; "
        "folder = Path(sys.argv[1]); zygote = Zygote(('slow',), folder / 'zygote.log'); "
        "env = {**os.environ, 'WORD': 'hello'}; "
        "argv = (sys.executable, '-m', 'letter', 'stay'); "
        "print(zygote.fork(argv, log=folder / 'hello.log', cwd=folder, env=env).pid, flush=True); "
        "sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT
    ) as starter:
        assert starter.stdout is not None
        child = int(starter.stdout.readline())
        parent = int(Path(f"/proc/{child}/stat").read_text().rsplit(")", 1)[1].split()[1])
        said(tmp_path, "hello")
        starter.kill()
        until(lambda: gone(child), deadline=10)
        until(lambda: gone(parent), deadline=10)


def test_a_module_that_is_missing_is_the_trouble_of_the_program_that_needs_it(modules: Path, tmp_path: Path) -> None:
    zygote = Zygote(("no_such_module", "slow"), tmp_path / "zygote.log")
    try:
        assert letter(zygote, tmp_path, "0").wait(10) == 0
        (modules / "needy.py").write_text("import no_such_module\n")
        argv = (sys.executable, "-m", "needy")
        needy = zygote.fork(argv, log=tmp_path / "needy.log", cwd=tmp_path, env=dict(os.environ))
        assert needy.wait(10) == 1
        assert "no_such_module" in (tmp_path / "needy.log").read_text()
    finally:
        zygote.stop()


def test_an_environment_that_is_too_long_is_refused_and_no_other_program_minds(zygote: Zygote, tmp_path: Path) -> None:
    child = letter(zygote, tmp_path, "stay")
    with pytest.raises(ConfigurationInvalid, match="at most 131072"):
        letter(zygote, tmp_path, "0", "x" * 200_000)
    assert letter(zygote, tmp_path, "0", "other").wait(10) == 0
    assert child.exit_code() is None


def test_what_runs_threads_is_not_forked_and_the_error_says_so(modules: Path, tmp_path: Path) -> None:
    zygote = Zygote(("restless",), tmp_path / "zygote.log")
    with pytest.raises(PartUnreachable, match="runs 1 threads"):
        letter(zygote, tmp_path, "stay")
    zygote.stop()
