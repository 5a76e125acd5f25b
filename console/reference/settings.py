"""The page of settings: names, environment variables, kinds and defaults, with what Settings' docstring says."""

from __future__ import annotations

import inspect
import re
from pathlib import Path
from typing import Any, get_type_hints

from console.reference.pages import page, table
from streams import settings
from streams.settings import Settings


def settings_page() -> str:
    """All settings in the order and under the headings of the docstring.

    Raises:
        AssertionError: a setting that the docstring does not explain, or an explanation of none.
    """
    sections = explained()
    named = [name for _, entries in sections for names, _ in entries for name in names]
    fields = list(Settings.__struct_fields__)
    missing, unknown = sorted(set(fields) - set(named)), sorted(set(named) - set(fields))
    assert not missing and not unknown, f"Settings' docstring: not explained {missing}, no such setting {unknown}"
    parts = [" ".join(paragraph.split()) for paragraph in (inspect.getdoc(settings) or "").split("\n\n")]
    for title, entries in sections:
        rows = [
            (f"`{name}`", f"`BWV_{name.upper()}`", _kind(name), f"`{_default(name)}`", says if number == 0 else "〃")
            for names, says in entries
            for number, name in enumerate(names)
        ]
        parts += [f"## {title}", table(("setting", "environment", "kind", "default", "says"), rows)]
    return page("Settings", *parts)


def explained() -> list[tuple[str, list[tuple[list[str], str]]]]:
    """Settings' docstring taken apart: heading → names that share an explanation, and the explanation."""
    sections: list[tuple[str, list[tuple[list[str], str]]]] = []
    for line in (inspect.getdoc(Settings) or "").splitlines():
        if heading := re.fullmatch(r"(\S.*):", line):
            sections.append((heading[1], []))
        elif entry := re.fullmatch(r"    ([a-z_]+(?:, [a-z_]+)*): (.*)", line):
            sections[-1][1].append((entry[1].split(", "), entry[2]))
        elif sections and sections[-1][1] and (more := re.fullmatch(r"        (.*)", line)):
            names, says = sections[-1][1][-1]
            sections[-1][1][-1] = (names, f"{says} {more[1].strip()}")
    return sections


def _kind(name: str) -> str:
    kind: Any = get_type_hints(Settings)[name]
    return {Path: "path", str: "text", int: "whole number", float: "number", bool: "yes or no"}[kind]


def _default(name: str) -> str:
    fields = Settings.__struct_fields__
    defaults = Settings.__struct_defaults__
    value = defaults[fields.index(name) - len(fields) + len(defaults)]
    return f"{value:g}" if isinstance(value, float) else str(value) or '""'
