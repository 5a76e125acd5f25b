"""What the reference server does with a submission, without HTTP: the contract's rules, and the script's.

receiving ─ complete → received ─ by the clock → accepted | rejected
    └──────────────── a higher attempt ──────────────┘   (never of one that is accepted and whole)
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import msgspec
from msgspec import Struct

from workers.footage.canonical import canonical, derived_id, sha256_hex
from workers.prosecution.gateway.contract import ItemReceipt, ItemState, Outcomes, Receipt, State
from workers.prosecution.gateway.stub.script import VERDICTS, At, Do, Rule, Script, Standing, Submitted
from workers.prosecution.gateway.stub.shelf import Kept, KeptItem, Shelf

PAGE = 100
"""Outcomes a page."""


class NotTaken(Exception):
    """A request that the contract refuses.

    Args:
        status: of HTTP.
        error: of the Problem.
    """

    def __init__(self, status: int, error: str, reason: str) -> None:
        super().__init__(reason)
        self.status = status
        self.error = error
        self.reason = reason


class _Item(Struct, frozen=True):
    n: int
    sha256: str
    size: int


class _Case(Struct, frozen=True):
    urn: str


class _Manifest(Struct, frozen=True):
    """What a gateway must understand of a manifest."""

    submission_id: str
    purpose: str
    case: _Case
    items: tuple[_Item, ...]


class Reception:
    """Takes submissions and answers for them.

    Args:
        now: seconds since 1970.
    """

    def __init__(self, shelf: Shelf, *, now: Callable[[], float] = time.time) -> None:
        self.shelf = shelf
        self._now = now

    # -- the contract --------------------------------------------------------------------------------------

    def manifest(self, submission: str, body: bytes, attempt: int) -> tuple[bool, Receipt]:
        """Take a manifest; whether it is a new one, and the receipt so far."""
        digest = sha256_hex(body)
        with self.shelf.changing():
            there = self.shelf.find(submission)
            if there is None:
                items = [msgspec.to_builtins(item) for item in _read(submission, body).items]
                self.shelf.add(submission, attempt, body, digest, items)
            elif there.sha256 != digest:
                raise NotTaken(409, "other_manifest", f"{submission} is there with manifest {there.sha256}")
            elif attempt > there.attempt:
                self._open_again(there, attempt)
        return there is None, self._receipt(submission)

    def wanted(self, submission: str, n: int) -> KeptItem:
        """What the manifest says of an item.

        Raises:
            NotTaken: there is no such item, or the submission takes nothing any more.
        """
        there = self._find(submission)
        item = next((item for item in self.shelf.items(submission) if item.n == n), None)
        if item is None:
            raise NotTaken(404, "unknown", f"the manifest of {submission} has no item {n}")
        if there.state is not State.RECEIVING and item.state is not ItemState.RECEIVED:
            raise NotTaken(409, "not_receiving", f"{submission} is {there.state}; send its manifest with a new attempt")
        return item

    def item(
        self,
        submission: str,
        n: int,
        sha256: str,
        size: int,
        url: str | None = None,
        *,
        put_away: Callable[[], object] = lambda: None,
    ) -> ItemReceipt:
        """Take an item that was measured, or noted by its link.

        Args:
            put_away: puts its file in its place, before it is said to be there.
        """
        with self.shelf.changing():
            wanted = self.wanted(submission, n)
            if (sha256, size) != (wanted.wanted_sha256, wanted.wanted_size):
                raise NotTaken(
                    422,
                    "digest_differs",
                    f"item {n}: the manifest says {wanted.wanted_size} bytes, {wanted.wanted_sha256};"
                    f" here are {size}, {sha256}",
                )
            put_away()
            if wanted.state is not ItemState.RECEIVED:
                self.shelf.change_item(submission, n, sha256=sha256, size=size, state=ItemState.RECEIVED, url=url)
                self.shelf.count("item received")
        return ItemReceipt(n, sha256, size, ItemState.RECEIVED)

    def complete(self, submission: str) -> Receipt:
        """It is said to be all of it."""
        with self.shelf.changing():
            there = self._find(submission)
            if there.state is State.RECEIVING:
                lacking = [item.n for item in self.shelf.items(submission) if item.state is not ItemState.RECEIVED]
                if lacking:
                    raise NotTaken(409, "incomplete", f"{submission} lacks items {', '.join(map(str, lacking))}")
                self._received(there)
            receipt = self._receipt(submission)
            verdict = self._find(submission).verdict
            if verdict is not None and verdict.do is Do.FORGET:
                self.shelf.forget(submission)
        return receipt

    def receipt(self, submission: str) -> Receipt:
        """The receipt as far as it is, given once more."""
        with self.shelf.changing():
            receipt = self._receipt(submission)
            if receipt.final:
                self.shelf.change(submission, answers=self._find(submission).answers + 1)
        return receipt

    def outcomes(self, after: str) -> Outcomes:
        """The next page of outcomes."""
        if after and not after.isdecimal():
            raise NotTaken(400, "bad_request", f"{after[:40]!r} is no cursor of this gateway")
        page = self.shelf.outcomes(int(after or 0), PAGE)
        return Outcomes(tuple(outcome for _, outcome in page), str(page[-1][0]) if page else after)

    # -- the script ----------------------------------------------------------------------------------------

    def add(self, script: Script) -> None:
        """Follow a script from now on."""
        with self.shelf.changing():
            if script.forget_rules:
                self.shelf.forget_rules()
            self.shelf.add_rules(script.rules, self._now())
            self.shelf.add_outcomes(script.outcomes)

    def take(self, kinds: frozenset[Do], about: Submitted | None, at: At | None = None) -> Rule | None:
        """The first rule of these kinds that fits, taken once; None: none does."""
        for place, rule in self.shelf.rules(self._now()):
            if rule.do in kinds and rule.fits(about) and (at is None or rule.at in (None, at)):
                self.shelf.take_rule(place)
                self.shelf.count(rule.do.value)
                return rule
        return None

    def about(self, submission: str) -> Submitted | None:
        """What rules look at, where the submission is known."""
        there = self.shelf.find(submission)
        return there.about if there else None

    def standing(self) -> Standing:
        """Where the server stands."""
        done = self.shelf.done()
        prefix = "received "
        return Standing(
            rules=tuple(rule for _, rule in self.shelf.rules(self._now())),
            done={what: times for what, times in done.items() if " " not in what},
            submissions={found: self._receipt(found).state for found in self.shelf.states()},
            received={what.removeprefix(prefix): times for what, times in done.items() if what.startswith(prefix)},
            items_received=done.get("item received", 0),
        )

    # -- inside a change -----------------------------------------------------------------------------------

    def _find(self, submission: str) -> Kept:
        there = self.shelf.find(submission)
        if there is None:
            raise NotTaken(404, "unknown", f"nothing is known of {submission}")
        return there

    def _received(self, there: Kept) -> None:
        verdict = self.take(VERDICTS, there.about)
        self.shelf.count(f"received {there.id}")
        self.shelf.change(
            there.id,
            state=State.RECEIVED,
            complete_at=self._now(),
            receipt_id=derived_id("receipt", there.id, there.attempt),
            verdict=msgspec.json.encode(verdict) if verdict else None,
            answers=0,
        )
        if verdict is not None and verdict.do is Do.DROP_ITEM:
            self.shelf.change_item(there.id, verdict.n, state=ItemState.MISSING, sha256=None, size=None)
        if verdict is not None and verdict.do is Do.WRONG_DIGEST:
            self.shelf.change_item(there.id, verdict.n, sha256=sha256_hex(b"something else"))

    def _open_again(self, there: Kept, attempt: int) -> None:
        self.shelf.change(there.id, attempt=attempt)
        items = self.shelf.items(there.id)
        sound = [item for item in items if (item.sha256, item.size) == (item.wanted_sha256, item.wanted_size)]
        if len(sound) == len(items) and _state(there, self._now()) is not State.REJECTED:
            return
        for item in items:
            if item not in sound:
                self.shelf.change_item(there.id, item.n, state=ItemState.MISSING, sha256=None, size=None)
        self.shelf.change(there.id, state=State.RECEIVING, verdict=None, complete_at=None)

    def _receipt(self, submission: str) -> Receipt:
        there = self._find(submission)
        state = _state(there, self._now())
        final = state in (State.ACCEPTED, State.REJECTED)
        again = there.verdict is not None and there.verdict.do is Do.DUPLICATE and there.answers > 0
        return Receipt(
            submission_id=submission,
            state=state,
            attempt=there.attempt,
            manifest_sha256=there.sha256,
            items=tuple(ItemReceipt(i.n, i.sha256, i.size, i.state) for i in self.shelf.items(submission)),
            reason=there.verdict.reason if there.verdict is not None and state is State.REJECTED else "",
            receipt_id=f"{there.receipt_id}{f'-{there.answers}' if again else ''}" if final else None,
            at=_iso(there.complete_at) if final and there.complete_at is not None else None,
        )


def _state(there: Kept, now: float) -> State:
    """What the submission is by now."""
    verdict = there.verdict
    if there.state is not State.RECEIVED or verdict is None:
        return State.ACCEPTED if there.state is State.RECEIVED else there.state
    if there.complete_at is not None and now < there.complete_at + verdict.seconds:
        return State.RECEIVED
    rejects = verdict.do is Do.REJECT or (verdict.do is Do.CHANGE_MIND and there.answers > 0)
    return State.REJECTED if rejects else State.ACCEPTED


def _read(submission: str, body: bytes) -> _Manifest:
    try:
        manifest = msgspec.json.decode(body, type=_Manifest)
        plain: Any = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise NotTaken(400, "bad_request", f"not a manifest: {error}") from error
    if manifest.submission_id != submission:
        raise NotTaken(400, "bad_request", f"the manifest is of {manifest.submission_id[:100]!r}")
    if canonical(plain) != body:
        raise NotTaken(400, "bad_request", "the manifest is not in its RFC 8785 form, so its digest says nothing")
    if len({item.n for item in manifest.items}) != len(manifest.items):
        raise NotTaken(400, "bad_request", "two items of the manifest have one number")
    return manifest


def _iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
