"""Who gives which command of scrutiny: refused before anything is asked of a database or a stage."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from console.web.people import PEOPLE, People, Role
from tests.pipeline.pipeline import command

STANDARDS = {Role.STANDARDS}
SUPERVISORS = {Role.SUPERVISOR, Role.STANDARDS}
OVERSIGHT = SUPERVISORS | {Role.AUDITOR}


@pytest.mark.parametrize(
    ("words", "roles"),
    [
        (["complaint", "open", "CO/1/26", "--incident", "INC-1"], STANDARDS),
        (["complaint", "outcome", "CO/1/26", "--sent", "2026-11-22"], STANDARDS),
        (["complaint", "review", "CO/1/26", "--applied", "2026-11-22"], STANDARDS),
        (["complaint", "receipt", "CO/1/26", "--out", "page.html"], STANDARDS),
        (["complaint", "show", "CO/1/26"], STANDARDS),
        (["complaint", "list"], STANDARDS),
        (["misuse", "list", "--reason", "weekly look"], STANDARDS),
        (["dip-sample", "draw", "--unit", "Newham", "--month", "2026-10"], SUPERVISORS),
        (["dip-sample", "result", "draw-1", "1", "--grade", "green", "--notes", "x"], SUPERVISORS),
        (["panel", "returned", "--officer", "PC-4711"], OVERSIGHT),
    ],
)
async def test_only_whose_work_it_is(tmp_path: Path, words: list[str], roles: set[Role]) -> None:
    for role in (None, *sorted(set(Role) - roles)):
        (tmp_path / PEOPLE).unlink(missing_ok=True)
        if role is not None:
            People(tmp_path / PEOPLE).add("ADMIN", "A. Admin", [role])
        said = await asyncio.to_thread(command, ["--home", str(tmp_path), *words])
        assert said.code == 1 and "has not the role" in said.err and said.out == "", (role, said)
