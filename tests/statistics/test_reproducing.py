"""The same figure from the vault alone, equal to the digit, and what happens when the vault or the database lies."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from tests.custody.logs import ORIGIN
from tests.statistics.told import Told
from workers.custody.checkpoint import Checkpoint
from workers.custody.queries import SealedHead
from workers.database.engine import Database
from workers.database.schema import drop_schema, upgrade
from workers.errors import LogForked, RuleBroken, TileInvalid
from workers.statistics.areas import parse_areas
from workers.statistics.asking import Answers
from workers.statistics.figures import FIGURES
from workers.statistics.months import month
from workers.statistics.reproducing import checkpoint_at, reproduce, restore_entries
from workers.statistics.stated import answers
from workers.vault.faults import NotThere
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


def flipped(at: float) -> Callable[[bytes], bytes]:
    """One bit another, so far into the object."""

    def change(data: bytes) -> bytes:
        place = int(at * (len(data) - 1))
        return data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :]

    return change


async def test_whatever_is_changed_in_the_vault_no_figure_comes_of_it(told: Told) -> None:
    a_month(told)
    head = await told.seal()
    checkpoint, _ = checkpoint_at(told.sealed.archive, head.size, [told.sealed.key.verifier], ORIGIN)
    schema = f"{told.database.schema}_again"
    await asyncio.to_thread(upgrade, told.database.dsn, schema)
    changes: list[tuple[str, Callable[[bytes], bytes | None]]] = [
        ("tile/entries/", flipped(0.0)),  # the length of an entry
        ("tile/entries/", flipped(0.4)),
        ("tile/entries/", lambda data: data.replace(b'"device":"taser"', b'"device":"other"', 1)),
        ("tile/entries/", lambda data: data[: len(data) // 2]),
        ("tile/entries/", lambda data: None),
        ("payloads/other/", flipped(0.5)),
        ("payloads/other/", lambda data: data[:-1]),
        ("payloads/other/", lambda data: None),
        ("checkpoints/", flipped(0.9)),  # the signature
        ("checkpoints/", lambda data: data.replace(f"\n{head.size}\n".encode(), f"\n{head.size - 1}\n".encode())),
        ("checkpoints/", lambda data: None),
    ]
    caught = 0
    try:
        for name, change in changes:
            back = told.changed(name, change)
            with pytest.raises((LogForked, TileInvalid, RuleBroken, NotThere)):
                checkpoint_at(told.sealed.archive, head.size, [told.sealed.key.verifier], ORIGIN)
                await restored(told, schema, checkpoint)
            caught += 1
            back()
        print(f"{len(changes)} changes, {caught} caught")
        assert caught == len(changes) == 11
        await restored(told, schema, checkpoint)  # with everything put back it is believed again
    finally:
        await asyncio.to_thread(drop_schema, told.database.dsn, schema)


async def restored(told: Told, schema: str, checkpoint: Checkpoint) -> None:
    """The entries of the vault in a schema that has none."""
    async with Database(told.database.dsn, schema, size=1) as database:
        await database.execute("TRUNCATE custody")
        await restore_entries(database, told.sealed.archive, checkpoint, told=lambda done: None)


async def test_a_row_of_the_log_that_is_changed_before_it_is_counted_shows(told: Told) -> None:
    a_month(told)
    head = await told.seal()
    done = await told.database.execute("UPDATE custody SET entry = replace(entry, 'taser', 'vehicle')")
    assert done
    found, true = await here(told, head), await again(told, head)
    assert found["recorded"] != true["recorded"] and found["filmed"] == true["filmed"]


async def test_a_checkpoint_that_was_never_sealed_is_named(told: Told) -> None:
    a_month(told, clips=3)
    head = await told.seal()
    with pytest.raises(RuleBroken, match=f"no checkpoint of {head.size - 1} entries was sealed; .* {head.size}"):
        checkpoint_at(told.sealed.archive, head.size - 1, [told.sealed.key.verifier], ORIGIN)
    with pytest.raises(LogForked, match=f"the checkpoint of {head.size} entries"):
        checkpoint_at(told.sealed.archive, head.size, [], ORIGIN)
