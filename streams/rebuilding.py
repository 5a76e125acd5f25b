"""Makes the database again: from the vault, from Kafka's tail, and from what the store holds.

Everything is built beside the present schema and takes its place in one transaction, so a rebuild that is
interrupted or refused changes nothing. Stages that run meanwhile wait; what they decided in the old schema
after the swap began is decided again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from msgspec import Struct

from streams.encounter_rules import rules_of
from streams.messages import HoldRequested, decode, event
from streams.record import catch_up
from streams.sealing import open_archive
from streams.settings import Settings
from streams.submission_events import outcome_request, submitted
from streams.topics import BY_NAME
from streams.vaults import open_vault
from workers.custody.keys import load_verifiers
from workers.custody.log import erase_disposed
from workers.custody.restoring import restore_log
from workers.database.engine import Database
from workers.database.schema import drop_schema, replace_schema, upgrade
from workers.encounters.batch import join_all
from workers.encounters.restoring import RestoredEncounters, keep_what_was_told, restore_encounters
from workers.errors import MessageInvalid
from workers.fate import restoring as fate_restoring
from workers.fate.outbox import Event
from workers.fate.rebuilt import Listed, apply_vault, restore_fates
from workers.fate.row import announce
from workers.intake.restoring import Keys, restore_dockings, restore_people
from workers.keys.keyring import load_unenrolled
from workers.keys.signing import EnrolledKey, Signed
from workers.prosecution.cases.case_holds import hold_of
from workers.prosecution.cases.restoring import restore_cases
from workers.prosecution.derivatives.restoring import restore_derivatives
from workers.prosecution.gateway.restoring import restore_outcomes
from workers.prosecution.links.restoring import restore_links
from workers.prosecution.submission.restoring import restore_submissions
from workers.retention.restoring_shared import enter_unproved, fan_out_again, plan_all, restore_shared
from workers.scrutiny.restoring import restore_scrutiny
from workers.statistics.joins import restore_told
from workers.vault.keys import FOOTAGE, certificate_prefix, clip_id_in, clips_prefix
from workers.vault.vault import Vault, Version

HEADS_AT_ONCE = 8

Told = Callable[[str, int], None]
"""Called with what is being done and how many of it are done."""


class Rebuilt(Struct, frozen=True):
    """What a rebuild made.

    Attributes:
        sealed: custody entries that came from the vault; size: with those from Kafka's tail.
        erased: entries whose payload went with its clip.
        again: events told again so that unfinished clips go on.
        policies: that were adopted.
        unproved: holds of which only a sign is left; two people lift them.
        cases: that were made again from their signed changes.
        submissions, links: that were made again from what was told of them.
        encounters: versions of records that were made again, and joined to the clips that there are.
        passed_over: one sentence for each change of a case, link or complaint, each draw, and each event of a
            submission, that has no effect now.
        by_vault: rule → rows that what lies in the vault corrected.
        kept: name of the schema that was replaced; None when there was none.
    """

    sealed: int
    size: int
    erased: int
    clips: int
    keys: int
    dockings: int
    again: int
    policies: int
    unproved: int
    cases: int
    submissions: int
    links: int
    encounters: int
    passed_over: tuple[str, ...]
    by_vault: dict[str, int]
    kept: str | None


async def rebuild(settings: Settings, *, told: Told) -> Rebuilt:
    """Make every table again.

    Raises:
        LogForked: the vault does not hold the log that was signed.
        PassingFault: a part is away; begin again.
    """
    fresh = f"{settings.namespace}_rebuilt"
    await asyncio.to_thread(drop_schema, settings.database, fresh)
    await asyncio.to_thread(upgrade, settings.database, fresh)
    verifiers = load_verifiers(settings.keys / "custody")
    archive = open_archive(settings)
    async with Database(settings.database, fresh, size=2) as database:
        restored = await restore_log(
            database, archive, verifiers, settings.origin, told=lambda n: told("entries from the vault", n)
        )
        head = await catch_up(settings, database, told=lambda n: told("messages from Kafka", n))
        keys = Keys(load_unenrolled(settings.keys, settings.trust_root))
        async with database.transaction() as connection:
            people = await restore_people(connection, keys, _is_message)
            dockings = await restore_dockings(connection, keys, _is_message)
            await erase_disposed(connection)
        clips, again = await restore_fates(database, keys.known, _is_message, progress=lambda n: told("clips", n))
        async with database.transaction() as connection:
            shared = await restore_shared(connection, keys.known, _is_message)
        listed = await asyncio.to_thread(lambda: list(_listed(settings, told)))
        by_vault = await apply_vault(database, listed)
        async with database.transaction() as connection:
            unproved = await enter_unproved(connection)
            again += await fan_out_again(connection, lambda row: fate_restoring.told(row).event)
            cases = await restore_cases(connection, keys.known, _is_message)
            await restore_derivatives(connection, keys.known, _is_message)
            sent = await restore_submissions(connection, keys.known, _is_message, submitted)
            links = await restore_links(connection, keys.known, _is_message)
            await restore_outcomes(connection, keys.known, _is_message, outcome_request)
            scrutiny = await restore_scrutiny(connection, keys.known, _is_message)
            unplaced = [*cases.unplaced, *(request for _, request in scrutiny.unplaced)]
            await announce(connection, [_asked_again(request) for request in unplaced])
            again += len(unplaced) + sent.again
        await plan_all(database, lambda n: told("clips planned", n))
        encounters = await _encounters(settings, database, keys.known, told)
        await database.execute("INSERT INTO rebuilds (sealed, size) VALUES (%s, %s)", (restored.size, head.size))
    replace = partial(replace_schema, settings.database, fresh, settings.namespace, sealed=restored.size)
    kept = await asyncio.to_thread(replace)
    return Rebuilt(
        sealed=restored.size,
        size=head.size,
        erased=restored.erased,
        clips=clips,
        keys=people,
        dockings=dockings,
        again=again - by_vault.pop("not told again"),
        policies=shared["policies"],
        unproved=unproved,
        cases=cases.cases,
        submissions=sent.submissions,
        links=links.links,
        encounters=encounters.versions,
        passed_over=(
            *cases.passed_over,
            *sent.passed_over,
            *links.passed_over,
            *encounters.passed_over,
            *scrutiny.passed_over,
        ),
        by_vault=by_vault,
        kept=kept,
    )


async def _encounters(
    settings: Settings, database: Database, known: Mapping[str, EnrolledKey], told: Told
) -> RestoredEncounters:
    """Records and reasons, joined anew; what was told of a join before its clips were deleted stays as it was told."""
    async with database.transaction() as connection:
        restored = await restore_encounters(connection, known, _is_message)
    await join_all(database, rules_of(settings), told=lambda n: told("encounters joined", n))
    async with database.transaction() as connection:
        await restore_told(connection)
        await keep_what_was_told(connection)
    return restored


def _asked_again(request: Signed) -> Event:
    """The request for a hold of a case, with the id that it had."""
    hold = hold_of(request).hold_id
    return event(
        "holds.requested", HoldRequested(hold, request), key=hold, subject=hold, source="person", cause=(hold,)
    )


def _is_message(topic: str, body: bytes) -> bool:
    try:
        decode(body, BY_NAME[topic].carries)
    except MessageInvalid:
        return False
    return True


def _listed(settings: Settings, told: Told) -> Iterator[Listed]:
    """Every footage version with its hold, and every certificate; through the eyes of holds, which sees both."""
    vault = open_vault(settings, "holds")
    for version in vault.list_versions(certificate_prefix(settings.namespace)):
        if (clip := clip_id_in(version.key)) is not None:
            yield Listed(clip, None)
    footage = (v for v in vault.list_versions(clips_prefix(settings.namespace)) if _is_footage(v))
    with ThreadPoolExecutor(HEADS_AT_ONCE) as pool:
        for done, item in enumerate(pool.map(lambda version: _look(vault, version), footage), 1):
            told("versions in the vault", done)
            yield item


def _is_footage(version: Version) -> bool:
    return version.key.endswith(f"/{FOOTAGE}") and not version.delete_marker and clip_id_in(version.key) is not None


def _look(vault: Vault, version: Version) -> Listed:
    head = vault.head(version.key, version.version_id)
    return Listed(clip_id_in(version.key) or "", version.version_id, head is not None and head.lock.legal_hold)
