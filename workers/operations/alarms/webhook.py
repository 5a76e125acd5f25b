"""Gives a webhook's body to the force's own alerting, signed, so that nobody else can tell it things.

The file of the setting `alarm_webhook` has the address in its first line and, in each further one, a key as the
Standard Webhooks specification writes them: `whsec_` and 24 to 64 random bytes in base64. Each request has the first of
these headers; with a key it has all of them:

    webhook-id          the same when it is sent again
    webhook-timestamp   seconds since 1970, of this try
    webhook-signature   "v1," and base64 of HMAC-SHA256 over id.timestamp.body; one for each key, by blank

so that any of that specification's libraries checks it. Two keys are how one is exchanged: add the new one, give it to
the receiver, take the old one out.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

import httpx
import msgspec

from workers.errors import ConfigurationInvalid, WebhookAway

WITHIN = 15.0
"""Seconds for the whole request."""

KEY_PREFIX = "whsec_"
KEY_LEAST, KEY_MOST = 24, 64
"""Bytes of a key, by the specification."""


class Webhook:
    """An address that takes alarms.

    Args:
        lines: of its file; none of what they hold ever shows in an error.
        clock: seconds since 1970.

    Raises:
        ConfigurationInvalid: the first is no URL, or a further one no key.
    """

    def __init__(self, lines: Sequence[str], *, clock: Callable[[], float] = time.time) -> None:
        url, *keys = [line.strip() for line in lines if line.strip()] or [""]
        address = urlsplit(url)
        if address.scheme not in ("http", "https") or not address.hostname:
            raise ConfigurationInvalid("alarm_webhook: expected http://host/… or https://host/… in the first line")
        self._url = url
        self._host = address.hostname
        self._keys = tuple(_key(key, number) for number, key in enumerate(keys, 2))
        self._clock = clock
        self._client = httpx.AsyncClient(timeout=WITHIN, follow_redirects=False)

    async def send(self, body: Mapping[str, Any], message_id: str) -> None:
        """Give it one body; returns when it was taken (2xx).

        Args:
            message_id: the same when it is sent again.

        Raises:
            WebhookAway: it was not; it is given again later.
        """
        content = msgspec.json.encode(body)
        headers = {"Content-Type": "application/json", "webhook-id": message_id}
        if self._keys:
            headers |= signed(content, message_id, int(self._clock()), self._keys)
        try:
            answer = await self._client.post(self._url, content=content, headers=headers)
        except httpx.HTTPError as error:
            raise WebhookAway(f"the webhook at {self._host} did not answer: {type(error).__name__}") from error
        if not answer.is_success:
            raise WebhookAway(f"the webhook at {self._host} answered {answer.status_code}; expected 200 to 299")

    async def close(self) -> None:
        """Give back its connections."""
        await self._client.aclose()


def signed(content: bytes, message_id: str, at: int, keys: Sequence[bytes]) -> dict[str, str]:
    """The headers that prove who sent this, as Standard Webhooks 1.0 has them.

    Args:
        at: seconds since 1970.
    """
    text = f"{message_id}.{at}.".encode() + content
    proofs = [base64.b64encode(hmac.digest(key, text, hashlib.sha256)).decode() for key in keys]
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(at),
        "webhook-signature": " ".join(f"v1,{proof}" for proof in proofs),
    }


def _key(line: str, number: int) -> bytes:
    wrong = (
        f"alarm_webhook: line {number} is no key; expected {KEY_PREFIX} and {KEY_LEAST} to {KEY_MOST} bytes in base64"
    )
    if not line.startswith(KEY_PREFIX):
        raise ConfigurationInvalid(wrong)
    try:
        key = base64.b64decode(line.removeprefix(KEY_PREFIX), validate=True)
    except binascii.Error as odd:
        raise ConfigurationInvalid(wrong) from odd
    if not KEY_LEAST <= len(key) <= KEY_MOST:
        raise ConfigurationInvalid(wrong)
    return key
