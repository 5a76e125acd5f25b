"""A receipt against the manifest, item by item: complete, or not submitted (I10). Pure."""

from __future__ import annotations

from collections import Counter

from workers.prosecution.gateway.contract import ItemReceipt, ItemState, Receipt
from workers.prosecution.gateway.contract import State as GatewayState
from workers.prosecution.submission.manifest import Manifest, ManifestItem
from workers.prosecution.submission.states import State


def compare(manifest: Manifest, receipt: Receipt) -> tuple[State, tuple[str, ...]]:
    """What a final receipt amounts to, and every difference as a sentence.

    Acknowledged if and only if the recipient accepts it, it names the digest of this very manifest, and each item of
    the manifest is there once with its size and digest and nothing else is.

    Returns:
        `acknowledged` and no difference; `rejected` with the recipient's reason; `contradicted` if the receipt is of
        other content; else `partial`, if it only lacks items.

    Raises:
        ValueError: the receipt is not final; nothing can be said yet.
    """
    if not receipt.final:
        raise ValueError(f"the receipt of {receipt.submission_id} says {receipt.state}: it is not final")
    contradictions = _contradictions(manifest, receipt)
    lacks = _lacks(manifest, receipt)
    if receipt.state is GatewayState.REJECTED:
        reason = receipt.reason or "no reason is given"
        return State.REJECTED, (f"the recipient rejects it: {reason}", *contradictions, *lacks)
    if contradictions:
        return State.CONTRADICTED, (*contradictions, *lacks)
    return (State.PARTIAL, lacks) if lacks else (State.ACKNOWLEDGED, ())


def _contradictions(manifest: Manifest, receipt: Receipt) -> tuple[str, ...]:
    """What the receipt says that the manifest does not."""
    found = []
    if receipt.submission_id != manifest.submission_id:
        found.append(f"the receipt is of {receipt.submission_id}, ours is {manifest.submission_id}")
    if receipt.manifest_sha256 != manifest.sha256:
        found.append(f"the manifest's digest: ours is {manifest.sha256}, theirs {receipt.manifest_sha256}")
    counts = Counter(item.n for item in receipt.items)
    found += [f"item {n} stands in the receipt {count} times" for n, count in counts.items() if count > 1]
    for item in receipt.items:
        ours = manifest.item(item.n)
        if ours is None:
            found.append(f"item {item.n} stands in the receipt and not in the manifest")
        elif item.state is ItemState.RECEIVED:
            found += _differences(ours, item)
    return tuple(found)


def _differences(ours: ManifestItem, theirs: ItemReceipt) -> list[str]:
    found = []
    if theirs.sha256 != ours.sha256:
        found.append(f"{_named(ours)}: our SHA-256 is {ours.sha256}, theirs {theirs.sha256 or 'not given'}")
    if theirs.size != ours.size:
        given = "not given" if theirs.size is None else f"{theirs.size:,} bytes"
        found.append(f"{_named(ours)}: our size is {ours.size:,} bytes, theirs {given}")
    return found


def _lacks(manifest: Manifest, receipt: Receipt) -> tuple[str, ...]:
    """Items that the recipient does not have."""
    theirs = {item.n: item.state for item in receipt.items}
    says = {
        None: "is not in the receipt",
        ItemState.MISSING: "is missing, says the recipient",
        ItemState.REJECTED: "is rejected by the recipient",
    }
    lacking = [item for item in manifest.items if theirs.get(item.n) is not ItemState.RECEIVED]
    return tuple(f"{_named(item)} {says[theirs.get(item.n)]}" for item in lacking)


def _named(item: ManifestItem) -> str:
    return f"item {item.n} ({item.reference})"
