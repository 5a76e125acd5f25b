"""probe: says what a verified clip's media looks like, or why that cannot be said, and what its camera's log says.

    clips.verified   clips.probed, confirmed by the broker

Nothing depends on it and nothing waits for it. Footage that ffprobe cannot read is evidence like any other.
"""

from __future__ import annotations

import logging
import tempfile
from functools import partial
from pathlib import Path

from streams.clip_events import dock_of
from streams.engine.byte_threads import ByteThreads, Work
from streams.messages import ClipProbed, ClipVerified, Message, encode, event
from streams.stage import Envelope, LongStage, Parts
from streams.vaults import open_vault
from workers.errors import MessageInvalid
from workers.failpoints import reach
from workers.footage.camera_log import JSON_LINES, LOG_BYTES, CameraEvent, read_log
from workers.footage.canonical import sha256_hex
from workers.footage.probe import DEMUXERS, Found, fetch, probe
from workers.footage.recording import Kind, Recording
from workers.footage.sandbox import sandbox_works, version_of
from workers.keys.keyring import Keyring, load_public
from workers.vault.faults import NotThere
from workers.vault.keys import attempt_keys

log = logging.getLogger(__name__)

NOT_PROBED = "not probed"


class Probe(LongStage):
    """Reads with verification's credentials: by version id, and nothing else."""

    name = "probe"
    listens = ("clips.verified",)

    def __init__(self, parts: Parts) -> None:
        super().__init__(parts)
        self.keyring = Keyring(self.database, load_public(self.settings.trust_root))
        self.vault = open_vault(self.settings, "verification")
        self.threads = ByteThreads(self.settings, self.name)
        self.tool = NOT_PROBED
        self.sandbox = False

    async def start(self) -> None:
        """Find out which ffprobe runs, and whether it can be locked in."""
        if self.settings.ffprobe:
            self.tool = await version_of(self.settings.ffprobe) or NOT_PROBED
            self.sandbox = await sandbox_works()

    async def stop(self) -> None:
        """Take no more work."""
        self.threads.close()
        self.vault.close()

    def source_of(self, message: Message) -> str:
        """The dock that the recording came from."""
        return dock_of(message)

    async def receive(self, message: Message, envelope: Envelope) -> None:
        """Probe one clip and tell of it."""
        if not isinstance(message, ClipVerified):
            raise MessageInvalid(f"probe does not listen to {type(message).__name__}")
        report = await self.keyring.opened_report(message.report)
        recording = report.recording
        events = await self._events(message, recording)
        if recording.kind is Kind.EVENT_LOG:
            found = Found(False, f"{NOT_PROBED}: an event log")
        elif self.tool == NOT_PROBED:
            found = Found(False, f"{NOT_PROBED}: no ffprobe is set, or it does not run")
        elif recording.media_type not in DEMUXERS:
            found = Found(False, f"{NOT_PROBED}: {recording.media_type[:80]} is not a format that is probed")
        else:
            found = await self._probed(message, recording.media_type)
        reach("probe.after_probe")
        told = ClipProbed(
            clip_id=message.clip_id,
            camera=recording.camera,
            version_id=message.version_id,
            tool=self.tool,
            readable=found.readable,
            reason=found.reason,
            duration=found.duration,
            container=found.container,
            video=found.video,
            audio=found.audio,
            creation_time=found.creation_time,
            events=events,
        )
        await self.publish(
            event(
                "clips.probed",
                told,
                key=message.clip_id,
                subject=message.clip_id,
                source=self.name,
                # Another ffprobe may find something else, which is another event.
                cause=(message.clip_id, message.version_id, sha256_hex(encode(told))),
            )
        )

    async def _events(self, message: ClipVerified, recording: Recording) -> tuple[CameraEvent, ...]:
        """What the camera wrote of itself, if that is what the recording is."""
        is_log = recording.kind is Kind.EVENT_LOG and recording.media_type in JSON_LINES
        if not is_log or message.size > LOG_BYTES:
            return ()
        key = attempt_keys(self.settings.namespace, message.clip_id, message.attempt).footage
        try:
            return read_log(
                await self.threads.run(Work(), partial(self.vault.get_small, key, message.version_id, limit=LOG_BYTES))
            )
        except NotThere as error:
            log.warning("%s: its log is not there to be read, so it says nothing: %s", message.clip_id, error)
            return ()

    async def _probed(self, message: ClipVerified, media_type: str) -> Found:
        keys = attempt_keys(self.settings.namespace, message.clip_id, message.attempt)
        with tempfile.TemporaryDirectory(prefix="bwv-probe-") as folder:
            file, work = Path(folder) / "media", Work()
            fetched = partial(
                fetch, self.vault, keys.footage, message.version_id, message.size, file, stop=work.stopped
            )
            try:
                await self.threads.run(work, fetched)
            except NotThere as error:
                return Found(False, str(error))
            return await probe(self.settings.ffprobe, file, media_type, sandbox=self.sandbox)


STAGE = Probe
