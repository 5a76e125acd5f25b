"""I6 and the second half of I5: what is planted into the world of a disposed clip is found."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import pytest
from msgspec.structs import replace

from tests.unit.operations.worlds import CAMERA, CLIPS, KEYS, SPACE, START, healthy, on_record, told
from workers.keys.signing import Role, Signer
from workers.keys.statements import PURPOSES
from workers.operations.differences import REMEDIES
from workers.operations.invariants import check_all, check_whole_clips
from workers.operations.violation import Kind
from workers.operations.world import OpenUpload, Stored, World
from workers.retention.statements import Disposed
from workers.vault.keys import certificate_key, custody_payload_key, derivatives_prefix

DISPOSAL = Signer.new(Role.SERVICE, "disposal")
CLIP, CERTIFICATE = CLIPS["R1"], certificate_key(SPACE, CLIPS["R1"])


def states(signer: Signer = DISPOSAL, **changes: object) -> dict[str, object]:
    at = START.isoformat()
    says = Disposed(CLIP, CAMERA, "R1", "body_worn", 1, "0" * 64, at, at, 3, "uncategorised", "31 days", (),
                    "2026-11-22T10:00:00Z", "2026-11-23T10:00:00Z", "2026-11-23T10:00:01Z", (), 0)  # fmt: skip
    signed = signer.sign(PURPOSES[Disposed], replace(says, **changes))  # type: ignore[arg-type]
    return {"certificate": msgspec.to_builtins(signed)}


def disposed(**certificate: object) -> World:
    """The healthy world after the disposal of its first clip."""
    world = healthy()
    gone = replace(world.fates[0], disposal="done")
    events = [*world.events, told("clips.disposed", "R1", 9, **(certificate or states()))]
    return replace(
        world,
        fates=(gone, *world.fates[1:]),
        objects=(*(o for o in world.objects if CLIP not in o.key), Stored(CERTIFICATE, "v", 9)),
        manifests={KEYS["R2"].manifest: world.manifests[KEYS["R2"].manifest]},
        events=tuple(events),
        custody=on_record(events),
        custody_size=len(events),
        keys={**world.keys, DISPOSAL.key: DISPOSAL.enrolment()},
    )


def beside(world: World, *more: Stored) -> World:
    return replace(world, objects=(*world.objects, *more))


def test_a_disposed_clip_with_its_certificate_is_in_order() -> None:
    assert check_all(disposed()) == []


PLANTED: dict[str, tuple[Kind, Callable[[], World]]] = {
    "footage that came late": (Kind.LEFT, lambda: beside(disposed(), Stored(KEYS["R1"].footage, "v2", 5))),
    "a delete marker": (Kind.LEFT, lambda: beside(disposed(), Stored(KEYS["R1"].footage, "v2", 0, True))),
    "a derivative": (Kind.LEFT, lambda: beside(disposed(), Stored(derivatives_prefix(SPACE, CLIP) + "a", "v", 5))),
    "a payload": (Kind.LEFT, lambda: beside(disposed(), Stored(custody_payload_key(SPACE, CLIP, 3), "v", 5))),
    "an upload at the store": (
        Kind.LEFT, lambda: replace(disposed(), uploads=(OpenUpload(KEYS["R1"].footage, "the store"),))),
    "an upload on our record": (
        Kind.LEFT, lambda: replace(disposed(), uploads=(OpenUpload(KEYS["R1"].footage, "the database"),))),
    "no certificate": (Kind.CERTIFICATE, lambda: replace(
        disposed(), objects=tuple(o for o in disposed().objects if o.key != CERTIFICATE))),
    "a certificate of another clip": (Kind.CERTIFICATE, lambda: disposed(**states(clip_id=CLIPS["R2"]))),
    "a certificate without a category": (Kind.CERTIFICATE, lambda: disposed(**states(category=""))),
    "a certificate without a policy": (Kind.CERTIFICATE, lambda: disposed(**states(policy=0))),
    "an intent after the commit": (Kind.CERTIFICATE, lambda: disposed(**states(intended_at="2026-11-24T10:00:00Z"))),
    "a certificate that nobody known signed": (
        Kind.SIGNATURE, lambda: disposed(**states(Signer.new(Role.SERVICE, "disposal")))),
    "a certificate that states nothing": (Kind.CERTIFICATE, lambda: disposed(certificate=7)),
}  # fmt: skip


@pytest.mark.parametrize("what", PLANTED)
def test_what_is_planted_is_found_by_name(what: str) -> None:
    kind, plant = PLANTED[what]
    found = check_all(plant())
    assert kind in {violation.kind for violation in found if violation.invariant in ("I5", "I6")}, found
    assert kind in REMEDIES


def test_a_clip_whose_disposal_is_committed_may_be_torn() -> None:
    world = healthy()
    torn = replace(world, objects=tuple(o for o in world.objects if o.key != KEYS["R1"].sidecar))
    assert [violation.invariant for violation in check_whole_clips(torn)] == ["I7", "I7"]
    leaving = replace(torn, fates=(replace(torn.fates[0], disposal="committed"), *torn.fates[1:]))
    assert check_whole_clips(leaving) == []
