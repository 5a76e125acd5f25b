"""The manifest of a submission: what goes, item by item, fixed once and never changed.

Its digest is of its RFC 8785 form, so that anybody computes the same. It is what the gateway's receipt is compared
with (I10), what a package holds and what a link shows. Sent again, it is the same manifest.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec
from msgspec import Struct

from workers.errors import MessageInvalid
from workers.footage.canonical import canonical, sha256_hex
from workers.prosecution.submission.mme import Mme

FORMAT = "bwv-submission/1"

ItemKind = Literal["master", "range", "still", "playback", "redaction"]


class ManifestCase(Struct, frozen=True):
    """The case as it was when the submission was prepared."""

    case_id: str
    urn: str
    kind: str
    title: str
    officer: str


class ManifestItem(Struct, frozen=True):
    """One file that goes.

    Attributes:
        n: from 1; the item's name at the gateway and in a link.
        reference: of an exhibit ("JS/1"), or of an item of unused material ("UNUSED/3"), which nobody produces.
        derivative_id: of what was made from the clip; None: the master itself.
        sha256, size: of the file that goes; size in bytes.
        parent_sha256: of the master, as the dock signed it; equals `sha256` where the master goes.
        version_id, key: where the file lies in the vault.
        start, end: seconds into the clip; None: from its beginning, to its end.
    """

    n: int
    reference: str
    clip_id: str
    derivative_id: str | None
    kind: ItemKind
    sha256: str
    size: int
    media_type: str
    parent_sha256: str
    version_id: str
    key: str
    description: str
    producer: str
    start: float | None
    end: float | None
    mme: Mme


class Manifest(Struct, frozen=True):
    """What goes.

    Attributes:
        mme: of the case as a whole: "not_recorded" with its reason where no footage goes because there is none.
        link: where the recipient looks at it; None where no link is served.
    """

    format: str
    submission_id: str
    namespace: str
    case: ManifestCase
    purpose: str
    purpose_item: int | None
    recipient: str
    items: tuple[ManifestItem, ...]
    mme: Mme
    link: str | None
    ordered_by: str
    ordered_at: str

    @property
    def sha256(self) -> str:
        """Digest of the RFC 8785 form."""
        return sha256_hex(canonical(self))

    def plain(self) -> dict[str, Any]:
        """As plain JSON data, which is what travels in messages and lies in the row."""
        built: dict[str, Any] = msgspec.to_builtins(self)
        return built

    def item(self, n: int) -> ManifestItem | None:
        """The item of this number."""
        return next((item for item in self.items if item.n == n), None)


def manifest_of(plain: dict[str, Any]) -> Manifest:
    """A manifest from plain JSON data.

    Raises:
        MessageInvalid: it is none of this format, and where it is wrong.
    """
    try:
        found = msgspec.convert(plain, Manifest)
    except msgspec.ValidationError as error:
        raise MessageInvalid(f"not a manifest of a submission: {error}") from error
    if found.format != FORMAT:
        raise MessageInvalid(f"a manifest of the format {found.format!r}; expected {FORMAT!r}")
    return found
