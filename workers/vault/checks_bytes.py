"""Checks: does the store compare what arrives with what was announced?

The first kind of protection that passes is the one that ingest uses on this store.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping

from workers.vault import wire
from workers.vault.checksums import CRC_HEADER, crc64nvme, encoded, protecting
from workers.vault.lab import Check, Lab
from workers.vault.probe import Reply
from workers.vault.report import Level
from workers.vault.values import ChunkProtection, Part

RIGHT, _WRONG = b"the bytes that are sent", b"the bytes that are announced"


def _announcing(protection: ChunkProtection) -> Mapping[str, str]:
    """Headers that announce other bytes than are sent."""
    if protection is ChunkProtection.SIGNED:
        return {"x-amz-content-sha256": hashlib.sha256(_WRONG).hexdigest()}
    return protecting(protection, _WRONG, None)


def spoilt_put_is_refused(lab: Lab, protection: ChunkProtection, role: str = "admin") -> tuple[bool, str]:
    """PUT of bytes that are not the announced ones."""
    probe, key = lab.role(role), lab.key(f"spoilt-{protection.value}")
    reply = probe.send("PUT", key, headers=_announcing(protection), body=RIGHT)
    absent = probe.head(key).status == 404
    return reply.refused and absent, f"PUT {reply}, {'nothing kept' if absent else 'object KEPT'}"


def _spoilt_is_refused(protection: ChunkProtection) -> Callable[[Lab], tuple[bool, str]]:
    def run(lab: Lab) -> tuple[bool, str]:
        put, seen = spoilt_put_is_refused(lab, protection)
        key = lab.key(f"spoilt-part-{protection.value}")
        _, upload = lab.admin.begin(key)
        part = lab.admin.part(key, upload, RIGHT, _announcing(protection))
        listed = list(wire.Answer(lab.admin.send("GET", key, query=upload).data).parts())
        passed = put and part.refused and not listed
        seen = f"{seen}; part {part}, parts kept {len(listed)}"
        if protection is not ChunkProtection.CRC64NVME:
            return passed, seen
        whole = complete(lab, key, upload, whole=_WRONG)
        return passed and whole.refused, f"{seen}; Complete {whole}"

    return run


def complete(lab: Lab, key: str, upload: dict[str, str], *, whole: bytes = RIGHT, if_absent: bool = False) -> Reply:
    """One right part, completed as `whole`."""
    sent = lab.admin.part(key, upload, RIGHT, {CRC_HEADER: encoded(crc64nvme(RIGHT))})
    part = Part(1, len(RIGHT), sent.etag, crc64nvme(RIGHT))
    crc = {CRC_HEADER: encoded(crc64nvme(whole)), "x-amz-checksum-type": "FULL_OBJECT"}
    return lab.admin.complete(key, upload, part, crc | ({"If-None-Match": "*"} if if_absent else {}))


PROTECTION_CHECKS = {
    protection: Check(
        name,
        Level.SHOULD,
        sentence,
        "Another protection is used if the store has one.",
        _spoilt_is_refused(protection),
    )
    for protection, name, sentence in (
        (
            ChunkProtection.CRC64NVME,
            "crc64nvme-checked",
            "The store refuses a chunk, and a whole object, whose CRC64NVME is wrong.",
        ),
        (
            ChunkProtection.CONTENT_MD5,
            "content-md5-checked",
            "The store refuses a chunk whose Content-MD5 is wrong.",
        ),
        (
            ChunkProtection.SIGNED,
            "payload-hash-checked",
            "The store refuses a chunk whose signed SHA-256 is wrong.",
        ),
    )
}
