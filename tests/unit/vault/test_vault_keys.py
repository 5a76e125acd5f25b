"""Keys: what they look like, and that no name gets out of its folder."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers.errors import NameInvalid
from workers.vault import keys

CLIP = "clip-" + "a2" * 16


def test_the_keys_of_an_attempt() -> None:
    found = keys.attempt_keys("force_a", CLIP, 3)
    assert found.footage == f"force_a/clips/{CLIP}/3/footage"
    assert found.sidecar == f"force_a/clips/{CLIP}/3/sidecar.json"
    assert found.manifest == f"force_a/clips/{CLIP}/3/manifest.json"


def test_the_other_keys() -> None:
    assert keys.quarantine_keys("n", CLIP).manifest == f"n/quarantine/{CLIP}/manifest.json"
    assert keys.certificate_key("n", CLIP) == f"n/certificates/{CLIP}"
    assert keys.custody_key("n", "tiles/0/x001") == "n/custody/tiles/0/x001"
    assert keys.custody_payload_key("n", CLIP, 0) == f"n/custody/payloads/{CLIP}/0"


@pytest.mark.parametrize(
    "clip",
    [
        "",
        "clip-",
        "clip-" + "a" * 31,
        "clip-" + "a" * 33,
        "clip-" + "A" * 32,
        "clip-" + "a" * 31 + "1",
        "clip-" + "a" * 32 + "/x",
        "clip-" + "a" * 32 + "\n",
        "../" + "a" * 30,
        "clip-" + "a" * 32 + "\x00",
        "clip-%2e%2e" + "a" * 32,
        "clip-" + "\u0430" * 32,
    ],
)
def test_what_is_no_clip_id_never_becomes_a_key(clip: str) -> None:
    for make in (keys.clip_prefix, keys.quarantine_keys, keys.certificate_key, keys.custody_payload_prefix):
        with pytest.raises(NameInvalid):
            make("n", clip)
    with pytest.raises(NameInvalid):
        keys.attempt_keys("n", clip, 1)


@pytest.mark.parametrize("namespace", ["", "-a", "a-", "_a", "1a", "A", "a/b", "..", "a b", "a" * 32, "a\n"])
def test_what_is_no_namespace_never_becomes_a_key(namespace: str) -> None:
    with pytest.raises(NameInvalid):
        keys.clip_prefix(namespace, CLIP)


@pytest.mark.parametrize("attempt", [0, -1, 10_000])
def test_attempts_are_counted_from_one(attempt: int) -> None:
    with pytest.raises(NameInvalid):
        keys.attempt_keys("n", CLIP, attempt)


@pytest.mark.parametrize("name", ["", "/a", "a/", "a//b", "../a", "a/../b", ".a", "a/.b", "A", "a" * 81])
def test_a_custody_name_stays_in_its_folder(name: str) -> None:
    with pytest.raises(NameInvalid):
        keys.custody_key("n", name)


@given(st.text())
def test_any_text_is_a_clip_id_or_is_refused(text: str) -> None:
    try:
        prefix = keys.clip_prefix("n", text)
    except NameInvalid:
        return
    assert prefix == f"n/clips/{text}/"
    assert prefix.count("/") == 3


def test_a_key_tells_its_clip() -> None:
    assert keys.clip_id_in(keys.attempt_keys("n", CLIP, 1).footage) == CLIP
    assert keys.clip_id_in(keys.quarantine_keys("n", CLIP).sidecar) == CLIP
    assert keys.clip_id_in(keys.certificate_key("n", CLIP)) == CLIP
    assert keys.clip_id_in(keys.custody_payload_key("n", CLIP, 7)) == CLIP
    assert keys.clip_id_in(keys.custody_key("n", "tiles/0")) is None
    assert keys.clip_id_in(keys.store_check_prefix("n", "0" * 12) + f"clips/{CLIP}/1/footage") is None
