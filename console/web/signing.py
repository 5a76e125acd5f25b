"""What somebody decides on a page: signed with their own key, sent to the stage that decides, its answer waited for.

The keys of those who decide lie where the board runs (`keys/person/WARRANT.pem`), as those of people who use the
command line lie with them; the stage checks the signature as it checks theirs.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from msgspec import Struct

from console.web.visit import Visit
from workers.errors import ConfigurationInvalid, Refused
from workers.fate.outbox import Event
from workers.keys.signing import Role, Signed, Signer
from workers.keys.statements import PURPOSES
from workers.retention.answers import Answer, Verdict, answer_to

ANSWERED_WITHIN = 5.0
"""Seconds that a page waits for a stage; what is asked waits longer, is decided later, and shows then."""


def sign(visit: Visit, body: Struct) -> Signed:
    """Sign a statement as the person who is signed in.

    Raises:
        Refused: there is no key with their warrant number.
    """
    name = visit.person.person
    try:
        signer = Signer.load(Role.PERSON, name, visit.parts.settings.keys / "person" / f"{name}.pem")
    except ConfigurationInvalid as missing:
        raise Refused(
            f"what you decide is signed, and there is no key of {name} here",
            f"your administrator makes one: bwv keys new person {name}, then bwv keys enrol person {name}",
        ) from missing
    return signer.sign(PURPOSES[type(body)], body)


async def ask(visit: Visit, asked: Sequence[Event]) -> list[Answer | None]:
    """Send requests; what was answered to each, None where nothing was in time.

    Raises:
        BrokerAway: one of them is not known to be sent.
    """
    for one in asked:
        await visit.parts.tell(one)
    end = asyncio.get_running_loop().time() + ANSWERED_WITHIN
    while True:
        answers = [await answer_to(visit.parts.database, one.id) for one in asked]
        if all(answers) or asyncio.get_running_loop().time() >= end:
            return answers
        await asyncio.sleep(0.1)


def told(answers: Sequence[Answer | None]) -> tuple[list[str], int]:
    """What to say of answers, and the status of the page that says it."""
    said = [answer.says for answer in answers if answer is not None]
    late = sum(answer is None for answer in answers)
    if late:
        said.append(f"{late} {'is' if late == 1 else 'are'} signed and sent, and shown here as soon as decided.")
    refused = any(answer is not None and answer.verdict is Verdict.REFUSED for answer in answers)
    return said, 409 if refused else 200
