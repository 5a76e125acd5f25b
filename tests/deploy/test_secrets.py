"""Each service is given the secrets that its program opens, as its source says, and no other."""

from __future__ import annotations

import ast
import re
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pytest
import yaml

from local.bootstrap import make_home
from streams.engine.process import STAGES
from tests.deploy.opened import OPENERS, Unreadable, imported, opened_by, opened_in

ROOT = Path(__file__).parents[2]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES: dict[str, Any] = COMPOSE["services"]
README = (ROOT / "deploy" / "README.md").read_text()
OURS = "/run/bwv/"
DATABASE = "credentials/postgres.pgpass"
GATEWAY = "gateway"
"""Not a role of the store: the token that the prosecutor's gateway gave out."""
SEES_THE_STORE = {"streams.vaults", "streams.sealing", "streams.rereading", "streams.rebuilding"}
COMMANDS = {
    "verifying": "cli",
    "package": "cli",
    "deriving": "operator",
    "custody": "operator",
    "reconcile": "operator",
    "stats_reproducing": "operator",
    "rebuild": "operator",
}
"""Commands that see the store, and the service they are given in. store-check is not among them: it asks as every
role, admin and disposal too, and no service may have all of these."""


def given(service: str) -> set[str]:
    """The secrets of a service, as under /run/bwv."""
    return {secret["target"].removeprefix(OURS) for secret in SERVICES[service]["secrets"]}


def private(files: set[str]) -> set[str]:
    """Without what everybody may read."""
    return {file for file in files if not file.endswith((".pub", ".vkey"))}


def needed(stage: str) -> set[str]:
    return set(opened_by(f"streams.{stage}")) | ({DATABASE} if stage != "dock" else set())


def of_module(path: str) -> set[str]:
    return opened_in(ast.parse((ROOT / path).read_text()))


def assert_fits(who: str, files: set[str], patterns: set[str]) -> None:
    """Every pattern has a file, and every file a pattern."""
    for pattern in patterns:
        assert any(fnmatchcase(file, pattern) for file in files), f"{who} opens {pattern} and is not given it"
    for file in files:
        assert any(fnmatchcase(file, pattern) for pattern in patterns), f"{who} is given {file} and never opens it"


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_is_given_what_it_opens_and_nothing_else(stage: str) -> None:
    assert_fits(stage, given(stage), needed(stage))


def test_a_secret_is_the_file_that_its_place_names() -> None:
    for name, service in SERVICES.items():
        for secret in service.get("secrets", ()):
            if isinstance(secret, dict):
                file = COMPOSE["secrets"][secret["source"]]["file"]
                assert secret["target"] == file.replace("./deploy/secrets/", OURS), name


@pytest.mark.parametrize("stage", STAGES)
def test_the_table_for_people_names_the_same_files(stage: str) -> None:
    rows = re.findall(r"^\| ([a-z, ]+) \| (.+) \|$", README, re.M)
    listed = {
        file
        for who, files in rows
        if stage in who.split(", ") or (who == "every stage" and stage != "dock")
        for file in re.findall(r"`((?:credentials|keys)/[^`]+)`", files)
    }
    public = {f"keys/service/{name}.pub" for name in ("release", "transfer")} if stage == "dock" else set()
    assert_fits(f"{stage} in deploy/README.md", listed | public, needed(stage))


def test_each_role_that_the_store_is_opened_as_has_a_policy() -> None:
    policies = {path.stem for path in (ROOT / "deploy" / "policies").glob("*.json")}
    mounted = {
        Path(file).stem for name in SERVICES for file in _targets(name) if fnmatchcase(file, "credentials/*.json")
    }
    assert mounted - {GATEWAY} == policies


def test_commands_that_see_the_store_are_given_what_they_open() -> None:
    sources = {path.stem: ast.parse(path.read_text()) for path in (ROOT / "console" / "cli").glob("*.py")}
    see = {name for name, tree in sources.items() if SEES_THE_STORE & set(imported(tree, "streams"))}
    assert see - {"store"} == set(COMMANDS)
    reading = opened_by("streams.rereading") | of_module("console/cli/common.py") | of_module("console/cli/package.py")
    assert private(given("cli")) == private(set(reading)) | {DATABASE}
    archive = {"credentials/record.json"}  # streams.sealing.open_archive; whoever only reads the log signs nothing
    office = of_module("console/cli/reconcile.py") | of_module("streams/rebuilding.py") | archive
    office |= of_module("console/cli/deriving.py")
    assert private(given("operator")) == private(office) | {DATABASE}


def test_the_board_is_given_what_it_opens_and_the_keys_of_its_people_lie_with_it() -> None:
    pages = [path for path in (ROOT / "console" / "web").rglob("*.py") if set(OPENERS) & set(path.read_text().split())]
    assert [path.name for path in pages] == ["serving.py"], "another module opens the store: read it here too"
    assert given("board") == of_module("console/web/serving.py") | {DATABASE}
    assert SERVICES["board"]["environment"]["BWV_KEYS"] == "/bwv/keys"


def test_whoever_checks_signatures_has_every_public_key(tmp_path: Path) -> None:
    make_home(tmp_path)
    services = {f"keys/service/{path.name}" for path in (tmp_path / "keys" / "service").glob("*.pub")}
    assert "keys/service/disposal.pub" in services
    for name in ("cli", "operator"):
        assert services | {"keys/trust-root.pub", "keys/custody/first.vkey"} <= given(name), name


def test_the_preparation_is_given_no_key() -> None:
    assert given("prepare") == {DATABASE, "credentials/admin.json"}


# -- the reading itself: it finds what is there, and says so when it cannot -------------------------------------


@pytest.mark.parametrize(
    ("source", "opens"),
    [
        ('EYES = "lease"\nopen_vault(settings, EYES)', {"credentials/lease.json"}),
        ("class A:\n    name = 'holds'\n    def f(self): vaults.open_vault(self.settings, self.name, limits=L)",
         {"credentials/holds.json"}),
        ('[open_vault(settings, role) for role in ("record", "transfer")]',
         {"credentials/record.json", "credentials/transfer.json"}),
        ('NAME = "x"\nopen(self._settings.keys / "service" / f"{NAME}.pem")', {"keys/service/x.pem"}),
        ("load_public(settings.trust_root)", {"keys/trust-root.pub"}),
        ("load_signers(folder, origin)", {"keys/custody/*.pem"}),
        ('path = settings.credentials / "gateway.json"', {"credentials/gateway.json"}),
        ("Secret.read(settings.keys)", {"keys/links.secret"}),
        ('A, B = "lease", "holds"\nopen_vault(settings, B)', {"credentials/holds.json"}),
        ("from workers.prosecution.cases.outcomes import TOLD_BY as by\nload(settings.keys / 'service' / f'{by}.pub')",
         {"keys/service/receipts.pub"}),
        ("from streams import submission_events as told\nopen_vault(settings, told.PROSECUTION)",
         {"credentials/prosecution.json"}),
        ("other.keys / 'service' / 'x.pem'", set()),
    ],
)  # fmt: skip
def test_the_reading_finds(source: str, opens: set[str]) -> None:
    assert opened_in(ast.parse(source)) == opens


@pytest.mark.parametrize(
    "source",
    [
        "open_vault(settings, role)",
        "open_vault(settings)",
        "partial(access_of, settings)",
        'settings.keys / "service" / f"{whose}.pem"',
    ],
)
def test_what_cannot_be_read_is_an_error(source: str) -> None:
    with pytest.raises(Unreadable):
        opened_in(ast.parse(source))


def _targets(service: str) -> set[str]:
    """As `given`, also for the servers, whose secrets have no target of ours."""
    secrets = (secret for secret in SERVICES[service].get("secrets", ()) if isinstance(secret, dict))
    return {secret["target"].removeprefix(OURS) for secret in secrets}
