"""The mail that carries a one-time code."""

from __future__ import annotations

from datetime import datetime
from email.message import EmailMessage
from email.utils import format_datetime


def code_message(sender: str, address: str, code: str, minutes: int, now: datetime) -> EmailMessage:
    """The mail that carries a code. It says nothing of the case: a mailbox has other readers."""
    message = EmailMessage()
    message["From"], message["To"] = sender, address
    message["Subject"] = "Your code for police footage"
    message["Date"] = format_datetime(now)
    message["Auto-Submitted"] = "auto-generated"  # RFC 3834: no out-of-office answer
    message.set_content(
        f"Your code: {code[:4]} {code[4:]}\n\n"
        f"It opens the link that you were given, once, within {minutes} minutes.\n"
        "If you did not ask for it, somebody else has your link: tell the police force that sent it to you.\n"
    )
    return message
