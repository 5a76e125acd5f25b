"""A case file unit on the running system: its cases, its batches, and what is at the gateway in the end."""

from __future__ import annotations

import asyncio
import itertools
import json
import time
from collections import Counter
from collections.abc import Collection, Iterable
from typing import Any

from click.testing import CliRunner

from console.cli.main import cli
from tests.faults.faulty import PATIENCE, FaultySystem
from tests.faults.gateway import GatewayProcess
from workers.errors import PartUnreachable
from workers.prosecution.gateway.contract import State

URNS = ("01AB0012326", "02CD0045626")
EXHIBITS = 3
NUMBERS = itertools.count(1)

AT_REST = ("acknowledged", "rejected", "partial", "contradicted")


class Unit:
    """Two cases of three exhibits each; one suspect is detained, so that both lanes are used."""

    def __init__(self, system: FaultySystem, gateway: GatewayProcess) -> None:
        self.system = system
        self.gateway = gateway
        self._items_before = gateway.standing().items_received

    async def bwv(self, *words: str, ends: Collection[int] = (0,)) -> Any:
        """Run one of our commands; its JSON.

        Args:
            ends: codes with which it may end.
        """
        given = ["--home", str(self.system.home), *words, "--json"]
        # Not standalone: as a whole command click would end with 0 whatever ours return.
        done = await asyncio.to_thread(CliRunner().invoke, cli, given, standalone_mode=False)
        if isinstance(done.exception, PartUnreachable):
            raise done.exception
        assert done.exception is None and int(done.return_value or 0) in ends, (
            f"{words}: {done.output} {done.exception!r}"
        )
        return json.loads(done.stdout)

    # -- what is done --------------------------------------------------------------------------------------

    async def settle_in(self) -> None:
        """Open the cases over fresh footage, unless an earlier test has."""
        if await self.system.sql("SELECT 1 FROM cases WHERE urn = ANY(%s)", list(URNS)):
            return
        camera = await self.system.dock_fresh(small=EXHIBITS * len(URNS))
        await self.system.settled(camera, patience=PATIENCE)
        rows = await self.system.sql("SELECT clip_id FROM clip_fate WHERE camera = %s ORDER BY clip_id", camera.name)
        clips = [row["clip_id"] for row in rows]
        clocks = (["--clock", "detained", "--relevant-time", "2099-01-01T10:00", "--hours", "24"], [])
        for urn, clock in zip(URNS, clocks, strict=True):
            await self.bwv("case", "open", urn, "--title", "R v Doe", "--officer", "DC 7", *clock)
            for number in range(1, EXHIBITS + 1):
                shown = ("--producer", "PC 1", "--description", "the street")
                await self.bwv("case", "exhibit", "add", urn, f"JS/{number}", clips.pop(), *shown)

    async def submit(self, count: int) -> list[str]:
        """Submit so many in one batch; their ids."""
        rows = [
            {"urn": URNS[number % len(URNS)], "purpose": "action_plan", "purpose_item": next(NUMBERS)}
            for number in range(count)
        ]
        batch = self.system.home / f"batch-{rows[0]['purpose_item']}.json"
        await asyncio.to_thread(batch.write_text, json.dumps(rows))
        end = time.monotonic() + PATIENCE
        while True:
            try:
                # 1: a gateway has rejected one of them before the last was answered.
                said = await self.bwv("submit", str(batch), ends=(0, 1))
            except PartUnreachable:
                # The stage is killed more often than it is started again within a minute. A person who was not
                # answered gives the same file again.
                if time.monotonic() > end:
                    raise
            else:
                assert said["submitted"] and not said["faults"] and len(said["rows"]) == count, said
                return [row["submission_id"] for row in said["rows"]]

    async def an_hour_passes(self, submissions: list[str]) -> None:
        """For these: what stands on the clock lies an hour further back."""
        await self.system.sql(
            "UPDATE submissions SET sent_at = sent_at - interval '1 hour', due_at = due_at - interval '1 hour'"
            " WHERE submission_id = ANY(%s) RETURNING 1",
            submissions,
        )

    # -- what is seen --------------------------------------------------------------------------------------

    async def states(self, submissions: list[str]) -> dict[str, str]:
        rows = await self.system.sql(
            "SELECT submission_id, state FROM submissions WHERE submission_id = ANY(%s)", submissions
        )
        return {row["submission_id"]: row["state"] for row in rows}

    async def some_sent(self) -> bool:
        return bool(await self.system.sql("SELECT 1 FROM submissions WHERE state = 'sent'"))

    async def all_in(self, state: str, submissions: list[str]) -> None:
        async def there() -> bool:
            found = await self.states(submissions)
            return len(found) == len(submissions) and set(found.values()) == {state}

        try:
            await self.system.until(there, f"{len(submissions)} submissions to be {state}", PATIENCE)
        except AssertionError as late:
            raise AssertionError(f"{late}; they are {Counter((await self.states(submissions)).values())}") from late

    async def all_acknowledged(self, submissions: list[str]) -> None:
        await self.all_in("acknowledged", submissions)

    async def all_answered(self, submissions: list[str]) -> Counter[str]:
        """Wait until nothing moves by itself any more; how many are in which state."""

        async def at_rest() -> Counter[str] | None:
            found = Counter((await self.states(submissions)).values())
            return found if sum(found[state] for state in AT_REST) == len(submissions) else None

        return await self.system.until(at_rest, "every submission to be answered", PATIENCE)

    async def not_taken(self, submissions: list[str]) -> list[str]:
        return [found for found, state in (await self.states(submissions)).items() if state != "acknowledged"]

    async def all_wait_for_the_gateway(self, submissions: list[str]) -> bool:
        rows = await self.system.sql(
            "SELECT 1 FROM submissions WHERE submission_id = ANY(%s) AND state = 'prepared' AND waits_for ~ 'gateway'",
            submissions,
        )
        return len(rows) == len(submissions)

    async def all_overdue(self, submissions: list[str]) -> bool:
        rows = await self.system.sql(
            "SELECT 1 FROM submissions WHERE submission_id = ANY(%s) AND overdue_told_at IS NOT NULL", submissions
        )
        return len(rows) == len(submissions)

    async def whole(self, submissions: list[str]) -> Counter[str]:
        """Demand that each is acknowledged here, and there once with the very bytes that the docks declared.

        Returns:
            What was counted.
        """
        declared, standing = await self._declared(submissions), self.gateway.standing()
        states = await self.states(submissions)
        items = sum(map(len, declared.values()))
        found = Counter(
            {
                "submitted": len(submissions),
                "acknowledged": sum(state == "acknowledged" for state in states.values()),
                "partial": sum(not self._is_whole(name, declared[name]) for name in submissions),
                "double": await self._double(standing.submissions),
                "received again": sum(standing.received[name] for name in submissions) - len(submissions),
                "items": items,
                "items sent again": standing.items_received - self._items_before - items,
                "returned": await self._told("submissions.returned", submissions),
                "overdue told": await self._told("submissions.overdue", submissions),
            }
        )
        assert found["submitted"] == found["acknowledged"] == len(set(submissions)) > 0, found
        assert found["double"] == found["partial"] == 0, found
        return found

    async def _declared(self, submissions: list[str]) -> dict[str, dict[str, str]]:
        """Submission → number of each item → SHA-256, as the dock signed it."""
        rows = await self.system.sql(
            "SELECT s.submission_id, i->>'n' AS n, (f.report->>'body')::jsonb->'recording'->>'sha256' AS sha256"
            " FROM submissions s, jsonb_array_elements(s.manifest->'items') i, clip_fate f"
            " WHERE s.submission_id = ANY(%s) AND f.clip_id = i->>'clip_id'",
            submissions,
        )
        declared: dict[str, dict[str, str]] = {}
        for row in rows:
            declared.setdefault(row["submission_id"], {})[row["n"]] = row["sha256"]
        assert all(len(items) == EXHIBITS for items in declared.values()) and len(declared) == len(submissions)
        return declared

    def _is_whole(self, submission: str, declared: dict[str, str]) -> bool:
        receipt = self.gateway.receipt(submission)
        says = {str(item.n): item.sha256 for item in receipt.items}
        return receipt.state is State.ACCEPTED and says == declared == self.gateway.stored(submission)

    async def _double(self, there: Iterable[str]) -> int:
        """Submissions at the gateway beyond one for each thing that was asked for."""
        names = list(there)
        rows = await self.system.sql(
            "SELECT count(DISTINCT (case_id, purpose, purpose_item, recipient)) AS n FROM submissions"
            " WHERE submission_id = ANY(%s)",
            names,
        )
        return len(names) - int(rows[0]["n"])

    async def _told(self, topic: str, submissions: list[str]) -> int:
        """How often receipts told this of them."""
        rows = await self.system.sql(
            "SELECT count(*) AS n FROM outbox WHERE topic = %s AND source = 'receipts' AND subject = ANY(%s)",
            topic,
            submissions,
        )
        return int(rows[0]["n"])
