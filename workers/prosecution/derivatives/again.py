"""Makes a derivative again and compares it, to the bit: with what lies in the vault and with what was signed of it."""

from __future__ import annotations

import hashlib
import platform
from pathlib import Path

import msgspec
from msgspec import Struct

from workers.errors import Refused
from workers.footage.passage import STRIDE
from workers.prosecution.derivatives.making import Made, Tool
from workers.prosecution.derivatives.rows import Derivative
from workers.prosecution.statements import DerivativeOrder, Lineage
from workers.vault.faults import NotThere
from workers.vault.vault import Vault


class Compared(Struct, frozen=True):
    """What a comparison found.

    Attributes:
        equal: what lies in the vault is what was signed, and what was made again is the same to the bit.
        says: a sentence; where it is not equal, why.
        signed, stored, again: SHA-256 of each; `stored` is None where nothing lies there.
    """

    equal: bool
    says: str
    signed: str
    stored: str | None
    again: str


class Stored(Struct, frozen=True):
    """What lies in the vault, read once beside what was made again.

    Attributes:
        differs_at: first byte that is another one; None where there is none.
    """

    sha256: str | None
    differs_at: int | None


def compare(vault: Vault, row: Derivative, lineage: Lineage, made: Made, tool: Tool) -> Compared:
    """Compare what was made again with what lies in the vault. Blocks.

    Args:
        lineage: as it was signed.
    """
    stored = _beside(vault, row, made.file)
    return Compared(
        equal=lineage.sha256 == stored.sha256 == made.sha256,
        says=_says(lineage, stored, made, tool),
        signed=lineage.sha256,
        stored=stored.sha256,
        again=made.sha256,
    )


def order_of(lineage: Lineage) -> DerivativeOrder:
    """What the person ordered.

    Raises:
        Refused: the lineage names no order.
    """
    try:
        return msgspec.json.decode(lineage.order.body, type=DerivativeOrder)
    except msgspec.DecodeError as error:
        what = f"the lineage of {lineage.derivative_id} names no order ({error})"
        raise Refused(what, "look at it: it was signed so") from error


def _says(lineage: Lineage, stored: Stored, made: Made, tool: Tool) -> str:
    if stored.sha256 is None:
        return "what lies in the vault cannot be compared: its version is gone"
    if stored.sha256 != lineage.sha256:
        return f"what lies in the vault is not what was signed of it: {stored.sha256}, signed was {lineage.sha256}"
    if made.sha256 == lineage.sha256:
        return f"made again by {tool.version}, it is the same to the bit: {made.sha256}"
    if tool.version != lineage.tool:
        return f"it was made by {lineage.tool} and made again by {tool.version}: another build makes other bytes"
    if (there := lineage.parameters.get("processor", "")) != platform.machine():
        return f"it was made on {there} and made again on {platform.machine()}: sound is coded with rounding"
    return (
        f"made again by the same {tool.version} it has {made.size:,} bytes instead of {lineage.size:,}, and differs "
        f"from byte {stored.differs_at}; ffmpeg rounds sound by what its processor can do"
    )


def _beside(vault: Vault, row: Derivative, file: Path) -> Stored:
    if row.key is None or row.version_id is None:
        return Stored(None, None)
    digest, at, differs = hashlib.sha256(), 0, None
    buffer = memoryview(bytearray(STRIDE))
    try:
        with vault.get(row.key, row.version_id) as reader, file.open("rb") as made:
            while count := reader.readinto(buffer):
                stride, other = bytes(buffer[:count]), made.read(count)
                digest.update(stride)
                if differs is None and stride != other:
                    differs = at + _first_difference(stride, other)
                at += count
            if differs is None and made.read(1):
                differs = at
    except NotThere:
        return Stored(None, None)
    return Stored(digest.hexdigest(), differs)


def _first_difference(one: bytes, other: bytes) -> int:
    shorter = min(len(one), len(other))
    return next((at for at in range(shorter) if one[at] != other[at]), shorter)
