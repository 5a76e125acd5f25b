from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers.errors import RuleBroken
from workers.footage.chunking import holds, spans
from workers.footage.fake import FakeSource
from workers.footage.passage import measured
from workers.vault.checksums import crc64nvme
from workers.vault.vault import MAXIMUM_PARTS, MINIMUM_PART, Part

sizes_near_multiples = st.builds(
    lambda multiple, off: max(0, multiple * MINIMUM_PART + off), st.integers(0, 40), st.integers(-3, 3)
)


@given(sizes_near_multiples)
def test_chunks_cover_a_recording_without_gap_or_overlap(size: int) -> None:
    cut = list(spans(size, MINIMUM_PART))
    assert [span.number for span in cut] == list(range(1, len(cut) + 1))
    at = 0
    for span in cut:
        assert span.offset == at
        at += span.size
    assert at == size
    assert all(span.size == MINIMUM_PART for span in cut[:-1])
    assert cut[-1].size > 0 or size == 0


def test_nothing_at_all_is_one_empty_chunk() -> None:
    assert [span.size for span in spans(0, MINIMUM_PART)] == [0]


def test_more_chunks_than_s3_takes_are_refused_with_the_size_that_would_do() -> None:
    assert len(list(spans(MAXIMUM_PARTS * MINIMUM_PART, MINIMUM_PART))) == MAXIMUM_PARTS
    with pytest.raises(RuleBroken, match="set chunk_size to 5242881"):
        list(spans(MAXIMUM_PARTS * MINIMUM_PART + 1, MINIMUM_PART))


def test_a_part_is_recognised_by_checksum_or_md5_and_by_nothing_less() -> None:
    data = memoryview(b"abcdef")
    crc, md5 = crc64nvme(data), hashlib.md5(b"abcdef").hexdigest()
    assert holds(Part(1, 6, "whatever", crc), data, crc)
    assert holds(Part(1, 6, md5), data, crc)
    assert not holds(None, data, crc)
    assert not holds(Part(1, 5, md5, crc), data, crc)
    assert not holds(Part(1, 6, md5, crc + 1), data, crc)
    assert not holds(Part(1, 6, "not-an-md5"), data, crc)
    assert not holds(Part(1, 6, hashlib.md5(b"abcdeX").hexdigest()), data, crc)


@given(st.binary(min_size=0, max_size=3000))
def test_what_is_measured_is_what_was_read(data: bytes) -> None:
    fixity = measured(FakeSource(data).open(), len(data), MINIMUM_PART)
    assert (fixity.size, fixity.sha256) == (len(data), hashlib.sha256(data).hexdigest())
    assert fixity.chunks[0].crc64nvme == f"{crc64nvme(data):016x}"
