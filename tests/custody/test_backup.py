"""The runbook's own commands on a real server: backup, restore, standby, keys, witness, token."""

from __future__ import annotations

import asyncio
import re
import shlex
from collections.abc import Iterator, Sequence
from pathlib import Path

import click
import psycopg
import pytest

from console.cli.main import cli
from local.ports import keep_ports
from tests.custody.authority import Authority as Stand
from tests.custody.logs import ORIGIN, Sealed, grow, messages
from tests.custody.runbook import BLOCKS, PAGE, Machine, run_block
from workers.custody.audit import audit
from workers.custody.authority import Authority, load_roots
from workers.custody.checkpoint import read_checkpoint
from workers.custody.continuity import check_extends
from workers.custody.keys import load_signers, load_verifiers, new_key
from workers.custody.note import Signer, Verifier
from workers.custody.sealing import Sealer
from workers.custody.timestamps import Timestamps
from workers.custody.witness import read_witness
from workers.database.engine import Database
from workers.database.schema import upgrade
from workers.errors import ConfigurationInvalid, LogForked, NoteInvalid
from workers.vault.fake import FakeVault

pytestmark = pytest.mark.stack

SPACE = "force"


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    made = Machine(tmp_path / "machine")
    try:
        upgrade(made.dsn, SPACE)
        yield made
    finally:
        made.end(tmp_path / "machine" / "standby")


class Recording:
    """A log that grows by messages in the order of Kafka; the vault outlives the database."""

    def __init__(self) -> None:
        self.vault = FakeVault()
        self.key: Signer | None = None
        self.sent = 0

    def of(self, database: Database) -> Sealed:
        log = Sealed(database, self.vault, self.key)
        self.key = log.key
        return log

    async def grow(self, database: Database, count: int) -> None:
        await grow(database, messages(self.sent, count))
        self.sent += count

    async def again(self, database: Database, count: int) -> None:
        """As a record that has just started: everything that Kafka has is read again, and some that is new."""
        await grow(database, messages(0, self.sent + count))
        self.sent += count


async def check_whole(log: Sealed, size: int) -> None:
    """The log has `size` entries without a gap or a double, and is as it was signed, here and in the vault."""
    [row] = await log.database.fetch(
        "SELECT count(*) AS entries, count(DISTINCT event_id) AS events, max(index) AS last,"
        ' max("offset") AS offset FROM custody'
    )
    assert (row["entries"], row["events"], row["last"], row["offset"]) == (size, size, size - 1, size - 1)
    known = [log.key.verifier]
    points = [
        (f"of {n}", read_checkpoint(log.archive.note(n), known, ORIGIN)) for n in log.archive.sizes() if n <= size
    ]
    found = await audit(log.database, size, points)
    assert (found.size, found.findings) == (size, []) and found.checkpoints == len(points) > 0


async def now(database: Database) -> str:
    [row] = await database.fetch("SELECT clock_timestamp()::text AS now")
    return str(row["now"])


async def test_a_restore_to_a_point_is_whole_and_refused_and_one_to_the_end_goes_on(machine: Machine) -> None:
    assert set(re.findall(r"(\w+)=", BLOCKS["settings"])) <= set(machine.environment)
    recording, data = Recording(), machine.data
    machine.run("archive")
    async with Database(machine.dsn, SPACE) as database:
        log = recording.of(database)
        await recording.grow(database, 300)
        backup = asyncio.create_task(asyncio.to_thread(machine.run, "base-backup"))
        during = 0
        while not backup.done():
            await recording.grow(database, 20)
            during += 20
        await backup
        assert during > 0, "entries were appended while the base backup was taken"
        await log.seal()
        first = recording.sent
        until = await now(database)
        await recording.grow(database, 100)
        await log.seal()
        await recording.grow(database, 33)  # not sealed: only the database has them
    last = recording.sent
    machine.crash()

    machine.run("rest")
    machine.run("lay-out")
    machine.run("point-in-time", UNTIL=until)
    assert re.search(r"\bt +\| paused", machine.run("look"))
    async with Database(machine.dsn, SPACE) as database:
        log = recording.of(database)
        await check_whole(log, first)
        newest = log.archive.newest([log.key.verifier], ORIGIN)
        assert newest is not None and newest.size == first + 100
        with pytest.raises(LogForked, match="older copy"):
            await check_extends(database, [("in the vault", newest)])
    machine.run("again")

    machine.run("lay-out")
    machine.run("to-the-end")
    machine.run("settle")
    assert "archived_count" in machine.run("archiver")
    async with Database(machine.dsn, SPACE) as database:
        log = recording.of(database)
        await check_whole(log, last)
        await check_extends(database, [("in the vault", newest)])
        await recording.again(database, 50)
        await log.seal()
        await check_whole(log, last + 50)
    machine.run("done")
    print(f"during the backup {during}, at the point {first}, at the end {last}, appended afterwards 50")

    machine.run("base-backup")
    archive = Path(machine.environment["BACKUPS"]) / "wal"
    before = {path.name for path in archive.iterdir()}
    machine.run("prune")
    assert {path.name for path in archive.iterdir()} < before, "what no base backup needs is dropped"
    async with Database(machine.dsn, SPACE) as database:
        await recording.grow(database, 10)
        until = await now(database)
        await database.execute("DELETE FROM record_offsets")  # somebody's mistake
    machine.run("rest")
    machine.run("lay-out")
    machine.run("point-in-time", UNTIL=until)
    machine.run("accept")
    await writable(machine)
    machine.run("settle")
    async with Database(machine.dsn, SPACE) as database:
        log = recording.of(database)
        await check_whole(log, last + 60)
        await recording.again(database, 5)
        await log.seal()
        await check_whole(log, last + 65)
    assert (data.parent / "data.before-restore").is_dir(), "the old data is kept"


async def writable(machine: Machine) -> None:
    """Return when the server has left recovery."""
    with psycopg.connect(machine.dsn, autocommit=True) as connection:
        for _ in range(600):
            [left] = connection.execute("SELECT NOT pg_is_in_recovery()").fetchone() or [False]
            if left:
                return
            await asyncio.sleep(0.05)
    raise AssertionError("still in recovery after 30 s")


async def test_what_was_acknowledged_survives_the_primary_on_a_synchronous_standby(machine: Machine) -> None:
    recording = Recording()
    standby = machine.data.parent.parent / "standby"
    port = str(keep_ports(standby.parent / "ports.json", ["standby"], print)["standby"])
    more: dict[str, str | Path] = {"STANDBY": standby, "STANDBY_PORT": port}
    there = machine.dsn.replace(f":{machine.environment['PGPORT']}/", f":{port}/")
    async with Database(machine.dsn, SPACE) as database:
        await recording.grow(database, 100)
        machine.run("standby", **more)
        assert re.search(r"standby_1 +\| streaming +\| sync\b", machine.run("synchronous"))
        log = recording.of(database)

        machine.stop(standby)
        waits = asyncio.create_task(recording.grow(database, 10))
        await waits_for_the_standby(machine)
        assert not waits.done()
        machine.run("alone")
        await waits

        machine.resume(standby)
        machine.run("synchronous")
        await in_step(machine)
        await recording.grow(database, 40)
        await log.seal()
        for _ in range(20):
            await recording.grow(database, 5)
    acknowledged = recording.sent
    machine.crash()  # the standby alone is left
    machine.run("promote", **more)
    async with Database(there, SPACE) as database:
        log = recording.of(database)
        await check_whole(log, acknowledged)
        newest = log.archive.newest([log.key.verifier], ORIGIN)
        assert newest is not None
        await check_extends(database, [("in the vault", newest)])
        await recording.again(database, 25)
        await log.seal()
        await check_whole(log, acknowledged + 25)
    print(f"{acknowledged} acknowledged, all there after promotion")


async def waits_for_the_standby(machine: Machine) -> None:
    await seen(machine, "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE wait_event = 'SyncRep')")


async def in_step(machine: Machine) -> None:
    await seen(machine, "SELECT EXISTS (SELECT FROM pg_stat_replication WHERE sync_state = 'sync')")


async def seen(machine: Machine, question: str) -> None:
    """Return when the server says yes."""
    with psycopg.connect(machine.dsn, autocommit=True) as connection:
        for _ in range(600):
            [yes] = connection.execute(question.encode()).fetchone() or [False]
            if yes:
                return
            await asyncio.sleep(0.05)
    raise AssertionError(f"not within 30 s: {question}")


# -- keys, witness, token --------------------------------------------------------------------------------------


async def test_a_key_is_rotated_while_either_verifies_and_retired(database: Database, tmp_path: Path) -> None:
    home: dict[str, str | Path] = {"HOME": tmp_path, "BWV_HOME": tmp_path, "BWV_CUSTODY_ORIGIN": ORIGIN}
    folder, vault = tmp_path / "keys" / "custody", FakeVault()
    folder.mkdir(parents=True)
    old = new_key(folder, "key1", ORIGIN)

    async def sealed(number: int) -> str:
        """A record that has just started seals with the keys that lie there."""
        log = Sealed(database, vault)
        log.sealer = Sealer(database, log.archive, ORIGIN, load_signers(folder, ORIGIN))
        await grow(database, messages(number, 5))
        return await log.seal()

    by_old = await sealed(0)
    run_block("new-key", home)
    handed_out = [Verifier.parse(line) for line in run_block("keys", home).stdout.split()]
    assert len(handed_out) == 2 and handed_out[0] == old
    new = handed_out[1]
    by_both = await sealed(5)
    run_block("retire-key", home)
    by_new = await sealed(10)

    assert signs([old], [by_old, by_both, by_new]) == [True, True, False]
    assert signs([new], [by_old, by_both, by_new]) == [False, True, True]
    assert signs(load_verifiers(folder), [by_old, by_both, by_new]) == [True, True, True]
    assert not (folder / "key1.pem").exists() and (folder / "key1.vkey").exists()
    newest = Sealed(database, vault).archive.newest(load_verifiers(folder), ORIGIN)
    assert newest is not None and newest.size == 15
    await check_extends(database, [("in the vault", newest)])
    (folder / "key2.pem").unlink()
    with pytest.raises(ConfigurationInvalid, match="new-key"):
        load_signers(folder, ORIGIN)


def signs(known: Sequence[Verifier], notes: Sequence[str]) -> list[bool]:
    """Which of the notes somebody with these keys accepts."""
    accepted = []
    for note in notes:
        try:
            read_checkpoint(note, known, ORIGIN)
        except NoteInvalid:
            accepted.append(False)
        else:
            accepted.append(True)
    return accepted


async def test_a_witness_is_placed_and_a_token_taken_out_and_checked(
    database: Database, dsn: str, schema: str, tmp_path: Path
) -> None:
    witness = tmp_path / "witness"
    home: dict[str, str | Path] = {
        "HOME": tmp_path, "BWV_HOME": tmp_path, "BWV_CUSTODY_ORIGIN": ORIGIN, "BWV_DATABASE": dsn,
        "BWV_NAMESPACE": schema, "WITNESS": witness, "OUT": tmp_path / "out",
    }  # fmt: skip
    folder = tmp_path / "keys" / "custody"
    folder.mkdir(parents=True)
    new_key(folder, "key1", ORIGIN)
    log = Sealed(database, key=load_signers(folder, ORIGIN)[0])
    for start in (0, 5):
        await grow(database, messages(start, 5))
        await log.seal()
        run_block("publish", home)
    witnessed = read_witness(witness, load_verifiers(folder), ORIGIN)
    assert [point.size for _, point in witnessed] == [5, 10]
    assert (await audit(database, 10, witnessed)).findings == []
    with Stand(tmp_path / "authority") as stand:
        await Timestamps(database, log.archive, Authority(stand.url, load_roots(stand.root))).take()
        assert "Verification: OK" in run_block("token", {**home, "ROOTS": stand.root}).stdout


# -- the page itself -------------------------------------------------------------------------------------------

NEEDS_THE_STORE = {"rebuild", "witness"}
"""Blocks of `bwv` alone that read a real vault: the pipeline's tests run these commands."""


def test_every_bwv_command_of_the_page_is_one() -> None:
    lines = [line for block in BLOCKS.values() for line in block.splitlines() if line.startswith("bwv ")]
    inline = [code for code in re.findall(r"`(bwv [^`]+)`", PAGE.read_text())]
    for line in [*lines, *inline]:
        at: click.Command = cli
        context = click.Context(cli)
        words = shlex.split(line)[1:]
        # A group that is a command as well may be followed by its own options.
        while isinstance(at, click.Group) and not (
            at.invoke_without_command and (not words or words[0].startswith("-"))
        ):
            found = at.get_command(context, words[0])
            assert found is not None, line
            at, words = found, words[1:]
        if line in lines:
            at.make_context(line, words, parent=context)
    assert len(lines) >= 7


def test_every_block_of_the_page_is_run() -> None:
    run = set(re.findall(r'\brun(?:_block)?(?:, |\()"([a-z-]+)"', Path(__file__).read_text()))
    assert set(BLOCKS) == run | NEEDS_THE_STORE | {"settings"}
    assert all(line.startswith("bwv ") for name in NEEDS_THE_STORE for line in BLOCKS[name].splitlines())
