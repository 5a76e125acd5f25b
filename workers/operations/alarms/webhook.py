"""Gives a webhook's body to the force's own alerting."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import httpx

from workers.errors import ConfigurationInvalid, WebhookAway

WITHIN = 15.0
"""Seconds for the whole request."""


class Webhook:
    """An address that takes alarms.

    Args:
        url: https://…; what of it is secret never shows in an error.

    Raises:
        ConfigurationInvalid: that is no URL.
    """

    def __init__(self, url: str) -> None:
        address = urlsplit(url)
        if address.scheme not in ("http", "https") or not address.hostname:
            raise ConfigurationInvalid("alarm_webhook: expected one line, http://host/… or https://host/…")
        self._url = url
        self._host = address.hostname
        self._client = httpx.AsyncClient(timeout=WITHIN, follow_redirects=False)

    async def send(self, body: Mapping[str, Any]) -> None:
        """Give it one body; returns when it was taken (2xx).

        Raises:
            WebhookAway: it was not; it is given again later.
        """
        try:
            answer = await self._client.post(self._url, json=dict(body))
        except httpx.HTTPError as error:
            raise WebhookAway(f"the webhook at {self._host} did not answer: {type(error).__name__}") from error
        if not answer.is_success:
            raise WebhookAway(f"the webhook at {self._host} answered {answer.status_code}; expected 200 to 299")

    async def close(self) -> None:
        """Give back its connections."""
        await self._client.aclose()
