"""SIGKILL at every step of a disposal: whoever comes next finishes it, with one certificate that names everything."""

from __future__ import annotations

import os
import signal
import sys
from asyncio import create_subprocess_exec
from asyncio.subprocess import PIPE

from streams.messages import encode
from tests.retention.gone import Gone, envelope
from workers.failpoints import FAILPOINTS
from workers.fate.moves import Disposal as How
from workers.vault.keys import attempt_keys

STEPS = tuple(name for name in FAILPOINTS if name.startswith("disposal."))
CERTIFIED = ("disposal.after_certificate", "disposal.after_move")


async def killed_at(gone: Gone, step: str, message: bytes) -> int:
    """Dispose in a process that dies at `step`; its exit code."""
    settings = gone.settings
    environment = {
        **os.environ, "BWV_NAMESPACE": settings.namespace, "BWV_DATABASE": settings.database,
        "BWV_STORE": settings.store, "BWV_BUCKET": settings.bucket, "BWV_FIRST_LOCK": "2",
    }  # fmt: skip
    words = ("-m", "tests.retention.dying_disposal", str(settings.home), step)
    process = await create_subprocess_exec(sys.executable, *words, env=environment, stdin=PIPE, stderr=PIPE)
    _, said = await process.communicate(message)
    assert process.returncode == -signal.SIGKILL, said.decode()
    return process.returncode


async def test_killed_at_every_step_nothing_is_left_and_one_certificate_names_it_all(gone: Gone) -> None:
    kills = 0
    for step in STEPS:
        fate = await gone.stored(step, attempts=2)
        clip = fate.clip_id
        for version in gone.versions(clip):
            if "/clips/" in version.key:
                gone.vault("holds").set_legal_hold(version, True)
        gone.vault("transfer").create_upload(attempt_keys(gone.settings.namespace, clip, 3).footage, lock_until=None)
        lay = {(version.key, version.version_id) for version in gone.versions(clip)}
        message = await gone.committed(fate)
        assert await killed_at(gone, step, encode(message)) < 0
        kills += 1
        if step not in CERTIFIED:
            assert gone.certificate(clip) is None and (await gone.fate(clip)).disposal == How.COMMITTED, step
        before = gone.certificate(clip)

        stage = gone.stage()
        await stage.receive(message, envelope(message))
        stage.vault.close()

        assert gone.versions(clip) == [] and gone.uploads(clip) == [], step
        certificate = gone.certificate(clip)
        assert certificate is not None and before in (None, certificate), step
        says = gone.states(certificate.statement)
        assert set(says.versions) == lay and says.uploads == 1, step
        assert (await gone.fate(clip)).disposal == How.DONE, step
        assert [told.certificate for told in await gone.told(clip)] == [certificate.statement], step
    print(f"\nkills {kills} at {len(STEPS)} steps; left 0, certificates {kills}, told once each")
    assert kills == len(STEPS) > 0
