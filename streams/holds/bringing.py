"""Brings one clip under one hold: row, store, row (workers/retention/holding.py), with the events that tell of it."""

from __future__ import annotations

from functools import partial

from streams.holds import events
from streams.holds.same_incident import AtStore, SameIncident
from workers.database.engine import Database
from workers.errors import MessageInvalid
from workers.fate.moves import FINAL
from workers.fate.row import Fate, find_on
from workers.retention.answers import Answer, Verdict, answer
from workers.retention.facts import HoldReason
from workers.retention.holding import OPEN, State, clear, confirm, enter, protect, put_on, state_of
from workers.retention.places import outside, read_track, stored
from workers.retention.scopes import HoldRow, Scope, find_hold
from workers.vault.vault import Vault


class Bringing:
    """Works on one clip at a time; may be called again after any crash.

    Args:
        at_store: runs what blocks in a thread.
        neighbours: asks about the clips around one that is held.
    """

    def __init__(
        self, database: Database, vault: Vault, namespace: str, at_store: AtStore, neighbours: SameIncident
    ) -> None:
        self._database = database
        self._vault = vault
        self._namespace = namespace
        self._at_store = at_store
        self._neighbours = neighbours

    async def under(self, hold_id: str, clip_id: str) -> None:
        """Protect a clip and put the store's legal hold on it, as far as it has come.

        Raises:
            StoreAway: it is protected, or pending under a hold that no commit passes; the store is outstanding.
        """
        seen = await self._seen(hold_id, clip_id)
        if seen is None:
            return
        hold, fate = seen
        if hold.place is not None and fate.disposal not in FINAL and hold.hold.entry not in fate.hold_reasons:
            if not stored(fate):
                return  # where it was made is in its sidecar; it goes on once that lies in the vault
            if await self._elsewhere(hold, fate):
                return
        async with self._database.transaction() as connection:
            found = await protect(connection, hold_id, clip_id, events.told_of(hold, clip_id))
        if found.state not in OPEN or found.fate is None or not stored(found.fate):
            return
        if found.state is State.PENDING:
            await self._put_on(hold, found.fate)
        await self._neighbours.ask_around(hold, found.fate)

    async def _put_on(self, hold: HoldRow, fate: Fate) -> None:
        hold_id, clip_id = hold.hold_id, fate.clip_id
        versions = await self._at_store(partial(put_on, self._vault, self._namespace, fate))
        async with self._database.transaction() as connection:
            told = events.placed(hold, clip_id, versions)
            asked = hold.scope is Scope.CLIP and hold.reason is not HoldReason.SAME_INCIDENT
            if await confirm(connection, hold_id, clip_id, versions, told) and asked:
                says = f"{clip_id}: legal hold on {versions} versions, each read back"
                details = {"hold": hold_id, "clip": clip_id, "versions": versions}
                request = events.asked_as(hold_id)
                await answer(connection, request, events.SOURCE, Answer(Verdict.DONE, says, details))

    async def _seen(self, hold_id: str, clip_id: str) -> tuple[HoldRow, Fate] | None:
        """The hold and the clip; the clip is pending from now on, so that its storing does not go unnoticed."""
        async with self._database.transaction() as connection:
            hold = await find_hold(connection, hold_id, lock="FOR SHARE")
            fate = await find_on(connection, clip_id, lock=True)
            if hold is None or hold.lifted_at is not None or fate is None:
                return None
            if hold.scope is Scope.CLIP and hold.clip_id != clip_id:
                raise MessageInvalid(f"{hold_id} is about {hold.clip_id}, not about {clip_id}")
            if await state_of(connection, hold_id, clip_id) is None:
                await enter(connection, hold_id, clip_id, State.PENDING, "falls under it")
            return hold, fate

    async def _elsewhere(self, hold: HoldRow, fate: Fate) -> bool:
        """Whether the clip's own track says that it was made outside of the hold's place."""
        assert hold.place is not None
        track = await self._at_store(partial(read_track, self._vault, self._namespace, fate))
        metres = outside(track, hold.place)
        if metres is None:
            return False
        says = f"its track comes no nearer than {metres:.0f} m to the place"
        async with self._database.transaction() as connection:
            await clear(connection, hold.hold_id, fate.clip_id, says, events.cleared(hold, fate.clip_id, says))
        return True
