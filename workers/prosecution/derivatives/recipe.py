"""What exactly is to be made from a clip: an order, held against the clip's media. Pure; `graph.py` tells ffmpeg."""

from __future__ import annotations

from msgspec import Struct

from workers.errors import Refused, RuleBroken
from workers.prosecution.derivatives.media import Media
from workers.prosecution.derivatives.redaction import Redaction, fits, parse
from workers.prosecution.statements import DerivativeKind, DerivativeOrder

TIDY = "correct start and end, and order it again"
LINES = 720
"""Pixels of a playback copy's shorter side, at most."""


class Recipe(Struct, frozen=True):
    """What is to be made, decided.

    Attributes:
        pictures: how many it must have.
        first: second of the clip that its first picture is shown at; length: its seconds.
        media_type: of what is made.
        demuxer: reads it again; "" of a still.
        parameters: for the lineage, in words.
    """

    order: DerivativeOrder
    media: Media
    redaction: Redaction
    begin: int
    end: int
    first: float
    length: float
    media_type: str
    demuxer: str
    parameters: dict[str, str]

    @property
    def pictures(self) -> int:
        """How many pictures it must have."""
        return self.end - self.begin

    @property
    def name(self) -> str:
        """File name of what is made."""
        return "media.png" if self.order.kind is DerivativeKind.STILL else "media.mp4"

    @property
    def small(self) -> tuple[int, int]:
        """Pixels of a playback copy."""
        return _small(self.media)


def recipe_of(order: DerivativeOrder, media: Media) -> Recipe:
    """Decide how an order is carried out.

    Raises:
        Refused: it does not fit the clip, or its redaction file is wrong.
        RuleBroken: it contradicts itself.
    """
    check(order)
    redaction = parse(order.redaction) if order.redaction is not None else Redaction()
    fits(redaction, width=media.width, height=media.height, seconds=media.seconds)
    begin, end = _cut(order, media)
    still = order.kind is DerivativeKind.STILL
    first = media.pictures[begin]
    until = media.pictures[end] if end < len(media.pictures) else max(media.seconds, media.pictures[-1])
    return Recipe(
        order=order,
        media=media,
        redaction=redaction,
        begin=begin,
        end=end,
        first=first,
        length=0.0 if still else until - first,
        media_type="image/png" if still else "video/mp4",
        demuxer="" if still else "mov",
        parameters=_in_words(order, media, redaction, begin, end),
    )


def check(order: DerivativeOrder) -> None:
    """Demand that an order does not contradict itself; the clip is not looked at.

    Raises:
        RuleBroken: what was signed can never be carried out.
    """
    what = f"an order of a {order.kind.value}"
    for name, value in (("start", order.start), ("end", order.end)):
        if value is not None and not 0 <= value <= 7 * 24 * 3600:
            raise RuleBroken(f"{what}: {name} = {value}; expected seconds into the clip")
    if order.start is not None and order.end is not None and order.end <= order.start:
        raise RuleBroken(f"{what}: it ends at {order.end:g} and starts at {order.start:g}")
    if order.kind is DerivativeKind.STILL and (order.start is None or order.end is not None):
        raise RuleBroken(f"{what}: expected its one moment as start, and no end")
    if order.kind is DerivativeKind.RANGE and order.start is None and order.end is None:
        raise RuleBroken(f"{what}: expected a start or an end")
    if order.kind is DerivativeKind.REDACTION and order.redaction is None:
        raise RuleBroken(f"{what}: expected the text of a redaction file")


def _cut(order: DerivativeOrder, media: Media) -> tuple[int, int]:
    """Numbers of the first picture, and of the one behind the last."""
    for name, value in (("starts", order.start), ("ends", order.end)):
        if value is not None and value > media.seconds + 0.1:
            raise Refused(f"it {name} at {value:g} s and the clip has {media.seconds:.3f} s", TIDY)
    begin = 0 if order.start is None else media.shown_at(order.start)
    if order.kind is DerivativeKind.STILL:
        return begin, begin + 1
    end = len(media.pictures) if order.end is None else media.first_from(order.end)
    if end <= begin:
        raise Refused(f"there is no picture between {order.start or 0:g} s and {order.end:g} s", TIDY)
    return begin, end


def _in_words(order: DerivativeOrder, media: Media, redaction: Redaction, begin: int, end: int) -> dict[str, str]:
    words = {
        "pictures": str(end - begin),
        "first picture": f"{begin + 1} of {len(media.pictures)}, shown at {media.pictures[begin]:.6f} s",
        "picture": f"{media.width} x {media.height}",
    }
    if order.kind is DerivativeKind.PLAYBACK:
        words["picture"] += " made to {} x {}".format(*_small(media))
    if redaction.blurs:
        words["covered"] = f"{len(redaction.blurs)} rectangles, filled with one grey"
    if redaction.mutes:
        words["silenced"] = f"{len(redaction.mutes)} spans"
    return words


def _small(media: Media) -> tuple[int, int]:
    share = min(1.0, LINES / min(media.width, media.height))
    return 2 * round(media.width * share / 2), 2 * round(media.height * share / 2)
