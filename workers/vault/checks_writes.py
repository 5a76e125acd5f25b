"""Checks: writing, resuming and reading."""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping

from workers.vault import wire
from workers.vault.checks_bytes import RIGHT, complete
from workers.vault.checksums import CRC_HEADER, content_md5, crc64nvme, encoded, protecting
from workers.vault.lab import Check, Lab
from workers.vault.report import Level
from workers.vault.values import ChunkProtection


def put_if_absent(lab: Lab, role: str = "admin") -> tuple[bool, str]:
    """A second PUT with If-None-Match: * over a key that is taken."""
    key, version_id, _ = lab.locked
    absent = {"If-None-Match": "*", "Content-MD5": content_md5(RIGHT)}
    reply = lab.role(role).send("PUT", key, headers=absent, body=RIGHT)
    same = lab.role(role).head(key).version_id == version_id
    return reply.status == 412 and same, f"{reply}; still the same version: {same}"


def _complete_if_absent(lab: Lab) -> tuple[bool, str]:
    key, version_id = lab.plain
    _, upload = lab.admin.begin(key)
    reply = complete(lab, key, upload, if_absent=True)
    same = lab.admin.head(key).version_id == version_id
    lab.admin.send("DELETE", key, query=upload)
    return reply.status == 412 and same, f"{reply}; still the same version: {same}"


def _one_of_several_wins(lab: Lab) -> tuple[bool, str]:
    key, statuses, gate = lab.key("race"), list[int](), threading.Barrier(3)

    def write(number: int) -> None:
        gate.wait()
        statuses.append(lab.admin.put(key, b"%d" % number, {"If-None-Match": "*"}).status)

    threads = [threading.Thread(target=write, args=(number,)) for number in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    versions = sum(version.key == key for version in lab.leftovers())
    return sorted(statuses) == [200, 412, 412] and versions == 1, f"{sorted(statuses)}, versions {versions}"


def _cut_off(lab: Lab) -> tuple[bool, str]:
    body = os.urandom(200_000)
    key, headers = lab.key("cut-off"), protecting(ChunkProtection.CRC64NVME, body, None)
    lab.admin.cut_off(key, {}, headers, body)
    _, upload = lab.admin.begin(lab.key("cut-off-parts"))
    lab.admin.cut_off(lab.key("cut-off-parts"), {**upload, "partNumber": "1"}, headers, body)
    lab.settle()
    head = lab.admin.head(key)
    parts = list(wire.Answer(lab.admin.send("GET", lab.key("cut-off-parts"), query=upload).data).parts())
    return head.status == 404 and not parts, f"HEAD {head}, parts kept {len(parts)}"


def _ranges(lab: Lab) -> tuple[bool, str]:
    key, version_id = lab.plain
    reply = lab.admin.send("GET", key, query={"versionId": version_id}, headers={"Range": "bytes=3-6"})
    behind = lab.admin.send("GET", key, query={"versionId": version_id}, headers={"Range": "bytes=99-"})
    passed = reply.status == 206 and reply.data == b"3456" and behind.status == 416
    return passed, f"{reply} {reply.data[:20]!r}, behind the end {behind}"


def _resume_and_abort(lab: Lab) -> tuple[bool, str]:
    key = lab.key("resumed")
    _, upload = lab.admin.begin(key)
    lab.admin.part(key, upload, RIGHT, {CRC_HEADER: encoded(crc64nvme(RIGHT))})
    parts = list(wire.Answer(lab.admin.send("GET", key, query=upload).data).parts())
    listed = _listed(lab, key, upload)
    abort = lab.admin.send("DELETE", key, query=upload)
    after = lab.admin.send("GET", key, query=upload)
    passed = [(part.number, part.size) for part in parts] == [(1, len(RIGHT))] and listed
    passed = passed and abort.ok and after.status == 404 and not _listed(lab, key, upload)
    return passed, f"parts {len(parts)}, upload listed: {listed}; abort {abort}, then ListParts {after}"


def _uploads_by_prefix(lab: Lab) -> tuple[bool, str]:
    key = lab.key("unfinished")
    _, upload = lab.admin.begin(key)
    listed = _listed(lab, lab.prefix, upload)
    lab.admin.send("DELETE", key, query=upload)
    return listed, f"listed: {listed}"


def _listed(lab: Lab, prefix: str, upload: Mapping[str, str]) -> bool:
    answer = wire.Answer(lab.admin.send("GET", query={"uploads": "", "prefix": prefix}).data)
    return upload["uploadId"] in {found.upload_id for found in answer.uploads()}


def _read_after_write(lab: Lab) -> tuple[bool, str]:
    stale = 0
    for number in range(20):
        key = lab.key(f"fresh-{number}")
        version_id = lab.admin.put(key, b"%d" % number).version_id
        stale += lab.admin.send("GET", key, query={"versionId": version_id}).data != b"%d" % number
    listed = sum(version.key.startswith(lab.key("fresh-")) for version in lab.leftovers())
    return stale == 0 and listed == 20, f"20 writes, {stale} read stale, {listed} listed"


def _encryption(lab: Lab) -> tuple[bool, str]:
    key = lab.key("encrypted")
    reply = lab.admin.put(key, b"x", {"x-amz-server-side-encryption": "AES256"})
    shown = lab.admin.head(key).headers.get("x-amz-server-side-encryption", "nothing") if reply.ok else ""
    if not reply.ok:
        return True, f"refused ({reply}): encrypt the disks of the store"
    return shown == "AES256", f"{reply}, HEAD shows {shown}"


def _clock(lab: Lab) -> tuple[bool, str]:
    seconds = abs(lab.clock_offset.total_seconds())
    return seconds <= 5, f"{seconds:.0f} s apart"


_NO_OVERWRITE = "Two transfers of one clip could overwrite each other: use a store with conditional writes."

WRITE_CHECKS = (
    Check(
        "put-if-absent",
        Level.MUST,
        "The store refuses to write over a key that is taken.",
        _NO_OVERWRITE,
        put_if_absent,
    ),
    Check(
        "complete-if-absent",
        Level.MUST,
        "The store refuses to complete an upload over a key that is taken.",
        _NO_OVERWRITE,
        _complete_if_absent,
    ),
    Check(
        "one-writer-wins",
        Level.MUST,
        "Of several writers to one new key at once exactly one succeeds.",
        _NO_OVERWRITE,
        _one_of_several_wins,
    ),
    Check(
        "cut-off-leaves-nothing",
        Level.MUST,
        "A connection that breaks in the middle of a chunk leaves nothing behind.",
        "versitygw keeps the torso of an unsigned body: use another store.",
        _cut_off,
    ),
    Check(
        "range-by-version",
        Level.MUST,
        "A range of exactly one version can be read.",
        "Verification and disclosure need it: use another store.",
        _ranges,
    ),
    Check(
        "resume-and-abort",
        Level.MUST,
        "An unfinished upload tells which parts it has, and can be dropped.",
        "Transfers could not resume: use another store.",
        _resume_and_abort,
    ),
    Check(
        "uploads-by-prefix",
        Level.SHOULD,
        "Unfinished uploads can be listed by the folder they are in.",
        "They are found by their exact key from our own record instead.",
        _uploads_by_prefix,
    ),
    Check(
        "read-after-write",
        Level.MUST,
        "What was written can be read and listed at once.",
        "Look for a cache or a lagging replica between here and the store.",
        _read_after_write,
    ),
    Check(
        "encryption-honest",
        Level.SHOULD,
        "A request for encryption at rest is honoured or refused, never ignored.",
        "The store keeps in plain text what it was asked to encrypt: encrypt its disks instead.",
        _encryption,
    ),
    Check(
        "clocks-agree",
        Level.SHOULD,
        "The store's clock and ours are less than five seconds apart.",
        "Locks end by the store's clock: run NTP on both.",
        _clock,
    ),
)
