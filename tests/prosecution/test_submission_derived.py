"""A range is made first, by a real ffmpeg; then what goes is the range, with the master's digest beside it."""

from __future__ import annotations

import copy
from pathlib import Path

import msgspec

from streams.messages import DerivativeMade, decode
from tests.prosecution import screen
from tests.prosecution.office import URN, Office
from tests.prosecution.studio import Studio
from tests.prosecution.submitting import submitting
from workers.prosecution.submission.states import State


async def test_what_is_made_goes_instead_of_the_master(office: Office, tmp_path: Path) -> None:
    film = screen.numbered(tmp_path / "film.mp4", pictures=25)
    scene = copy.copy(office.scene)
    scene.settings = msgspec.structs.replace(
        office.settings,
        ffmpeg=screen.TOOLS.ffmpeg,
        ffprobe=screen.TOOLS.ffprobe,
        derive_folder=str(tmp_path / "derive"),
    )
    studio = Studio(scene.settings, office.database, scene)
    await studio.stage.start()
    async with submitting(office, tmp_path, gateway_delivers="bytes") as desk:
        clip = await desk.exhibit("JS/1", clip=await studio.clip(film), start=0.2, end=0.6)
        [row] = (await desk.plan(f"urn,purpose\n{URN},charging\n")).rows
        assert (await desk.ask(row.order)).verdict == "pending"
        [order] = row.makes
        assert (await studio.ask(order)).verdict == "done"
        [event] = await office.database.fetch("SELECT body FROM outbox WHERE topic = 'derivatives.made'")
        await desk.give("derivatives.made", decode(event["body"], DerivativeMade), key=clip)
        await desk.deliver()
        made, sent = await studio.row(order), await desk.row(row.order.submission_id)
        assert made is not None and sent.state is State.SENT
        [item] = sent.prepared().items
        master = (await office.fate(clip)).declared().recording.sha256
        assert (item.kind, item.derivative_id, item.start, item.end) == ("range", order.derivative_id, 0.2, 0.6)
        assert (item.sha256, item.size, item.version_id) == (made.sha256, made.size, made.version_id)
        assert item.parent_sha256 == master != item.sha256
        [theirs] = desk.receipt(sent.submission_id).items
        assert (theirs.sha256, theirs.size) == (made.sha256, made.size)
        [told] = await desk.told("clips.submitted")
        assert (told["derivative_id"], told["sha256"]) == (made.derivative_id, made.sha256)
    await studio.stage.stop()
