"""Who may do what: deploy/policies, tried action by action with each role's own credentials."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest

from tests.contracts.conftest import ROLES, RealStore
from workers.vault import wire
from workers.vault.probe import Probe, Reply
from workers.vault.retry import Limits

AREAS = ("clips", "quarantine", "derivatives", "certificates", "custody", "custody/payloads", "store-check")

READ = {"read version", "read current"}
WRITE = {"put", "put locked", "begin upload", "abort upload"}

MAY: dict[str, dict[str, set[str]]] = {
    "admin": {"store-check": {*READ, *WRITE, "delete version", "delete marker", "hold", "retain"}},
    "transfer": {
        "clips": {*READ, *WRITE, "retain"},
        "quarantine": {*READ, *WRITE, "retain"},
        "certificates": READ,
    },
    "verification": {"clips": {"read version"}, "quarantine": {"read version"}},
    "release": {"certificates": READ},
    "holds": {"clips": {*READ, "hold"}, "quarantine": {*READ, "hold"}},
    "lease": {key: {*READ, "retain"} for key in ("clips", "quarantine", "derivatives", "custody/payloads")},
    "disposal": {
        "clips": {*READ, "abort upload", "delete version", "hold"},
        "quarantine": {*READ, "abort upload", "delete version", "hold"},
        "derivatives": {*READ, "abort upload", "delete version", "hold"},
        "custody/payloads": {*READ, "abort upload", "delete version", "hold"},
        "certificates": {*READ, *WRITE, "retain"},
    },
    "prosecution": {"clips": READ, "derivatives": READ, "certificates": READ},
    "encounters": {},  # sidecars alone: below
    "derivation": {"clips": READ, "derivatives": {*READ, *WRITE, "retain"}},
    "record": {
        "custody": {*READ, *WRITE, "retain"},
        "custody/payloads": {*READ, *WRITE, "retain"},
    },
}

MAY_LIST_VERSIONS = {"admin", "holds", "lease", "disposal", "record"}
MAY_LIST_UPLOADS = {"admin", "transfer", "derivation", "disposal"}


def soon() -> datetime:
    return datetime.now(UTC) + timedelta(seconds=2)


def attempts(probe: Probe, root: Probe, prefix: str) -> Iterator[tuple[str, Callable[[], Reply]]]:
    """Each action on objects of its own, so that none spoils the next."""

    def fresh(name: str) -> tuple[str, str]:
        return prefix + name, root.put(prefix + name, b"x").version_id

    def about(name: str, what: str, body: bytes) -> Reply:
        key, version_id = fresh(name)
        return probe.about(key, version_id, what, body)

    def version(method: str, name: str) -> Reply:
        key, version_id = fresh(name)
        return probe.send(method, key, query={"versionId": version_id})

    yield "read version", lambda: version("GET", "read-version")
    yield "read current", lambda: probe.send("GET", fresh("read-current")[0])
    yield "put", lambda: probe.put(prefix + "put", b"x")
    yield "put locked", lambda: probe.put(prefix + "put-locked", b"x", wire.lock_headers(soon()))
    yield "begin upload", lambda: probe.begin(prefix + "upload")[0]
    yield (
        "abort upload",
        lambda: probe.send("DELETE", prefix + "aborted", query=root.begin(prefix + "aborted")[1]),
    )
    yield "delete version", lambda: version("DELETE", "delete-version")
    yield "delete marker", lambda: probe.send("DELETE", fresh("delete-marker")[0])
    yield "hold", lambda: about("hold", "legal-hold", wire.legal_hold_body(True))
    yield "hold", lambda: about("hold-off", "legal-hold", wire.legal_hold_body(False))
    yield "retain", lambda: about("retain", "retention", wire.retention_body(soon()))


@pytest.mark.parametrize("role", ROLES)
def test_a_role_may_do_its_own_work_and_nothing_else(real_store: RealStore, role: str) -> None:
    root = Probe(real_store.access("root"), Limits())
    probe = Probe(real_store.access(role), Limits())
    tried = 0
    for area in AREAS:
        prefix = f"roles/{area}/{secrets.token_hex(8)}/"
        for action, attempt in attempts(probe, root, prefix):
            reply = attempt()
            expected = action in MAY[role].get(area, set())
            assert reply.ok == expected, f"{role}: {action} under {area} was answered {reply}"
            assert expected or reply.status == 403, f"{role}: {action} under {area} was answered {reply}"
            tried += 1
    assert tried == len(AREAS) * 11


def test_the_stage_encounters_reads_sidecars_and_nothing_else_of_a_clip(real_store: RealStore) -> None:
    root = Probe(real_store.access("root"), Limits())
    probe = Probe(real_store.access("encounters"), Limits())
    for area in ("clips", "quarantine"):
        prefix = f"roles/{area}/clip-{secrets.token_hex(8)}/1/"
        versions = {
            name: root.put(prefix + name, name.encode()).version_id
            for name in ("footage", "sidecar.json", "manifest.json")
        }
        for name, version_id in versions.items():
            replies = [
                probe.send("GET", prefix + name),
                probe.send("GET", prefix + name, query={"versionId": version_id}),
            ]
            expected = 200 if name == "sidecar.json" else 403
            assert {reply.status for reply in replies} == {expected}, f"{name} under {area}"
        sidecar = prefix + "sidecar.json"
        refused = [
            probe.put(sidecar, b"x"),
            probe.delete(sidecar, versions["sidecar.json"]),
            probe.send("DELETE", sidecar),
            probe.about(sidecar, versions["sidecar.json"], "legal-hold", wire.legal_hold_body(True)),
        ]
        assert {reply.status for reply in refused} == {403}, area
        assert probe.head(prefix + "another/sidecar.json").status == 404, "a sidecar that is missing is told as missing"


@pytest.mark.parametrize("role", ROLES)
def test_a_role_lists_only_what_it_needs(real_store: RealStore, role: str) -> None:
    probe = Probe(real_store.access(role), Limits())
    versions = probe.send("GET", query={"versions": "", "prefix": "roles/"})
    uploads = probe.send("GET", query={"uploads": "", "prefix": "roles/"})
    assert versions.ok == (role in MAY_LIST_VERSIONS), str(versions)
    assert uploads.ok == (role in MAY_LIST_UPLOADS), str(uploads)


@pytest.mark.parametrize("role", ROLES)
def test_a_role_is_told_that_a_key_is_missing_only_where_it_may_read(real_store: RealStore, role: str) -> None:
    probe = Probe(real_store.access(role), Limits())
    for area in AREAS:
        head = probe.head(f"roles/{area}/{secrets.token_hex(8)}/missing")
        readable = "read current" in MAY[role].get(area, set())
        assert head.status == (404 if readable else 403), f"{role} under {area}"


@pytest.mark.parametrize("role", sorted(set(ROLES) - {"admin"}))
def test_no_role_at_work_changes_the_bucket_or_passes_a_governance_lock(real_store: RealStore, role: str) -> None:
    root = Probe(real_store.access("root"), Limits())
    probe = Probe(real_store.access(role), Limits())
    key = f"roles/clips/{secrets.token_hex(8)}/governed"
    version_id = root.put(key, b"x").version_id
    until = datetime.now(UTC) + timedelta(seconds=60)
    assert root.about(key, version_id, "retention", wire.retention_body(until, "GOVERNANCE")).ok
    bypass = {"x-amz-bypass-governance-retention": "true"}
    assert probe.send("DELETE", key, query={"versionId": version_id}, headers=bypass).status == 403
    assert root.head(key, version_id).ok
    suspended = b"<VersioningConfiguration><Status>Suspended</Status></VersioningConfiguration>"
    assert probe.send("PUT", query={"versioning": ""}, body=suspended).status == 403
    assert probe.send("DELETE").status == 403


def test_every_role_has_a_row_in_the_table() -> None:
    assert set(MAY) == set(ROLES)
