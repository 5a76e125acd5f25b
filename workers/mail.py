"""How mail leaves: by the force's relay, or, for trial, as files in a folder."""

from __future__ import annotations

import os
import secrets
import smtplib
import ssl
from collections.abc import Callable
from email.message import EmailMessage
from pathlib import Path
from urllib.parse import urlsplit

from workers.errors import ConfigurationInvalid, MailAway

WITHIN = 15.0
"""Seconds for each step of the conversation with the relay."""

Post = Callable[[EmailMessage], None]
"""Sends one message; blocks; raises MailAway."""


def post_of(where: str, home: Path) -> Post:
    """How mail leaves.

    Args:
        where: `smtp://host:port`, `smtps://host:port` or a folder; empty: it does not.
        home: what a folder's relative path begins at.

    Raises:
        ConfigurationInvalid: a relay without a host.
    """
    if not where:
        return _nowhere
    address = urlsplit(where)
    if address.scheme not in ("smtp", "smtps"):
        return lambda message: _to_folder(home / where, message)
    host, port = address.hostname, address.port or (465 if address.scheme == "smtps" else 25)
    if not host:
        raise ConfigurationInvalid(f"mail = {where!r}: expected smtp://host:port, smtps://host:port or a folder")
    return lambda message: _to_relay(host, port, address.scheme == "smtps", message)


def _nowhere(message: EmailMessage) -> None:
    raise MailAway("nothing can be sent: the setting `mail` is empty")


def _to_folder(folder: Path, message: EmailMessage) -> None:
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    path = folder / f"{secrets.token_hex(8)}.eml"
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(message.as_bytes())


def _to_relay(host: str, port: int, tls: bool, message: EmailMessage) -> None:
    try:
        if tls:
            with smtplib.SMTP_SSL(host, port, timeout=WITHIN, context=ssl.create_default_context()) as relay:
                relay.send_message(message)
        else:
            with smtplib.SMTP(host, port, timeout=WITHIN) as relay:
                relay.send_message(message)
    except (OSError, smtplib.SMTPException) as error:
        raise MailAway(f"the mail relay {host}:{port} did not take a message: {type(error).__name__}") from error
