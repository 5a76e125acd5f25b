"""Each look at a clip on the board, on record before anything of it is shown."""

from __future__ import annotations

from console.web import sessions
from console.web.guard import About, Leave, Relation, may_look, may_play
from console.web.visit import Visit
from streams.messages import ClipConsulted, event
from workers.catalogue.viewing import Seen, seen_by
from workers.footage.clip import CLIP_ID
from workers.keys.statements import now_iso


class Clip:
    """A clip as the visitor stands to it.

    Attributes:
        reason: that they gave in this session.
    """

    def __init__(self, visit: Visit, seen: Seen, reason: str | None) -> None:
        self.seen = seen
        self.reason = reason
        self._visit = visit
        self._about = about(seen, visit.parts.settings.named_only)

    @property
    def look(self) -> Leave:
        """Whether the visitor may see its record."""
        return may_look(self._visit.person, self._about, self.reason)

    @property
    def play(self) -> Leave:
        """Whether the visitor may see its footage, if there is any."""
        return may_play(self._visit.person, self._about, self.reason)

    async def tell(self, what: str, relation: Relation, part: str | None = None) -> None:
        """Record a look; returns when it is on record.

        Raises:
            BrokerAway: it is not, and then nothing may be shown.
        """
        visit, clip_id, at = self._visit, self.seen.clip_id, now_iso(self._visit.now)
        person, reason = visit.person.person, self.reason if relation is Relation.REASON else None
        told = ClipConsulted(clip_id, person, what, relation.value, at, reason, part)
        cause = (clip_id, person, visit.session.session, what, part, at)
        await visit.parts.tell(
            event("clips.consulted", told, key=clip_id, subject=clip_id, source="board", cause=cause)
        )


def named_only(setting: str) -> frozenset[str]:
    """Categories whose clips only named people see, from the setting."""
    return frozenset(name.strip() for name in setting.split(","))


def about(seen: Seen, setting: str) -> About:
    """What decides who sees a clip.

    Args:
        setting: categories, by comma, whose clips only named people see.
    """
    return About(
        officer=seen.officer,
        case=seen.case,
        incident=seen.incident,
        named=None if seen.named is None else frozenset(seen.named),
        sensitive=seen.category in named_only(setting),
        locked=seen.locked,
    )


async def clip_of(visit: Visit) -> Clip | None:
    """The clip that the address names; None if there is none."""
    clip_id = visit.request.path_params["clip"]
    if not CLIP_ID.fullmatch(clip_id):
        return None
    seen = await seen_by(visit.parts.database, clip_id, visit.person.person)
    if seen is None:
        return None
    return Clip(visit, seen, await sessions.reason_given(visit.parts.database, visit.session.session, clip_id))
