"""What `bwv submit --dry-run` and `bwv submissions` show, from a real database; asking a stage is tested elsewhere."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.pipeline.pipeline import Said, command
from tests.prosecution.office import URN, Office
from tests.prosecution.submitting import Desk, submitting
from workers.prosecution.submission.states import State


@pytest.fixture
async def desk(office: Office, tmp_path: Path) -> AsyncIterator[Desk]:
    async with submitting(office, tmp_path) as made:
        await made.exhibit("JS/1")
        yield made


@pytest.fixture
def home(desk: Desk, tmp_path: Path) -> Path:
    """Where the commands find this namespace."""
    settings = desk.office.settings
    (tmp_path / "settings.toml").write_text(f'database = "{settings.database}"\nnamespace = "{settings.namespace}"\n')
    return tmp_path


async def bwv(home: Path, *words: str) -> Said:
    return await asyncio.to_thread(command, ["--home", str(home), *words])


async def test_a_dry_run_says_what_would_be_done_and_what_is_wrong_and_does_nothing(desk: Desk, home: Path) -> None:
    file = home / "monday.csv"
    file.write_text(f"urn,exhibits,purpose,urgent\n{URN},JS/1,charging,\n{URN},JS/9,charging,\n{URN},JS/1,trial,ja\n")
    said = await bwv(home, "submit", str(file), "--dry-run")
    assert said.code == 1 and "nothing was submitted" in said.out and "1 to be submitted" in said.out
    assert "row 3, column exhibits: JS/9 is no exhibit" in said.err and "row 4, column urgent: 'ja'" in said.err
    assert "2 bad rows" in said.err
    told = (await bwv(home, "submit", str(file), "--dry-run", "--json")).json
    assert (told["batch"], told["submitted"]) == ("monday.csv", False)
    assert [(row["row"], row["state"], row["items"]) for row in told["rows"]] == [(2, None, 1)]
    assert [(fault["row"], fault["column"]) for fault in told["faults"]] == [(3, "exhibits"), (4, "urgent")]
    stopped = await bwv(home, "submit", str(file), "--all-or-nothing")
    assert stopped.code == 1 and "all or nothing" in stopped.out
    assert (await bwv(home, "submissions", "list", "--json")).json == []
    file.write_text("urn;purpose\n")
    assert (await bwv(home, "submit", str(file))).code == 2
    assert (await bwv(home, "submit", str(home / "nobody.csv"))).code == 2


async def test_list_and_show_say_the_state_the_digests_and_the_differences(desk: Desk, home: Path) -> None:
    row = await desk.submit("JS/1", batch="monday.csv", row=2)
    [listed] = (await bwv(home, "submissions", "list", "--batch", "monday.csv", "--json")).json
    assert (listed["submission_id"], listed["state"], listed["batch_row"]) == (row.submission_id, "sent", 2)
    await desk.database.execute("UPDATE submissions SET due_at = now() - interval '1 minute'")
    for words in (("--overdue",), ("--state", "overdue"), ("--case", "01ab 0012326")):
        [late] = (await bwv(home, "submissions", "list", *words, "--json")).json
        assert late["state"] == "overdue"
    assert (await bwv(home, "submissions", "list", "--state", "sent", "--case", "nobody", "--json")).json == []
    [item] = row.prepared().items
    theirs = {"manifest_sha256": "0" * 64, "items": [{"n": 1, "sha256": "f" * 64, "state": "received"}]}
    await desk.database.execute(
        "UPDATE submissions SET state = %s, receipt = %s::jsonb, differences = %s::jsonb",
        (State.CONTRADICTED, str(theirs).replace("'", '"'), '["item 1 (JS/1): our SHA-256 is another"]'),
    )
    shown = await bwv(home, "submissions", "show", row.submission_id.removeprefix("submission-")[:8])
    assert shown.code == 1
    for words_shown in (item.sha256, "f" * 64, "DIFFERS  item 1 (JS/1)", "contradicted", "attempts: 1"):
        assert words_shown in shown.out
    assert (await bwv(home, "submissions", "show", "submission-x")).code == 2
