"""The Range header of RFC 9110, reduced to what transfer needs: one range of bytes."""

from __future__ import annotations

import re

from workers.errors import BwvError

_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})")


class RangeUnfit(BwvError):
    """Not one satisfiable range of bytes (HTTP 416)."""


def single_range(header: str | None, size: int) -> tuple[int, int]:
    """Return first byte and length that a request asks for; without a header, everything."""
    if header is None:
        return 0, size
    match = _RANGE.fullmatch(header.strip())
    if match is None or match.groups() == ("", ""):
        raise RangeUnfit(f"Range {header[:80]!r}: expected one range, bytes=first-last")
    first, last = match.groups()
    if first == "":  # the last N bytes
        start, end = max(0, size - int(last)), size - 1
    else:
        start, end = int(first), min(int(last) if last else size - 1, size - 1)
    if start > end or start >= size:
        raise RangeUnfit(f"Range {header[:80]!r} lies outside the recording of {size} bytes")
    return start, end - start + 1
