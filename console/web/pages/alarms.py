"""The alarms that stand: what is the matter, what to do, where the runbook says more, and who has it in hand."""

from __future__ import annotations

from starlette.exceptions import HTTPException
from starlette.responses import Response

from console.web.guard import WATCHERS, Page
from console.web.people import Role
from console.web.visit import Visit
from workers.operations.alarms import rows
from workers.operations.alarms.judge import Kind
from workers.operations.alarms.table import BY_NAME
from workers.operations.alarms.telling import runbook_of

HANDS = frozenset({Role.OPERATOR, Role.SUPERVISOR, Role.RECORDS, Role.STANDARDS, Role.PROTECTION, Role.ADMINISTRATOR})
"""Who may say that they have an alarm in hand."""
TOLD = 30
"""Of what was told, so much is shown."""
REASON_MOST = 500
"""Characters of what somebody says that they do about it."""


async def standing(visit: Visit) -> Response:
    """What stands, most pressing first; then what is held back behind it, and what was told lately."""
    database, runbook = visit.parts.database, visit.parts.settings.runbook
    found = await rows.read_open(database, told=False)
    values = {
        "told_of": [one for one in found if one.fired_at is not None],
        "not_told": [one for one in found if one.fired_at is None],
        "rounds": await rows.read_rounds(database),
        "told": await rows.read_told(database, TOLD),
        "over": Kind.OVER,
        "runbook": lambda alarm: runbook_of(runbook, alarm),
        "linked": runbook.startswith(("https://", "http://")),
        "hands": visit.person.has(HANDS),
        "most": REASON_MOST,
    }
    return visit.show("alarms.html", values)


async def acknowledge(visit: Visit) -> Response:
    """Somebody has one alarm of one subject in hand; the others are told."""
    fields = await visit.fields()
    alarm, subject, reason = (fields.get(name, [""])[0].strip() for name in ("alarm", "subject", "reason"))
    if alarm not in BY_NAME or not subject or not reason or len(reason) > REASON_MOST:
        raise HTTPException(400)
    taken = await rows.acknowledge(visit.parts.database, alarm, visit.person.person, reason, visit.now, subject=subject)
    if not taken:
        return visit.plain("It is over", "This alarm does not stand any more; there is nothing to do about it.", 409)
    return visit.go("/alarms")


PAGES = (
    Page("/alarms", standing, WATCHERS),
    Page("/alarms/acknowledge", acknowledge, HANDS, methods=("POST",)),
)
