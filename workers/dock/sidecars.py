"""Reading what a camera says about a recording: each way it can be wrong, in words a person can act on."""

from __future__ import annotations

from datetime import datetime

import msgspec

from workers.dock.folder import check_file_name
from workers.errors import BwvError, NameInvalid
from workers.footage.canonical import canonical
from workers.footage.clip import check_recording_id, check_sha256
from workers.footage.recording import Sidecar, decode_sidecar

SIDECAR_BYTES = 16 << 20
"""A day's GPS track once a second fits; what is larger is no sidecar."""

RECORDING_BYTES = 1 << 40
"""Far above the largest recording of any camera (18 GB); guards against sparse files that never end."""

SAFE_INTEGER = (1 << 53) - 1
"""RFC 8785 knows whole numbers up to here; a larger one could not be signed."""

TEXT_BYTES = 255


class SidecarWrong(BwvError):
    """A sidecar that cannot be turned into a declaration.

    Args:
        action: what a person should do.
    """

    def __init__(self, reason: str, action: str) -> None:
        super().__init__(reason)
        self.action = action


def read_sidecar(data: bytes) -> Sidecar:
    """Decode a sidecar and check every value that later stages rely on; raises SidecarWrong."""
    sidecar = _decoded(data)
    _check_names(sidecar)
    _check_numbers(sidecar)
    _check_texts(sidecar)
    _check_times(sidecar)
    digest = sidecar.sha256.lower() if sidecar.sha256 is not None else None
    if digest is not None:
        try:
            check_sha256(digest)
        except NameInvalid as error:
            raise SidecarWrong(
                f"sha256 in the sidecar: {error}",
                "have the camera write the digest as hex, or null if it has none",
            ) from error
    sidecar = msgspec.structs.replace(sidecar, sha256=digest)
    try:
        canonical(sidecar)
    except (ValueError, UnicodeError) as error:
        raise SidecarWrong(
            f"the sidecar holds a value that cannot be signed: {error}", "have the camera's maker correct it"
        ) from error
    return sidecar


def _decoded(data: bytes) -> Sidecar:
    try:
        return decode_sidecar(data)
    except msgspec.ValidationError as error:
        if "`sha256`" in str(error) and "missing" in str(error):
            raise SidecarWrong(
                "the sidecar gives no sha256: the field is missing",
                "have the camera write sha256, or null if it cannot compute one; then dock it again",
            ) from error
        if "$.source_type" in str(error):
            raise SidecarWrong(
                f"unknown source type: {error}; expected body_worn, taser or vehicle",
                "correct source_type in the sidecar, or update this dock if the device is new",
            ) from error
        raise SidecarWrong(
            f"the sidecar does not follow its schema: {error}",
            "correct the sidecar on the camera (docs/reference/sidecar.schema.json), then dock it again",
        ) from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise SidecarWrong(
            f"the sidecar is not JSON: {error}", "copy the sidecar from the camera again, or write it anew"
        ) from error


def _check_names(sidecar: Sidecar) -> None:
    rename = "rename the recording on the camera and correct its sidecar; the footage stays"
    try:
        check_file_name(sidecar.file)
        check_recording_id(sidecar.recording)
    except NameInvalid as error:
        raise SidecarWrong(str(error), rename) from error
    if sidecar.file.endswith(".json"):
        raise SidecarWrong(f"file {sidecar.file!r}: a name that ends in .json is a sidecar's", rename)
    if ".." in sidecar.recording.replace("\\", "/").split("/"):
        # It is data and nothing opens a file by it; but no honest camera writes this.
        raise SidecarWrong(f"recording id {sidecar.recording!r}: contains ../", rename)


def _check_numbers(sidecar: Sidecar) -> None:
    if sidecar.size == 0:
        raise SidecarWrong("the sidecar declares 0 bytes", "look at the recording; an empty one is removed by hand")
    for name, value, most in (
        ("size", sidecar.size, RECORDING_BYTES),
        ("sequence", sidecar.sequence, SAFE_INTEGER),
        ("preroll.seconds", sidecar.preroll.seconds if sidecar.preroll else 0, 24 * 3600),
    ):
        if not 0 <= value <= most:
            raise SidecarWrong(f"{name} {value}: expected 0 to {most}", "correct the sidecar on the camera")


def _check_texts(sidecar: Sidecar) -> None:
    for name in ("trigger", "owner", "media_type", "incident"):
        text: str | None = getattr(sidecar, name)
        if text is None:
            continue
        if len(text.encode()) > TEXT_BYTES or any(ord(c) < 32 or ord(c) == 127 for c in text):
            raise SidecarWrong(
                f"{name}: control characters, or {len(text.encode())} bytes of at most {TEXT_BYTES}",
                "correct the sidecar on the camera",
            )


def _check_times(sidecar: Sidecar) -> None:
    for name, value in (("started", sidecar.started), ("ended", sidecar.ended)):
        if value is None:
            continue
        try:
            datetime.fromisoformat(value)
        except ValueError as error:
            raise SidecarWrong(
                f"{name} {value[:64]!r}: expected a time as in ISO 8601, 2026-11-22T21:04:05Z",
                "correct the sidecar on the camera",
            ) from error
