"""What a package is made of: the submission, its case, and what is known of its clips; read in one go."""

from __future__ import annotations

import msgspec
from msgspec import Struct

from workers.custody.bwv_verify import exhibit_folders, media_name
from workers.database.engine import Connection, fetch
from workers.errors import Refused
from workers.keys.signing import Signed
from workers.prosecution.cases.case import Case, Exhibit
from workers.prosecution.cases.rows import find_case
from workers.prosecution.disclosure.material import Material
from workers.prosecution.disclosure.unused import materials, unused_clips
from workers.prosecution.package.recipients import may_have_lineage
from workers.prosecution.statements import Lineage, Recipient
from workers.prosecution.submission.check import derivative_of
from workers.prosecution.submission.manifest import Manifest, ManifestItem
from workers.prosecution.submission.rows import Submission, find_on
from workers.vault.keys import attempt_keys


class Item(Struct, frozen=True):
    """One exhibit of the package, or item of unused material.

    Attributes:
        folder: its name in the package, and the name of its file.
        exhibit: as the case has it now; None if the case has it no more, or it is none.
        made: the signed lineage of what was made from the master; None for a master.
        told: the recipient learns how it was made.
        sidecar: key in the vault of what the camera said of the recording; None of bytes that lay in quarantine.
    """

    about: ManifestItem
    folder: str
    material: Material
    exhibit: Exhibit | None
    made: Signed | None
    told: bool
    sidecar: str | None

    @property
    def path(self) -> str:
        """Of its file in the package."""
        return media_name(self.folder, self.about.media_type)

    @property
    def lineage(self) -> Lineage | None:
        """The lineage, decoded."""
        return _decoded(self.made) if self.made else None


class Contents(Struct, frozen=True):
    """All that a package is made of, but the footage and its custody."""

    submission: Submission
    manifest: Manifest
    case: Case
    items: tuple[Item, ...]
    unused: tuple[Material, ...]

    @property
    def recipient(self) -> Recipient:
        """For whom it is."""
        return Recipient(self.submission.recipient)

    @property
    def clips(self) -> tuple[str, ...]:
        """Its clips, each once."""
        return tuple(dict.fromkeys(item.about.clip_id for item in self.items))


async def contents(connection: Connection, submission_id: str) -> Contents:
    """Everything about a submission.

    Raises:
        Refused: there is no such submission, it is not prepared, or it has no footage.
    """
    submission = await find_on(connection, submission_id)
    if submission is None:
        raise Refused(f"there is no submission {submission_id}", "see: bwv submissions list")
    if submission.manifest is None:
        waits = f": it waits for {submission.waits_for}" if submission.waits_for else ""
        raise Refused(f"{submission_id} is not prepared yet{waits}", "build its package once it is")
    manifest = submission.prepared()
    if not manifest.items:
        raise Refused(f"{submission_id} has no footage: {manifest.mme.because}", "there is nothing to package")
    case = await find_case(connection, submission.case_id)
    if case is None:
        raise Refused(f"the case {submission.case_id} is not known", "see: bwv case list")
    items = await _items(connection, manifest, case)
    return Contents(submission, manifest, case, items, await unused_clips(connection, case))


async def _items(connection: Connection, manifest: Manifest, case: Case) -> tuple[Item, ...]:
    found = await materials(connection, {item.clip_id for item in manifest.items})
    rows = await fetch(
        connection,
        "SELECT derivative_id, lineage FROM derivatives WHERE state = 'made' AND derivative_id = ANY(%s)",
        ([item.derivative_id for item in manifest.items],),
    )
    made = {row["derivative_id"]: msgspec.convert(row["lineage"], Signed) for row in rows}
    sidecars = await _sidecars(connection, manifest)
    items = []
    folders = exhibit_folders([item.reference for item in manifest.items])
    for about, folder in zip(manifest.items, folders, strict=True):
        material = found.get(about.clip_id)
        if material is None or material.gone:
            raise Refused(f"the clip of {about.reference} is disposed of", f"see: bwv explain {about.clip_id}")
        if about.derivative_id is not None and about.derivative_id not in made:
            raise Refused(f"the lineage of {about.reference} ({about.derivative_id}) is not known", "bwv rebuild")
        lineage = made[about.derivative_id] if about.derivative_id else None
        exhibit = case.exhibit(about.reference)
        told = lineage is not None and _may_have(manifest, case, exhibit, lineage)
        items.append(Item(about, folder, material, exhibit, lineage, told, sidecars.get(about.clip_id)))
    return tuple(items)


def _may_have(manifest: Manifest, case: Case, exhibit: Exhibit | None, lineage: Signed) -> bool:
    order = derivative_of(exhibit, case, by="", at="") if exhibit is not None else None
    return may_have_lineage(Recipient(manifest.recipient), _decoded(lineage), order.reason if order else "")


def _decoded(lineage: Signed) -> Lineage:
    return msgspec.json.decode(lineage.body, type=Lineage)


async def _sidecars(connection: Connection, manifest: Manifest) -> dict[str, str]:
    rows = await fetch(
        connection,
        "SELECT clip_id, attempt FROM clip_fate WHERE declaration IS NULL AND clip_id = ANY(%s)",
        ([item.clip_id for item in manifest.items],),
    )
    return {row["clip_id"]: attempt_keys(manifest.namespace, row["clip_id"], row["attempt"]).sidecar for row in rows}
