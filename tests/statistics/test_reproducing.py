"""The same figure from the vault alone, equal to the digit, and what happens when the vault or the database lies."""

from __future__ import annotations

import pytest

from tests.custody.logs import ORIGIN
from tests.statistics.told import Told
from workers.custody.queries import SealedHead
from workers.database.engine import Database
from workers.errors import LogForked, RuleBroken
from workers.statistics.areas import parse_areas
from workers.statistics.asking import Answers
from workers.statistics.figures import FIGURES
from workers.statistics.months import month
from workers.statistics.reproducing import checkpoint_at, reproduce
from workers.statistics.stated import answers
from workers.vault.keys import CUSTODY_OTHER

pytestmark = pytest.mark.stack

OCTOBER = month("2026-10")
AREAS = parse_areas("dock,bcu,borough\nDOCK-01,CW,Camden\n", "areas.csv")


@pytest.fixture
def told(database: Database) -> Told:
    return Told(database)


def a_month(told: Told, clips: int = 30) -> list[str]:
    """A bit of everything."""
    made = [told.recorded(device="taser" if n % 7 == 0 else "body_worn") for n in range(clips)]
    for n, one in enumerate(made[:12]):
        told.did("clips.categorised", one, category="evidential")
        told.did("holds.accepted", one, hold_reason="complaint" if n % 2 else "case")
        told.submission(f"case-{n}", one)
        told.outcome(f"case-{n}", "charge", "2026-10-20")
    for n in range(9):
        told.encounter(f"enc-{n}", *([("none", "camera" if n % 2 else None)] if n % 3 else []))
    return made


async def again(told: Told, head: SealedHead) -> Answers:
    checkpoint, _ = checkpoint_at(told.sealed.archive, head.size, [told.sealed.key.verifier], ORIGIN)
    return await reproduce(
        told.database.dsn, f"{told.database.schema}_figures", told.sealed.archive, checkpoint, FIGURES, OCTOBER, AREAS,
        told=lambda what, done: None,
    )  # fmt: skip


async def here(told: Told, head: SealedHead) -> Answers:
    return await answers(told.database, head, OCTOBER, AREAS, FIGURES)


async def test_every_figure_is_the_same_from_the_vault_and_stays_so_when_clips_go(told: Told) -> None:
    clips = a_month(told)
    head = await told.seal()
    before = await here(told, head)
    assert all(before[name] for name in ("recorded", "kept", "outcomes", "filmed", "gaps", "complaints"))
    assert await again(told, head) == before

    for one in clips[:20]:
        told.disposed(one, at="2026-11-30T00:00:00+00:00")
    later = await told.seal()
    for one in clips[:20]:  # as disposal does at the store
        told.gone(one)
    gone = await told.database.fetch_one("SELECT count(*) AS n FROM custody WHERE payload IS NULL")
    assert gone is not None and gone["n"] > 20, "their payloads are erased"
    assert await again(told, head) == before == await here(told, head)
    assert await again(told, later) == await here(told, later) != before
    left = await told.database.fetch("SELECT FROM pg_namespace WHERE nspname LIKE '%%\\_figures'")
    assert not left, "the schema that was made for it is dropped"


async def test_a_database_that_counts_wrong_is_found(told: Told) -> None:
    a_month(told)
    head = await told.seal()
    await here(told, head)
    await told.database.execute("UPDATE counted_deeds SET hold_reason = 'case' WHERE hold_reason = 'complaint'")
    found, true = await here(told, head), await again(told, head)
    assert found["complaints"] != true["complaints"] and found["recorded"] == true["recorded"]


async def test_a_vault_that_lost_what_is_about_no_clip_is_not_believed(told: Told) -> None:
    a_month(told)
    head = await told.seal()
    told.gone(CUSTODY_OTHER)
    with pytest.raises(LogForked, match="payloads that are about no clip are missing"):
        await again(told, head)


async def test_a_checkpoint_that_was_never_sealed_is_named(told: Told) -> None:
    a_month(told, clips=3)
    head = await told.seal()
    with pytest.raises(RuleBroken, match=f"no checkpoint of {head.size - 1} entries was sealed; .* {head.size}"):
        checkpoint_at(told.sealed.archive, head.size - 1, [told.sealed.key.verifier], ORIGIN)
    with pytest.raises(LogForked, match=f"the checkpoint of {head.size} entries"):
        checkpoint_at(told.sealed.archive, head.size, [], ORIGIN)
