"""What an auditor asks: what was deleted on a day, is each certificate right, and does the proof hold elsewhere."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from pathlib import Path as Folder

import msgspec
import pytest

from console.cli.timeline import moments
from tests.custody.logs import Sealed
from tests.pipeline.pipeline import Said, command
from tests.retention.pasts import DISPOSAL, PEOPLE, RELEASE, Past, lived
from tests.retention.test_explain import PASSING, POLICY, correct, hold, lift
from workers.catalogue.queries import history
from workers.custody import bwv_verify
from workers.database.engine import Database
from workers.keys.keyring import save_public
from workers.keys.signing import Signed
from workers.retention.facts import HoldReason, Verdict


class Office:
    """An auditor's desk: the command line over this test's log."""

    def __init__(self, home: Folder, past: Past, dsn: str) -> None:
        self.home, self.past = home, past
        home.mkdir()
        (home / "settings.toml").write_text(f'database = "{dsn}"\nnamespace = "{past.database.schema}"\n')
        for signer in (RELEASE, DISPOSAL):
            save_public(signer.enrolment(), home / "keys" / "service" / f"{signer.owner}.pub")
        save_public(PEOPLE["ANNE"].enrolment(), home / "keys" / "trust-root.pub")

    async def bwv(self, *words: str) -> Said:
        return await asyncio.to_thread(command, ["--home", str(self.home), *words])

    async def deleted_today(self, *words: str) -> Said:
        return await self.bwv("disposals", "list", "--day", f"{datetime.now().astimezone():%Y-%m-%d}", *words)


@pytest.fixture
async def past(database: Database) -> Past:
    past = Past(database)
    await lived(past, [POLICY, Past.stored, *PASSING, Past.intended])
    await past.committed()
    return past


@pytest.fixture
def office(tmp_path: Folder, past: Past, dsn: str) -> Office:
    return Office(tmp_path / "home", past, dsn)


async def test_a_day_lists_what_it_deleted_and_by_which_decision(office: Office) -> None:
    certificate = await office.past.disposed()
    said = await office.deleted_today("--json")
    assert said.code == 0, said
    [item] = said.json["disposals"]
    assert item["clip_id"] == office.past.clip and item["finding"] is None
    assert item["certificate"] == msgspec.to_builtins(certificate)
    assert (item["statement"]["category"], item["statement"]["policy"]) == ("passing", 1)
    assert not item["sealed"] and said.json["under_way"] == []
    page = await office.deleted_today()
    assert page.code == 0 and "signed, fits its entry" in page.out and "1 deleted; 0 with a finding" in page.out
    yesterday = f"{datetime.now().astimezone() - timedelta(days=1):%Y-%m-%d}"
    assert (await office.bwv("disposals", "list", "--day", yesterday, "--json")).json["disposals"] == []


async def test_what_is_decided_and_not_gone_is_named(office: Office) -> None:
    said = await office.deleted_today("--json")
    assert said.json["under_way"] == [office.past.clip] and said.json["disposals"] == []
    assert "decided for good and not gone yet" in (await office.deleted_today()).out


async def test_the_proof_holds_without_us(office: Office, tmp_path: Folder) -> None:
    certificate = await office.past.disposed()
    log = Sealed(office.past.database)
    await log.seal()
    out = tmp_path / "out"
    said = await office.deleted_today("--json", "--out", str(out))
    assert said.code == 0, said
    [folder] = [Folder(name) for name in said.json["written"]]
    written = msgspec.json.decode((folder / "certificate.json").read_bytes(), type=Signed)
    assert written == certificate
    files = {file.name: file.read_bytes() for file in (folder / "proof").iterdir()}
    proven = bwv_verify.check_export(files, bwv_verify.read_keys([str(log.key.verifier)]))
    types = [event.header["type"] for event in proven.events]
    assert types[-1] == "clips.disposed" and "disposals.committed" in types and "clips.categorised" in types
    assert proven.events[-1].payload is not None
    again = await office.deleted_today("--out", str(out))
    assert again.code == 2 and "give a new folder" in again.err


async def test_a_certificate_that_is_not_disposals_is_found(office: Office) -> None:
    await office.past.disposed(RELEASE)
    said = await office.deleted_today()
    assert said.code == 1 and "signed by the service release" in said.out


async def test_a_certificate_by_nobody_we_know_is_found(office: Office) -> None:
    await office.past.disposed(PEOPLE["BILL"])
    said = await office.deleted_today()
    assert said.code == 1 and "is not enrolled" in said.out


WRONG = {
    "another clip": ({"clip_id": "clip-" + "a" * 32}, "is about clip-aaaa"),
    "steps out of order": ({"gone_at": "2020-01-01T00:00:00Z"}, "not in this order"),
    "nothing deleted": ({"versions": ()}, "names nothing that was deleted"),
}


@pytest.mark.parametrize("what", WRONG)
async def test_a_statement_that_does_not_fit_its_entry_is_found(office: Office, what: str) -> None:
    changes, words = WRONG[what]
    await office.past.disposed(**changes)
    said = await office.deleted_today("--json")
    assert said.code == 1
    [item] = said.json["disposals"]
    assert words in item["finding"]
    shown = await office.bwv("disposals", "show", office.past.clip)
    assert shown.code == 1 and words in shown.out


async def test_a_flipped_byte_of_a_certificate_is_found(office: Office) -> None:
    certificate = await office.past.disposed()
    flips = 0
    for place in range(0, len(certificate.body), 97):
        body = certificate.body[:place] + chr(ord(certificate.body[place]) ^ 1) + certificate.body[place + 1 :]
        await office.past.database.execute(
            "UPDATE custody SET payload = convert_to(replace(convert_from(payload, 'UTF8'), %s, %s), 'UTF8')"
            " WHERE type = 'clips.disposed'",
            (msgspec.json.encode(certificate.body).decode(), msgspec.json.encode(body).decode()),
        )
        said = await office.deleted_today("--json")
        assert said.code == 1 and said.json["disposals"][0]["finding"], place
        flips += 1
        certificate = msgspec.structs.replace(certificate, body=body)
    assert flips > 5


async def test_explain_answers_from_the_command_line(office: Office) -> None:
    await office.past.disposed()
    page = await office.bwv("explain", office.past.clip)
    assert page.code == 0, page
    assert page.out.count("Deleted on") == 1 and "the custody log alone" in page.out and "source" not in page.err
    then = await office.bwv("explain", office.past.clip, "--at", office.past.moments[-1].at.isoformat(), "--json")
    assert then.json["explanation"]["state"] == "in the bin" and then.json["known_from"] == "the custody log alone"
    never = await office.bwv("explain", "clip-" + "b" * 32)
    assert never.code == 2 and "no clip" in never.err


async def test_show_and_list_say_2_to_what_they_cannot_mean(office: Office) -> None:
    kept = await office.bwv("disposals", "show", office.past.clip)
    assert kept.code == 2 and "was not disposed of" in kept.err
    wrong = await office.bwv("disposals", "list", "--day", "tuesday")
    assert wrong.code == 2 and "2026-11-22" in wrong.err


# -- the timeline ----------------------------------------------------------------------------------------------


async def timeline(past: Past) -> list[str]:
    return [f"{moment.who}: {moment.what}" for moment in moments(await history(past.database, past.clip))]


async def test_the_timeline_tells_what_people_and_the_sweep_did(past: Past) -> None:
    told = await timeline(past)
    await past.disposed()
    told += await timeline(past)
    for words in ("ANNE: category passing given: because; uncategorised counts until a second person confirms",
                  "BILL: category passing confirmed", "in the bin, deleted from", "disposal decided for good",
                  "nothing is left: 1 versions deleted"):  # fmt: skip
        assert any(words in line for line in told), (words, told)


async def test_the_timeline_hides_restricted_holds_and_names_the_others(database: Database) -> None:
    past = Past(database)
    steps = [POLICY, Past.stored, hold("hold-a", HoldReason.INQUEST), lift("hold-a"), correct(2)]
    await lived(past, steps)
    await lived(past, [hold("hold-p", HoldReason.CONDUCT, restricted=True), lift("hold-p"), Past.allowed_early])
    await past.reviewed(Verdict.KEEP)
    told = "\n".join(await timeline(past))
    assert "ANNE: held for inquest (hold-a)" in told and "hold for inquest (hold-a) lifted" in told
    assert "the force: kept by the force: protected from now on" in told
    for word in ("hold-p", "conduct", "PSD-1"):
        assert word not in told
    assert "time of the recording corrected" in told and "retention review: keep" in told
    assert "may go before its time: ANNE asked" in told


async def test_once_erased_a_hold_is_not_named_at_all(database: Database) -> None:
    past = Past(database)
    await lived(
        past, [POLICY, Past.stored, *PASSING, hold("hold-a", HoldReason.INQUEST), lift("hold-a"), Past.intended]
    )
    await past.committed()
    await past.disposed()
    told = "\n".join(await timeline(past))
    assert "clips.categorised: category passing (the payload is erased" in told
    assert "the force: kept by the force: protected from now on" in told and "inquest" not in told
