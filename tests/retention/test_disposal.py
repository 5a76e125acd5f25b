"""Nothing is left of a committed disposal but its certificate, whatever lay there and whatever comes late."""

from __future__ import annotations

import asyncio

import pytest

from tests.retention.gone import Gone, envelope
from workers.errors import MessageInvalid, RuleBroken, StoreAway
from workers.fate.moves import Disposal as How
from workers.retention.disposing import late_after
from workers.vault.keys import attempt_keys, certificate_key, custody_payload_key, quarantine_keys


async def dispose(gone: Gone, clip: str) -> None:
    """Commit and dispose."""
    stage = gone.stage()
    message = await gone.committed(await gone.fate(clip))
    await stage.receive(message, envelope(message))
    stage.vault.close()


async def test_everything_goes_and_the_certificate_names_it(gone: Gone) -> None:
    fate = await gone.stored("R1", attempts=2)
    clip = fate.clip_id
    gone.put("transfer", quarantine_keys(gone.settings.namespace, clip).footage, b"other bytes")
    upload = gone.vault("transfer").create_upload(
        attempt_keys(gone.settings.namespace, clip, 3).footage, lock_until=None
    )
    for version in gone.versions(clip):
        if "/payloads/" not in version.key:
            gone.vault("holds").set_legal_hold(version, True)
    lay = {(version.key, version.version_id) for version in gone.versions(clip)}
    assert len(lay) == 8 and gone.uploads(clip) == [upload.key]

    await dispose(gone, clip)

    assert gone.versions(clip) == [] and gone.uploads(clip) == []
    certificate = gone.certificate(clip)
    assert certificate is not None and certificate.receipt == fate.receipt
    says = gone.states(certificate.statement)
    assert set(says.versions) == lay and says.uploads == 1
    recording = fate.declared().recording
    assert (says.clip_id, says.camera, says.recording) == (clip, "CAM-1", "R1")
    assert (says.size, says.sha256, says.source_type) == (recording.size, recording.sha256, "body_worn")
    assert (says.policy, says.category, says.rule) == (3, "uncategorised", "uncategorised")
    assert says.intended_at < says.committed_at and says.reasons
    assert (await gone.fate(clip)).disposal == How.DONE
    [told] = await gone.told(clip)
    assert told.certificate == certificate.statement
    head = gone.vault("disposal").head(certificate_key(gone.settings.namespace, clip))
    assert head is not None and head.lock.mode == "COMPLIANCE"


async def test_a_repeat_changes_nothing(gone: Gone) -> None:
    clip = (await gone.stored("R1")).clip_id
    await dispose(gone, clip)
    before = gone.certificate(clip)
    message = await gone.committed(await gone.fate(clip))
    await gone.database.execute("UPDATE clip_fate SET disposal = 'done' WHERE clip_id = %s", (clip,))
    await gone.stage().receive(message, envelope(message))
    assert gone.certificate(clip) == before and len(await gone.told(clip)) == 1


async def test_quarantined_bytes_go_too(gone: Gone) -> None:
    fate = await gone.stored("R1", apart=True)
    await dispose(gone, fate.clip_id)
    assert gone.versions(fate.clip_id) == []
    certificate = gone.certificate(fate.clip_id)
    assert certificate is not None and certificate.receipt is None
    assert len(gone.states(certificate.statement).versions) == 4


@pytest.mark.parametrize("says", [None, "intended"])
async def test_what_is_not_committed_is_not_touched(gone: Gone, says: str | None) -> None:
    fate = await gone.stored("R1")
    message = await gone.committed(fate)
    await gone.database.execute("UPDATE clip_fate SET disposal = %s WHERE clip_id = %s", (says, fate.clip_id))
    with pytest.raises(RuleBroken, match="expected a row that says 'committed'"):
        await gone.stage().receive(message, envelope(message))
    assert len(gone.versions(fate.clip_id)) == 4 and gone.certificate(fate.clip_id) is None
    assert await gone.noted(fate.clip_id) is None


async def test_a_message_of_another_kind_is_refused(gone: Gone) -> None:
    message = await gone.scene.registered(b"x", recording="R9")
    committed = await gone.committed(await gone.fate(message.clip_id))
    with pytest.raises(MessageInvalid):
        await gone.stage().receive(message, envelope(committed))


async def test_what_is_still_locked_stays_committed_and_goes_when_the_lock_has_ended(gone: Gone) -> None:
    fate = await gone.stored("R1", lock=3.0)
    clip = fate.clip_id
    stage, message = gone.stage(), await gone.committed(fate)

    await stage.receive(message, envelope(message))

    assert len(gone.versions(clip)) == 4 and gone.certificate(clip) is None, "the store's lock is the second guard"
    assert (await gone.fate(clip)).disposal == How.COMMITTED and await gone.told(clip) == []
    noted = await gone.noted(clip)
    assert noted is not None and "locked" in str(noted["waits_for"])
    assert 0 < float(str(noted["due_in"])) <= 4, "it is tried again when the lock has ended, and not before"
    assert not await stage.look_again()

    async with asyncio.timeout(30):
        while not (await stage.look_again() and (await gone.fate(clip)).disposal == How.DONE):  # noqa: ASYNC110
            await asyncio.sleep(0.2)
    assert gone.versions(clip) == [] and gone.certificate(clip) is not None
    after = await gone.noted(clip)
    assert after is not None and after["waits_for"] is None


async def test_a_put_that_comes_late_is_found_by_the_second_look_and_told(gone: Gone) -> None:
    fate = await gone.stored("R1")
    clip = fate.clip_id
    await dispose(gone, clip)
    noted = await gone.noted(clip)
    assert noted is not None
    due = float(str(noted["due_in"]))
    assert late_after(gone.settings.first_lock) - 30 < due <= late_after(gone.settings.first_lock)
    assert due > gone.settings.first_lock + 60, "the longest first lock and the deadline of a request"
    # A transfer that slept since before the commit wakes up; its lock was reckoned when it was sent.
    late = gone.put("transfer", attempt_keys(gone.settings.namespace, clip, 1).footage, b"late", lock=1.0)
    payload = gone.put("record", custody_payload_key(gone.settings.namespace, clip, 9), b"[]")
    begun = gone.vault("transfer").create_upload(
        attempt_keys(gone.settings.namespace, clip, 2).footage, lock_until=None
    )
    stage = gone.stage()

    async with asyncio.timeout(30):
        while gone.versions(clip):
            await gone.falls_due(clip)
            assert await stage.look_again()
            await asyncio.sleep(0.2)

    assert gone.uploads(clip) == [], begun.key
    first, second = await gone.told(clip)
    supplement = gone.states(second.certificate)
    assert set(supplement.versions) == {(late.key, late.version_id), (payload.key, payload.version_id)}
    assert supplement.uploads == 1
    assert first.certificate == gone.certificate(clip).statement, "the certificate stands as it was"  # type: ignore[union-attr]
    await gone.falls_due(clip)
    assert await stage.look_again()
    assert await gone.noted(clip) is None, "a look that finds nothing is the last"
    assert len(await gone.told(clip)) == 2


async def test_a_store_that_answers_and_keeps_is_not_believed(gone: Gone, monkeypatch: pytest.MonkeyPatch) -> None:
    fate = await gone.stored("R1")
    clip = fate.clip_id
    stage, message = gone.stage(), await gone.committed(fate)
    lied = 0

    def keeps(key: str, version_id: str) -> None:
        nonlocal lied
        lied += 1  # 204, as SeaweedFS and Ceph answer where a hold won

    monkeypatch.setattr(stage.vault, "delete_version", keeps)
    await stage.receive(message, envelope(message))
    assert lied == 1 and gone.certificate(clip) is None and (await gone.fate(clip)).disposal == How.COMMITTED
    monkeypatch.undo()
    await gone.falls_due(clip)
    assert await stage.look_again()
    assert gone.versions(clip) == [] and gone.certificate(clip) is not None


async def test_what_is_listed_again_after_its_deletion_is_no_end(gone: Gone, monkeypatch: pytest.MonkeyPatch) -> None:
    fate = await gone.stored("R1")
    stage, message = gone.stage(), await gone.committed(fate)
    delete, key = stage.vault.delete_version, attempt_keys(gone.settings.namespace, fate.clip_id, 2).footage

    def late(where: str, version_id: str) -> None:
        delete(where, version_id)
        if where.endswith("manifest.json"):
            gone.put("transfer", key, b"late")

    monkeypatch.setattr(stage.vault, "delete_version", late)
    with pytest.raises(StoreAway, match="listed after its deletion"):
        await stage.receive(message, envelope(message))
    monkeypatch.undo()
    assert gone.certificate(fate.clip_id) is None
    await stage.receive(message, envelope(message))
    says = gone.states(gone.certificate(fate.clip_id).statement)  # type: ignore[union-attr]
    assert key in {where for where, _ in says.versions}


async def test_the_verified_manifest_goes_last(gone: Gone, monkeypatch: pytest.MonkeyPatch) -> None:
    fate = await gone.stored("R1", attempts=2)
    stage, message = gone.stage(), await gone.committed(fate)
    order: list[str] = []
    delete = stage.vault.delete_version

    def noted(key: str, version_id: str) -> None:
        order.append(key)
        delete(key, version_id)

    monkeypatch.setattr(stage.vault, "delete_version", noted)
    await stage.receive(message, envelope(message))
    assert order[-1] == attempt_keys(gone.settings.namespace, fate.clip_id, 2).manifest
    assert len(order) == len(set(order)) == 7


async def test_a_certificate_that_somebody_else_wrote_is_refused(gone: Gone) -> None:
    fate = await gone.stored("R1")
    message = await gone.committed(fate)
    gone.put(
        "disposal",
        certificate_key(gone.settings.namespace, fate.clip_id),
        b'{"clip_id":"' + fate.clip_id.encode() + b'"}',
    )
    with pytest.raises(RuleBroken, match="no certificate that disposal signed"):
        await gone.stage().receive(message, envelope(message))
    assert (await gone.fate(fate.clip_id)).disposal == How.COMMITTED and await gone.told(fate.clip_id) == []
