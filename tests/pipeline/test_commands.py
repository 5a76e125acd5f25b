"""The command line: help that lists exit codes, JSON for scripts, and exit codes that mean what help says."""

from __future__ import annotations

import asyncio
import subprocess
from pathlib import Path

import click
import msgspec
import pytest

from console.cli.main import EXIT_CODES, VERBS, Verbs, cli
from tests.pipeline.broker import dead_letter, send
from tests.pipeline.conftest import Fresh
from tests.pipeline.pipeline import BWV, Pipeline, command
from tests.pipeline.test_custody import sealed

pytestmark = pytest.mark.stack


def commands() -> dict[str, click.Command]:
    """Every command by its words: `quarantine show` and the groups too."""
    found: dict[str, click.Command] = {}
    context = click.Context(cli)
    for verb in VERBS:
        assert isinstance(cli, Verbs)
        command = cli.get_command(context, verb)
        assert command is not None
        found[verb] = command
        found |= under(verb, command)
    return found


def under(words: str, command: click.Command) -> dict[str, click.Command]:
    """The commands of a group by their words, those of groups in it too."""
    found: dict[str, click.Command] = {}
    for name, child in getattr(command, "commands", {}).items():
        found[f"{words} {name}"] = child
        found |= under(f"{words} {name}", child)
    return found


COMMANDS = commands()
PROSECUTION = ("derive", "link", "package", "stats", "subject-access", "submissions", "submit", "training")
ELSEWHERE = {
    "rebuild": "tests/pipeline/test_z_rebuild.py",
    "alarms": "tests/pipeline/test_x_alarms.py",
    "disposals show": "tests/retention/test_audit.py",
    **dict.fromkeys(
        ("categorise", "correct-time", "retention approve", "retention early", "retention refuse", "retention restore",
         "reviews decide"),
        "tests/retention/test_people_on_a_running_system.py",
    ),
    **dict.fromkeys(
        ("case amend", "case approve", "case clock", "case defendant", "case incident", "case list",
         "case next-reference", "case offence", "case open", "case outcome", "case review", "case show", "case unused",
         "case exhibit add", "case exhibit amend", "case exhibit withdraw"),
        "tests/pipeline/test_cases.py",
    ),
    **dict.fromkeys(
        (name for name in COMMANDS if name.split()[0] in PROSECUTION), "tests/demo/test_demo_all.py"
    ),
    "gateway-stub": "console/cli/demo_prosecution.py",
    "serve": "tests/web/test_serve.py",
    **dict.fromkeys(
        ("people list", "people sync", "people token list", "people token new"), "tests/web/test_people_commands.py"
    ),
    **dict.fromkeys(
        ("encounters gaps", "encounters load", "encounters reason", "encounters record"),
        "tests/pipeline/test_encounters.py",
    ),
    **dict.fromkeys(
        (name for name in COMMANDS if name.split()[0] in ("complaint", "dip-sample", "misuse", "panel")),
        "tests/pipeline/test_scrutiny.py",
    ),
    **dict.fromkeys(("hold answer", "hold lift", "hold place", "hold show"), "tests/retention/test_hold_cli.py"),
    **dict.fromkeys(
        ("retention adopt", "retention dry-run", "retention due", "retention show"), "tests/retention/test_dryrun.py"
    ),
}  # fmt: skip
"""Commands that change the whole system or want what it has not, and where they are given instead."""
NOTHING_YET = ("hold list", "retention sweeps", "reviews list",
               "viewing list")  # fmt: skip
"""Lists that are empty in this system."""
WITH_JSON = sorted(name for name, c in COMMANDS.items() if any("--json" in p.opts for p in c.params))


@pytest.mark.parametrize("words", ["", *COMMANDS])
async def test_help_lists_the_exit_codes(tmp_path: Path, words: str) -> None:
    said = await asyncio.to_thread(command, ["--home", str(tmp_path), *words.split(), "--help"])
    assert said.code == 0
    assert " ".join(EXIT_CODES.split()) in " ".join(said.out.split())
    assert all(
        parameter.help for parameter in (COMMANDS[words].params if words else cli.params) if is_option(parameter)
    )


def is_option(parameter: click.Parameter) -> bool:
    return isinstance(parameter, click.Option) and parameter.name not in ("help", "version")


async def arguments(system: Pipeline) -> dict[str, list[str]]:
    """Arguments that each command with --json understands, about things that are there."""
    camera = system.filled("CMD-0001", [1000, 2000], sha256="0" * 64)
    await system.enrol("CMD-0001")
    system.dock(camera, "BAY-CMD-1")
    [row, _] = await system.has_clips("CMD-0001", 2, standing="quarantined")
    await send(system, "uploads.reported", b"nonsense of CMD-0001", key="CMD-0001")
    letter = await dead_letter(system, b"nonsense of CMD-0001")
    await system.some(lambda: system.told("clips.quarantined", "clip_id", row["clip_id"]), "the record of CMD-0001")
    await sealed(system)
    return {
        "custody prove": [row["clip_id"]],
        "trace": [row["clip_id"]],
        "explain": [row["clip_id"]],
        "disposals list": ["--day", "2001-02-03"],
        "quarantine show": [row["clip_id"]],
        "dead-letters show": [letter.id],
        "keys enrol": ["camera", "CMD-0002"],
        "ledger": ["CMD-0001"],
        "reconcile": ["--day", "2001-02-03"],
    }


async def test_every_command_with_json_prints_one_json_document(system: Pipeline) -> None:
    given = await arguments(system)
    for name in sorted(set(WITH_JSON) - set(ELSEWHERE)):
        said = await system.bwv(*name.split(), *given.get(name, []), "--json")
        document = msgspec.json.decode(said.out)
        assert isinstance(document, dict | list), name
        assert bool(document) != (name in NOTHING_YET), f"{name} says nothing, or something: {said}"
        assert said.code == (1 if name in ("status", "dead-letters list") else 0), f"{name}: {said}"


async def test_commands_that_show_something_all_have_json(system: Pipeline) -> None:
    shows = {"status", "trace", "ledger", "store-check"}
    shows |= {name for name in COMMANDS if name.split()[-1] in ("list", "show")}
    assert shows <= set(WITH_JSON)


async def test_a_system_that_has_just_started_is_well(system: Fresh) -> None:
    assert system.first_status.code == 0, system.first_status
    told = system.first_status.json
    assert {part["state"] for part in told["parts"]} == {"ready", "done"}
    assert told["dead_letters"] == 0


async def test_status_says_1_when_a_person_is_wanted(system: Pipeline) -> None:
    camera = system.filled("CMD-0003", [1000], sha256="0" * 64)
    await system.enrol("CMD-0003")
    system.dock(camera, "BAY-CMD-3")
    await system.has_clips("CMD-0003", 1, standing="quarantined")
    said = await system.bwv("status")
    assert said.code == 1
    assert "quarantine to decide" in said.out and "BAY-CMD-3" in said.out


async def test_the_ledger_says_1_while_it_does_not_add_up(system: Pipeline) -> None:
    camera = system.filled("CMD-0004", [1000])
    await system.enrol("CMD-0004")
    with system.frozen("verification"):
        system.dock(camera, "BAY-CMD-4")
        await system.has_clips("CMD-0004", 1, standing="secured")
        said = await system.bwv("ledger", "CMD-0004")
        assert said.code == 1 and "1 still on their way" in said.out
    await system.settled(camera)
    said = await system.bwv("ledger", "CMD-0004")
    assert said.code == 0 and "declared 1 = wiped 1 + quarantined 0 + left on the camera 0" in said.out


WRONG = {
    "an unknown verb": "frobnicate",
    "an unknown option": "status --frobnicate",
    "a missing argument": "trace",
    "a camera that is no id": "cameras issue ../etc PC-1",
    "a clip that is not there": "trace clip-aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    "a clip that is not in quarantine": "quarantine show clip-aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    "a decision without a reason": "quarantine decide clip-aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa accept",
    "a bay where nothing ever stood": "urgent DOCK-01/BAY-NEVER --reason x",
    "a key that was never enrolled": "keys revoke dock:NOBODY:0000 --reason x",
    "an unknown stage": "stage frobnicate",
}


@pytest.mark.parametrize("what", WRONG)
async def test_wrong_use_says_2_and_one_line_that_helps(system: Pipeline, what: str) -> None:
    said = await system.bwv(*WRONG[what].split())
    assert said.code == 2, said
    assert said.err and "Traceback" not in said.err + said.out


async def test_a_person_without_a_key_cannot_decide(system: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BWV_PERSON", "STRANGER")
    said = await system.bwv("cameras", "issue", "CMD-0005", "PC-1")
    assert said.code == 2
    assert "bwv keys new person STRANGER" in said.err


async def test_a_wrong_setting_says_2_and_names_it(system: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BWV_RELEASE_COPIES", "3")
    said = await system.bwv("status")
    assert said.code == 2 and "release_copies" in said.err


NOTHING = (
    "status",
    "ledger",
    "quarantine list",
    "cameras list",
    "keys list",
    "trace clip-aaaaaaaa",
    "dead-letters list",
)


@pytest.mark.parametrize("words", NOTHING)
async def test_with_nothing_running_a_command_says_3_and_how_to_start(
    system: Pipeline, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: str
) -> None:
    monkeypatch.setenv("BWV_KAFKA", "127.0.0.1:1")
    said = await system.bwv(*words.split(), home=tmp_path)
    assert said.code == 3, said
    assert "bwv up" in said.err and "Traceback" not in said.err


async def test_the_command_itself_ends_with_the_code_that_it_says(tmp_path: Path) -> None:
    def run(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([*BWV, "--home", str(tmp_path), *words], capture_output=True, text=True, check=False)

    keyless = ("dock", "run", str(tmp_path / "dock"), "--dock", "DOCK-99")
    nothing, wrong, help_, dock = [
        await asyncio.to_thread(run, *words) for words in (("status",), ("status", "--wrong"), ("--help",), keyless)
    ]
    assert (nothing.returncode, wrong.returncode, help_.returncode, dock.returncode) == (3, 2, 0, 2)
    assert "bwv keys new dock DOCK-99" in dock.stderr
    assert nothing.stderr.startswith("bwv: nothing runs under") and nothing.stderr.count("\n") == 1
    assert nothing.stdout == ""
