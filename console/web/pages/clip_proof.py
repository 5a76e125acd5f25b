"""The proof of a clip's continuity record, to take away: what `bwv custody prove` writes, and what checks it.

Nobody's proof names a hold or a look that they must not learn of: those entries stay at home, as they do in a package,
and each of the others stands by itself.
"""

from __future__ import annotations

import asyncio
import io
import logging
import zipfile
from collections.abc import Iterable
from functools import partial
from pathlib import Path

import msgspec
from starlette.responses import Response

from console.cli.proofs import export_of
from console.cli.timeline import is_restricted_look
from console.cli.timeline_retention import hidden, open_holds
from console.web.guard import Page
from console.web.pages.clip_page import closed, found, page
from console.web.pages.clip_roles import PROVERS, may_know, named_to
from console.web.people import Person, Role
from console.web.visit import Visit
from workers.custody import bwv_verify
from workers.custody.export import Row
from workers.errors import PartUnreachable

log = logging.getLogger(__name__)

DOES_NOT_HOLD = "The proof does not hold, so nothing leaves. Tell operations at once: bwv custody verify"
READ_ME = """\
The continuity record (audit trail) of {clip}: each entry about it, with its path to a checkpoint that
the custody service signed. No footage and nothing of other cases is in it.

Check it on any computer with Python 3.11 and the package `cryptography`:

    python bwv_verify.py proof --key KEY

KEY is a line of keys.txt. Compare that line with one that you have from the force by another way: whoever could
change this archive could change keys.txt with it.

Entries that whoever took it away has no right to learn of stay with the force, here as in every such archive. What is
in it is proved without them.
"""
"""The same for everybody: whether anything was left out is not said either."""


async def proof(visit: Visit) -> Response:
    """The archive; on record as taken away before it leaves."""
    clip = await found(visit)
    relation, clip_id = clip.look.relation, clip.seen.clip_id
    if relation is None:
        return closed(visit, clip, clip.look.says, ask=clip.look.ask)
    parts = visit.parts
    try:
        files, _ = await export_of(
            parts.database, parts.settings, clip_id, partial(shown_to, visit.person, clip.seen.officer)
        )
    except PartUnreachable as early:
        return await page(visit, clip, problem=str(early), status=409)
    keys = sorted(line for path in (parts.settings.keys / "custody").glob("*.vkey")
                  for line in path.read_text().splitlines())  # fmt: skip
    try:
        await asyncio.to_thread(bwv_verify.check_export, files, bwv_verify.read_keys(keys))
    except bwv_verify.Refused as wrong:
        log.error("the proof of %s does not hold: %s; run bwv custody verify", clip_id, wrong)
        return await page(visit, clip, problem=DOES_NOT_HOLD, status=500)
    await clip.tell("fetch", relation, "proof")
    body = await asyncio.to_thread(archive, clip_id, files, keys)
    name = f"{clip_id}-proof.zip"
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "private, no-store"}
    return Response(body, media_type="application/zip", headers=headers)


def shown_to(person: Person, officer: str | None, rows: Iterable[Row]) -> list[Row]:
    """The entries that somebody may take away.

    Args:
        officer: whose clip it is.
        rows: every entry about the clip.
    """
    known = [(row, str(msgspec.json.decode(row.entry)["type"])) for row in rows]
    if not person.has({Role.STANDARDS}) or person.person == officer:
        known = [(row, kind) for row, kind in known if not is_restricted_look(kind, row.payload)]
    if not may_know(person, officer):
        named = open_holds(({"type": kind, "payload": row.payload} for row, kind in known), named_to(person, officer))
        known = [(row, kind) for row, kind in known if not hidden(kind, row.payload, named)]
    return [row for row, _ in known]


def archive(clip_id: str, files: dict[str, bytes], keys: list[str]) -> bytes:
    """A ZIP archive of an export, the verifier and the keys."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as zipped:
        for name, data in files.items():
            zipped.writestr(f"proof/{name}", data)
        zipped.writestr("bwv_verify.py", Path(bwv_verify.__file__).read_bytes())
        zipped.writestr("keys.txt", "".join(f"{key}\n" for key in keys))
        zipped.writestr("README.txt", READ_ME.format(clip=clip_id))
    return made.getvalue()


PAGES = (Page("/clips/{clip}/proof", proof, PROVERS),)
