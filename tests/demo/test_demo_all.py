"""`bwv demo --all`, as a visitor gives it, and what a script asks of the submissions that it leaves behind."""

from __future__ import annotations

import asyncio
import json
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from tests.pipeline.pipeline import BWV, command

pytestmark = pytest.mark.stack

URN = "01AB0012326"


@dataclass
class Kept:
    """The system that the demo left running.

    Attributes:
        said: what it printed.
    """

    home: Path
    said: str

    async def bwv(self, *words: str, code: int = 0, person: str = "ADMIN") -> Any:
        """Give a command with --json; the document that it prints."""
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("BWV_PERSON", person)
            said = await asyncio.to_thread(command, ["--home", str(self.home), *words, "--json"])
        assert said.code == code, f"{words}: {said.out[-2000:]}{said.err[-2000:]}"
        return json.loads(said.out)

    async def by_script(self, *words: str, code: int) -> Any:
        """The same in a process of its own, as a script gives it."""
        argv = [*BWV, "--home", str(self.home), *words, "--json"]
        done = await asyncio.to_thread(subprocess.run, argv, capture_output=True, text=True, check=False)
        assert done.returncode == code, f"{words}: {done.stdout[-2000:]}{done.stderr[-2000:]}"
        return json.loads(done.stdout)


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kept]:
    home = tmp_path_factory.mktemp("visitor") / "home"
    argv = [*BWV, "--home", str(home), "demo", "--all", "--keep", "--large", "5000000"]
    done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=400)
    try:
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
        yield Kept(home / "demo", done.stdout)
    finally:
        down = subprocess.run([*BWV, "--home", str(home / "demo"), "down"], capture_output=True, text=True, check=False)
        assert down.returncode == 0, down.stderr


def test_every_act_of_the_demo_ends_as_it_must(kept: Kept) -> None:
    for words in (
        "declared 8 = wiped 7 + quarantined 1 + left on the camera 0",
        "gone, and certified",
        "Deleted on",
        "Kept: a hold stands, whatever its period says.",
        "1 deleted; 0 with a finding",
        "clips 8 = kept 6 + held 1 + deleted with a certificate 1",
        "1 acknowledged",
        "YES: the package is whole, and its 2 exhibits are what was submitted, to the last byte.",
        "plea guilty",
        "body-worn camera left on charge at the station",
        "6 figures, equal to the digit",
        "The public reads less",
        "figures/index.html",
        "it adds up",
    ):
        assert words in kept.said, words


async def test_submissions_their_package_and_their_links_for_scripts(kept: Kept, tmp_path: Path) -> None:
    [first] = await kept.by_script("submissions", "list", code=0)
    submission = first["submission_id"]
    assert (await kept.bwv("submissions", "show", submission))["state"] == "acknowledged"
    again = await kept.by_script("submissions", "retry", submission, "--reason", "x", code=1)
    assert "acknowledged" in json.dumps(again)

    batch = tmp_path / "batch.csv"
    batch.write_text(
        f"urn,exhibits,purpose,recipient,address\n{URN},JS/1,disclosure,defence,clerk@solicitors.example\n"
    )
    [row] = (await kept.bwv("submit", str(batch), "--wait", "60"))["rows"]
    assert row["state"] == "prepared"
    built = await kept.bwv("package", "build", row["submission_id"], "--out", str(tmp_path / "package"))
    verified = await kept.bwv("package", "verify", str(tmp_path / "package"), "--seal", built["seal"])
    assert verified["verdict"] == "YES", verified

    links = {link["submission_id"]: link for link in await kept.bwv("link", "list")}
    link = links[row["submission_id"]]["link_id"]
    moved = await kept.bwv("link", "readdress", link, "partner@solicitors.example", "--reason", "the clerk has left")
    assert moved["verdict"] == "done", moved
    assert (await kept.bwv("link", "revoke", link, "--reason", "served by hand"))["verdict"] == "done"
    shown = await kept.bwv("link", "show", link)
    assert shown["link"]["revoked_at"] is not None and shown["link"]["address"] == "partner@solicitors.example"


async def test_what_is_made_from_a_clip_for_scripts(kept: Kept, tmp_path: Path) -> None:
    redaction = tmp_path / "redaction.toml"
    redaction.write_text("[[blur]]\nfrom = 0\nto = 1\nx = 0\ny = 0\nwidth = 64\nheight = 64\n")
    why = ("--reason", "a look")
    clip = (await kept.bwv("case", "show", URN))["exhibits"][1]["clip_id"]
    made = [
        await kept.bwv("derive", "range", clip, "--from", "0", "--to", "1", *why),
        await kept.bwv("derive", "still", clip, "--at", "1", *why),
        await kept.bwv("derive", "playback", clip, *why),
        await kept.bwv("derive", "redact", clip, str(redaction), *why),
    ]
    assert {one["verdict"] for one in made} == {"done"}, made
    listed = {one["kind"]: one for one in await kept.bwv("derive", "list", clip)}
    assert set(listed) == {"range", "still", "playback", "redaction"}
    assert (await kept.bwv("derive", "check", listed["still"]["derivative_id"]))["equal"] is True


async def test_registers_and_figures_for_scripts(kept: Kept, tmp_path: Path) -> None:
    why = ("--reason", "as asked")
    await kept.bwv("subject-access", "open", "SAR-1", "--about", "Jane Roe", "--handler", "DP 7")
    grounds = await kept.bwv("subject-access", "grounds")
    assert "unfounded" in json.dumps(grounds)
    await kept.bwv("subject-access", "clock", "SAR-1", "--from", date.today().isoformat(), *why)
    await kept.bwv("subject-access", "refuse", "SAR-1", "--ground", "unfounded", *why)
    assert "unfounded" in json.dumps(await kept.bwv("subject-access", "show", "SAR-1"))
    assert await kept.bwv("subject-access", "list") == [], "it was answered"
    assert len(await kept.bwv("subject-access", "list", "--all")) == 1

    await kept.bwv("training", "open", "COURSE-9", "--title", "Searching", "--officer", "TR 1", "--about", "searches")
    approved = await kept.bwv("training", "approve", "COURSE-9", "--until", "2030-01-01", *why, person="RECORDS")
    assert approved["verdict"] == "done", approved
    assert len(await kept.bwv("training", "list")) == 1
    assert await kept.bwv("training", "expired") == []

    stated = await kept.bwv("stats", "--figure", "outcomes")
    [figure] = stated["figures"]
    numbers = {line["measure"]: line["number"] for line in figure["places"][0]["lines"]}
    assert numbers["cases_footage"] is None and numbers["footage_plea_guilty"] is None, "too few to be told"
    made = await kept.bwv("stats", "reproduce", "outcomes", "--checkpoint", str(stated["size"]))
    rows = {row["measure"]: row["vault"] for row in made["rows"]}
    assert made["equal"] and rows["footage_plea_guilty"] == 1, made
    published = await kept.bwv("stats", "publish", "--out", str(tmp_path / "figures"))
    assert str(tmp_path / "figures/index.html") in published["files"]
    assert published["unfinished"] is False, "the last whole month, where none is named"
    assert all(one["equal"] for one in await kept.bwv("stats", "reproduce")), "every figure"
