"""Who may sign in: passwords, the file of people, joiners, movers, leavers, and the commands for it."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from console.web.joining import Change, read_file, sync
from console.web.passwords import Cost, fits, hashed
from console.web.people import People, Person, Role
from console.web.people_file import PeopleFile
from workers.errors import ConfigurationInvalid, NameInvalid, Refused

CHEAP = Cost(4, 8, 1)
AT = "2026-11-22T12:00:00.000Z"
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


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


COLUMNS = "warrant,name,roles,unit,from,until\n"


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "everybody.csv"
    path.write_text(text)
    return path


def there(tmp_path: Path, *numbers: str) -> People:
    people = People(tmp_path / "people.json")
    for number in numbers:
        people.add(number, f"Name of {number}", [Role.OFFICER], hashed("three random words", CHEAP))
    return people


def test_a_file_of_everybody_lets_join_move_and_leave_once(tmp_path: Path) -> None:
    people = there(tmp_path, "PC-100", "PC-200", "PC-300")
    file = written(
        tmp_path,
        COLUMNS + "PC-100,Name of PC-100,officer,,,\n"
        "pc-200,Name of PC-200,officer; supervisor,Barnet,,2027-01-31\n"
        "PC-500,New Name,panel,,2026-12-01,\n"
        "PC-600,Long Gone,officer,,,2026-11-21\n",
    )
    dry = sync(people, file, NOW, dry_run=True)
    assert people.known()["PC-300"].left_at is None and "PC-500" not in people.known()
    changes = sync(people, file, NOW)
    assert changes == dry
    assert changes.joined == (Change("PC-500", "New Name"),)
    assert changes.left == (Change("PC-300", "Name of PC-300"),)
    [moved] = changes.moved
    assert moved.what == "roles officer → officer supervisor; unit none → Barnet; until none → 2027-01-31"
    after = people.known()
    assert after["PC-100"].password and after["PC-200"].password, "who stays keeps the password"
    assert after["PC-300"].left_at == AT and not after["PC-300"].password and "PC-600" not in after
    assert people.find("PC-500", NOW) is None and people.find("PC-500", datetime(2026, 12, 1, 9, tzinfo=UTC))
    assert people.find("PC-200", datetime(2027, 2, 1, 0, 30, tzinfo=UTC)) is None
    written_at = people.path.stat().st_mtime_ns
    assert not sync(people, file, NOW) and people.path.stat().st_mtime_ns == written_at, "again it changes nothing"


def test_somebody_who_comes_back_joins_without_the_old_password(tmp_path: Path) -> None:
    people = there(tmp_path, "PC-100", "PC-200")
    alone = written(tmp_path, COLUMNS + "PC-100,Name of PC-100,officer,,,\n")
    assert [one.person for one in sync(people, alone, NOW).left] == ["PC-200"]
    both = written(tmp_path, COLUMNS + "PC-100,Name of PC-100,officer,,,\nPC-200,Name of PC-200,panel,,,\n")
    assert [one.person for one in sync(people, both, NOW).joined] == ["PC-200"]
    back = people.find("PC-200", NOW)
    assert back is not None and not back.password and back.roles == (Role.PANEL,)


def test_who_was_removed_by_hand_stays_out_while_the_file_still_names_them(tmp_path: Path) -> None:
    people = there(tmp_path, "PC-100", "PC-200")
    both = COLUMNS + "PC-100,Name of PC-100,officer,,,\nPC-200,Name of PC-200,officer,,,\n"
    people.leave("PC-200", AT)
    assert sync(people, written(tmp_path, both), NOW).barred == ("PC-200",)
    assert people.find("PC-200", NOW) is None
    sync(people, written(tmp_path, COLUMNS + "PC-100,Name of PC-100,officer,,,\n"), NOW)
    assert [one.person for one in sync(people, written(tmp_path, both), NOW).joined] == ["PC-200"]
    people.leave("PC-200", AT)
    people.restore("PC-200")
    assert not sync(people, written(tmp_path, both), NOW) and people.find("PC-200", NOW)


def test_an_account_outside_the_file_stays_and_is_told(tmp_path: Path) -> None:
    people = there(tmp_path, "PC-100")
    people.add("EMERGENCY", "Sealed envelope", [Role.ADMINISTRATOR], outside=True)
    changes = sync(people, written(tmp_path, COLUMNS + "PC-100,Name of PC-100,officer,,,\n"), NOW)
    assert not changes and changes.outside == ("EMERGENCY",)


def test_a_file_that_was_cut_short_makes_nobody_leave(tmp_path: Path) -> None:
    people = People(tmp_path / "people.json")
    with people.changing() as known:
        known.update({f"PC-{n}": Person(f"PC-{n}", "N", (Role.OFFICER,)) for n in range(100, 130)})
    most = "warrant,name,roles\n" + "".join(f"PC-{n},N,officer\n" for n in range(106, 130))
    cut = "warrant,name,roles\nPC-100,N,officer\n"
    with pytest.raises(Refused, match="29 of 30 people would leave by this file, more than 20 %"):
        sync(people, written(tmp_path, cut), NOW)
    assert all(one.left_at is None for one in people.known().values())
    assert len(sync(people, written(tmp_path, most), NOW, dry_run=True).left) == 6, "a fifth may leave"
    with pytest.raises(Refused, match="more than 10 %"):
        sync(people, written(tmp_path, most), NOW, most_leave=10)
    assert len(sync(people, written(tmp_path, cut), NOW, really=True).left) == 29


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "first line"),
        ("warrant,name\nPC-100,N\n", "first line"),
        ("warrant,name,roles,shoe\nPC-100,N,officer,9\n", "first line"),
        ("warrant,name,roles\n", "names nobody"),
        ("warrant,name,roles\nPC-100,N,king\n", r"line 2 \(PC-100\): no role is called king"),
        ("warrant,name,roles\nPC-100,,officer\n", r"line 2 \(PC-100\).*no name"),
        ("warrant,name,roles\nPC-100,N,\n", r"line 2 \(PC-100\).*without a role"),
        ("warrant,name,roles\n../x,N,officer\n", r"line 2 \(\.\./x\)"),
        ("warrant,name,roles\nPC-100,N,officer,9\n", "more cells"),
        ("warrant,name,roles\nPC-100,N,officer\nPC-100,N,officer\n", r"line 3 \(PC-100\): is in line 2 too"),
        ("warrant,name,roles,until\nPC-100,N,officer,31/12/2026\n", "is no day"),
        (COLUMNS + "PC-100,N,officer,,2026-12-02,2026-12-01\n", "before they come"),
        ('warrant,name,roles\n"PC-100,N,officer\n', "not CSV"),
        ("warrant,name,roles\nPC-100,N,king\nPC-200,,officer\nPC-300,N,officer\n", "2 rows are wrong"),
    ],
)
def test_a_file_that_is_none_is_refused_by_its_rows(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(Refused, match=says):
        read_file(written(tmp_path, text))


def test_a_file_that_is_not_text_or_not_there_is_refused(tmp_path: Path) -> None:
    (tmp_path / "odd.csv").write_bytes(b"warrant,name,roles\nPC-100,\xff,officer\n")
    with pytest.raises(Refused, match="UTF-8"):
        read_file(tmp_path / "odd.csv")
    with pytest.raises(Refused, match="cannot be read"):
        read_file(tmp_path / "missing.csv")


def test_the_board_reads_the_file_and_a_bad_one_leaves_people_as_they_were(tmp_path: Path) -> None:
    people = there(tmp_path, "PC-100")
    file = PeopleFile(people, written(tmp_path, COLUMNS + "PC-100,Name of PC-100,panel,,,\n"), 900)
    file.read()
    assert not file.problem and file.newest is not None and file.newest.said() == "0 joined, 1 moved, 0 left"
    written(tmp_path, COLUMNS + "PC-100,Name of PC-100,king,,,\n")
    file.read()
    assert "king" in file.problem and people.known()["PC-100"].roles == (Role.PANEL,)
    written(tmp_path, COLUMNS + "PC-100,Name of PC-100,auditor,,,\n")
    file.read()
    assert not file.problem and people.known()["PC-100"].roles == (Role.AUDITOR,)
