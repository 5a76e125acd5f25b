"""The image runs as nobody in particular and holds no secret; the manifests are whole."""

from __future__ import annotations

import json
import re
import stat
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from streams.engine.process import STAGES
from streams.settings import Settings
from workers.custody.keys import load_signers, load_verifiers

ROOT = Path(__file__).parents[2]
LINES = re.sub(r"\\\n", " ", (ROOT / "deploy" / "Dockerfile").read_text()).splitlines()
BOARD = (ROOT / "deploy" / "kubernetes" / "board.yaml").read_text()
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
NETWORK = (ROOT / "deploy" / "kubernetes" / "network.yaml").read_text()
MANIFEST = (ROOT / "deploy" / "kubernetes" / "stage.yaml").read_text()


def instructions(name: str) -> list[str]:
    return [line.removeprefix(name).strip() for line in LINES if line.startswith(f"{name} ")]


def test_the_image_does_not_run_as_root() -> None:
    assert instructions("USER") == ["10001:10001"]
    last = max(number for number, line in enumerate(LINES) if line.startswith("RUN"))
    assert LINES.index("USER 10001:10001") > last


def test_the_image_is_made_of_locked_packages_and_named_folders() -> None:
    installs = [line for line in instructions("RUN") if "pip install" in line]
    assert any("--require-hashes -r requirements.lock" in line for line in installs)
    assert all("--require-hashes" in line or "--no-deps" in line for line in installs)
    for line in instructions("COPY"):
        *sources, _ = [word for word in line.split() if not word.startswith("--")]
        for source in sources:
            assert source not in (".", "./", "*"), "the whole folder would bring deploy/secrets with it"
            assert source.startswith("/opt/") or (ROOT / source).exists(), source
    ignored = (ROOT / "deploy" / "Dockerfile.dockerignore").read_text().splitlines()
    assert ignored[0] == "*"
    assert not [line for line in ignored if "secrets" in line and line.startswith("!")]


def test_the_image_keeps_every_package_that_the_stages_need() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    needed = {re.split(r"[\[<>=!~ ]", line, maxsplit=1)[0] for line in project["dependencies"]}
    removed = next(line for line in instructions("RUN") if "pip uninstall" in line).split("--yes")[1].split()
    assert removed
    assert not needed & set(removed)


def test_no_secret_is_built_in() -> None:
    text = "\n".join(LINES)
    assert not re.search(r"(?i)(password|secret_key|access_key|token)\s*=", text)
    assert not instructions("ARG")
    assert not instructions("ADD")


def test_every_stage_has_a_deployment_and_a_budget() -> None:
    for stage in set(STAGES) - {"dock"}:
        deployment, budget, account = yaml.safe_load_all(MANIFEST.replace("NAME", stage))
        assert (account["kind"], account["automountServiceAccountToken"]) == ("ServiceAccount", False)
        assert deployment["spec"]["template"]["spec"]["serviceAccountName"] == account["metadata"]["name"]
        assert (deployment["apiVersion"], deployment["kind"]) == ("apps/v1", "Deployment")
        assert (budget["apiVersion"], budget["kind"]) == ("policy/v1", "PodDisruptionBudget")
        assert deployment["metadata"]["name"] == budget["metadata"]["name"] == f"bwv-{stage}"
        labels = deployment["spec"]["template"]["metadata"]["labels"]
        for selector in (deployment["spec"]["selector"], budget["spec"]["selector"]):
            assert selector["matchLabels"].items() <= labels.items()
        assert budget["spec"]["maxUnavailable"] == 1
        container = deployment["spec"]["template"]["spec"]["containers"][0]
        assert container["args"] == ["stage", stage]
    readme = (ROOT / "deploy" / "README.md").read_text()
    stops = (ROOT / "docs" / "runbook.md").read_text()
    for listed in (
        re.search(r"for name in ([a-z ]+); do", readme),
        re.search(r"docker compose stop ([a-z ]+)`", stops),
    ):
        assert listed
        assert sorted(listed[1].split()) == sorted(set(STAGES) - {"dock"})


def by_kind(text: str) -> dict[str, dict[str, Any]]:
    """The documents of a manifest that has one of each kind."""
    documents = list(yaml.safe_load_all(text))
    found = {document["kind"]: document for document in documents}
    assert len(found) == len(documents)
    return found


@pytest.mark.parametrize(("manifest", "alive"), [(MANIFEST, "live"), (BOARD, "ready")], ids=["stage", "board"])
def test_a_pod_is_asked_whether_it_lives_and_is_narrow(manifest: str, alive: str) -> None:
    pod: dict[str, Any] = by_kind(manifest)["Deployment"]["spec"]["template"]["spec"]
    assert pod["automountServiceAccountToken"] is False
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["terminationGracePeriodSeconds"] > 60
    for container in pod["containers"] + pod["initContainers"]:
        assert container["securityContext"]["allowPrivilegeEscalation"] is False
        assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
        assert container["securityContext"]["readOnlyRootFilesystem"] is True
        assert {"requests", "limits"} <= set(container["resources"])
        assert not container["image"].endswith(":latest")
        mounted = {mount["name"] for mount in container["volumeMounts"]}
        assert mounted <= {volume["name"] for volume in pod["volumes"]}
    stage = pod["containers"][0]
    assert stage["livenessProbe"]["exec"]["command"][-1] == alive
    assert stage["readinessProbe"]["exec"]["command"][-1] == "ready"
    assert not [entry for entry in stage["env"] if re.search("PASSWORD|SECRET", entry["name"])]
    settings = yaml.safe_load((ROOT / "deploy" / "kubernetes" / "settings.yaml").read_text())
    assert settings["kind"] == "ConfigMap"
    assert stage["envFrom"] == [{"configMapRef": {"name": settings["metadata"]["name"]}}]


def test_links_and_the_board_alone_are_reached_from_outside_and_by_tls() -> None:
    settings = yaml.safe_load((ROOT / "deploy" / "kubernetes" / "settings.yaml").read_text())["data"]
    links = by_kind((ROOT / "deploy" / "kubernetes" / "links.yaml").read_text())
    links |= {"Deployment": by_kind(MANIFEST.replace("NAME", "links"))["Deployment"]}
    for reached, url in ((links, "BWV_LINKS_URL"), (by_kind(BOARD), "BWV_BOARD_URL")):
        service, ingress, deployment = reached["Service"], reached["Ingress"], reached["Deployment"]
        assert service["spec"]["selector"].items() <= deployment["spec"]["template"]["metadata"]["labels"].items()
        [rule], [tls] = ingress["spec"]["rules"], ingress["spec"]["tls"]
        assert settings[url] == f"https://{rule['host']}"
        assert tls["hosts"] == [rule["host"]]
        [path] = rule["http"]["paths"]
        assert path["backend"]["service"]["name"] == service["metadata"]["name"]
    assert set(settings) <= {f"BWV_{name.upper()}" for name in Settings.__struct_fields__}


def test_the_board_is_a_deployment_of_its_own_that_keeps_its_people() -> None:
    board = by_kind(BOARD)
    spec = board["Deployment"]["spec"]
    labels = spec["template"]["metadata"]["labels"]
    for kind in ("Deployment", "PodDisruptionBudget"):
        assert board[kind]["spec"]["selector"]["matchLabels"].items() <= labels.items()
    pod = spec["template"]["spec"]
    [container] = pod["containers"]
    environment = {entry["name"]: entry["value"] for entry in container["env"]}
    [port] = container["ports"]
    assert container["args"] == ["serve"]
    served = (environment["BWV_BOARD_PORT"], environment["BWV_HEALTH_PORT"], str(port["containerPort"]))
    assert set(served) == {str(board["Service"]["spec"]["ports"][0]["targetPort"])}
    home = next(volume for volume in pod["volumes"] if volume["name"] == "home")
    assert home["persistentVolumeClaim"]["claimName"] == board["PersistentVolumeClaim"]["metadata"]["name"]
    assert pod["serviceAccountName"] == board["ServiceAccount"]["metadata"]["name"]
    stage = by_kind(MANIFEST)["Deployment"]["spec"]["template"]["spec"]["initContainers"]
    assert pod["initContainers"] == stage, "secrets are given in one way"


def test_nobody_speaks_to_anybody_unless_it_is_said() -> None:
    policies = {p["metadata"]["name"]: p["spec"] for p in yaml.safe_load_all(NETWORK)}
    pods = {f"bwv-{name}": {"app.kubernetes.io/part-of": "bwv-ingest", "app.kubernetes.io/name": f"bwv-{name}"}
            for name in {*STAGES, "board"} - {"dock"}}  # fmt: skip

    def chosen(policy: str) -> set[str]:
        selector = policies[policy]["podSelector"]
        for one in selector.get("matchExpressions", ()):
            assert one["operator"] == "In"
        return {
            pod
            for pod, labels in pods.items()
            if selector.get("matchLabels", {}).items() <= labels.items()
            and all(labels.get(one["key"]) in one["values"] for one in selector.get("matchExpressions", ()))
        }

    def ways(direction: str) -> set[str]:
        return {name for name, spec in policies.items() if spec.get(direction)}

    assert policies["bwv-nothing"]["policyTypes"] == ["Ingress", "Egress"]
    assert not {"ingress", "egress"} & set(policies["bwv-nothing"])
    assert chosen("bwv-nothing") == chosen("bwv-inside") == set(pods)
    assert chosen("bwv-docks") == {"bwv-transfer"}
    reach_out = {name for name, service in COMPOSE["services"].items() if "outside" in service.get("networks", ())}
    assert chosen("bwv-outside") == {f"bwv-{name}" for name in reach_out}
    assert ways("egress") == {"bwv-inside", "bwv-docks", "bwv-outside"}
    # Reached are links and the board, each at the port that it serves, and through the Ingress.
    assert ways("ingress") == {"bwv-links-in", "bwv-board-in"}
    for name, port in (("links", 8090), ("board", 8091)):
        [rule] = policies[f"bwv-{name}-in"]["ingress"]
        assert chosen(f"bwv-{name}-in") == {f"bwv-{name}"}
        assert [row["port"] for row in rule["ports"]] == [port]
        [source] = rule["from"]
        assert set(source) == {"namespaceSelector"}
    for name in ways("ingress"):
        assert policies[name]["policyTypes"] == ["Ingress"]
    for name in ways("egress"):
        assert policies[name]["policyTypes"] == ["Egress"]


def test_secrets_are_made_once_and_are_for_nobody_else(tmp_path: Path) -> None:
    make = [sys.executable, ROOT / "deploy/compose/make_secrets.py", tmp_path / "secrets", ROOT / "deploy/policies"]
    subprocess.run(make, check=True, cwd=ROOT)
    there = {path: path.read_bytes() for path in (tmp_path / "secrets").rglob("*") if path.is_file()}
    subprocess.run(make, check=True, cwd=ROOT)
    assert {path: path.read_bytes() for path in there} == there
    for path in there:
        if path.suffix not in (".pub", ".vkey", ".toml"):
            assert stat.S_IMODE(path.stat().st_mode) == 0o600, path
    compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    for name, secret in compose["secrets"].items():
        made = tmp_path / "secrets" / secret["file"].removeprefix("./deploy/secrets/")
        assert made.exists(), f"{name}: nothing makes {secret['file']}"
    identities = json.loads((tmp_path / "secrets" / "store.json").read_text())["identities"]
    roles = {policy.stem for policy in (ROOT / "deploy" / "policies").glob("*.json")}
    assert {identity["name"] for identity in identities} == roles
    custody = tmp_path / "secrets" / "keys" / "custody"
    [verifier] = load_verifiers(custody)
    [signer] = load_signers(custody, verifier.name)
    assert str(signer.verifier) == str(verifier)
    assert verifier.name == Settings().origin, "record would sign for another log than the one that its key names"
