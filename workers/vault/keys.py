"""Keys of the vault: pure functions, the only place that knows how the bucket is laid out.

    <namespace>/clips/<clip_id>/<attempt>/{footage,sidecar.json,manifest.json}
    <namespace>/quarantine/<clip_id>/{footage,sidecar.json,manifest.json}
    <namespace>/derivatives/<clip_id>/<derivative_id>/{media,lineage.json}
    <namespace>/certificates/<clip_id>
    <namespace>/custody/{tile,seals,checkpoints,timestamps,payloads}/...
    <namespace>/store-check/<random>/...

Nothing that a camera or a person named ever becomes part of a key: clip ids are derived by us and checked
here, everything else is a fixed word or a number.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from workers.errors import NameInvalid
from workers.footage.clip import CLIP_ID, check_namespace

_DERIVATIVE_ID = re.compile(r"derivative-[a-z2-7]{32}")
_CUSTODY_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,79}(?:/[a-z0-9][a-z0-9._-]{0,79}){0,7}")

FOOTAGE = "footage"
SIDECAR = "sidecar.json"
MANIFEST = "manifest.json"

MEDIA = "media"
LINEAGE = "lineage.json"

CUSTODY_OTHER = "other"
"""Stands for the clip where a custody payload is about none."""


@dataclass(frozen=True, slots=True)
class ClipKeys:
    """The three keys of one attempt at a clip, or of its quarantine."""

    prefix: str

    @property
    def footage(self) -> str:
        """Key of the recording itself."""
        return self.prefix + FOOTAGE

    @property
    def sidecar(self) -> str:
        """Key of the dock's description, as received."""
        return self.prefix + SIDECAR

    @property
    def manifest(self) -> str:
        """Key of the manifest. It is written last: a clip is stored if and only if it is there."""
        return self.prefix + MANIFEST


@dataclass(frozen=True, slots=True)
class DerivativeKeys:
    """The two keys of something that was made from a clip.

    Attributes:
        attempt: above 1 where an earlier one left other bytes than were made again, before it could say from what.
    """

    prefix: str
    attempt: int = 1

    @property
    def media(self) -> str:
        """Key of what was made."""
        return self.prefix + MEDIA + ("" if self.attempt == 1 else f"-{self.attempt}")

    @property
    def lineage(self) -> str:
        """Key of its signed lineage, written last."""
        return self.prefix + LINEAGE


def attempt_keys(namespace: str, clip_id: str, attempt: int) -> ClipKeys:
    """Keys of one attempt at a clip.

    Args:
        attempt: counted from 1 by the clip's row.

    Raises:
        NameInvalid: the namespace, the clip id or the attempt breaks the rules.
    """
    if not 1 <= attempt <= 9999:
        raise NameInvalid(f"attempt {attempt} of {clip_id!r}: expected a number from 1 to 9999")
    return ClipKeys(f"{clip_prefix(namespace, clip_id)}{attempt}/")


def clip_prefix(namespace: str, clip_id: str) -> str:
    """Prefix of every attempt at a clip, with its closing slash."""
    return f"{clips_prefix(namespace)}{_clip(clip_id)}/"


def quarantine_keys(namespace: str, clip_id: str) -> ClipKeys:
    """Keys of the bytes that differ from their declaration."""
    return ClipKeys(f"{check_namespace(namespace)}/quarantine/{_clip(clip_id)}/")


def derivatives_prefix(namespace: str, clip_id: str) -> str:
    """Prefix of everything that was made from a clip, with its closing slash."""
    return f"{check_namespace(namespace)}/derivatives/{_clip(clip_id)}/"


def derivative_keys(namespace: str, clip_id: str, derivative_id: str, attempt: int = 1) -> DerivativeKeys:
    """Keys of something that was made from a clip.

    Raises:
        NameInvalid: an id or the namespace breaks the rules.
    """
    if not _DERIVATIVE_ID.fullmatch(derivative_id):
        raise NameInvalid(f"derivative id {derivative_id!r}: expected derivative- and 32 letters a-z or digits 2-7")
    return DerivativeKeys(f"{derivatives_prefix(namespace, clip_id)}{derivative_id}/", attempt)


def places_of(namespace: str, clip_id: str) -> tuple[str, ...]:
    """Every prefix under which anything of a clip lies that is locked with it and goes with it."""
    return (
        clip_prefix(namespace, clip_id),
        quarantine_keys(namespace, clip_id).prefix,
        derivatives_prefix(namespace, clip_id),
        custody_payload_prefix(namespace, clip_id),
    )


def clips_prefix(namespace: str) -> str:
    """Prefix of all clips, with its closing slash."""
    return f"{check_namespace(namespace)}/clips/"


def certificate_prefix(namespace: str) -> str:
    """Prefix of all certificates of disposal, with its closing slash."""
    return f"{check_namespace(namespace)}/certificates/"


def upload_prefixes(namespace: str) -> tuple[str, str]:
    """Where footage is uploaded: under clips and under quarantine."""
    return clips_prefix(namespace), f"{check_namespace(namespace)}/quarantine/"


def certificate_key(namespace: str, clip_id: str) -> str:
    """Key of the certificate of disposal."""
    return f"{certificate_prefix(namespace)}{_clip(clip_id)}"


def custody_key(namespace: str, name: str) -> str:
    """Key of a part of the custody log.

    Args:
        name: such as `tile/0/000` or `checkpoints/1024`: lower case, at most eight segments, no dots first.

    Raises:
        NameInvalid: the name could leave its folder or is not ours.
    """
    if not _CUSTODY_NAME.fullmatch(name):
        raise NameInvalid(f"custody name {name!r}: expected lower-case segments such as tile/0/000")
    return f"{check_namespace(namespace)}/custody/{name}"


def custody_payload_key(namespace: str, about: str, index: int) -> str:
    """Key of some payloads of a clip's custody entries; they go when the clip goes.

    Args:
        about: the clip, or CUSTODY_OTHER for entries that are about none.
        index: of the first entry, in the log.
    """
    return f"{custody_payload_prefix(namespace, about)}{_count(index)}"


def custody_payload_prefix(namespace: str, about: str) -> str:
    """Prefix of all payloads of a clip, with its closing slash."""
    folder = about if about == CUSTODY_OTHER else _clip(about)
    return f"{custody_payloads_prefix(namespace)}{folder}/"


def custody_payloads_prefix(namespace: str) -> str:
    """Prefix of all payloads, with its closing slash."""
    return f"{check_namespace(namespace)}/custody/payloads/"


def store_check_prefix(namespace: str, run: str) -> str:
    """Prefix of the objects of one run of the store check.

    Args:
        run: random hexadecimal name of the run.
    """
    if not re.fullmatch(r"[0-9a-f]{8,32}", run):
        raise NameInvalid(f"store check {run!r}: expected 8 to 32 hexadecimal digits")
    return f"{check_namespace(namespace)}/store-check/{run}/"


def clip_id_in(key: str) -> str | None:
    """The clip that a key belongs to, or None (custody bundles, store checks, strays)."""
    match key.split("/"):
        case [_, "clips" | "quarantine" | "derivatives", found, _, *_] | [_, "certificates", found]:
            return found if CLIP_ID.fullmatch(found) else None
        case [_, "custody", "payloads", found, _]:
            return found if CLIP_ID.fullmatch(found) else None
    return None


def _clip(clip_id: str) -> str:
    if not CLIP_ID.fullmatch(clip_id):
        raise NameInvalid(f"clip id {clip_id!r}: expected clip- and 32 letters a-z or digits 2-7")
    return clip_id


def _space(namespace: str) -> str:
    return check_namespace(namespace)


def _count(number: int) -> int:
    if number < 0:
        raise NameInvalid(f"custody index {number}: expected 0 or more")
    return number
