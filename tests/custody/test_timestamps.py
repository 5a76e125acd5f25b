"""The day's token: a clock that is not ours says what stood in the log; its word is read before it is kept."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from console.cli.proofs import export_of
from streams import messages as m
from streams.settings import Settings
from streams.topics import BY_NAME
from tests.custody import exports
from tests.custody.authority import Authority as Stand
from tests.custody.logs import ORIGIN, Sealed, grow, messages
from workers.custody import bwv_verify
from workers.custody.authority import Authority, AuthorityAway, is_about, load_roots
from workers.custody.checkpoint import read_checkpoint
from workers.custody.entry import Recorded, content_of
from workers.custody.timestamps import Timestamps
from workers.database.engine import Database
from workers.errors import ConfigurationInvalid, LogForked

pytestmark = pytest.mark.stack

LIES = ["refusing", "broken", "moved", "garbage", "page", "empty", "granted_without_token", "of_unknown_status",
        "other_nonce", "no_nonce", "other_imprint", "replayed", "badly_signed", "with_more_behind", "too_large",
        "cut_short"]  # fmt: skip


@pytest.fixture
def stand(tmp_path: Path) -> Iterator[Stand]:
    with Stand(tmp_path / "authority") as opened:
        yield opened


class Clock:
    """A day and a time that move when a test says so."""

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
        self.seconds = 0.0

    def pass_by(self, **time: float) -> None:
        self.now += timedelta(**time)
        self.seconds += timedelta(**time).total_seconds()


class Taking:
    """A log whose days are stamped by `stand`."""

    def __init__(self, database: Database, stand: Stand, log: Sealed | None = None, **waits: Any) -> None:
        self.log = log or Sealed(database)
        self.clock = Clock()
        self.told: list[AuthorityAway | None] = []
        asked = Authority(stand.url, load_roots(stand.root), within=10)
        self.stamps = Timestamps(
            database, self.log.archive, asked, self.told.append,
            now=lambda: self.clock.now, clock=lambda: self.clock.seconds, **({"first": 0, "most": 0} | waits),
        )  # fmt: skip
        self.grown = 0

    async def seal(self) -> str:
        """Something happens, and is sealed."""
        await grow(self.log.database, messages(self.grown, 5))
        self.grown += 5
        return await self.log.seal()

    async def rows(self) -> list[dict[str, Any]]:
        return await self.log.database.fetch("SELECT * FROM custody_timestamps ORDER BY day")

    def kept(self) -> list[str]:
        """Keys of the tokens in the vault, one for each version."""
        return [key for key in self.log.stored() if "/timestamps/" in key]


def bwv(dsn: str, schema: str, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "BWV_DATABASE": dsn, "BWV_NAMESPACE": schema}
    return subprocess.run([sys.executable, "-m", "console.cli.main", *map(str, arguments)], env=environment,
                          capture_output=True, text=True, timeout=120, check=False)  # fmt: skip


# -- what somebody outside can do with it ----------------------------------------------------------------------


async def test_openssl_verifies_the_token_over_the_checkpoint_and_no_byte_of_it_can_change(
    database: Database, dsn: str, schema: str, stand: Stand, tmp_path: Path
) -> None:
    day = Taking(database, stand)
    note = await day.seal()
    assert bwv(dsn, schema, "custody", "token", "--out", tmp_path / "none").returncode == 3
    await day.stamps.take()
    assert day.told == [None] and day.kept() == ["force/custody/timestamps/2026-11-22-5"]

    said = bwv(dsn, schema, "custody", "token", "2026-11-22", "--out", tmp_path / "token")
    assert (said.returncode, said.stderr) == (0, "")
    token, stamped = tmp_path / "token" / bwv_verify.TOKEN, tmp_path / "token" / bwv_verify.STAMPED
    assert stamped.read_text() == note == day.log.archive.note(5), "what is stamped is what was sealed"
    verified = stand.verify(token, stamped)
    assert (verified.returncode, verified.stdout) == (0, b"Verification: OK\n")

    flips = caught = 0
    data = stamped.read_bytes()
    for at in range(len(data)):
        stamped.write_bytes(data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :])
        flips += 1
        caught += stand.verify(token, stamped).returncode != 0
    print(f"flips {flips}, caught {caught}")
    assert flips == caught == len(data) > 100


async def test_the_verifier_of_exports_accepts_a_real_token(database: Database, stand: Stand) -> None:
    day, clip = Taking(database, stand), exports.Clip(7)
    for at, (topic, told) in enumerate(clip.events()):
        body = m.encode(told)
        item = Recorded(
            topic=topic, partition=0, offset=at, event_id=m.event_id(topic, at), type=topic,
            time=exports.START.isoformat(), source=f"/bwv/{exports.SPACE}/intake", subject=clip.id,
            verb=BY_NAME[topic].verb, body=body, content=content_of(body)[0],
        )  # fmt: skip
        await grow(database, [item])
        if at == 3:
            await day.log.seal()
            await day.stamps.take()
    await day.log.seal()

    settings = Settings(namespace=exports.SPACE)
    files, waiting = await export_of(database, settings, clip.id)
    proven = bwv_verify.check_export(files, bwv_verify.read_keys([str(day.log.key.verifier)]))
    assert waiting == 0 and len(proven.events) == 6
    assert proven.stamp is not None and proven.stamp.checkpoint.size == 4
    stamped_at = datetime.fromisoformat(proven.stamp.time)
    assert abs(datetime.now(UTC) - stamped_at) < timedelta(minutes=5)


# -- one a day -------------------------------------------------------------------------------------------------


async def test_one_token_a_day_and_none_without_a_new_seal(database: Database, stand: Stand) -> None:
    day = Taking(database, stand)
    await day.stamps.take()
    await grow(database, messages(0, 2))
    await day.log.sealer.decide()
    await day.stamps.take()
    assert (await day.rows(), stand.asked) == ([], 0), "nothing is sealed"
    day.grown = 2
    await day.log.seal()
    await day.stamps.take()
    await day.seal()
    await day.stamps.take()
    assert [row["size"] for row in await day.rows()] == [2], "the day has its token"
    day.clock.pass_by(days=1)
    await day.stamps.take()
    day.clock.pass_by(days=1)
    await day.stamps.take()
    assert [row["size"] for row in await day.rows()] == [2, 7], "a day without a new seal has none"
    assert stand.asked == 2 and len(day.kept()) == 2


async def test_without_an_authority_nothing_happens(database: Database) -> None:
    log = Sealed(database)
    await grow(database, messages(0, 3))
    await log.seal()
    before = log.stored()
    stamps = Timestamps(database, log.archive, None)
    await stamps.take()
    assert stamps.again_in() is None and log.stored() == before
    assert await database.fetch("SELECT * FROM custody_timestamps") == []


async def test_what_is_sealed_late_in_a_day_waits_for_the_next_day_and_not_for_the_next_entry(
    database: Database, stand: Stand
) -> None:
    day = Taking(database, stand)
    await day.seal()
    await day.stamps.take()
    await day.seal()
    until = day.stamps.again_in()
    assert until == timedelta(hours=15).total_seconds()
    day.clock.pass_by(seconds=until)
    await day.stamps.take()
    assert [(row["day"].day, row["size"]) for row in await day.rows()] == [(22, 5), (23, 10)]


# -- away ------------------------------------------------------------------------------------------------------


async def test_every_day_on_which_the_authority_was_away_gets_its_token_later(
    database: Database, stand: Stand, tmp_path: Path
) -> None:
    day = Taking(database, stand)
    stand.close()
    notes = []
    for _ in range(9):
        notes.append(await day.seal())  # sealing goes on
        await day.stamps.take()
        day.clock.pass_by(days=1)
    queued = await day.rows()
    assert [row["token"] for row in queued] == [None] * 9 and day.kept() == []
    assert len(day.told) == 9 and all(isinstance(fault, AuthorityAway) for fault in day.told)
    assert day.log.archive.sizes() == list(range(5, 50, 5))

    stand.open()
    await day.stamps.take()
    taken = [row for row in await day.rows() if row["token"] is not None]
    print(f"queued {len(queued)}, taken {len(taken)}")
    assert len(queued) == len(taken) == len(day.kept()) == stand.asked == 9 and day.told[-1] is None
    for row, note in zip(taken, notes, strict=True):
        token, stamped = tmp_path / "token", tmp_path / "stamped"
        token.write_bytes(row["token"])
        stamped.write_text(row["checkpoint"])
        assert row["checkpoint"] == note and read_checkpoint(note, [day.log.key.verifier], ORIGIN).size == row["size"]
        assert stand.verify(token, stamped).returncode == 0, row["day"]


async def test_it_is_asked_again_with_full_jitter_between_bounds_that_double(database: Database, stand: Stand) -> None:
    day = Taking(database, stand, first=5.0, most=60.0)
    stand.behave = stand.broken
    await day.seal()
    waits = []
    for tries in range(1, 40):
        await day.stamps.take()
        assert stand.asked == tries
        again = day.stamps.again_in()
        assert again is not None
        await day.stamps.take()
        assert stand.asked == tries, "not before it is time"
        waits.append(again)
        day.clock.pass_by(seconds=again, milliseconds=1)
    assert waits[0] == 5 and waits[1] <= 10 and waits[2] <= 20 and all(5 <= wait <= 60 for wait in waits)
    assert max(waits) > 20 and len(set(waits)) > 30
    stand.behave = stand.honest
    await day.stamps.take()
    assert day.told[-1] is None and len(day.kept()) == 1


async def test_a_day_that_ends_between_two_tries_is_queued_too(database: Database, stand: Stand) -> None:
    day = Taking(database, stand, first=3600.0, most=3600.0)
    stand.close()
    await day.seal()
    await day.stamps.take()
    day.clock.pass_by(hours=14, minutes=59)
    await day.stamps.take()
    day.clock.pass_by(minutes=1)
    await day.seal()
    await day.stamps.take()  # it is not yet time to ask again
    assert len(day.told) == 2 and [row["size"] for row in await day.rows()] == [5, 10]


# -- lies ------------------------------------------------------------------------------------------------------


async def test_lies_are_refused_and_nothing_of_them_is_kept(database: Database, stand: Stand) -> None:
    day = Taking(database, stand)
    await day.seal()
    await day.stamps.take()  # an honest answer that can be replayed
    day.clock.pass_by(days=1)
    await day.seal()
    before = day.log.stored()
    reasons = {}
    for lie in LIES:
        stand.behave = getattr(stand, lie)
        await day.stamps.take()
        fault = day.told[-1]
        assert isinstance(fault, AuthorityAway), lie
        reasons[lie] = str(fault).removeprefix(f"{stand.url}: ")
        assert (await day.rows())[-1]["token"] is None and day.log.stored() == before, lie
    print(f"injected {stand.misbehaved}, refused {len(reasons)}")
    for lie, reason in reasons.items():
        print(f"  {lie}: {reason}")
    assert stand.misbehaved == len(reasons) == len(LIES) > 0
    assert reasons["refusing"].startswith("refused with status 2: 'Bad request format")
    assert reasons["broken"].startswith("HTTP 500") and "Nonce" in reasons["other_nonce"]

    stand.behave = stand.honest
    await day.stamps.take()
    assert all(row["token"] is not None for row in await day.rows()) and day.told[-1] is None


async def test_an_answer_under_another_root_is_refused(database: Database, stand: Stand, tmp_path: Path) -> None:
    with Stand(tmp_path / "stranger") as stranger:
        asked = Authority(stranger.url, load_roots(stand.root))
        with pytest.raises(AuthorityAway, match="cannot be believed"):
            asked.stamp(b"a checkpoint")
        assert is_about(Authority(stranger.url, load_roots(stranger.root)).stamp(b"a checkpoint"), b"a checkpoint")
        assert stranger.asked == 2


def test_an_answer_that_drips_is_cut(stand: Stand) -> None:
    stand.behave = stand.dripping
    began = time.monotonic()
    with pytest.raises(AuthorityAway):
        Authority(stand.url, load_roots(stand.root), within=1).stamp(b"a checkpoint")
    assert time.monotonic() - began < 10 and stand.misbehaved == 1
    assert stand.hung_up.wait(30), "it was hung up"


def test_what_cannot_be_an_authority_is_said(stand: Stand, tmp_path: Path) -> None:
    for url in ("", "tsa.example", "ftp://tsa.example", "http://", "http://tsa.example:port", "http://[::1"):
        with pytest.raises(ConfigurationInvalid, match="timestamp_authority"):
            Authority(url, load_roots(stand.root))
    (tmp_path / "key.pem").write_bytes((stand.folder / "tsa.key").read_bytes())
    for name in ("nowhere.pem", "key.pem"):
        with pytest.raises(ConfigurationInvalid, match="timestamp_roots"):
            load_roots(tmp_path / name)


# -- several writers -------------------------------------------------------------------------------------------


async def test_two_processes_that_ask_at_once_end_with_the_vaults_first_token(
    dsn: str, schema: str, database: Database, stand: Stand
) -> None:
    one = Taking(database, stand)
    stand.together = threading.Barrier(2)  # both have asked before either is answered
    async with Database(dsn, schema, size=2) as of_the_other:
        other = Taking(of_the_other, stand, one.log)
        for _ in range(5):
            await one.seal()
            await asyncio.gather(one.stamps.take(), other.stamps.take())
            for each in (one, other):
                each.clock.pass_by(days=1)
    rows = await one.rows()
    assert stand.asked == 10 and len(rows) == len(one.kept()) == 5, "asked twice a day, kept once"
    vault = {(day, size): token for day, size, token in one.log.archive.timestamps()}
    assert vault == {(row["day"], row["size"]): bytes(row["token"]) for row in rows}


async def test_a_token_that_reached_the_vault_and_not_the_row_is_the_token(database: Database, stand: Stand) -> None:
    day = Taking(database, stand)
    note = await day.seal()
    first = Authority(stand.url, load_roots(stand.root)).stamp(note.encode())
    day.log.archive.keep_timestamp(day.clock.now.date(), 5, first)  # and then it was killed
    await day.stamps.take()
    assert [bytes(row["token"]) for row in await day.rows()] == [first] and len(day.kept()) == 1


async def test_a_token_in_the_vault_about_another_checkpoint_is_another_history(
    database: Database, stand: Stand
) -> None:
    day = Taking(database, stand)
    await day.seal()
    planted = Authority(stand.url, load_roots(stand.root)).stamp(b"the checkpoint of another history")
    day.log.archive.keep_timestamp(day.clock.now.date(), 5, planted)
    with pytest.raises(LogForked, match="two histories"):
        await day.stamps.take()
    assert [row["token"] for row in await day.rows()] == [None]
