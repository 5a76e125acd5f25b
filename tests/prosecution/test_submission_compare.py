"""A receipt is the manifest, item by item, or it is a difference (I10)."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from tests.contracts.gateways import manifest_of as plain_manifest
from workers.prosecution.gateway.contract import ItemReceipt, ItemState, Receipt
from workers.prosecution.gateway.contract import State as Theirs
from workers.prosecution.submission.compare import compare
from workers.prosecution.submission.manifest import Manifest, manifest_of
from workers.prosecution.submission.states import State

OURS = manifest_of(plain_manifest("compared", 3))
OTHER = "0" * 64


def receipt(manifest: Manifest = OURS, state: Theirs = Theirs.ACCEPTED, **changes: Any) -> Receipt:
    items = tuple(ItemReceipt(item.n, item.sha256, item.size, ItemState.RECEIVED) for item in manifest.items)
    made = Receipt(manifest.submission_id, state, 1, manifest.sha256, items)
    return msgspec.structs.replace(made, **changes)


def changed(n: int, /, **changes: Any) -> tuple[ItemReceipt, ...]:
    """The items of the whole receipt, one of them otherwise."""
    return tuple(msgspec.structs.replace(item, **changes) if item.n == n else item for item in receipt().items)


def test_the_whole_manifest_and_nothing_else_is_acknowledged() -> None:
    assert compare(OURS, receipt()) == (State.ACKNOWLEDGED, ())
    assert compare(OURS, receipt(items=tuple(reversed(receipt().items)))) == (State.ACKNOWLEDGED, ())
    empty = manifest_of(plain_manifest("nothing", 0))
    assert compare(empty, receipt(empty)) == (State.ACKNOWLEDGED, ())


@pytest.mark.parametrize(
    ("changes", "state", "words"),
    [
        ({"items": receipt().items[:2]}, State.PARTIAL, "item 3 (compared/3) is not in the receipt"),
        ({"items": ()}, State.PARTIAL, "item 1 (compared/1) is not in the receipt"),
        ({"items": changed(2, state=ItemState.MISSING)}, State.PARTIAL, "item 2 (compared/2) is missing, says"),
        ({"items": changed(2, state=ItemState.REJECTED)}, State.PARTIAL, "item 2 (compared/2) is rejected by"),
        ({"items": changed(1, sha256=OTHER)}, State.CONTRADICTED, f"theirs {OTHER}"),
        ({"items": changed(1, sha256=None)}, State.CONTRADICTED, "theirs not given"),
        ({"items": changed(1, size=7)}, State.CONTRADICTED, "theirs 7 bytes"),
        ({"items": changed(1, size=None)}, State.CONTRADICTED, "theirs not given"),
        ({"items": changed(3, n=4)}, State.CONTRADICTED, "item 4 stands in the receipt and not in the manifest"),
        ({"items": changed(3, n=2)}, State.CONTRADICTED, "item 2 stands in the receipt 2 times"),
        ({"items": (*receipt().items, receipt().items[0])}, State.CONTRADICTED, "item 1 stands in the receipt 2"),
        ({"manifest_sha256": OTHER}, State.CONTRADICTED, f"theirs {OTHER}"),
        ({"submission_id": "submission-other"}, State.CONTRADICTED, "the receipt is of submission-other"),
        ({"state": Theirs.REJECTED, "reason": "the wrong unit"}, State.REJECTED, "rejects it: the wrong unit"),
        ({"state": Theirs.REJECTED, "items": ()}, State.REJECTED, "no reason is given"),
    ],
)
def test_anything_else_is_not_and_says_so(changes: dict[str, Any], state: State, words: str) -> None:
    found, differences = compare(OURS, receipt(**changes))
    assert found is state
    assert any(words in difference for difference in differences), differences


def test_every_single_change_of_an_accepted_receipt_is_found() -> None:
    """Whatever one field says otherwise, it is not acknowledged."""
    whole = receipt()
    found = 0
    for n in (1, 2, 3):
        for field, value in (("sha256", OTHER), ("size", 1), ("state", ItemState.MISSING), ("n", 9)):
            found += compare(OURS, msgspec.structs.replace(whole, items=changed(n, **{field: value})))[1] != ()
    for n in range(3):
        found += compare(OURS, msgspec.structs.replace(whole, items=whole.items[:n] + whole.items[n + 1 :]))[1] != ()
    assert found == 15


@pytest.mark.parametrize("state", [Theirs.RECEIVING, Theirs.RECEIVED])
def test_what_is_not_final_is_not_compared(state: Theirs) -> None:
    with pytest.raises(ValueError, match="not final"):
        compare(OURS, receipt(state=state))
