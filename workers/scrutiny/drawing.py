"""Draws by lot that anybody can repeat: rank by SHA-256(seed ‖ 0x00 ‖ encounter id), take the first n. Pure.

The seed is the panel's, named after the list was fixed: whoever holds the records cannot know the ranks beforehand, and
whoever names the seed does not hold the records. What may not be shown now keeps its rank and is listed with a word.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from msgspec import Struct

from workers.custody.checkpoint import Checkpoint
from workers.errors import NoteInvalid
from workers.footage.canonical import sha256_hex

FORMAT = "bwv-draw/1"


class PassedOver(Struct, frozen=True):
    """An encounter that was drawn and is not shown now.

    Attributes:
        why: live-case-or-complaint, and no more: which of both, and whether it is restricted, is told to nobody.
    """

    encounter_id: str
    why: str


class Lot(Struct, frozen=True):
    """What came out: in the order of the ranks, both."""

    drawn: tuple[str, ...]
    passed_over: tuple[PassedOver, ...] = ()


class Draw(Struct, frozen=True):
    """A draw as it is published: everything that is needed to repeat it.

    Attributes:
        month: "2026-10"; unit: borough or basic command unit, of a supervisor's sample.
        encounters: ids of all encounters of the month on record at the checkpoint, unfilmed ones too, sorted.
        list_sha256: of the ids, each with a line feed.
        size, root: of the custody log at the checkpoint; checkpoint: the signed note.
    """

    format: str
    draw_id: str
    month: str
    n: int
    seed: str
    encounters: tuple[str, ...]
    list_sha256: str
    drawn: tuple[str, ...]
    passed_over: tuple[PassedOver, ...]
    size: int
    root: str
    checkpoint: str
    unit: str | None = None


def list_digest(encounters: Iterable[str]) -> str:
    """SHA-256 of the sorted ids, each with a line feed: `sort ids.txt | sha256sum` gives the same."""
    return sha256_hex("".join(f"{one}\n" for one in sorted(encounters)).encode())


def rank(seed: str, encounter: str) -> str:
    """Where an encounter stands: the lowest is drawn first."""
    return sha256_hex(seed.encode() + b"\0" + encounter.encode())


def ranked(encounters: Iterable[str], seed: str) -> list[str]:
    """All encounters, the first to be drawn first."""
    return sorted(set(encounters), key=lambda one: rank(seed, one))


def lot(order: Sequence[str], n: int, excluded: Mapping[str, str]) -> Lot:
    """The first n that may be shown, and what was passed over on the way to them.

    Args:
        order: as `ranked` gives it.
        excluded: encounter → word.
    """
    drawn: list[str] = []
    passed: list[PassedOver] = []
    for one in order:
        if len(drawn) == n:
            break
        if one in excluded:
            passed.append(PassedOver(one, excluded[one]))
        else:
            drawn.append(one)
    return Lot(tuple(drawn), tuple(passed))


def faults(draw: Draw) -> list[str]:
    """What is wrong with a published draw, in sentences; nothing: it is what its list and its seed say."""
    found = []
    if draw.format != FORMAT:
        found.append(f"the format is {draw.format[:40]!r}, expected {FORMAT!r}")
    if len(set(draw.encounters)) != len(draw.encounters):
        found.append("an encounter stands in the list twice: it would have two chances")
    digest = list_digest(draw.encounters)
    if digest != draw.list_sha256:
        found.append(f"the list has the digest {digest}, the draw names {draw.list_sha256}")
    words = {one.encounter_id: one.why for one in draw.passed_over}
    found += _checkpoint_faults(draw)
    again = lot(ranked(draw.encounters, draw.seed), draw.n, words)
    if again.drawn != draw.drawn:
        found.append(f"the seed draws {_named(again.drawn)}; the draw names {_named(draw.drawn)}")
    if again.passed_over != draw.passed_over:
        found.append(
            f"passed over on the way are {_named(one.encounter_id for one in again.passed_over)};"
            f" the draw names {_named(words)}"
        )
    return found


def other_list(draw: Draw, given: bytes) -> list[str]:
    """Whether a draw is from another list than the panel was given before it named the seed, in sentences.

    Args:
        given: the file of `bwv panel fix`.
    """
    digest = sha256_hex(given)
    return [] if digest == draw.list_sha256 else [f"the list given has the digest {digest}, not {draw.list_sha256}"]


def _checkpoint_faults(draw: Draw) -> list[str]:
    """Whether the signed note is of the state that the draw names; who signed it, `bwv custody verify` says."""
    try:
        noted = Checkpoint.parse(draw.checkpoint.partition("\n\n")[0] + "\n")
    except NoteInvalid as error:
        return [f"the checkpoint is none: {error}"]
    if (noted.size, noted.root.hex()) == (draw.size, draw.root):
        return []
    return [
        f"the checkpoint is of {noted.size} entries, root {noted.root.hex()};"
        f" the draw names {draw.size}, root {draw.root[:64]}"
    ]


def _named(encounters: Iterable[str]) -> str:
    return ", ".join(encounters) or "none"
