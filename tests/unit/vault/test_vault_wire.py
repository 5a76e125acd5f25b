"""Checksums, dates, headers and XML."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers.errors import StoreAway
from workers.vault import checksums, wire
from workers.vault.retry import Limits, RetryBudget, wait_before
from workers.vault.vault import ChunkProtection, Lock, Part

WHEN = datetime(2026, 11, 22, 12, 0, 0, tzinfo=UTC)


def test_the_published_check_value_of_crc64nvme() -> None:
    assert checksums.crc64nvme(b"123456789") == 0xAE8B14860A799888


@given(st.lists(st.binary(max_size=300), max_size=6))
def test_the_checksum_of_the_whole_comes_from_those_of_the_parts(chunks: list[bytes]) -> None:
    parts = [Part(n, len(c), "", checksums.crc64nvme(c)) for n, c in enumerate(chunks, 1)]
    assert checksums.combined(parts) == checksums.crc64nvme(b"".join(chunks))


def test_one_part_without_a_checksum_leaves_the_whole_without() -> None:
    assert checksums.combined([Part(1, 1, "", 5), Part(2, 1, "", None)]) is None


@given(st.integers(min_value=0, max_value=2**64 - 1))
def test_a_checksum_survives_the_header(crc: int) -> None:
    assert checksums.decoded(checksums.encoded(crc)) == crc


@pytest.mark.parametrize("text", [None, "", "AAAA", "AAAAAAAAAAA=-2", "not base64!", "=" * 12])
def test_what_is_no_crc64_is_no_checksum(text: str | None) -> None:
    assert checksums.decoded(text) is None


def test_each_protection_announces_the_bytes_in_its_own_way() -> None:
    crc = checksums.protecting(ChunkProtection.CRC64NVME, b"x", None)
    assert crc["x-amz-checksum-crc64nvme"] == checksums.encoded(checksums.crc64nvme(b"x"))
    assert crc["x-amz-content-sha256"] == "UNSIGNED-PAYLOAD"
    md5 = checksums.protecting(ChunkProtection.CONTENT_MD5, b"x", None)
    assert base64.b64decode(md5["Content-MD5"]).hex() == "9dd4e461268c8034f5c8564e155c67a6"
    assert checksums.protecting(ChunkProtection.SIGNED, b"x", None) == {}


def test_a_lock_never_ends_before_it_was_asked_to() -> None:
    asked = WHEN + timedelta(microseconds=1)
    assert wire.stamp(asked) == "2026-11-22T12:00:01Z"
    assert wire.stamp(WHEN) == "2026-11-22T12:00:00Z"
    assert wire.stamp(WHEN.astimezone(timezone(timedelta(hours=5)))) == "2026-11-22T12:00:00Z"
    with pytest.raises(ValueError, match="time zone"):
        wire.stamp(datetime(2026, 11, 22))


@pytest.mark.parametrize("text", ["2026-11-22T12:00:00Z", "2026-11-22T12:00:00.123Z", "2026-11-22T12:00:00.123456789Z"])
def test_dates_are_read_at_any_precision(text: str) -> None:
    assert wire.moment_of(text) == WHEN


def test_a_head_is_read_whatever_the_case_of_its_headers() -> None:
    head = wire.head_of(
        "k",
        {
            "Content-Length": "5",
            "ETag": '"abc"',
            "Date": "Sun, 22 Nov 2026 12:00:00 GMT",
            "X-Amz-Version-Id": "v1",
            "x-amz-object-lock-mode": "COMPLIANCE",
            "X-Amz-Object-Lock-Retain-Until-Date": "2026-11-22T12:00:00Z",
            "x-amz-object-lock-legal-hold": "ON",
            "X-Amz-Meta-A": "1",
        },
    )
    assert (head.size, head.etag, head.version_id, head.store_time) == (5, "abc", "v1", WHEN)
    assert head.lock == Lock("COMPLIANCE", WHEN, legal_hold=True)
    assert head.metadata == {"a": "1"}


@pytest.mark.parametrize("headers", [{}, {"content-length": "x", "date": "x"}, {"content-length": "1"}])
def test_an_answer_that_is_no_stores_is_not_believed(headers: dict[str, str]) -> None:
    with pytest.raises(StoreAway):
        wire.head_of("k", headers)


def test_a_lock_is_in_force_until_its_end_and_a_hold_without_end() -> None:
    assert Lock("COMPLIANCE", WHEN).in_force(WHEN - timedelta(seconds=1))
    assert not Lock("COMPLIANCE", WHEN).in_force(WHEN)
    assert Lock(legal_hold=True).in_force(WHEN)
    assert not Lock().in_force(WHEN)


def test_listings_are_read_with_and_without_a_namespace() -> None:
    inside = "<Part><PartNumber>2</PartNumber><Size>7</Size><ETag>&quot;e&quot;</ETag></Part>"
    for attributes in ("", ' xmlns="http://s3.amazonaws.com/doc/2006-03-01/"'):
        answer = wire.Answer(f"<R{attributes}>{inside}<IsTruncated>true</IsTruncated></R>".encode())
        assert list(answer.parts()) == [Part(2, 7, "e", None)]
        assert answer.truncated
    with pytest.raises(StoreAway):
        wire.Answer(b"<html>")


def test_complete_lists_each_parts_checksum() -> None:
    body = wire.complete_body([Part(1, 5, "e1", 0), Part(2, 5, "e2", None)]).decode()
    assert body.count("<ChecksumCRC64NVME>AAAAAAAAAAA=</ChecksumCRC64NVME>") == 1
    assert body.index("e1") < body.index("e2")


def test_retries_add_a_tenth_at_most() -> None:
    budget = RetryBudget(reserve=2)
    assert [budget.spend() for _ in range(3)] == [True, True, False]
    for _ in range(10):
        budget.earn()
    assert [budget.spend() for _ in range(2)] == [True, False]


def test_waits_are_drawn_from_a_growing_but_bounded_interval() -> None:
    limits = Limits(longest_wait=0.5)
    assert all(0 <= wait_before(1, limits) <= 0.2 for _ in range(100))
    assert all(0 <= wait_before(50, limits) <= 0.5 for _ in range(100))
