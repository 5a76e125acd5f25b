"""`bwv demo --all`, as a visitor gives it: a policy, a disposal with its certificate, a hold that saves a clip."""

from __future__ import annotations

import asyncio
import subprocess
from pathlib import Path

import pytest

from tests.pipeline.pipeline import BWV

pytestmark = pytest.mark.stack


async def test_one_clip_goes_with_its_certificate_and_a_complaint_keeps_another(tmp_path: Path) -> None:
    argv = [*BWV, "--home", str(tmp_path / "home"), "demo", "--all", "--large", "5000000"]
    done = await asyncio.to_thread(subprocess.run, argv, capture_output=True, text=True, check=False, timeout=400)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    for words in (
        "declared 8 = wiped 7 + quarantined 1 + left on the camera 0",
        "gone, and certified",
        "Deleted on",
        "Kept: a hold stands, whatever its period says.",
        "1 deleted; 0 with a finding",
        "clips 8 = kept 6 + held 1 + deleted with a certificate 1",
        "it adds up",
    ):
        assert words in done.stdout, words
    assert not (tmp_path / "home" / "demo").exists()
