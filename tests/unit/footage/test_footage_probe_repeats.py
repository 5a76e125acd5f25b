"""Probing the same bytes again finds the same, so that a message that comes twice tells one event."""

from __future__ import annotations

from pathlib import Path

from workers.footage.probe import probe


async def test_a_complaint_with_an_address_in_memory_is_the_same_finding_each_time(tmp_path: Path) -> None:
    program, media = tmp_path / "ffprobe", tmp_path / "media"
    program.write_text(
        '#!/bin/sh\necho "[mov @ 0x$$] moov atom not found" >&2\nexit 1\n'
    )  # $$: another process each time
    program.chmod(0o755)
    media.write_bytes(b"no film")
    first = await probe(str(program), media, "video/mp4", sandbox=False)
    assert first == await probe(str(program), media, "video/mp4", sandbox=False)
    assert first.reason == "ffprobe ended with 1: [mov] moov atom not found"
