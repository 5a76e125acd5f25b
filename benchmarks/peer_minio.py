"""minio-py as it comes: `python -m benchmarks.peer_minio PLAN` is one run in a process of its own.

hashlib, compare, fput_object; get_object, hashlib, compare.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from minio import Minio

from benchmarks.plan import Recording, at_once, planned


def main() -> None:
    plan = planned()
    host = plan.endpoint.partition("//")[2]
    writer = Minio(host, *plan.writer, secure=False, region="us-east-1")
    reader = Minio(host, *plan.reader, secure=False, region="us-east-1")

    def one(recording: Recording) -> None:
        if plan.whole:
            with Path(recording.path).open("rb") as file:
                assert hashlib.file_digest(file, "sha256").hexdigest() == recording.sha256
        key = f"bench/clips/{recording.clip_id}/1/footage"
        written = writer.fput_object(plan.bucket, key, recording.path, part_size=plan.chunk)
        if not plan.whole:
            return
        answer = reader.get_object(plan.bucket, key, version_id=written.version_id)
        digest = hashlib.sha256()
        for piece in answer.stream(1 << 20):
            digest.update(piece)
        answer.close()
        assert digest.hexdigest() == recording.sha256

    at_once(one, plan.recordings)


if __name__ == "__main__":
    main()
