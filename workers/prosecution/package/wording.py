"""What page one says, in plain words: what each exhibit is, since when it is proved, and what was before."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import msgspec
from msgspec import Struct

from workers.footage.recording import Sidecar
from workers.prosecution.disclosure.material import at
from workers.prosecution.disclosure.times import clock, length, moment, span
from workers.prosecution.package.contents import Contents, Item
from workers.prosecution.statements import Purpose, Recipient
from workers.prosecution.submission.unused import is_unused

WHOM = {
    Recipient.CPS: "the Crown Prosecution Service",
    Recipient.DEFENCE: "the defence",
    Recipient.DATA_SUBJECT: "the person who asked for it",
    Recipient.TRAINING: "training",
}

KINDS = {
    "master": "the recording as the camera made it",
    "range": "a part of the recording",
    "still": "a still picture from the recording",
    "playback": "a playback copy of the recording",
    "redaction": "a redacted copy: parts of the picture are covered or parts of the sound removed",
}

SCHEDULES = {
    "MG6C": "relevant unused material that is not sensitive",
    "MG6D": "relevant unused material that is sensitive; not for the defence",
    "MG6E": "what may meet the disclosure test",
    "SDC": "streamlined certificate for summary trial, in place of the other three",
    "unused": "every clip of the case that is no exhibit, and where it stands",
}
"""Name of a draft → what it is."""

WITHHELD = {
    Recipient.DEFENCE: "How a redaction was made, and what it hides, is not told here: of a redacted exhibit there is"
    " the redacted copy and the digest of its master.",
    Recipient.DATA_SUBJECT: "Of the entries you see when and what, and not everything they say, since that may be about"
    " other people.",
    Recipient.TRAINING: "Of the entries you see when and what, and not everything they say.",
}


HEARD = 0.05
"""Seconds of silence that nobody notices: the frames of picture and sound do not begin together."""


class Origin(Struct, frozen=True):
    """What is said of one clip.

    Attributes:
        references: of its exhibits.
        since: from when it is proved; before: what proves anything earlier.
    """

    references: str
    since: str
    before: str


def purpose(contents: Contents) -> str:
    """ "charging", "action plan, item 3"."""
    words = Purpose(contents.submission.purpose).value.replace("_", " ")
    return f"{words}, item {contents.submission.purpose_item}" if contents.submission.purpose_item else words


def counted(items: Sequence[Item]) -> str:
    """ "3 exhibits", "1 exhibit and 2 items of unused material"."""
    unused = sum(is_unused(item.about.reference) for item in items)
    exhibits = len(items) - unused
    words = [f"{exhibits} exhibit{'s' if exhibits != 1 else ''}"] if exhibits else []
    words += [f"{unused} item{'s' if unused != 1 else ''} of unused material"] if unused else []
    return " and ".join(words)


def origin(items: Sequence[Item], since: tuple[str, str] | None, sidecar: Sidecar | None) -> Origin:
    """What is proved of the exhibits of one clip.

    Args:
        since: who declared the master's digest first, and when.
        sidecar: what the camera said of the recording, where it is kept.
    """
    references = ", ".join(item.about.reference for item in items)
    made = [item for item in items if item.about.kind != "master"]
    what = "The recording is" if len(made) < len(items) else "Its master recording is"
    told = f"{what} unchanged since {_declared(items[0], since)}."
    for item in made:
        lineage = item.lineage
        if lineage is not None:
            made_at = moment(datetime.fromisoformat(lineage.made_at))
            told += f" {item.about.reference} is {KINDS[item.about.kind]}, made from it by {lineage.tool} at {made_at}."
    return Origin(references, told, _before(items[0], sidecar))


def what(item: Item) -> str:
    """What an exhibit is, in a phrase."""
    about = item.about
    said = KINDS[about.kind]
    if about.kind == "still":
        return f"{said}, at {length(about.start or 0.0)}"
    if about.start is not None or about.end is not None:
        end = "its end" if about.end is None else length(about.end)
        said += f", from {length(about.start or 0.0)} to {end}"
    return f"{said} [cut off, as by a loss of power]" if item.material.incomplete else said


def when(item: Item) -> str:
    """When what it shows was recorded, by the corrected clock."""
    material, about = item.material, item.about
    began = at(material, about.start or 0.0)
    if began is None:
        return "the camera gave no time that can be read"
    return f"recorded {span(began, at(material, about.end))}, {clock(material.clock_offset)}"


def sound(item: Item) -> str:
    """From when on there is sound; empty where there is from the beginning, or where it is a picture."""
    if item.about.kind == "still":
        return ""
    lineage, preroll = item.lineage, item.material.preroll
    if lineage is not None and lineage.sound_from is None:
        return "it has none."
    silent = lineage.sound_from if lineage is not None else None
    if lineage is None and preroll is not None and not preroll.sound:
        silent = preroll.seconds
    if silent is None or silent < HEARD:
        return ""
    return f"begins after {length(silent)}. The camera keeps what was before record was pressed without it."


def _declared(item: Item, since: tuple[str, str] | None) -> str:
    if since is None:
        return f"the dock measured it at {moment(item.material.docked_at)}"
    who, declared_at = since
    return f"{who} computed its digest at {moment(datetime.fromisoformat(declared_at))}"


def _before(item: Item, sidecar: Sidecar | None) -> str:
    camera = item.material.camera
    if sidecar is None:
        return f"Before that: what {camera} said of it is not kept here, and nothing earlier is proved."
    if sidecar.camera_signature is not None:
        return (
            f"Before that: {camera} signed it. The signature is kept with the master; whether it holds is for the "
            "camera’s maker to check."
        )
    if sidecar.sha256 is not None:
        return (
            f"Before that: {camera} stated the same digest when it recorded, and signed nothing: that is the camera’s "
            "word alone."
        )
    return f"Before that: {camera} computes no digest and signs nothing, so nothing earlier is proved."


def read_sidecar(data: bytes | None) -> Sidecar | None:
    """The camera's own words; None where there are none, or none that this system understands."""
    try:
        return msgspec.json.decode(data, type=Sidecar) if data is not None else None
    except msgspec.DecodeError:
        return None
