"""`bwv people`, and the page that tells of it."""

from __future__ import annotations

import re
import shlex
import tomllib
from pathlib import Path
from typing import Any

import click
import msgspec
from click.testing import CliRunner, Result

from console.cli.main import cli
from console.web.people import Role
from streams.settings import Settings
from tests.web.test_people import COLUMNS, written
from workers.errors import Refused


def bwv(tmp_path: Path, *words: str) -> Result:
    """One command; its error, if any, is in the result."""
    return CliRunner().invoke(cli, ["--home", str(tmp_path), "people", *words])


def document(result: Result) -> Any:
    assert result.exit_code == 0, result.output
    return msgspec.json.decode(result.stdout)


def test_the_commands_let_join_move_and_leave(tmp_path: Path) -> None:
    (tmp_path / "password").write_text("three random words\n")
    added = bwv(
        tmp_path, "add", "PC-100", "--name", "A Smith", "--role", "officer", "--password-file",
        str(tmp_path / "password"),
    )  # fmt: skip
    assert added.exit_code == 0, added.output
    assert bwv(tmp_path, "roles", "PC-100", "--role", "supervisor").exit_code == 0
    assert bwv(tmp_path, "unit", "PC-100", " Newham ").exit_code == 0
    assert [one["unit"] for one in document(bwv(tmp_path, "list", "--json"))] == ["Newham"]
    assert bwv(tmp_path, "unit", "PC-100", "").output == "PC-100 is of no unit\n"
    assert bwv(tmp_path, "add", "SVC-1", "--name", "Wall", "--role", "operator", "--no-password").exit_code == 0
    shown = {one["person"]: one for one in document(bwv(tmp_path, "list", "--json"))}
    assert (shown["PC-100"]["roles"], shown["PC-100"]["has_password"]) == (["supervisor"], True)
    assert shown["SVC-1"]["has_password"] is False
    file = written(tmp_path, COLUMNS + "PC-100,A Smith,officer,Barnet,,\n")
    tried = document(bwv(tmp_path, "sync", str(file), "--dry-run", "--json"))
    assert tried["dry_run"] and [one["person"] for one in tried["changes"]["left"]] == ["SVC-1"]
    told = bwv(tmp_path, "sync", str(file))
    assert told.exit_code == 0 and "leaves  SVC-1 (Wall)" in told.output and "unit none → Barnet" in told.output
    assert [one["person"] for one in document(bwv(tmp_path, "list", "--json"))] == ["PC-100"]
    assert len(document(bwv(tmp_path, "list", "--all", "--json"))) == 2
    assert bwv(tmp_path, "remove", "PC-100").exit_code == 0
    assert isinstance(bwv(tmp_path, "remove", "PC-100").exception, Refused)
    assert bwv(tmp_path, "remove", "PC-900", "--unknown").exit_code == 0
    assert bwv(tmp_path, "restore", "PC-100").exit_code == 0
    assert "removed by hand" in bwv(tmp_path, "list", "--all").output
    for sheet in (tmp_path / "people.json").read_text(), told.output:
        assert "three random words" not in sheet


def test_a_token_is_shown_once_and_listed_without_its_secret(tmp_path: Path) -> None:
    assert bwv(tmp_path, "add", "SVC-1", "--name", "Wall", "--role", "operator", "--no-password").exit_code == 0
    for_wall = ("token", "new", "SVC-1", "--for", "the wall of the control room", "--role")
    assert isinstance(bwv(tmp_path, *for_wall, "records").exception, Refused)
    made = document(bwv(tmp_path, *for_wall, "operator", "--days", "30", "--json"))
    assert made["secret"].startswith(f"bwv_{made['token']}_") and len(made["secret"]) > 50
    kept = tmp_path / "tokens.json"
    assert kept.stat().st_mode & 0o077 == 0 and made["secret"][13:] not in kept.read_text()
    [listed] = document(bwv(tmp_path, "token", "list", "--json"))
    assert (listed["person"], listed["opens"], listed["used_at"]) == ("SVC-1", True, None)
    assert made["secret"] not in bwv(tmp_path, "token", "list").output
    assert bwv(tmp_path, "token", "revoke", made["token"]).exit_code == 0
    assert document(bwv(tmp_path, "token", "list", "--json")) == []
    assert len(document(bwv(tmp_path, "token", "list", "--all", "--json"))) == 1
    assert isinstance(bwv(tmp_path, "token", "revoke", made["token"]).exception, Refused)


def test_every_command_of_the_page_on_people_is_one() -> None:
    page = (Path(__file__).parents[2] / "docs" / "people.md").read_text()
    blocks = re.findall(r"```sh\n(.*?)```", page, re.S)
    lines = [shlex.split(line, comments=True)[1:] for block in blocks for line in block.splitlines()]
    assert len(lines) > 15
    for words in lines:
        command, context = cli, click.Context(cli)
        while isinstance(command, click.Group):
            found = command.get_command(context, words.pop(0))
            assert found is not None, words
            command = found
        options = {option for parameter in command.params for option in parameter.opts}
        assert {word for word in words if word.startswith("--")} <= options, words


def test_the_settings_of_the_page_on_people_are_settings() -> None:
    page = (Path(__file__).parents[2] / "docs" / "people.md").read_text()
    settings, roles = re.findall(r"```toml\n(.*?)```", page, re.S)
    assert set(tomllib.loads(settings)) <= set(Settings.__struct_fields__)
    assert {role for given in tomllib.loads(roles).values() for role in given} <= set(Role)
