"""Each look at a clip on the board, on record before anything of it is shown."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from datetime import datetime, timedelta

from console.web import sessions
from console.web.guard import About, Leave, Relation, may_look, may_play
from console.web.people import Role
from console.web.visit import Visit
from streams.messages import ClipConsulted, event
from workers.catalogue.viewing import Seen, seen_by
from workers.footage.clip import CLIP_ID
from workers.keys.statements import now_iso
from workers.retention.policies import named_only

PAUSE = timedelta(minutes=10)
"""Without a request of the player for so long, the next one is another look."""


class Clip:
    """A clip as the visitor stands to it.

    Args:
        hidden: categories whose clips only named people see.

    Attributes:
        reason: that they gave in this session.
    """

    def __init__(self, visit: Visit, seen: Seen, reason: str | None, hidden: frozenset[str]) -> None:
        self.seen = seen
        self.reason = reason
        self._visit = visit
        self._hidden = hidden
        self._about = about(seen, hidden)

    @property
    def look(self) -> Leave:
        """Whether the visitor may see its record."""
        return may_look(self._visit.person, self._about, self.reason)

    @property
    def play(self) -> Leave:
        """Whether the visitor may see its footage, if there is any."""
        return may_play(self._visit.person, self._about, self.reason)

    def because(self, reason: str) -> Clip:
        """The same clip, with a reason that was just given."""
        return Clip(self._visit, self.seen, reason, self._hidden)

    async def tell(self, what: str, relation: Relation, part: str | None = None) -> None:
        """Record a look; returns when it is on record.

        Args:
            what: look, play, fetch or reason.
            part: what of the clip, where it is not its footage.

        Raises:
            BrokerAway: it is not, and then nothing may be shown.
        """
        visit, clip_id, at = self._visit, self.seen.clip_id, now_iso(self._visit.now)
        person, reason = visit.person.person, self.reason if relation is Relation.REASON else None
        # Whoever is looked into must not learn of it from the record of their own clip.
        restricted = visit.person.has({Role.STANDARDS}) and relation is not Relation.OWN
        told = ClipConsulted(clip_id, person, what, relation.value, at, reason, part, restricted)
        cause = (clip_id, person, visit.session.session, what, part, at)
        await visit.parts.tell(
            event("clips.consulted", told, key=clip_id, subject=clip_id, source="board", cause=cause)
        )


class Looks:
    """Tells of what a player asks for: its many ranges are one look, until it has paused for long."""

    def __init__(self) -> None:
        self._looks: dict[Hashable, tuple[datetime, asyncio.Future[None]]] = {}

    async def tell(self, key: Hashable, at: datetime, tell: Callable[[], Awaitable[None]]) -> None:
        """Return when this look is on record; raises what the telling raises.

        Args:
            key: of whom, of what.
            at: when the player asked.
        """
        self._looks = {other: look for other, look in self._looks.items() if at - look[0] < PAUSE}
        if key in self._looks:
            told = self._looks[key][1]
        else:
            told = asyncio.ensure_future(tell())
            told.add_done_callback(lambda done: self._ended(key, done))
        self._looks[key] = at, told
        await asyncio.shield(told)  # a player that leaves ends nobody else's wait

    def _ended(self, key: Hashable, telling: asyncio.Future[None]) -> None:
        """What could not be told is told again by the next range."""
        failed = telling.cancelled() or telling.exception() is not None
        if failed and key in self._looks and self._looks[key][1] is telling:
            del self._looks[key]


def about(seen: Seen, hidden: frozenset[str]) -> About:
    """What decides who sees a clip.

    Args:
        hidden: categories whose clips only named people see. One that was given hides until a second person has
            confirmed another: nobody opens such a clip by calling it something else.
    """
    return About(
        officer=seen.officer,
        case=seen.case,
        incident=seen.incident,
        named=None if seen.named is None else frozenset(seen.named),
        sensitive=not seen.categories.isdisjoint(hidden),
        locked=seen.locked,
    )


async def hidden_categories(visit: Visit) -> frozenset[str]:
    """Categories whose clips only named people see."""
    async with visit.parts.database.connection() as connection:
        return await named_only(connection)


async def clip_of(visit: Visit) -> Clip | None:
    """The clip that the address names; None if there is none."""
    clip_id = visit.request.path_params["clip"]
    if not CLIP_ID.fullmatch(clip_id):
        return None
    seen = await seen_by(visit.parts.database, clip_id, visit.person.person)
    if seen is None:
        return None
    reason = await sessions.reason_given(visit.parts.database, visit.session.session, clip_id)
    return Clip(visit, seen, reason, await hidden_categories(visit))
