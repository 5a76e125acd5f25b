"""Packages of real clips: what each recipient gets, and that any change of any of it is found."""

from __future__ import annotations

import asyncio
import json
import os
import random
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from local.ffmpeg import find_ffmpeg
from local.stack import BUCKET
from local.store import Store
from tests.custody.exports import Expert, note_signer
from tests.pipeline.pipeline import command
from tests.prosecution.packed import CANARY, HIDDEN, Packer, Packs, packer, packs
from workers.custody import bwv_verify
from workers.custody.bwv_verify import Refused, check_package
from workers.errors import NameInvalid, PartUnreachable, RuleBroken
from workers.errors import Refused as RefusedRequest
from workers.footage.canonical import canonical, sha256_hex
from workers.prosecution.package.bag import BagWriter
from workers.prosecution.package.build import Builder, Progress
from workers.prosecution.statements import Purpose, Recipient

CPS, DEFENCE, SUBJECT, TRAINING = Recipient.CPS, Recipient.DEFENCE, Recipient.DATA_SUBJECT, Recipient.TRAINING
FLIPS = int(os.environ.get("BWV_TEST_FLIPS", "120"))
"""Bytes of each larger file that are changed."""

NOBODY = Progress(lambda left: None, lambda size: None, lambda count: None)


@pytest.fixture(scope="module")
def made(evidence: tuple[Path, Store], dsn: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Packs]:
    """A package for each recipient; made once, changed by nobody."""
    home, store = evidence
    folder = tmp_path_factory.mktemp("packages")
    yield asyncio.run(packs(home, store.endpoint, BUCKET, dsn, folder))


@pytest.fixture
def copy(made: Packs, tmp_path: Path) -> Callable[[Recipient], Path]:
    """A package that may be spoilt."""

    def copied(recipient: Recipient = CPS) -> Path:
        return Path(shutil.copytree(made.folder(recipient), tmp_path / recipient.value))

    return copied


def files_in(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def listed_again(folder: Path) -> Path:
    """The bag's own lists as they would be of what lies there now: a forger writes them, too."""
    found = {name: sha256_hex(data) for name, data in files_in(folder).items()}
    for name, inside in ((bwv_verify.PAYLOAD_LIST, True), (bwv_verify.TAG_LIST, False)):
        names = [one for one in sorted(found) if one.startswith("data/") is inside and one != bwv_verify.TAG_LIST]
        text = "".join(f"{found[one]}  {one}\n" for one in names)
        (folder / name).write_text(text)
        found[name] = sha256_hex(text.encode())
    return folder


def no(folder: Path, made: Packs) -> Refused:
    with pytest.raises(Refused) as found:
        check_package(str(folder), made.keys)
    return found.value


# -- whole packages ----------------------------------------------------------------------------------------------


def test_every_package_is_a_bag_that_the_library_of_congress_reads(made: Packs) -> None:
    for recipient in Recipient:
        ran = subprocess.run(
            ["nice", sys.executable, "-m", "bagit", "--validate", str(made.folder(recipient))],
            capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        assert ran.returncode == 0 and "is valid" in ran.stderr, ran.stderr


def test_the_one_file_verifier_says_yes_on_a_machine_that_has_nothing_of_ours(made: Packs, tmp_path: Path) -> None:
    expert = Expert(tmp_path)
    shutil.copy(made.folder(CPS) / bwv_verify.VERIFIER, expert.verifier)  # the very file that travels with it
    for recipient in Recipient:
        seal = made.seals[recipient]
        found = expert.run(made.folder(recipient), "--key", made.key, "--seal", seal)
        assert (found.returncode, found.stderr) == (0, ""), found.stdout
        assert found.stdout.startswith("YES: the package is whole") and seal in found.stdout
    said = json.loads(expert.run(made.folder(CPS), "--key", made.key, "--json").stdout)
    assert [(one["reference"], one["kind"], one["lineage_shown"]) for one in said["exhibits"]] == [
        ("JS/1", "master", None), ("JS/2", "range", True), ("AB/1", "redaction", True),
    ]  # fmt: skip
    assert {one["unchanged_since"]["declared_by"] for one in said["exhibits"]} == {"DOCK-1"}
    other = expert.run(made.folder(CPS), "--key", str(note_signer("other.example").verifier))
    wrong = expert.run(made.folder(CPS), "--key", made.key, "--seal", made.seals[DEFENCE])
    footage = expert.run(made.folder(CPS), "--key", made.key, "--footage", made.folder(CPS) / "bagit.txt")
    assert other.returncode == 1 and "given with --key" in other.stdout
    assert wrong.returncode == 1 and wrong.stdout.startswith("NO: the seal")
    assert footage.returncode == 2 and "--footage goes with the export" in footage.stderr


def test_the_command_line_says_yes_no_and_wrong_use(made: Packs, copy: Callable[..., Path], tmp_path: Path) -> None:
    folder = copy(DEFENCE)
    words = ["--home", str(tmp_path), "package", "verify", str(folder), "--key", made.key]
    yes = command([*words, "--json"])
    assert yes.code == 0 and yes.json["verdict"] == "YES" and yes.json["seal"] == made.seals[DEFENCE]
    (folder / "data" / "case.json").write_bytes(b"{}")
    found = command(words)
    assert found.code == 1 and found.out.startswith("NO: data/case.json")
    assert command([*words, "--json"]).json["where"] == "data/case.json"
    assert command(["package", "verify", str(tmp_path), "--key", made.key]).code == 2
    assert command([*words[:-1], "no key"]).code == 2


# -- any change --------------------------------------------------------------------------------------------------


def test_every_changed_byte_is_found(made: Packs, copy: Callable[..., Path]) -> None:
    """Every byte of each list and small file of a package; of its larger files so many."""
    folder, seed = copy(TRAINING), int(os.environ.get("BWV_SEED", "20261122"))
    chance, flips, caught = random.Random(seed), 0, 0
    for name, data in sorted(files_in(folder).items()):
        places = range(len(data)) if len(data) < 700 else chance.sample(range(len(data)), min(FLIPS, len(data)))
        with (folder / name).open("r+b", buffering=0) as file:
            for at in places:
                os.pwrite(file.fileno(), bytes([data[at] ^ (1 << chance.randrange(8))]), at)
                flips += 1
                try:
                    check_package(str(folder), made.keys)
                except Refused:
                    caught += 1
                else:
                    print(f"missed: {name} byte {at}")
                os.pwrite(file.fileno(), data[at : at + 1], at)
    print(f"flips {flips}, caught {caught}; seed {seed}")
    assert caught == flips > 2500
    assert check_package(str(folder), made.keys).seal == made.seals[TRAINING]


BOUND = ("AB-1.mp4", "mme.json", "lineage.json", "sidecar.json", "manifest.json", "proof.json")
"""What the custody log knows, be the bag's own lists forged; anything else is known by the seal."""


def test_a_forger_who_writes_the_lists_again_is_found_by_the_log_or_by_the_seal(
    made: Packs, copy: Callable[..., Path]
) -> None:
    folder, by_log, by_seal = copy(CPS), 0, 0
    for name, data in sorted(files_in(folder).items()):
        if name in (bwv_verify.TAG_LIST, bwv_verify.PAYLOAD_LIST, bwv_verify.BAG_DECLARATION):
            continue
        (folder / name).write_bytes(data[:-2] + bytes([data[-2] ^ 1]) + data[-1:])
        listed_again(folder)
        if name.endswith(BOUND):
            assert no(folder, made).where.startswith("data/"), name
            by_log += 1
        else:
            try:
                forged = check_package(str(folder), made.keys)
            except Refused:
                by_log += 1
            else:
                with pytest.raises(Refused, match="the seal"):
                    bwv_verify.check_seal(forged, made.seals[CPS])
                by_seal += 1
        (folder / name).write_bytes(data)
    listed_again(folder)
    assert check_package(str(folder), made.keys).seal == made.seals[CPS]
    print(f"forged files: {by_log} found by the log, {by_seal} by the seal")
    assert by_log >= 12 and by_seal >= 5


def test_exhibits_that_are_swapped_are_found(made: Packs, copy: Callable[..., Path]) -> None:
    folder = copy(CPS)
    one, other = folder / "data/exhibits/JS-1/JS-1.mp4", folder / "data/exhibits/AB-1/AB-1.mp4"
    first, second = one.read_bytes(), other.read_bytes()
    one.write_bytes(second)
    other.write_bytes(first)
    assert "JS-1.mp4" in no(listed_again(folder), made).where or "AB-1.mp4" in no(folder, made).where
    manifest = folder / bwv_verify.SUBMISSION
    said = json.loads(manifest.read_bytes())
    items = {item["reference"]: item for item in said["items"]}
    for name in ("sha256", "size"):
        items["JS/1"][name], items["AB/1"][name] = items["AB/1"][name], items["JS/1"][name]
    manifest.write_bytes(canonical(said))
    found = no(listed_again(folder), made)
    assert found.where.endswith(bwv_verify.PROOF) and bwv_verify.SUBMITTED in found.expected


def test_what_is_added_missing_or_a_link_is_found(made: Packs, copy: Callable[..., Path]) -> None:
    folder = copy(CPS)
    media = folder / "data/exhibits/JS-1/JS-1.mp4"
    spoilt: list[tuple[Callable[[], Any], Callable[[], Any], str]] = [
        ((folder / "note.txt").touch, (folder / "note.txt").unlink, "note.txt"),
        ((folder / "data/note.txt").touch, (folder / "data/note.txt").unlink, "data/note.txt"),
        ((folder / "data/empty").mkdir, (folder / "data/empty").rmdir, "data/empty"),
        (lambda: media.rename(folder.parent / "m"), lambda: (folder.parent / "m").rename(media), "data/exhibits/JS-1"),
        ((folder / "a\nb").touch, (folder / "a\nb").unlink, "a"),
        (lambda: os.mkfifo(folder / "data/pipe"), (folder / "data/pipe").unlink, "data/pipe"),
        (lambda: (folder / "data/x").symlink_to("case.json"), (folder / "data/x").unlink, "data/x"),
        (lambda: (folder / "x").symlink_to("data"), (folder / "x").unlink, "x"),
    ]
    for spoil, mend, where in spoilt:
        spoil()
        assert no(folder, made).where.startswith(where), where
        mend()
    extra = folder / "data/exhibits/JS-1/JS-1.txt"
    extra.write_text("more")
    assert no(listed_again(folder), made).where == "data/exhibits/JS-1/JS-1.txt"
    extra.unlink()
    shutil.rmtree(folder / "data/custody" / made.clips[0])
    assert made.clips[0] in no(listed_again(folder), made).where


# -- what each recipient gets --------------------------------------------------------------------------------------

EXPECTED = {
    # recipient: schedules, statements, sidecars, lineages
    CPS: ({"MG6C", "MG6D", "MG6E", "SDC", "unused"}, 3, 1, 2),
    DEFENCE: ({"MG6C"}, 3, 0, 0),
    SUBJECT: (set(), 0, 0, 0),
    TRAINING: (set(), 0, 0, 0),
}


@pytest.mark.parametrize("recipient", list(Recipient))
def test_a_recipient_gets_what_the_table_says(made: Packs, recipient: Recipient) -> None:
    names = list(files_in(made.folder(recipient)))
    schedules, statements, sidecars, lineages = EXPECTED[recipient]
    assert {Path(name).stem for name in names if name.startswith("data/schedules/")} == schedules
    assert sum(name.startswith("data/statements/") for name in names) == statements
    assert sum(name.endswith("sidecar.json") for name in names) == sidecars
    assert sum(name.endswith("lineage.json") for name in names) == lineages
    case = json.loads((made.folder(recipient) / bwv_verify.CASE).read_bytes())
    assert ("defendants" in case, "clock" in case) == (recipient in (CPS, DEFENCE), recipient is CPS)
    page = (made.folder(recipient) / bwv_verify.PAGE).read_text()
    assert ("For training only, until" in page) == (recipient is TRAINING)
    assert "http:" not in page and "https:" not in page.replace("https://evidence.force.example/l/", "")


@pytest.mark.parametrize("recipient", list(Recipient))
def test_no_package_tells_of_holds_categories_or_other_cases(made: Packs, recipient: Recipient) -> None:
    for name, data in _told(made.folder(recipient)).items():
        for word in (b"holds.", b"hold-x", b"complaint", b"categorised", b"99ZZ9999999", b"submission-other"):
            assert word not in data, (name, word)


@pytest.mark.parametrize("recipient", [DEFENCE, SUBJECT, TRAINING])
def test_what_was_redacted_is_nowhere(made: Packs, recipient: Recipient, tmp_path: Path) -> None:
    folder = made.folder(recipient)
    for name, data in _told(folder).items():
        assert CANARY.encode() not in data and b"Acacia" not in data, name
    [redacted] = [*folder.glob("data/exhibits/AB-1/*.mp4"), *folder.glob("data/exhibits/SA-1/*.mp4")]
    for picture in (redacted, redacted.with_name("thumbnail.jpg")):
        pixels = _region(picture)
        assert pixels and max(pixels) - min(pixels) <= 12, f"{picture.name}: {min(pixels)}…{max(pixels)}"
    shown = made.folder(CPS) / "data/exhibits/JS-1/JS-1.mp4"
    assert max(_region(shown)) - min(_region(shown)) > 100  # the same place, where nothing is covered


def _told(folder: Path) -> dict[str, bytes]:
    """Every file, and beside it whatever a proof carries in base64."""
    files = files_in(folder)
    for name in [name for name in files if name.endswith(bwv_verify.PROOF)]:
        for entry in json.loads(files[name])["entries"]:
            payload = entry["payload"]
            files[f"{name} {entry['index']}"] = b"" if payload is None else bwv_verify.base64_bytes(name, payload)
    return files


def _region(media: Path) -> bytes:
    """Grey values of the inside of what is covered, of every picture of the file."""
    x, y, width, height = HIDDEN
    crop = f"crop={width - 16}:{height - 16}:{x + 8}:{y + 8},format=gray"
    argv = [find_ffmpeg().ffmpeg, "-nostdin", "-v", "error", "-i", str(media), "-vf", crop, "-f", "rawvideo", "-"]
    return subprocess.run(["nice", *argv], capture_output=True, check=True, timeout=60).stdout


# -- building ------------------------------------------------------------------------------------------------------


async def test_a_package_waits_for_the_seal_and_is_whole_or_not_there(
    evidence: tuple[Path, Store], dsn: str, tmp_path: Path
) -> None:
    home, store = evidence
    async with packer(home, store.endpoint, BUCKET, dsn, tmp_path) as packed:
        submission = await _simple(packed)
        with pytest.raises(PartUnreachable, match="does not stand in the sealed custody log yet"):
            await packed.pack(submission, tmp_path / "early")
        assert folders(tmp_path) == []
        await packed.seal()

        found, _ = await packed.pack(submission, tmp_path / "out")
        assert check_package(str(tmp_path / "out"), bwv_verify.read_keys([packed.key])).manifest["recipient"] == "cps"
        with pytest.raises(NameInvalid, match="is there already"):
            await packed.pack(submission, tmp_path / "out")
        with pytest.raises(RefusedRequest, match="there is no submission"):
            await packed.pack("submission-" + "a" * 32, tmp_path / "none")

        about = msgspec.structs.replace(found.items[0].about, sha256="0" * 64)
        other = msgspec.structs.replace(found.items[0], about=about)
        vault = packed.vault()
        try:
            with BagWriter(tmp_path / "wrong") as bag:
                builder = Builder(packed.database, vault, packed.settings.namespace)
                with pytest.raises(RuleBroken, match="No package was made"):
                    await builder.write(bag, msgspec.structs.replace(found, items=(other,)), {}, NOBODY)
        finally:
            vault.close()
        assert folders(tmp_path) == ["out"]


def folders(place: Path) -> list[str]:
    """Names of the folders there, unfinished ones too."""
    return sorted(path.name for path in place.iterdir() if path.is_dir())


async def _simple(packed: Packer) -> str:
    clip = await packed.clip(b"no video at all, and evidence all the same")
    await packed.case_with(clip)
    return await packed.submit("01AB0012326", Purpose.CHARGING, CPS)
