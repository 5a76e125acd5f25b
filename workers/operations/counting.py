"""Adds up the accounts of slice after slice; holds sums, never recordings."""

from __future__ import annotations

from workers.fate.moves import CameraCopy, Standing
from workers.fate.row import Fate
from workers.operations.accounts import Account, accounts
from workers.operations.statement import LISTED, Amount, Apart, Line
from workers.operations.world import World
from workers.vault.keys import attempt_keys

UNEXPLAINED = "unexplained"


class Totals:
    """What was declared and where it is."""

    def __init__(self) -> None:
        self.declared = Amount()
        self.stored = Amount()
        self.verified = Amount()
        self.wiped = Amount()
        self.objects = 0
        self.quarantined: list[Apart] = []
        self._standings: dict[tuple[str, str], Amount] = {}

    def add(self, world: World) -> None:
        """Count everything that this World declares."""
        self.objects += len(world.objects)
        rows = {row.clip_id: row for row in world.fates}
        there = {(o.key, o.version_id) for o in world.objects if not o.delete_marker}
        for account in accounts(world):
            clips = [rows[clip] for clip in account.clips]
            place = account.dock, account.standing or UNEXPLAINED
            self._standings[place] = _more(self._standings.get(place, Amount()), account)
            self.declared = _more(self.declared, account)
            if account.standing == "stored":
                self.verified = _more(self.verified, account)
            if account.standing == "stored" or any(_secured(world, row, there) for row in clips):
                self.stored = _more(self.stored, account)
            if any(row.camera_copy == CameraCopy.WIPED for row in clips):
                self.wiped = _more(self.wiped, account)
            if account.standing == "quarantined" and len(self.quarantined) < LISTED:
                self.quarantined += [
                    Apart(row.clip_id, row.camera, row.recording, (row.quarantine or {}).get("reason", ""))
                    for row in clips
                    if row.standing == Standing.QUARANTINED
                ]

    def lines(self) -> tuple[Line, ...]:
        """Files and bytes of each dock and standing."""
        return tuple(
            Line(dock, standing, amount.files, amount.bytes)
            for (dock, standing), amount in sorted(self._standings.items())
        )


def _more(amount: Amount, account: Account) -> Amount:
    return Amount(amount.files + 1, amount.bytes + account.declared)


def _secured(world: World, row: Fate, there: set[tuple[str, str]]) -> bool:
    if row.standing != Standing.SECURED or row.stored_version is None:
        return False
    return (attempt_keys(world.namespace, row.clip_id, row.attempt).footage, row.stored_version) in there
