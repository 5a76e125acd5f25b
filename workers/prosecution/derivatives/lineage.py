"""What is said of a derivative: from which bytes, by which tool, how, and from when on it has sound."""

from __future__ import annotations

import platform

from workers.footage.recording import PreRoll
from workers.keys.signing import Signed
from workers.keys.statements import now_iso
from workers.prosecution.derivatives.making import Made, Tool
from workers.prosecution.derivatives.master import Master
from workers.prosecution.statements import DerivativeKind, Lineage


def lineage_of(made: Made, master: Master, tool: Tool, preroll: PreRoll | None, order: Signed) -> Lineage:
    """The statement that the derivation service signs.

    Args:
        preroll: as the dock declared it.
        order: what the person signed.
    """
    recipe = made.recipe
    sound = sound_from(made, preroll)
    return Lineage(
        derivative_id=recipe.order.derivative_id,
        clip_id=master.clip_id,
        kind=recipe.order.kind,
        parent_sha256=master.sha256,
        parent_size=master.size,
        sha256=made.sha256,
        size=made.size,
        media_type=recipe.media_type,
        tool=tool.version,
        argv=made.argv,
        parameters=recipe.parameters | {"processor": platform.machine(), "sound": sound_says(made, preroll)},
        repeatable="",
        sound_from=sound,
        start=recipe.order.start,
        end=recipe.order.end,
        made_at=now_iso(),
        order=order,
    )


def sound_from(made: Made, preroll: PreRoll | None) -> float | None:
    """From which of its own seconds on a derivative has sound; None: it has none at all."""
    recipe = made.recipe
    if recipe.order.kind is DerivativeKind.STILL or not recipe.media.sound:
        return None
    if preroll is None or preroll.sound:
        return 0.0
    begins = max(0.0, preroll.seconds - recipe.first)
    return round(begins, 3) if begins < recipe.length else None


def sound_says(made: Made, preroll: PreRoll | None) -> str:
    """The same as a sentence, for the page that shows it: silence that is as recorded, not tampering."""
    if made.recipe.order.kind is DerivativeKind.STILL:
        return "A still picture."
    if not made.recipe.media.sound:
        return "The recording has no sound."
    silent = (
        "" if preroll is None or preroll.sound else f"the camera records the {preroll.seconds:g} s before its button"
    )
    begins = sound_from(made, preroll)
    if begins is None:
        return f"Without sound, as recorded: {silent} was pressed without sound."
    if begins > 0:
        return f"The first {begins:g} s are without sound, as recorded: {silent} was pressed without sound."
    return "Sound from the beginning." if not made.recipe.redaction.mutes else "Sound, but where it was silenced."
