"""The page of errors: the tree, what each means, and what becomes of the message or command that meets it."""

from __future__ import annotations

import importlib

from console.cli.main import exit_code_of
from console.reference.pages import first_sentence, page, table
from workers.errors import (
    BwvError,
    ConfigurationInvalid,
    DockBusy,
    MoveRefused,
    PassingFault,
    PermanentFault,
)

MODULES = ("workers.errors", "workers.vault.faults")
"""Where errors are defined that others may meet."""

BECOMES = (
    (PermanentFault, "dead-lettered with its reason, then acknowledged"),
    (MoveRefused, "acknowledged: somebody was first, the row has decided"),
    (PassingFault, "kept, neither acknowledged nor dead-lettered; the stage waits and tries again"),
    (DockBusy, "gives its slot back and is tried again when the dock said"),
    (ConfigurationInvalid, "the process does not start"),
)
"""What a stage does with a message whose work raised this (streams/stage.py); otherwise the stage decides."""


def errors_page() -> str:
    """The tree and the table."""
    for module in MODULES:
        importlib.import_module(module)
    tree = _tree(BwvError)
    lines = "\n".join(f"{'    ' * depth}{kind.__name__}" for depth, kind in tree)
    rows = [
        (f"`{kind.__name__}`", first_sentence(kind), _becomes(kind), str(exit_code_of(kind.__new__(kind))))
        for _, kind in tree
    ]
    return page(
        "Errors",
        "Every error that is raised on purpose is in one tree. A message names the thing, what was expected, what was "
        "found and what to do.",
        f"```\n{lines}\n```",
        table(("error", "means", "the message", "exit code of a command"), rows),
        "Anything else is a defect: its message is dead-lettered with the trace, and many in a row stop the stage.",
    )


def _tree(kind: type[BwvError], depth: int = 0) -> list[tuple[int, type[BwvError]]]:
    below = [child for child in kind.__subclasses__() if child.__module__ in MODULES]
    made = [(depth, kind)]
    for child in sorted(below, key=lambda child: (MODULES.index(child.__module__), child.__name__)):
        made += _tree(child, depth + 1)
    return made


def _becomes(kind: type[BwvError]) -> str:
    return next((says for root, says in BECOMES if issubclass(kind, root)), "the stage decides")
