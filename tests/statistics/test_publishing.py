"""What is published: figures, queries and checkpoint, the same each time, and no person anywhere in it."""

from __future__ import annotations

import asyncio
import csv
import hashlib
import io
import json
import re
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from msgspec.structs import replace

from console.cli.stats import stats
from tests.statistics.sample import a_month, october
from tests.statistics.told import Told
from workers.database.engine import Database
from workers.errors import ConfigurationInvalid, RuleBroken
from workers.statistics.areas import Areas, parse_areas
from workers.statistics.figures import FIGURES
from workers.statistics.months import month
from workers.statistics.page import page
from workers.statistics.publishing import files, publish
from workers.statistics.stated import places

CANARIES = ("CANARY", "Jane Roe", "12 Acacia Avenue", "Timmy Tiptoes")
"""An officer, a person searched, her address, her child."""


class Page(HTMLParser):
    """What a browser would fetch or run, and the tables."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.asked: list[str] = []
        self.links: list[str] = []
        self.tags: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        given = dict(attrs)
        self.asked += [str(given[name]) for name in ("src", "srcset", "data") if name in given]
        self.asked += [name for name in given if name.startswith("on") or name == "style"]
        if tag == "a":
            self.links.append(str(given["href"]))


def test_a_page_without_script_that_asks_for_nothing(tmp_path: Path) -> None:
    made = publish(october(), Areas(), tmp_path / "october")
    page = Page((tmp_path / "october/index.html").read_text())
    assert not page.asked and not {"script", "link", "img", "iframe", "form"} & set(page.tags)
    assert page.tags.count("svg") > 30 and page.tags.count("table") > 10
    for link in page.links:
        target = link.partition("#")[0]
        assert not target or tmp_path / "october" / target in made, link


def test_the_same_numbers_stand_on_the_page_and_in_every_file(tmp_path: Path) -> None:
    stated = october()
    made = files(stated, Areas())
    assert made == files(stated, Areas()), "the same statement gives the same bytes"
    for figure in FIGURES:
        assert hashlib.sha256(made[f"sql/{figure.name}.sql"]).hexdigest() == stated.query(figure.name).sha256
        rows = list(csv.DictReader(io.StringIO(made[f"csv/{figure.name}.csv"].decode())))
        lines = [line for place in places(stated.table(figure.name), "all") for line in place.lines]
        assert [row["number"] for row in rows] == ["withheld" if n.number is None else str(n.number) for n in lines]
        assert {(row["size"], row["sha256"]) for row in rows} == {(str(stated.size), figure.sha256)}
        page = made["index.html"].decode()
        shown = page[page.index(f'id="{figure.name}"') : page.index(f'href="csv/{figure.name}.csv"')]
        for line in stated.table(figure.name).force.lines:
            assert (f"{line.number:,}" if line.number is not None else "withheld") in shown, line
    document = json.loads(made["figures.json"])
    assert (document["size"], document["checkpoint"]) == (stated.size, made["checkpoint.txt"].decode())


def test_a_withheld_number_is_nowhere(tmp_path: Path) -> None:
    """Three convictions of 31 cases that said "not recorded": neither they nor what is left over."""
    text = b"\n".join(files(october(), Areas()).values()).decode()
    section = text[text.index('id="outcomes"') : text.index('href="csv/outcomes.csv"')]
    row = re.findall(r"followed by a conviction</th><td[^>]*>([^<]*)</td><td[^>]*>([^<]*)<", section)
    assert row[-2:] == [("withheld", ""), ("withheld", "")], row


def test_what_was_published_is_not_written_over(tmp_path: Path) -> None:
    publish(october(), Areas(), tmp_path / "october")
    with pytest.raises(RuleBroken, match="is not empty"):
        publish(october(), Areas(), tmp_path / "october")


def test_a_month_that_is_not_over_says_so() -> None:
    unfinished = replace(october(), sealed_at=datetime(2026, 10, 22, 10, 0, tzinfo=UTC))
    assert unfinished.unfinished and not october().unfinished
    assert "was not over" in page(unfinished).decode() and "was not over" not in page(october()).decode()
    september = replace(a_month("2026-09"), sealed_at=datetime(2026, 9, 20, tzinfo=UTC))
    assert "September 2026, not over" in page(october(), [september]).decode()


@pytest.mark.parametrize("name", ["2026-13", "2026-00", "2026", "26-10", "2026-10'; DROP TABLE cases; --", "0000-01"])
def test_what_is_no_month_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="expected a month such as 2026-10"):
        month(name)
    refused = CliRunner().invoke(stats, ["--month", name])
    assert refused.exit_code == 2 and "--month" in refused.output


def test_a_month_is_one_of_local_time() -> None:
    assert [month("2026-10").since.isoformat(), month("2026-12").until.isoformat()] == [
        "2026-10-01T00:00:00+01:00", "2027-01-01T00:00:00+00:00",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        ("dock,borough\n", "row 1: expected the columns dock,bcu,borough"),
        ("dock,bcu,borough\nDOCK-01,CW\n", "row 2: expected dock, bcu and borough"),
        ("dock,bcu,borough\n../x,CW,Camden\n", "row 2: '../x' is no id of a dock"),
        ("dock,bcu,borough\nDOCK-01,CW,Camden\nDOCK-01,NW,Brent\n", "row 3: DOCK-01 stands in Camden already"),
        ("dock,bcu,borough\nDOCK-01,CW,Camden\nDOCK-02,NW,Camden\n", "row 3: Camden is a part of CW already"),
    ],
)
def test_areas_that_are_wrong_are_named(rows: str, says: str) -> None:
    with pytest.raises(ConfigurationInvalid, match=re.escape(says)):
        parse_areas(rows, "areas.csv")


def test_every_query_says_what_it_counts_and_reads() -> None:
    for figure in FIGURES:
        for word in ("Counts", "Unit", "Reads"):
            assert figure.header(word), f"{figure.name}.sql says nothing under {word}"
        printed = CliRunner().invoke(stats, ["sql", figure.name])
        assert printed.exit_code == 0 and printed.output == figure.sql


def read(path: str) -> str:
    return Path(path).read_text()


@pytest.mark.stack
async def test_no_person_is_in_what_is_published_and_every_command_says_the_same(
    database: Database, tmp_path: Path
) -> None:
    told = Told(database)
    clips = [told.recorded(device="taser" if n == 0 else "body_worn") for n in range(40)]
    for n, one in enumerate(clips[:10]):
        told.did("clips.consulted", one, verb="consultation", person="PC-CANARY", what="look", relation="reason",
                 reason="Jane Roe asked")  # fmt: skip
        told.submission(f"case-{n}", one)
    told.tell("encounters.recorded", {"encounter_id": "enc-1", "record": {"body": "Jane Roe, 12 Acacia Avenue"}})
    told.tell("cases.changed", {"case_id": "case-1", "change": {"body": json.dumps(
        {"change": {"type": "defendant", "defendant": "D1", "name": "Timmy Tiptoes"}})}})  # fmt: skip
    for n in range(8):
        told.encounter(f"enc-{n}", ("none", None), at=f"2026-10-{n + 1:02}T10:00:00+00:00",
                       borough="12 Acacia Avenue", bcu="Jane Roe")  # what somebody typed is no area  # fmt: skip
    head = await told.seal()
    (tmp_path / "areas.csv").write_text("dock,bcu,borough\nDOCK-01,CW,Camden\n")
    (tmp_path / "settings.toml").write_text(
        f'database = "{database.dsn}"\nnamespace = "{database.schema}"\nareas = "areas.csv"\n'
    )

    async def bwv(*words: str, code: int = 0) -> str:
        obj = {"home": str(tmp_path)}
        done: Result = await asyncio.to_thread(CliRunner().invoke, stats, words, obj=obj)
        assert done.exit_code == code, (words, done.output, done.exception)
        return done.stdout

    out = tmp_path / "october"
    published = json.loads(await bwv("publish", "--month", "2026-10", "--out", str(out), "--json"))
    for path, text in {path: read(path) for path in published["files"]}.items():
        assert not [canary for canary in CANARIES if canary in text], path
        assert not re.search(r"enc-\d|case-\d|clip-[a-z2-7]{8}", text), f"{path} names one of them"

    document = json.loads(await bwv("--month", "2026-10", "--by", "borough", "--json"))
    assert document["size"] == head.size == published["size"]
    by_name = {one["query"]["figure"]: one["places"] for one in document["figures"]}
    [camden] = by_name["recorded"]
    numbers = {line["measure"]: line["number"] for line in camden["lines"]}
    assert (camden["borough"], numbers["recorded"], numbers["recorded_taser"]) == ("Camden", 40, None)
    rows = list(csv.DictReader(io.StringIO(await bwv("--month", "2026-10", "--figure", "filmed", "--csv"))))
    assert {row["figure"] for row in rows} == {"filmed"}
    assert {row["measure"]: row["number"] for row in rows}["stop_search_none"] == "8"
    drawn = await bwv("--month", "2026-10")
    assert "withheld: fewer than 5" in drawn and f"checkpoint of {head.size} entries" in drawn
    assert "CANARY" not in drawn
    assert "Camden" in await bwv("--month", "2026-10", "--by", "borough", "--figure", "kept")
    await bwv("--csv", "--json", code=2)
    await bwv("publish", "--checkpoint", "1", "--out", str(tmp_path / "x"), code=2)
