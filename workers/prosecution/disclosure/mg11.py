"""The paragraph of a witness statement (MG11) that produces an exhibit: drafted for its producer, who checks and signs.

Whoever reads it in court asks why there is no sound at first, whether the clock was right and whether it is the whole
recording; it says so before it is asked (Digital Imaging and Multimedia Procedure; DG6, redaction annex).
"""

from __future__ import annotations

from workers.prosecution.cases.case import Case, Exhibit
from workers.prosecution.disclosure.material import Material, at
from workers.prosecution.disclosure.times import clock, length, moment, span
from workers.prosecution.statements import DerivativeKind, Lineage

MADE = {
    DerivativeKind.RANGE: "It was copied from the master recording",
    DerivativeKind.STILL: "It is a still picture, copied from the master recording",
    DerivativeKind.PLAYBACK: "It is a playback copy of the master recording, made from it",
    DerivativeKind.REDACTION: "It is a redacted copy of the master recording: parts of the picture are covered or parts"
    " of the sound removed. It was made from it",
}


def mg11(case: Case, exhibit: Exhibit, material: Material, derivative: Lineage | None = None) -> str:
    """One paragraph to copy into the producer's statement.

    Args:
        material: the exhibit's clip.
        derivative: what is produced instead of the master; both digests are named then.
    """
    return _paragraph(case.urn, exhibit, material, derivative)


def draft(material: Material) -> str:
    """The same for a clip that is no exhibit yet; reference and URN are left for its producer to fill in."""
    exhibit = Exhibit("[initials/number]", material.clip_id, material.officer or "", "", "", "")
    return _paragraph("[URN]", exhibit, material, None)


def _paragraph(urn: str, exhibit: Exhibit, material: Material, derivative: Lineage | None) -> str:
    sentences = (
        _produces(exhibit, material, derivative),
        f"It is exhibited in the case {urn} and was recorded by camera {material.camera}"
        + (f", held by {material.officer} by the force's record." if material.officer else "."),
        _clock(material),
        _silence(exhibit, material, derivative),
        _part(exhibit, material),
        "The recording was cut off, as by a loss of power: it is complete up to that moment, and what would have"
        " followed was never recorded."
        if material.incomplete
        else "",
        _origin(material, derivative),
    )
    return " ".join(sentence for sentence in sentences if sentence)


def _produces(exhibit: Exhibit, material: Material, derivative: Lineage | None) -> str:
    began = at(material, exhibit.start or 0.0)
    still = derivative is not None and derivative.kind is DerivativeKind.STILL
    when = (moment(began) if began else span(None, None)) if still else span(began, at(material, exhibit.end))
    parts = [when, clock(material.clock_offset)]
    if material.corrected_by is not None:
        parts[1] = f"time as corrected by {material.corrected_by}"
    if not still and (silent := _silent(exhibit, material, derivative)):
        parts.append(silent)
    if material.incomplete:
        parts.append("recording cut off")
    parts.append(f"SHA-256 {derivative.sha256 if derivative else material.sha256}")
    return f"I produce {material.device} {exhibit.reference}, {', '.join(parts)}."


def _silent(exhibit: Exhibit, material: Material, derivative: Lineage | None) -> str:
    """How it is said that there is no sound at first; empty where there is."""
    if derivative is not None and derivative.sound_from is None:
        return "without sound"
    seconds = derivative.sound_from if derivative is not None else _silent_preroll(exhibit, material)
    return f"first {length(seconds)} without sound" if seconds else ""


def _silent_preroll(exhibit: Exhibit, material: Material) -> float:
    """Seconds at the front of the exhibit that come from the silent buffer."""
    if material.preroll is None or material.preroll.sound:
        return 0.0
    end = material.preroll.seconds if exhibit.end is None else min(material.preroll.seconds, exhibit.end)
    return max(0.0, end - (exhibit.start or 0.0))


def _clock(material: Material) -> str:
    if material.began is None:
        return "The camera gave no time that can be read, so that none is stated."
    if material.corrected_by is not None:
        shown = f" The camera itself shows {moment(material.shown)} for its start." if material.shown else ""
        return f"The times here are as {material.corrected_by} corrected them, as the camera's clock was wrong.{shown}"
    if round(abs(material.clock_offset)) == 0 or material.shown is None:
        return f"The dock compared the camera's clock with its own at {moment(material.docked_at)}."
    return (
        f"The dock measured the camera's clock at {moment(material.docked_at)}: the times here are corrected by that"
        f" measurement, and the camera itself shows {moment(material.shown)} for the start of the recording."
    )


def _silence(exhibit: Exhibit, material: Material, derivative: Lineage | None) -> str:
    preroll = material.preroll
    still = derivative is not None and derivative.kind is DerivativeKind.STILL
    if still or preroll is None or (exhibit.start or 0.0) >= preroll.seconds:
        return ""
    buffer = f"The recording begins with {length(preroll.seconds)} that the camera kept from before record was pressed"
    return f"{buffer}." if preroll.sound else f"{buffer}; the camera keeps those without sound, nothing was removed."


def _part(exhibit: Exhibit, material: Material) -> str:
    if exhibit.start is None and exhibit.end is None:
        return ""
    return f"It is a part of a recording that runs {span(material.began, at(material, None))}."


def _origin(material: Material, derivative: Lineage | None) -> str:
    kept = (
        f"The master, of {material.size:,} bytes, is kept as it was when the camera was docked at"
        f" {moment(material.docked_at)}; what the camera held before that is proved by its own signature, if any."
    )
    if derivative is None:
        return kept
    made = MADE[derivative.kind]
    return f"{made} by {derivative.tool}; the master's SHA-256 is {derivative.parent_sha256}. {kept}"
