"""Reads the text of a policy, and refuses in one sentence what is wrong with it."""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Iterable
from datetime import timedelta
from typing import Any, TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

import msgspec
from msgspec import Struct

from workers.errors import PolicyInvalid
from workers.retention.periods import Period, exact
from workers.retention.rules import (
    UNCATEGORISED,
    Budget,
    Category,
    HoldRule,
    LateDocking,
    Override,
    Policy,
    QuarantineRule,
)
from workers.retention.soundness import check

__all__ = ["UNCATEGORISED", "Policy", "nearest", "parse"]

T = TypeVar("T", bound=Struct)

LENGTHS = ("window", "bin", "review_within")
TEXT_BYTES = 512 * 1024
"""A policy travels in a signed message; no schedule of a force comes near."""

GIVEN_BY_ADOPTION = ("version", "toml")


def parse(toml: str, version: int) -> Policy:
    """Read a policy.

    Args:
        toml: its text.
        version: under which it is, or would be, in force.

    Raises:
        PolicyInvalid: one sentence that names the part, what was expected and what to do.
    """
    values = _toml(toml)
    _check_names("the policy", values, Policy, leaving_out=GIVEN_BY_ADOPTION)
    for name in LENGTHS:
        if name in values:
            values[name] = _length(name, values[name])
    for name, kind in (("late_docking", LateDocking), ("budget", Budget), ("quarantine", QuarantineRule)):
        if name in values:
            values[name] = _part(f"[{name}]", values[name], kind)
    values["category"] = [_category(number, raw) for number, raw in enumerate(_tables("category", values), 1)]
    holds = values.get("hold", {})
    if isinstance(holds, dict):
        values["hold"] = {reason: _part(f"[hold.{reason}]", raw, HoldRule) for reason, raw in holds.items()}
    policy = _part("the policy", values, Policy)
    policy = msgspec.structs.replace(policy, version=version, toml=toml)
    check(policy)
    return policy


def nearest(given: str, known: Iterable[str]) -> str:
    """`; did you mean 'x'?` if something known is like what was given, else what is known."""
    names = sorted(known)
    like = difflib.get_close_matches(given, names, n=1, cutoff=0.5)
    if like:
        return f"; did you mean {like[0]!r}?"
    return f"; known are {', '.join(names)}" if len(names) <= 20 else ""


def _toml(text: str) -> dict[str, Any]:
    if len(text.encode("utf-8", "replace")) > TEXT_BYTES:
        raise PolicyInvalid(f"the policy is longer than {TEXT_BYTES} bytes; shorten it")
    if not text.strip():
        raise PolicyInvalid("the policy is empty; begin with one of: bwv retention template")
    try:
        values = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise PolicyInvalid(f"the policy is not TOML: {error}") from error
    if not values:
        raise PolicyInvalid("the policy says nothing; begin with one of: bwv retention template")
    return values


def _tables(name: str, values: dict[str, Any]) -> list[Any]:
    tables = values.get(name, [])
    if not isinstance(tables, list):
        raise PolicyInvalid(f"{name}: expected tables that begin with [[{name}]]")
    return tables


def _category(number: int, raw: Any) -> Category:
    name = raw.get("name") if isinstance(raw, dict) else None
    where = f"category {name!r}" if isinstance(name, str) else f"category number {number}"
    if isinstance(raw, dict) and isinstance(raw.get("override"), list):
        overrides = [
            _part(f"{where}, override number {place}", one, Override) for place, one in enumerate(raw["override"], 1)
        ]
        raw = raw | {"override": overrides}
    return _part(where, raw, Category)


def _part(where: str, raw: Any, kind: type[T]) -> T:
    """One table as its struct; every fault is told with where it is."""
    if isinstance(raw, dict):
        _check_names(where, raw, kind)
    try:
        return msgspec.convert(raw, kind, dec_hook=_decoded)
    except msgspec.ValidationError as error:
        raise PolicyInvalid(f"{where}: {error}") from error


def _decoded(kind: type, value: Any) -> Any:
    if isinstance(value, kind):
        return value
    if not isinstance(value, str):
        raise ValueError(f"{value!r}: expected text")
    return _zone(value) if kind is ZoneInfo else Period(value)


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ValueError(f"unknown time zone {name!r}{nearest(name, available_timezones())}") from error


def _length(name: str, value: Any) -> timedelta:
    try:
        return exact(value if isinstance(value, str) else repr(value))
    except ValueError as error:
        raise PolicyInvalid(f"{name}: {error}") from error


def _check_names(where: str, raw: dict[str, Any], kind: type[Struct], leaving_out: Iterable[str] = ()) -> None:
    known = {field.encode_name for field in msgspec.structs.fields(kind)} - set(leaving_out)
    for name in raw:
        if name not in known:
            raise PolicyInvalid(f"{where}: unknown field {name!r}{nearest(name, known)}")
