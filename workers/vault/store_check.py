"""Is this store fit for evidence? What a vendor's page says is not asked; everything is tried.

`check_store` runs every check with the credentials of every role (about five seconds, most of them waiting
for a lock to end). `check_store_quick` is what ingest does whenever it starts, with transfer's credentials.

All objects lie under `<namespace>/store-check/<random>/` and are locked for seconds. The full check deletes
its own and whatever quick checks left more than an hour ago; transfer, rightly, cannot delete.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial

from workers.vault.checks_bytes import PROTECTION_CHECKS, spoilt_put_is_refused
from workers.vault.checks_locks import EXPIRY_CHECK, LOCK_CHECKS
from workers.vault.checks_roles import ROLE_CHECKS, may_not_delete
from workers.vault.checks_writes import WRITE_CHECKS
from workers.vault.client import Access
from workers.vault.lab import ANONYMOUS, Lab, demand_answer
from workers.vault.report import Level, Row, StoreReport
from workers.vault.retry import Limits
from workers.vault.values import ChunkProtection

_LIMITS = Limits(tries=1, connect=3.0, silence=10.0, request=15.0)


def check_store(
    access: Callable[[str], Access], namespace: str, *, limits: Limits = _LIMITS, lock_seconds: int = 3
) -> StoreReport:
    """Every check, with every role.

    Args:
        access: the way of each role named in deploy/policies to the store.
        namespace: prefix of all keys of this system.
        lock_seconds: how long the locks of the check last.

    Raises:
        StoreAway: the store does not answer at all.
        ConfigurationInvalid: there is no bucket, or the admin's credentials are not accepted.
    """
    begun = time.monotonic()
    lab = Lab(_with_strangers(access), namespace, limits=limits, lock_seconds=lock_seconds)
    try:
        demand_answer(lab)
        rows = list(_rows(lab))
        left = lab.clean_up(patience=lock_seconds + 5)
        rows.append(
            Row(
                "leaves-nothing",
                Level.SHOULD,
                "The check left nothing behind.",
                not left,
                f"{len(left)} versions left",
                f"Look at the versions under {lab.prefix}.",
            )
        )
    finally:
        lab.close()
    admin = access("admin")
    found = {row.name: row.passed for row in rows}
    protection = next((p for p, check in PROTECTION_CHECKS.items() if found[check.name]), None)
    return StoreReport(admin.endpoint, admin.bucket, tuple(rows), protection, time.monotonic() - begun)


def _rows(lab: Lab) -> Iterator[Row]:
    # The locked object is made first, so that its lock runs out while the rest is checked.
    for check in (*LOCK_CHECKS, *WRITE_CHECKS):
        yield check.row(lab)
    kinds = [check.row(lab) for check in PROTECTION_CHECKS.values()]
    yield from kinds
    passed = (kind for kind, row in zip(PROTECTION_CHECKS, kinds, strict=True) if row.passed)
    yield _bytes_checked(kinds, next(passed, None))
    for check in ROLE_CHECKS:
        yield check.row(lab)
    yield EXPIRY_CHECK.row(lab)


def check_store_quick(transfer: Access, namespace: str, *, limits: Limits = _LIMITS) -> StoreReport:
    """What ingest cannot start without, tried with transfer's own credentials in about a tenth of a second.

    The report's protection is the first of `ChunkProtection` that this store was seen to check.

    Raises:
        StoreAway: the store does not answer.
        ConfigurationInvalid: a must check failed; the message names it.
    """
    begun = time.monotonic()
    # Every request of this check goes out as transfer, also those that the full check makes as admin.
    lab = Lab(lambda _: transfer, namespace, limits=limits, lock_seconds=2)
    full = {check.name: check for check in (*LOCK_CHECKS, *WRITE_CHECKS, *ROLE_CHECKS)}
    names = ("versioning-on", "object-lock-on", "lock-on-put", "put-if-absent")
    checks = (
        *(full[name] for name in names),
        replace(full["transfer-cannot-destroy"], run=lambda lab: may_not_delete(lab, "transfer")),
    )
    try:
        demand_answer(lab)
        rows = [check.row(lab) for check in checks]
        protection = None
        for kind, check in PROTECTION_CHECKS.items():
            tried = replace(check, level=Level.SHOULD, run=partial(spoilt_put_is_refused, protection=kind)).row(lab)
            rows.append(tried)
            if tried.passed:
                protection = kind
                break
    finally:
        lab.close()
    rows.append(_bytes_checked(rows, protection))
    report = StoreReport(transfer.endpoint, transfer.bucket, tuple(rows), protection, time.monotonic() - begun)
    report.demand()
    return report


def _bytes_checked(kinds: Sequence[Row], protection: ChunkProtection | None) -> Row:
    return Row(
        "bytes-checked",
        Level.MUST,
        "The store checks in at least one way that the bytes it keeps are those that were sent.",
        protection is not None,
        protection.value if protection else "none of " + ", ".join(row.name for row in kinds),
        "Use another store.",
    )


def _with_strangers(access: Callable[[str], Access]) -> Callable[[str], Access]:
    def of(role: str) -> Access:
        if role == ANONYMOUS:
            return replace(access("admin"), access_key=None, secret_key=None, role=ANONYMOUS)
        return access(role)

    return of
