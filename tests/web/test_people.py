"""Who may sign in: passwords, joiners, movers, leavers."""

from __future__ import annotations

from pathlib import Path

import pytest

from console.web.joining import changes_of, read_file
from console.web.people import Cost, People, Person, Role, fits, hashed
from workers.errors import ConfigurationInvalid, NameInvalid, Refused

CHEAP = Cost(4, 8, 1)
AT = "2026-11-22T12:00:00.000Z"


def test_a_password_fits_its_hash_and_no_other() -> None:
    kept = hashed("three random words", CHEAP)
    assert fits("three random words", kept)
    assert not fits("three random wordS", kept)
    assert not fits("three random words", "")
    assert kept != hashed("three random words", CHEAP)
    with pytest.raises(Refused, match="11 characters"):
        hashed("hello world", CHEAP)


def test_a_number_is_given_once_also_after_somebody_has_left(tmp_path: Path) -> None:
    people = People(tmp_path / "people.json")
    people.add("PC-100", "A Smith", [Role.OFFICER], hashed("three random words", CHEAP))
    assert (tmp_path / "people.json").stat().st_mode & 0o077 == 0
    people.leave("PC-100", AT)
    assert people.find("PC-100") is None
    with pytest.raises(Refused, match="given once"):
        people.add("PC-100", "B Jones", [Role.OFFICER])
    with pytest.raises(Refused, match="nobody"):
        people.move("PC-100", roles=[Role.AUDITOR])
    with pytest.raises(NameInvalid):
        people.add("../x", "B Jones", [Role.OFFICER])
    with pytest.raises(Refused, match="role"):
        people.add("PC-200", "B Jones", [])


def test_another_process_sees_who_has_left_at_once(tmp_path: Path) -> None:
    ours, theirs = People(tmp_path / "people.json"), People(tmp_path / "people.json")
    ours.add("PC-100", "A Smith", [Role.OFFICER])
    assert theirs.find("PC-100") is not None
    ours.leave("PC-100", AT)
    assert theirs.find("PC-100") is None


def test_hashes_that_others_can_read_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "people.json"
    People(path).add("PC-100", "A Smith", [Role.OFFICER])
    path.chmod(0o644)
    with pytest.raises(ConfigurationInvalid, match="chmod 600"):
        People(path).known()


def everybody(tmp_path: Path, text: str) -> list[Person]:
    path = tmp_path / "everybody.csv"
    path.write_text(text)
    return read_file(path)


def test_a_file_of_everybody_lets_join_move_and_leave(tmp_path: Path) -> None:
    known = {name: Person(name, "N", (Role.OFFICER,), "hash") for name in ("PC-100", "PC-200", "PC-300")} | {
        "PC-400": Person("PC-400", "N", (Role.OFFICER,), "", AT)
    }
    file = everybody(
        tmp_path, "person,name,roles\nPC-100,N,officer\nPC-200,N,officer supervisor\nPC-400,N,officer\nPC-500,N,panel\n"
    )
    people, changes = changes_of(known, file, AT, yes=False)
    after = {one.person: one for one in people}
    assert (changes.joined, changes.moved, changes.left) == (("PC-400", "PC-500"), ("PC-200",), ("PC-300",))
    assert after["PC-100"].password == "hash" and after["PC-300"].left_at == AT and after["PC-300"].password == ""
    assert after["PC-400"].left_at is None and after["PC-200"].roles == (Role.OFFICER, Role.SUPERVISOR)


def test_a_file_that_was_cut_short_makes_nobody_leave(tmp_path: Path) -> None:
    known = {f"PC-{n}": Person(f"PC-{n}", "N", (Role.OFFICER,)) for n in range(100, 130)}
    file = everybody(tmp_path, "person,name,roles\nPC-100,N,officer\n")
    with pytest.raises(Refused, match="29 of 30"):
        changes_of(known, file, AT, yes=False)
    assert len(changes_of(known, file, AT, yes=True)[1].left) == 29


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "first line"),
        ("person,name\nPC-100,N\n", "first line"),
        ("person,name,roles\n", "names nobody"),
        ("person,name,roles\nPC-100,N,king\n", "line 2"),
        ("person,name,roles\nPC-100,,officer\n", "missing"),
        ("person,name,roles\nPC-100,N,officer\nPC-100,N,officer\n", "twice"),
    ],
)
def test_a_file_that_is_none_is_refused(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(Refused, match=says):
        everybody(tmp_path, text)
