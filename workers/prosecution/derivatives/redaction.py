"""The redaction file: what of a clip is covered and what is silenced, written by a person, in TOML.

    [[blur]]                  a rectangle of the picture is covered
    from = 3.0                seconds into the clip
    to = 9.5
    x = 640                   pixels of the picture as a player shows it, from its upper left corner
    y = 120
    width = 320
    height = 200

    [[mute]]                  the sound is silence
    from = 4.0
    to = 6.5

docs/derivatives.md describes it for its writers. Everything in it is checked before anything is made; a message
names the table, its number, the field, what was found and what was expected.
"""

from __future__ import annotations

import tomllib
from typing import Any

from msgspec import Struct

from workers.errors import Refused

MOST_TEXT = 64 << 10
"""Characters of a redaction file: it travels inside a message."""
MOST_TABLES = 200
LONGEST = 24 * 3600.0
"""Seconds; no recording is longer."""
WIDEST = 16384
"""Pixels; no picture is wider or higher."""
MOMENT = 0.1
"""Seconds that a span may end behind its clip: players round."""


class Span(Struct, frozen=True):
    """Seconds into the clip; both ends belong to it."""

    start: float
    end: float


class Mute(Struct, frozen=True):
    """A span without sound."""

    span: Span


class Blur(Struct, frozen=True):
    """A rectangle that is covered for a span; pixels of the upright picture."""

    span: Span
    x: int
    y: int
    width: int
    height: int


class Redaction(Struct, frozen=True):
    """What a redaction file asks for."""

    blurs: tuple[Blur, ...] = ()
    mutes: tuple[Mute, ...] = ()


def parse(text: str) -> Redaction:
    """Read a redaction file, as far as it can be judged without its clip; see `fits`.

    Raises:
        Refused: it is not what is expected; the reason names the place.
    """
    if len(text) > MOST_TEXT:
        raise _wrong(f"{len(text):,} characters; expected at most {MOST_TEXT:,}")
    try:
        tables = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise _wrong(f"not TOML: {error}") from error
    unknown = sorted(set(tables) - {"blur", "mute"})
    if unknown:
        raise _wrong(f"{unknown[0][:40]!r} is not known; expected tables [[blur]] and [[mute]]")
    found = Redaction(
        blurs=tuple(_blur(table, f"[[blur]] {n}") for n, table in _numbered(tables, "blur")),
        mutes=tuple(_mute(table, f"[[mute]] {n}") for n, table in _numbered(tables, "mute")),
    )
    if not found.blurs and not found.mutes:
        raise _wrong("it covers and silences nothing; expected at least one [[blur]] or [[mute]]")
    return found


def fits(redaction: Redaction, *, width: int, height: int, seconds: float) -> None:
    """Demand that everything lies inside the picture and the clip.

    Args:
        width, height: pixels of the upright picture.
        seconds: length of the clip.

    Raises:
        Refused: something lies outside; the reason names the place.
    """
    for number, blur in enumerate(redaction.blurs, 1):
        where = f"[[blur]] {number}"
        _inside(where, blur.span, seconds)
        for across, at, size, most in (("x", blur.x, blur.width, width), ("y", blur.y, blur.height, height)):
            if at + size > most:
                extent = "width" if across == "x" else "height"
                raise _wrong(
                    f"{where}: {across} = {at} and {extent} = {size} reach to {at + size}; "
                    f"the picture has {width} × {height} pixels"
                )
    for number, mute in enumerate(redaction.mutes, 1):
        _inside(f"[[mute]] {number}", mute.span, seconds)


def _inside(where: str, span: Span, seconds: float) -> None:
    for name, value in (("from", span.start), ("to", span.end)):
        if value > seconds + MOMENT:
            raise _wrong(f"{where}: {name} = {value:g} lies behind the clip, which has {seconds:.3f} s")


def _numbered(tables: dict[str, Any], kind: str) -> list[tuple[int, dict[str, Any]]]:
    found = tables.get(kind, [])
    if not isinstance(found, list) or not all(isinstance(table, dict) for table in found):
        raise _wrong(f"{kind}: expected tables written [[{kind}]]")
    if len(found) > MOST_TABLES:
        raise _wrong(f"{len(found)} tables [[{kind}]]; expected at most {MOST_TABLES}")
    return list(enumerate(found, 1))


def _blur(table: dict[str, Any], where: str) -> Blur:
    _only(table, where, ("from", "to", "x", "y", "width", "height"))
    x, y = (_pixels(table, where, name, least=0) for name in ("x", "y"))
    width, height = (_pixels(table, where, name, least=1) for name in ("width", "height"))
    return Blur(_span(table, where), x, y, width, height)


def _mute(table: dict[str, Any], where: str) -> Mute:
    _only(table, where, ("from", "to"))
    return Mute(_span(table, where))


def _only(table: dict[str, Any], where: str, names: tuple[str, ...]) -> None:
    for name in table:
        if name not in names:
            raise _wrong(f"{where}: {name[:40]!r} is not known; expected {', '.join(names)}")
    for name in names:
        if name not in table:
            raise _wrong(f"{where}: {name} is missing; expected {', '.join(names)}")


def _span(table: dict[str, Any], where: str) -> Span:
    start, end = (_seconds(table, where, name) for name in ("from", "to"))
    if end <= start:
        raise _wrong(f"{where}: to = {end:g} is not behind from = {start:g}")
    return Span(start, end)


def _seconds(table: dict[str, Any], where: str, name: str) -> float:
    value = table[name]
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= LONGEST:
        raise _wrong(f"{where}: {name} = {_shown(value)}; expected seconds into the clip, from 0 to {LONGEST:g}")
    return float(value)


def _pixels(table: dict[str, Any], where: str, name: str, *, least: int) -> int:
    value = table[name]
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= WIDEST:
        raise _wrong(f"{where}: {name} = {_shown(value)}; expected a whole number of pixels, from {least} to {WIDEST}")
    return value


def _shown(value: object) -> str:
    # An integer of a million digits takes long to print, and Python refuses it.
    return "a number that is far too large" if isinstance(value, int) and abs(value) > 10**30 else repr(value)[:60]


def _wrong(what: str) -> Refused:
    return Refused(f"redaction file: {what}", "correct the file and order it again (docs/derivatives.md)")
