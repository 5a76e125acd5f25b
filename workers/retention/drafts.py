"""Dry runs that wait for a person's decision, one file each under the digest of the policy's text."""

from __future__ import annotations

import hashlib
import os
from datetime import datetime, timedelta
from pathlib import Path

import msgspec

from workers.errors import RuleBroken
from workers.retention.dryrun import DryRun
from workers.retention.policy import Policy

FOLDER = "dry-runs"
FRESH = timedelta(hours=24)
CHANGED_MOST = 0.05
"""Share of clips that may have come or gone since; a night's docking is less, a lost table more."""

CHANGED_ALWAYS = 1000
MAKE = "make it: bwv retention dry-run FILE"


def keep(home: Path, result: DryRun) -> tuple[str, Path]:
    """Write a dry run's result where `adopt` finds it; returns its digest (hex) and its file."""
    data = msgspec.json.format(msgspec.json.encode(result), indent=1)
    path = _path(home, result.policy_sha256)
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(".new")
    draft.write_bytes(data)
    os.replace(draft, path)
    return hashlib.sha256(data).hexdigest(), path


def kept(home: Path, policy: Policy, *, against: int, clips: int, now: datetime) -> str:
    """Digest of the fresh dry run of this very policy.

    Args:
        against: version in force now.
        clips: that a dry run would look at now.

    Raises:
        RuleBroken: there is none, or it is no longer about what there is now.
    """
    path = _path(home, policy.sha256)
    try:
        data = path.read_bytes()
    except FileNotFoundError as error:
        raise RuleBroken(f"no dry run of this very text was made here; {MAKE}") from error
    result = _decoded(path, data)
    again = "make it again: bwv retention dry-run FILE"
    if result.policy_sha256 != policy.sha256:
        raise RuleBroken(f"{path} is about another text ({result.policy_sha256[:12]}…); {again}")
    if now - result.made_at > FRESH or result.made_at > now + FRESH:
        raise RuleBroken(f"the dry run was made at {result.made_at:%Y-%m-%d %H:%M} UTC, over 24 hours ago; {again}")
    if result.against != against:
        raise RuleBroken(f"the dry run compared with version {result.against}, in force is {against}; {again}")
    if abs(clips - result.clips) > max(CHANGED_ALWAYS, CHANGED_MOST * result.clips):
        raise RuleBroken(f"the dry run looked at {result.clips:,} clips, now there are {clips:,}; {again}")
    return hashlib.sha256(data).hexdigest()


def _decoded(path: Path, data: bytes) -> DryRun:
    try:
        return msgspec.json.decode(data, type=DryRun)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise RuleBroken(f"{path} is not a dry run: {error}; {MAKE}") from error


def _path(home: Path, sha256: str) -> Path:
    return home / FOLDER / f"{sha256}.json"
