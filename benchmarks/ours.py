"""Ours: `python -m benchmarks.ours PLAN` is one run in a process of its own.

Compare with the declared digest, store in checked chunks under lock, sidecar, manifest, read back by version id
with other credentials.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from benchmarks.plan import Plan, Recording, at_once, planned
from workers.footage.buffers import Buffers
from workers.footage.conclusion import Secured
from workers.footage.deposit import Means, deposit
from workers.footage.fake import FakeUploads
from workers.footage.order import Order
from workers.footage.passage import Fixity
from workers.footage.source import FileSource
from workers.footage.transfer import secure
from workers.footage.verification import Outcome, read_back
from workers.keys.signing import Signed
from workers.vault.client import Access
from workers.vault.keys import attempt_keys, quarantine_keys
from workers.vault.s3 import S3Vault


def _access(plan: Plan, role: str, keys: tuple[str, str]) -> Access:
    return Access(endpoint=plan.endpoint, access_key=keys[0], secret_key=keys[1], bucket=plan.bucket, role=role)


class _Declared:
    def __init__(self, sha256: str) -> None:
        self._sha256 = sha256

    def size(self, size: int) -> None:
        assert size >= 0

    def all_read(self, fixity: Fixity) -> None:
        assert fixity.sha256 == self._sha256


def main() -> None:
    plan = planned()
    vault = S3Vault(_access(plan, "transfer", plan.writer))
    verifier = S3Vault(_access(plan, "verification", plan.reader))
    buffers = Buffers(plan.chunk, plan.buffers)
    means = Means(vault=vault, uploads=FakeUploads(), buffers=buffers, lock_for=3600)

    def one(recording: Recording) -> None:
        source = FileSource(Path(recording.path))
        order = Order(
            clip_id=recording.clip_id,
            attempt=1,
            report=Signed("{}", "dock:BENCH:0", ""),
            size=source.size,
            sha256=recording.sha256,
            sidecar_sha256=hashlib.sha256(b"").hexdigest(),
            media_type="video/mp4",
            keys=attempt_keys("bench", recording.clip_id, 1),
            apart=quarantine_keys("bench", recording.clip_id),
        )
        if not plan.whole:
            deposit(order.keys.footage, source, means, _Declared(order.sha256), media_type="video/mp4")
            return
        outcome = secure(order, source, means)
        assert isinstance(outcome, Secured), outcome
        fresh = verifier.fresh()
        verdict = read_back(
            fresh,
            order.keys.footage,
            outcome.manifest.footage_version,
            size=order.size,
            sha256=order.sha256,
            chunk_size=plan.chunk,
        )
        assert verdict.outcome is Outcome.CORRECT, verdict
        fresh.close()

    at_once(one, plan.recordings)


if __name__ == "__main__":
    main()
