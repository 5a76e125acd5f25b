"""Logs: one JSON line an event on stderr, with stage and clip, and never a secret.

Redaction works on the finished line, so it does not matter how a secret got into it: every value of a
credential file, the lines of files that settings name as secret, anything named like a password, passwords in
addresses, and private keys.
"""

from __future__ import annotations

import contextlib
import json
import logging
import re
import sys
from collections.abc import Iterable, MutableMapping
from pathlib import Path
from typing import Any

import structlog

HIDDEN = "***"

_SECRET_NAMES = r"[\w-]*(?:password|passwd|secret|token|api_?key|authorization|signature_key)[\w-]*"
_PATTERNS = (
    (
        re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)", re.S),
        HIDDEN,
    ),
    (re.compile(r"(\w+://[^\s:/@\"]*:)[^\s@/\"]+@"), rf"\1{HIDDEN}@"),
    (re.compile(rf"""(\\?["']{_SECRET_NAMES}\\?["']\s*:\s*\\?["'])[^"'\\]+""", re.I), rf"\1{HIDDEN}"),
    (re.compile(rf"(\b{_SECRET_NAMES}\s*[=:]\s*)(?!\*)[^\s,;&\"'}}\\]+", re.I), rf"\1{HIDDEN}"),
)
_SECRET_FIELD = re.compile(_SECRET_NAMES, re.I)


class Redaction:
    """Takes secrets out of text.

    Args:
        secrets: values that must never show.
    """

    def __init__(self, secrets: frozenset[str] = frozenset()) -> None:
        self._secrets = sorted((secret for secret in secrets if len(secret) >= 6), key=len, reverse=True)

    def __call__(self, text: str) -> str:
        """The text without them."""
        for secret in self._secrets:
            text = text.replace(secret, HIDDEN)
        for pattern, replacement in _PATTERNS:
            text = pattern.sub(replacement, text)
        return text


def secrets_in(folder: Path) -> frozenset[str]:
    """The secret values of the credential files in a folder."""
    found: set[str] = set()
    for path in folder.glob("*.json") if folder.is_dir() else ():
        try:
            _collect(json.loads(path.read_text()), found)
        except (OSError, ValueError):
            continue  # the part that needs this file says what is wrong with it
    return frozenset(found)


def _collect(value: Any, found: set[str]) -> None:
    if isinstance(value, dict):
        for name, inner in value.items():
            if isinstance(inner, str) and _SECRET_FIELD.search(name):
                found.add(inner)
            else:
                _collect(inner, found)
    elif isinstance(value, list):
        for inner in value:
            _collect(inner, found)


def lines_of(files: Iterable[Path]) -> frozenset[str]:
    """The secrets in files that hold one a line, such as the address of a webhook."""
    found: set[str] = set()
    for path in files:
        with contextlib.suppress(OSError, UnicodeDecodeError):  # the part that needs it says what is wrong with it
            found.update(line.strip() for line in path.read_text().splitlines())
    return frozenset(found)


def configure(stage: str, credentials: Path, level: int = logging.INFO, *, files: Iterable[Path] = ()) -> None:
    """Send everything that this process logs, ours and the libraries', as JSON lines to stderr.

    Args:
        credentials: folder of JSON files whose secrets never show.
        files: others, whose every line is a secret.
    """
    redaction = Redaction(secrets_in(credentials) | lines_of(files))

    def stamp(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        event["stage"] = stage
        return event

    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        stamp,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared,
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            lambda _, __, event: redaction(json.dumps(event, default=str, ensure_ascii=False)),
        ],
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for noisy in ("aiokafka", "faust", "mode", "uvicorn", "asyncio", "kafka", "httpx", "httpcore"):
        logging.getLogger(noisy).setLevel(max(level, logging.WARNING))
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
