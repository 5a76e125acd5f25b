"""Turns custody entries into sentences: who, what, why, in local time and UTC."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from datetime import UTC, datetime, tzinfo
from typing import Any

import msgspec
from msgspec import Struct

from console.cli.timeline_prosecution import PROSECUTION_SENTENCES
from console.cli.timeline_retention import (
    HIDDEN,
    RETENTION_SENTENCES,
    THE_FORCE,
    Open,
    hidden,
    open_holds,
    without_repeats,
)
from workers.footage.receipt import Receipt
from workers.footage.recording import Report
from workers.keys.statements import Attribution, Decision, Viewing, Wiped
from workers.retention.facts import HoldReason

WHO = {
    "dock": "dock agent",
    "intake": "intake",
    "transfer": "transfer",
    "verification": "verification",
    "release": "release",
    "probe": "probe",
    "scrub": "scrub",
    "retention": "retention",
    "sweep": "retention sweep",
    "holds": "holds",
    "disposal": "disposal",
    "lease": "lease",
    "derivation": "derivation",
    "prosecution": "prosecution",
    "links": "links",
    "board": "board",
}


class Moment(Struct, frozen=True):
    """One line of a clip's timeline."""

    utc: str
    local: str
    who: str
    verb: str
    what: str
    index: int
    event_id: str
    type: str


def moments(
    rows: Iterable[dict[str, Any]],
    *,
    restricted: bool = False,
    holds: Collection[HoldReason] = frozenset(HoldReason),
    zone: tzinfo | None = None,
) -> list[Moment]:
    """One moment for each custody entry.

    Args:
        restricted: also the looks of professional standards, which nobody else learns of.
        holds: reasons of which those that are not restricted are named; each other reads as a restricted one does.
        zone: of the local times; None: this machine's.
    """
    known = [row for row in rows if restricted or not is_restricted_look(row["type"], row["payload"])]
    named = open_holds(known, holds)
    return [_moment(row, named, zone) for row in without_repeats(known, named)]


def is_restricted_look(kind: str, payload: bytes | None) -> bool:
    """Whether an entry is about a look of professional standards; one whose payload is erased names nobody."""
    if kind != "clips.consulted" or payload is None:
        return False
    return bool(msgspec.json.decode(payload).get("restricted"))


def _moment(row: dict[str, Any], named: Open, zone: tzinfo | None) -> Moment:
    time: datetime = row["time"]
    covert = hidden(row["type"], row["payload"], named)
    source = (row["source"] or "").rsplit("/", 1)[-1]
    return Moment(
        utc=time.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")[:-3] + "Z",
        local=time.astimezone(zone).strftime("%Y-%m-%d %H:%M:%S %Z"),
        who=THE_FORCE if covert else row["person"] or WHO.get(source, source),
        verb=row["verb"],
        what=HIDDEN.get(row["type"], THE_FORCE) if covert else sentence(row["type"], row["payload"], row["category"]),
        index=row["index"],
        event_id=row["event_id"],
        type=row["type"],
    )


def sentence(kind: str, payload: bytes | None, category: str | None = None) -> str:
    """Say in one sentence what an event tells.

    Args:
        category: of the entry's header, which stays when the payload goes.
    """
    if payload is None:
        named = f": category {category}" if category else ""
        return f"{kind}{named} (the payload is erased; its digest remains)"
    content = msgspec.json.decode(payload)
    told = SENTENCES.get(kind.removesuffix(".urgent"))
    lane = " in the urgent lane" if kind.endswith(".urgent") else ""
    return (told(content) if told else kind) + lane


def _registered(c: dict[str, Any]) -> str:
    report = msgspec.json.decode(c["report"]["body"], type=Report)
    recording = report.recording
    text = (
        f"registered, attempt {c['attempt']}: {recording.camera} in {report.dock}/{report.bay} declared "
        f"{recording.recording}, {recording.size:,} bytes, SHA-256 {recording.sha256[:16]}…"
    )
    if recording.incomplete:
        text += "; cut off by power loss"
    if c.get("conflict_with"):
        text += f"; the name is taken by {c['conflict_with']}"
    if c.get("declaration"):
        text += "; declared a second time by a person"
    return text


def _secured(c: dict[str, Any]) -> str:
    return (
        f"stored under lock until {c['locked_until'][:19]}: {c['key']} version {c['version_id']}, "
        f"{c['size']:,} bytes, SHA-256 {c['sha256'][:16]}…"
    )


def _verified(c: dict[str, Any]) -> str:
    return (
        f"read back in full with other credentials in {c['seconds']:.2f} s: {c['size']:,} bytes, "
        f"SHA-256 {c['sha256'][:16]}… is what the dock signed"
    )


def _released(c: dict[str, Any]) -> str:
    receipt = msgspec.json.decode(c["receipt"]["body"], type=Receipt)
    return f"wipe receipt signed for {receipt.recording}, {receipt.size:,} bytes, {len(receipt.copies)} verified copy"


def _wiped(c: dict[str, Any]) -> str:
    wiped = msgspec.json.decode(c["wiped"]["body"], type=Wiped)
    return f"hashed again and erased from the camera in {wiped.dock}/{wiped.bay}"


def _quarantined(c: dict[str, Any]) -> str:
    return (
        f"quarantined: {c['reason']}; declared {c['expected_sha256'][:16]}… ({c['expected_size']:,} bytes), "
        f"found {c['found_sha256'][:16]}… ({c['found_size']:,} bytes)"
    )


def _decided(c: dict[str, Any]) -> str:
    decision = msgspec.json.decode(c["decision"]["body"], type=Decision)
    return f"{'accepted as they are' if decision.accept else 'kept apart'}: {decision.reason}"


def _attributed(c: dict[str, Any]) -> str:
    attribution = msgspec.json.decode(c["attribution"]["body"], type=Attribution)
    return f"attributed to {attribution.officer}: {attribution.reason}"


LOOKED = {"look": "looked at its record", "reason": "said why", "play": "played it", "fetch": "took a copy away"}


def _consulted(c: dict[str, Any]) -> str:
    why = f": {c['reason']}" if c.get("reason") else ""
    what = f", {c['part']}" if c.get("part") else ""
    return f"{c['person']} {LOOKED.get(c['what'], c['what'])}{what} ({c['relation']}){why}"


def _viewing(c: dict[str, Any]) -> str:
    viewing = msgspec.json.decode(c["viewing"]["body"], type=Viewing)
    said = {
        "named": f"only {', '.join(viewing.people) or 'nobody'} may see it",
        "open": "seen as any other clip again",
        "lock": "nobody plays it for now",
        "unlock": "may be played again",
    }
    return f"{said.get(viewing.kind, viewing.kind)}: {viewing.reason}"


def _probed(c: dict[str, Any]) -> str:
    if not c["readable"]:
        return f"not readable by {c['tool'] or 'ffprobe'}: {c['reason']}; stored all the same"
    video, audio = c.get("video") or {}, c.get("audio") or {}
    sound = audio.get("codec_name", "with sound") if audio else "no sound"
    return f"{c.get('duration') or 0:.1f} s, {video.get('codec_name', 'no picture')}, {sound}, by {c['tool']}"


def _reported(c: dict[str, Any]) -> str:
    report = msgspec.json.decode(c["report"]["body"], type=Report)
    measured = report.recording.measured_sha256
    agrees = "as declared" if measured == report.recording.sha256 else f"measured {measured[:16]}…, which differs"
    return f"declared by {report.dock}/{report.bay}, docking {report.docking}: SHA-256 {agrees}"


def _reread(c: dict[str, Any]) -> str:
    asked = "" if c["by"] == "scrub" else f", asked for by {c['by']}"
    return (
        f"read again in full in {c['seconds']:.2f} s{asked}: {c['size']:,} bytes, SHA-256 {c['sha256'][:16]}… is still "
        f"what the dock signed" + (f"; {c['lock']}" if c["lock"] else "")
    )


def _damaged(c: dict[str, Any]) -> str:
    asked = "" if c["by"] == "scrub" else f", asked for by {c['by']}"
    return f"DAMAGED, read again{asked}: {c['reason']}; it is kept as it is, a person must look"


SENTENCES: dict[str, Callable[[dict[str, Any]], str]] = {
    "uploads.reported": _reported,
    "uploads.rejected": lambda c: f"report rejected: {c['reason']}; {c['action']}",
    "clips.registered": _registered,
    "clips.secured": _secured,
    "clips.verified": _verified,
    "clips.released": _released,
    "clips.wiped": _wiped,
    "clips.quarantined": _quarantined,
    "quarantine.decided": _decided,
    "clips.attributed": _attributed,
    "clips.consulted": _consulted,
    "clips.viewing-set": _viewing,
    "clips.probed": _probed,
    "clips.reread": _reread,
    "clips.damaged": _damaged,
    "clips.transfer-interrupted": lambda c: f"transfer interrupted: {c['reason']}",
    "clips.readback-failed": lambda c: (
        f"read back and not what was declared: {c['reason']}"
        + ("; no further attempt starts by itself" if c.get("exhausted") else "")
    ),
    **RETENTION_SENTENCES,
    **PROSECUTION_SENTENCES,
}
