"""The check of the store on a real one: what it finds, what it leaves, what makes it refuse to start."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.contracts.conftest import RealStore
from workers.errors import ConfigurationInvalid, StoreAway
from workers.vault import store_check
from workers.vault.client import Access
from workers.vault.lab import Lab
from workers.vault.probe import Probe
from workers.vault.provision import create_bucket
from workers.vault.report import Level
from workers.vault.retry import Limits
from workers.vault.s3 import S3Vault
from workers.vault.store_check import check_store, check_store_quick
from workers.vault.vault import ChunkProtection


def test_the_local_store_is_fit_and_the_check_leaves_nothing(real_store: RealStore) -> None:
    report = check_store(real_store.access, "check")
    assert [row for row in report.rows if not row.passed and row.level is Level.MUST] == []
    assert report.passed
    assert report.demand() is report.protection is ChunkProtection.CRC64NVME

    assert list(S3Vault(real_store.access("disposal")).list_versions("check/")) == []


def test_the_check_knows_what_the_local_store_does_not_check(real_store: RealStore) -> None:
    row = check_store(real_store.access, "check").row("payload-hash-checked")
    assert (row.passed, row.level) == (False, Level.SHOULD)
    assert "KEPT" in row.seen


def test_the_quick_check_lets_transfer_start(real_store: RealStore) -> None:
    report = check_store_quick(real_store.access("transfer"), "check")
    assert report.passed
    assert report.protection is ChunkProtection.CRC64NVME


def test_transfer_does_not_start_with_credentials_that_may_delete(real_store: RealStore) -> None:
    with pytest.raises(ConfigurationInvalid, match="transfer-cannot-destroy"):
        check_store_quick(real_store.access("root"), "check")


def test_transfer_does_not_start_on_a_bucket_that_keeps_no_versions(real_store: RealStore) -> None:
    bare = replace(real_store.access("root"), bucket="bare-bucket")
    assert Probe(bare, Limits()).send("PUT").ok
    with pytest.raises(ConfigurationInvalid, match="versioning-on"):
        check_store_quick(bare, "check")
    with pytest.raises(ConfigurationInvalid, match="without versions"):
        create_bucket(bare)


def test_the_full_check_fails_where_every_role_has_the_same_credentials(real_store: RealStore) -> None:
    def everybody_is_root(role: str) -> Access:
        return replace(real_store.access("root"), role=role)

    report = check_store(everybody_is_root, "check", lock_seconds=2)
    failed = {row.name for row in report.failures(Level.MUST)}
    assert failed == {
        "transfer-cannot-destroy", "verification-only-reads", "only-disposal-deletes", "encounters-only-reads-sidecars",
    }  # fmt: skip
    assert not report.passed


@pytest.fixture
def blind(monkeypatch: pytest.MonkeyPatch) -> set[ChunkProtection]:
    """Ways of protection that the store is made to ignore."""
    ignored: set[ChunkProtection] = set()
    real = store_check.spoilt_put_is_refused

    def spoilt_put_is_refused(lab: Lab, protection: ChunkProtection) -> tuple[bool, str]:
        return (False, "KEPT") if protection in ignored else real(lab, protection)

    monkeypatch.setattr(store_check, "spoilt_put_is_refused", spoilt_put_is_refused)
    return ignored


def test_transfer_falls_back_to_what_the_store_checks(real_store: RealStore, blind: set[ChunkProtection]) -> None:
    blind.add(ChunkProtection.CRC64NVME)
    assert check_store_quick(real_store.access("transfer"), "check").protection is ChunkProtection.CONTENT_MD5


def test_transfer_does_not_start_where_nothing_is_checked(real_store: RealStore, blind: set[ChunkProtection]) -> None:
    blind.update(ChunkProtection)
    with pytest.raises(ConfigurationInvalid, match="bytes-checked"):
        check_store_quick(real_store.access("transfer"), "check")


def test_a_store_that_does_not_answer_is_away_and_not_unfit(real_store: RealStore) -> None:
    nowhere = replace(real_store.access("transfer"), endpoint="http://127.0.0.1:9")
    with pytest.raises(StoreAway):
        check_store_quick(nowhere, "check")


def test_a_bucket_that_does_not_exist_is_named(real_store: RealStore) -> None:
    with pytest.raises(ConfigurationInvalid, match="nowhere-at-all"):
        check_store_quick(replace(real_store.access("transfer"), bucket="nowhere-at-all"), "check")
