# ruff: noqa: ASYNC240 (small files, and nothing else runs)
"""What ffmpeg makes, looked at picture by picture and sample by sample; no server is needed."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from tests.prosecution import screen
from workers.errors import Refused, RuleBroken
from workers.footage.sandbox import sandbox_works
from workers.prosecution.derivatives.making import Made, Tool, make, tool_of
from workers.prosecution.derivatives.needed import ordered
from workers.prosecution.statements import DerivativeKind as Kind

CLIP = "clip-" + "a" * 32
COVER = "[[blur]]\nfrom = 0.4\nto = 1.2\nx = 41\ny = 61\nwidth = 120\nheight = 80\n"
CODED = 12
"""Levels of grey by which H.264 may miss one grey beside moving pictures; the covered detail has more than 60."""
HUSH = "[[mute]]\nfrom = 0.5\nto = 1.5\n"


@pytest.fixture(scope="module")
def footage(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return screen.numbered(tmp_path_factory.mktemp("footage") / "numbered.mp4")


@pytest.fixture(scope="module")
def canary(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return screen.with_canary(tmp_path_factory.mktemp("canary"))


@pytest.fixture
async def tool() -> Tool:
    walls = await sandbox_works()
    return await tool_of(screen.TOOLS.ffmpeg, screen.TOOLS.ffprobe, walls=walls, seconds=60, memory=3 << 30)


async def made(
    tool: Tool,
    clip: Path,
    out: Path,
    kind: Kind,
    start: float | None = None,
    end: float | None = None,
    redaction: str | None = None,
    *,
    demuxer: str = "mov",
) -> Made:
    out.mkdir()
    order = ordered(CLIP, kind, start, end, redaction, by="ADMIN", at="2026-11-22T10:00:00Z")
    return await make(tool, order, clip, demuxer, out)


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        (0.48, 0.8, range(12, 20)),  # on pictures: the one at the start, not the one at the end
        (0.479, 0.801, range(11, 21)),  # between them: the one that is shown at the start
        (None, 0.08, range(0, 2)),
        (1.9, None, range(47, 50)),
        (1.96, 2.0, range(49, 50)),
        (0.0, 2.0, range(0, 50)),
    ],
)
async def test_a_range_has_these_pictures_and_no_other(
    tool: Tool, footage: Path, tmp_path: Path, start: float | None, end: float | None, expected: range
) -> None:
    found = await made(tool, footage, tmp_path / "out", Kind.RANGE, start, end)
    assert screen.numbers(found.file) == list(expected)
    assert found.recipe.pictures == len(expected)


async def test_pictures_that_come_irregularly_are_cut_as_exactly(tool: Tool, tmp_path: Path) -> None:
    uneven = screen.numbered(tmp_path / "uneven.mp4", only="not(eq(mod(n,5),1))*not(between(n,20,30))")
    found = await made(tool, uneven, tmp_path / "out", Kind.RANGE, 0.45, 1.40)
    kept = [n for n in range(50) if n % 5 != 1 and not 20 <= n <= 30]
    # 0.45 s is inside the time of picture 10 (11 is missing), 1.40 s is where 35 begins.
    assert screen.numbers(found.file) == [n for n in kept if 10 <= n < 35]


async def test_a_container_that_does_not_begin_at_nought_is_cut_as_exactly(tool: Tool, tmp_path: Path) -> None:
    stream = screen.numbered(tmp_path / "late.mkv", output_ts_offset=100)
    found = await made(tool, stream, tmp_path / "out", Kind.RANGE, 1.2, 1.6, demuxer="matroska")
    # Its sound begins before its pictures, by less than one: a player counts from there, and both ends are inside one.
    assert 0 < found.recipe.media.pictures[0] < 0.04
    assert screen.numbers(found.file) == list(range(29, 40))


async def test_sound_stays_with_its_pictures(tool: Tool, tmp_path: Path) -> None:
    clip = screen.numbered(tmp_path / "clip.mp4", af="volume=0:enable='lt(t,1)'")
    found = await made(tool, clip, tmp_path / "out", Kind.RANGE, 0.6, 1.8)
    assert screen.loudness(found.file, 0.05, 0.35) == 0
    assert screen.loudness(found.file, 0.45, 1.1) > 1000


async def test_a_still_is_the_picture_of_its_moment(tool: Tool, footage: Path, tmp_path: Path) -> None:
    found = await made(tool, footage, tmp_path / "out", Kind.STILL, 1.0)
    assert found.file.read_bytes().startswith(b"\x89PNG")
    assert screen.numbers(found.file) == [25]


async def test_a_playback_copy_is_small_and_begins_before_it_is_there(tool: Tool, tmp_path: Path) -> None:
    large = screen.numbered(tmp_path / "large.mp4", pictures=5, size="1920x1080")
    found = await made(tool, large, tmp_path / "out", Kind.PLAYBACK)
    assert screen.shape(found.file) == (1280, 720)
    data = found.file.read_bytes()
    assert data.index(b"moov") < data.index(b"mdat")


async def test_a_picture_of_odd_size_loses_nothing(tool: Tool, tmp_path: Path) -> None:
    odd = screen.numbered(tmp_path / "odd.mp4", pictures=5, scale=(101, 75), pix_fmt="yuv444p")
    found = await made(tool, odd, tmp_path / "out", Kind.RANGE, 0.04, 0.12)
    assert screen.shape(found.file) == (102, 76)
    assert screen.numbers(found.file) == [1, 2]


async def test_the_canary_is_nowhere_in_a_redaction(tool: Tool, canary: Path, tmp_path: Path) -> None:
    address = screen.CANARY.encode()
    assert canary.read_bytes().count(address) >= 4
    before = screen.greys(canary)
    assert len(set(screen.region(before[15], 320, 41, 61, 120, 80))) > 60
    assert screen.loudness(canary, 0.5, 1.5) > 1000

    found = await made(tool, canary, tmp_path / "out", Kind.REDACTION, redaction=COVER + HUSH)

    assert address not in found.file.read_bytes()
    pictures = screen.greys(found.file)
    assert len(pictures) == len(before) == 50
    for number, picture in enumerate(pictures):
        levels = set(screen.region(picture, 320, 41, 61, 120, 80))
        covered = 10 <= number <= 30  # 0.4 s to 1.2 s, both pictures included
        assert (max(levels) - min(levels) <= CODED) == covered, f"picture {number}: {len(levels)} levels"
    # An AAC window reaches 1024 samples beyond what it codes; nothing that was muted is ever in one.
    assert screen.loudness(found.file, 0.53, 1.47) == 0
    assert screen.loudness(found.file, 0.0, 0.4) > 1000
    assert screen.loudness(found.file, 1.6, 1.9) > 1000


async def test_a_still_and_a_range_are_redacted_like_the_whole(tool: Tool, canary: Path, tmp_path: Path) -> None:
    still = await made(tool, canary, tmp_path / "still", Kind.STILL, 0.8, None, COVER)
    assert len(set(screen.region(screen.greys(still.file)[0], 320, 41, 61, 120, 80))) == 1
    part = await made(tool, canary, tmp_path / "part", Kind.REDACTION, 1.0, 2.0, COVER + HUSH)
    pictures = screen.greys(part.file)
    spread = [max(found) - min(found) for found in (screen.region(p, 320, 41, 61, 120, 80) for p in pictures)]
    assert [one <= CODED for one in spread] == [True] * 6 + [False] * 19
    assert screen.loudness(part.file, 0.0, 0.47) == 0 < screen.loudness(part.file, 0.6, 0.9)


async def test_made_again_it_is_the_same_to_the_bit(tool: Tool, canary: Path, tmp_path: Path) -> None:
    for kind, start, end, redaction in (
        (Kind.RANGE, 0.3, 1.7, None),
        (Kind.STILL, 1.1, None, None),
        (Kind.PLAYBACK, None, None, None),
        (Kind.REDACTION, None, None, COVER + HUSH),
    ):
        once = await made(tool, canary, tmp_path / f"{kind}1", kind, start, end, redaction)
        again = await made(tool, canary, tmp_path / f"{kind}2", kind, start, end, redaction)
        assert once.file.read_bytes() == again.file.read_bytes(), kind
        assert once.sha256 == hashlib.sha256(once.file.read_bytes()).hexdigest()


async def test_the_master_is_as_it_was_and_no_path_is_told(tool: Tool, canary: Path, tmp_path: Path) -> None:
    before = canary.read_bytes()
    found = await made(tool, canary, tmp_path / "out", Kind.REDACTION, redaction=COVER)
    assert canary.read_bytes() == before
    assert str(tmp_path) not in " ".join(found.argv)
    assert found.argv[0] == "ffmpeg"


@pytest.mark.parametrize(
    ("start", "end", "redaction", "says"),
    [
        (3.0, 4.0, None, "starts at 3 s and the clip has 2.000 s"),
        (0.5, 9.0, None, "ends at 9 s"),
        (0.5, 1.0, COVER.replace("width = 120", "width = 290"), "x = 41 and width = 290 reach to 331"),
        (0.5, 1.0, COVER.replace("to = 1.2", "to = 12"), "[[blur]] 1: to = 12 lies behind the clip"),
    ],
)
async def test_what_does_not_fit_the_clip_is_refused(
    tool: Tool, footage: Path, tmp_path: Path, start: float, end: float, redaction: str | None, says: str
) -> None:
    with pytest.raises(Refused, match=r"clip|picture") as refused:
        await made(tool, footage, tmp_path / "out", Kind.REDACTION if redaction else Kind.RANGE, start, end, redaction)
    assert says in refused.value.reason


async def test_an_order_that_contradicts_itself_is_none(tool: Tool, footage: Path, tmp_path: Path) -> None:
    for number, (kind, start, end) in enumerate(
        [(Kind.RANGE, None, None), (Kind.RANGE, 2.0, 1.0), (Kind.STILL, None, None), (Kind.STILL, 1.0, 2.0),
         (Kind.REDACTION, 0.0, 1.0), (Kind.RANGE, -1.0, 1.0)]
    ):  # fmt: skip
        with pytest.raises(RuleBroken):
            await made(tool, footage, tmp_path / f"out{number}", kind, start, end)


@pytest.mark.parametrize(
    "content",
    [b"", b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n", b"ffconcat version 1.0\nfile /etc/passwd\n", b"\x00" * 5000],
)
async def test_what_is_no_recording_is_refused(tool: Tool, tmp_path: Path, content: bytes) -> None:
    clip = tmp_path / "clip.mp4"
    clip.write_bytes(content)
    with pytest.raises(Refused, match=r"ffprobe cannot read its media|no picture"):
        await made(tool, clip, tmp_path / "out", Kind.PLAYBACK)


async def test_a_recording_that_was_cut_off_is_refused_or_whole(tool: Tool, footage: Path, tmp_path: Path) -> None:
    torn = tmp_path / "torn.mp4"
    data = bytearray(footage.read_bytes())
    middle = data.index(b"mdat") + 2000
    data[middle : middle + 3000] = b"\xff" * 3000
    torn.write_bytes(data)
    try:
        found = await made(tool, torn, tmp_path / "out", Kind.RANGE, 0.0, 2.0)
    except Refused as refused:
        assert "the clip is damaged" in refused.reason or "cannot make it" in refused.reason
    else:
        assert len(screen.greys(found.file)) == 50


async def test_ffmpeg_is_ended_when_its_time_is_over(tool: Tool, tmp_path: Path) -> None:
    clip = screen.numbered(tmp_path / "clip.mp4", pictures=25, size="1280x720")
    hasty = Tool(tool.ffmpeg, tool.ffprobe, tool.version, tool.walls, 0.01, tool.memory)
    with pytest.raises(Refused, match="did not come to an end"):
        await made(hasty, clip, tmp_path / "out", Kind.PLAYBACK)


async def test_without_ffmpeg_the_sentence_says_what_to_do() -> None:
    with pytest.raises(Refused, match=r"no ffmpeg is set.*settings.toml"):
        await tool_of("", "", walls=False, seconds=1, memory=1)
