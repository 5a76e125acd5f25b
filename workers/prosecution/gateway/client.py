"""The client of the gateway's contract: sends a submission, asks for its receipt and for outcomes.

A submission that was half sent goes on where it stands: the gateway says what it has, and only the rest is sent. One
that the gateway has taken already (the 202 was lost) is not sent again.
"""

from __future__ import annotations

import hashlib
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from typing import Any

import msgspec
from msgspec import Raw, Struct

from workers.errors import FootageDiffers, GatewayAway, GatewayRefused
from workers.footage.canonical import canonical, sha256_hex
from workers.prosecution.gateway.contract import (
    OUTCOMES,
    ItemLink,
    ItemState,
    Outcome,
    Receipt,
    State,
    content_digest,
    path_of,
)
from workers.prosecution.gateway.wire import Answer, Wire, understood
from workers.vault.retry import Limits

Item = Mapping[str, Any]
"""One of the manifest's items."""

OpenItem = Callable[[Item], AbstractAsyncContextManager[AsyncIterator[bytes]]]
"""Opens the bytes of an item; called again for each try."""

STEPS = ("after_manifest", "after_item", "before_complete", "after_complete")
"""What `send` tells its `step`, in order; `after_item` once for each item that was sent."""


class OutcomePage(Struct, frozen=True):
    """Outcomes that were read.

    Attributes:
        outcomes: well-formed ones, oldest first.
        unreadable: what is wrong with each of the others; they do not hold up those behind them.
        cursor: to ask with next time.
    """

    outcomes: tuple[Outcome, ...]
    unreadable: tuple[str, ...]
    cursor: str


class _Page(Struct, frozen=True):
    outcomes: tuple[Raw, ...]
    cursor: str


class Gateway:
    """One gateway.

    Args:
        url: where its contract is spoken.
        token: bearer token, if it wants one.
        limits: deadlines and retries.
    """

    def __init__(self, url: str, *, token: str | None = None, limits: Limits | None = None) -> None:
        self.url = url.rstrip("/")
        self._wire = Wire(url, token=token, limits=limits)

    async def close(self) -> None:
        """Close all connections."""
        await self._wire.close()

    async def send(
        self,
        manifest: Mapping[str, Any],
        open_item: OpenItem | None = None,
        *,
        attempt: int = 1,
        step: Callable[[str], None] = lambda name: None,
    ) -> Receipt:
        """Send whatever the gateway does not have, and say that it is all. When this returns, it was taken.

        Args:
            manifest: of the submission (docs/submissions.md); its RFC 8785 bytes are sent.
            open_item: gives the bytes of an item; None: the gateway is given the submission's link.
            attempt: the how-manieth time this submission is sent, from 1. A higher one opens a submission again
                that was rejected or is not whole; the same one again never does.
            step: told of each of STEPS when it is reached.

        Returns:
            The receipt as far as it is.

        Raises:
            GatewayAway: go on later; what was sent need not be sent again.
            GatewayRefused: it will never be taken; a person looks.
            FootageDiffers: the bytes of an item are not those of the manifest; nothing of it was taken.
        """
        body = canonical(manifest)
        digest, submission = sha256_hex(body), str(manifest["submission_id"])
        receipt = await self.receipt(submission)
        if receipt is None or receipt.attempt < attempt:
            receipt = await self._put_manifest(submission, body, digest, attempt)
            step("after_manifest")
        if receipt.manifest_sha256 != digest:
            raise GatewayRefused(
                f"{submission}: the gateway has it with manifest {receipt.manifest_sha256}, ours is {digest}"
            )
        if receipt.state is not State.RECEIVING:
            return receipt
        for item in missing(manifest, receipt):
            await self._put_item(manifest, item, open_item)
            step("after_item")
        step("before_complete")
        receipt = await self._complete(submission)
        step("after_complete")
        return receipt

    async def receipt(self, submission_id: str) -> Receipt | None:
        """What the gateway says of a submission; None: it knows nothing of it.

        Raises:
            GatewayAway: ask again later.
        """
        path = path_of(submission_id)
        answer = await self._wire.ask("GET", path)
        if answer.status == 404:
            return None
        receipt = understood(path, _taken(path, answer), Receipt)
        if receipt.submission_id != submission_id:
            raise GatewayAway(f"asked the gateway for {submission_id}, was told of {receipt.submission_id[:100]!r}")
        return receipt

    async def outcomes(self, after: str) -> OutcomePage:
        """Outcomes that came after a cursor.

        Args:
            after: cursor of the page before; empty: from the first.

        Raises:
            GatewayAway: ask again later.
        """
        answer = await self._wire.ask("GET", OUTCOMES, query={"after": after})
        page = understood(OUTCOMES, _taken(OUTCOMES, answer), _Page)
        read, unreadable = list[Outcome](), list[str]()
        for raw in page.outcomes:
            try:
                read.append(msgspec.json.decode(raw, type=Outcome))
            except msgspec.DecodeError as error:
                unreadable.append(f"{error}: {bytes(raw)[:300]!r}")
        return OutcomePage(tuple(read), tuple(unreadable), page.cursor)

    async def _put_manifest(self, submission: str, body: bytes, digest: str, attempt: int) -> Receipt:
        path = path_of(submission)
        headers = {"Content-Type": "application/json", "Content-Digest": content_digest(digest)}
        query = {"attempt": str(attempt)}
        answer = await self._wire.ask("PUT", path, query=query, headers=headers, content=body)
        return understood(path, _taken(path, answer), Receipt)

    async def _put_item(self, manifest: Mapping[str, Any], item: Item, open_item: OpenItem | None) -> None:
        path, size = path_of(str(manifest["submission_id"]), item["n"]), int(item["size"])
        if open_item is None:
            link = msgspec.json.encode(_link(manifest, item))
            headers = {"Content-Type": "application/json"}
            _taken(path, await self._wire.ask("PUT", path, headers=headers, content=link))
            return
        opened = open_item  # for the closure: it is not None
        headers = {
            "Content-Type": str(item["media_type"]),
            "Content-Length": str(size),
            "Content-Digest": content_digest(item["sha256"]),
        }
        answer = await self._wire.ask("PUT", path, headers=headers, content=lambda: _measured(opened, item), size=size)
        _taken(path, answer)

    async def _complete(self, submission: str) -> Receipt:
        path = f"{path_of(submission)}/complete"
        return understood(path, _taken(path, await self._wire.ask("POST", path)), Receipt)


def missing(manifest: Mapping[str, Any], receipt: Receipt) -> list[Item]:
    """Items that the gateway does not have as the manifest has them, in the manifest's order."""
    there = {item.n: (item.sha256, item.size) for item in receipt.items if item.state is ItemState.RECEIVED}
    return [item for item in manifest["items"] if there.get(item["n"]) != (item["sha256"], item["size"])]


def _link(manifest: Mapping[str, Any], item: Item) -> ItemLink:
    if not manifest["link"]:
        raise GatewayRefused(
            f"{manifest['submission_id']}: it has no link to give; set gateway_delivers to bytes, or prepare it again"
        )
    return ItemLink(
        item["n"], item["reference"], item["sha256"], item["size"], item["media_type"], str(manifest["link"])
    )


async def _measured(open_item: OpenItem, item: Item) -> AsyncGenerator[bytes, None]:
    """The bytes of an item; ends the request where they are not those of the manifest."""
    digest, size = hashlib.sha256(), 0
    async with open_item(item) as pieces:
        async for piece in pieces:
            digest.update(piece)
            size += len(piece)
            if size >= item["size"] and (size, digest.hexdigest()) != (item["size"], item["sha256"]):
                raise FootageDiffers(
                    f"{item['reference']}: what lies in the vault is not what the manifest says",
                    expected=(item["sha256"], item["size"]),
                    found=(digest.hexdigest(), size),
                )
            yield piece
    if size < item["size"]:
        raise FootageDiffers(
            f"{item['reference']}: {size} bytes lie in the vault, the manifest says {item['size']}",
            expected=(item["sha256"], item["size"]),
            found=(digest.hexdigest(), size),
        )


def _taken(path: str, answer: Answer) -> Answer:
    """The answer, unless it is a refusal."""
    if answer.status < 300:
        return answer
    problem = answer.problem()
    said = f"{path}: the gateway answered {answer.status} {problem.error}: {problem.reason}"
    if answer.status == 404 or problem.error in ("incomplete", "not_receiving", "digest_differs"):
        # It lost what it had, or the bytes on the way, or somebody was first: the next try asks what it has.
        raise GatewayAway(said)
    raise GatewayRefused(said)
