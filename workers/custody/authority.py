"""An RFC 3161 time-stamping authority: somebody who is not us signs what we had, with a clock that is not ours.

Nothing that it says is believed unread: its answer is kept under lock for years, so an answer that is about
something else, or is not signed, has to be found now and not in court.
"""

from __future__ import annotations

import contextlib
import hashlib
import http.client
import socket
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from urllib.parse import urlsplit

from cryptography.x509 import Certificate, load_pem_x509_certificates
from rfc3161_client import (
    HashAlgorithm,
    PKIStatus,
    TimestampRequestBuilder,
    VerificationError,
    VerifierBuilder,
    decode_timestamp_response,
)

from workers.errors import ConfigurationInvalid, PassingFault

ANSWERS_WITHIN = 20.0
"""Seconds that an authority may take, from the first byte of the request to the last of the answer."""
LARGEST = 1 << 20
"""Bytes of an answer; a token with its certificates has a few KiB."""
SHOWN = 200
"""Characters of somebody else's reason that are shown."""


class AuthorityAway(PassingFault):
    """The time-stamping authority does not answer, refuses, or answers what cannot be believed."""

    part = "time-stamping authority"


class Authority:
    """An RFC 3161 authority over HTTP (section 3.4).

    Args:
        url: `http://` or `https://`. No proxy is used.
        roots: certificates that its own must lead to; those between too, where the authority sends none.
        within: seconds for one answer.

    Raises:
        ConfigurationInvalid: not such a URL.
    """

    def __init__(self, url: str, roots: Sequence[Certificate], *, within: float = ANSWERS_WITHIN) -> None:
        try:
            self._at = urlsplit(url)
            usable = self._at.scheme in ("http", "https") and self._at.hostname and self._at.port != 0
        except ValueError:
            usable = False
        if not usable:
            raise ConfigurationInvalid(f"timestamp_authority = {url!r}: expected an http or https URL")
        self._url = url
        self._roots = list(roots)
        self._within = within

    def stamp(self, data: bytes) -> bytes:
        """Have `data` stamped; returns the DER of the whole answer. Blocks; call it in a thread.

        Raises:
            AuthorityAway: no answer in time, a refusal, an answer about something else (other imprint, other
                nonce), or one that is not signed by a certificate for time stamps under `roots`.
        """
        request = TimestampRequestBuilder(data, HashAlgorithm.SHA256, nonce=True, cert_req=True).build()
        body = self._post(request.as_bytes())
        try:
            response = decode_timestamp_response(body)
        except ValueError as error:
            raise AuthorityAway(f"{self._url}: no time-stamp answer: {error}") from error
        if response.status != PKIStatus.GRANTED:
            why = "; ".join(response.status_string)[:SHOWN]
            raise AuthorityAway(f"{self._url}: refused with status {response.status}: {why!r}")
        try:
            VerifierBuilder(nonce=request.nonce, roots=self._roots).build().verify_message(response, data)
        except (ValueError, VerificationError) as error:
            raise AuthorityAway(f"{self._url}: the answer cannot be believed: {str(error)[:SHOWN]}") from error
        return body

    def _post(self, query: bytes) -> bytes:
        secure = self._at.scheme == "https"
        kind = http.client.HTTPSConnection if secure else http.client.HTTPConnection
        connection = kind(self._at.hostname or "", self._at.port, timeout=self._within)
        path = (self._at.path or "/") + (f"?{self._at.query}" if self._at.query else "")
        began = time.monotonic()
        try:
            connection.connect()
            with _cut_after(connection.sock, self._within):
                headers = {"Content-Type": "application/timestamp-query", "Connection": "close"}
                connection.request("POST", path, query, headers)
                with connection.getresponse() as answer:
                    if answer.status != http.HTTPStatus.OK:
                        raise AuthorityAway(f"{self._url}: HTTP {answer.status} {answer.reason}")
                    return answer.read(LARGEST)
        except (OSError, http.client.HTTPException) as error:
            late = time.monotonic() - began >= self._within
            reason = f"no whole answer within {self._within:g} s" if late else str(error) or type(error).__name__
            raise AuthorityAway(f"{self._url}: {reason}") from error
        finally:
            connection.close()


def load_roots(path: Path) -> list[Certificate]:
    """Read the certificates that an authority's must lead to, one PEM file: the same that openssl's -CAfile takes.

    Raises:
        ConfigurationInvalid: the file cannot be read or holds no certificate.
    """
    try:
        return load_pem_x509_certificates(path.read_bytes())
    except (OSError, ValueError) as error:
        raise ConfigurationInvalid(
            f"timestamp_roots = {path}: expected the authority's root certificates in PEM: {error}"
        ) from error


def is_about(token: bytes, data: bytes) -> bool:
    """Whether a time-stamp answer is about these bytes; its signature is not looked at."""
    try:
        found: bytes = decode_timestamp_response(token).tst_info.message_imprint.message
    except ValueError:
        return False
    return found == hashlib.sha256(data).digest()


@contextlib.contextmanager
def _cut_after(link: socket.socket, seconds: float) -> Iterator[None]:
    """Hang up after so long: a timeout of the socket bounds the silence between two bytes, not the answer."""
    timer = threading.Timer(seconds, _hang_up, [link])
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _hang_up(link: socket.socket) -> None:
    with contextlib.suppress(OSError):
        # Not SSLSocket.shutdown, which takes the TLS state from under the thread that reads.
        socket.socket.shutdown(link, socket.SHUT_RDWR)
