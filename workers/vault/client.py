"""minio-py 7.2.20 with the four things that it lacks.

Hash once: `_build_headers` keeps the payload hash that it is given (minio-py hashes every body over http and
adds an MD5 over https). A deadline for each request, few retries under a budget (minio-py's default never
retries a POST, so Complete was left out), and refusals as values that the vault translates.

Everything else is minio-py's: addresses, signatures, the parsing of answers.
"""

from __future__ import annotations

import hashlib
import time
import urllib.parse
import xml.etree.ElementTree as ElementTree
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import urllib3.exceptions
from minio import Minio, S3Error
from minio.error import InvalidResponseError, MinioException, ServerError
from minio.time import to_amz_date, utcnow
from urllib3.response import BaseHTTPResponse

from workers.errors import ConfigurationInvalid, StoreAway
from workers.vault.deadline import Guard, Watchdog, guarded_pool
from workers.vault.retry import Limits, RetryBudget, wait_before

Body = bytes | memoryview

_PASSING_STATUS = frozenset({408, 429, 500, 502, 503, 504, 507})
_PASSING_CODES = frozenset(
    {
        "SlowDown",
        "RequestTimeout",
        "InternalError",
        "ServiceUnavailable",
        "IncompleteBody",
        "OperationAborted",
        "ConditionalRequestConflict",
        "XMinioStorageFull",
    }
)
BYTES_REFUSED = frozenset({"BadDigest", "InvalidDigest", "XAmzContentSHA256Mismatch", "XAmzContentChecksumMismatch"})
_BAD_CREDENTIALS = frozenset({"InvalidAccessKeyId", "SignatureDoesNotMatch", "RequestTimeTooSkewed"})


class Refused(Exception):
    """The store understood and said no. Never leaves the package.

    Args:
        tries: how often the request was sent; above 1 an earlier try may have succeeded unheard.
    """

    def __init__(self, status: int, code: str, message: str, tries: int = 1) -> None:
        super().__init__(f"{status} {code}: {message}")
        self.status = status
        self.code = code
        self.message = message
        self.tries = tries


class Client(Minio):
    """One pool of connections to one bucket with one role's credentials.

    Args:
        endpoint: http://host:port or https://host:port.
        access_key: None makes anonymous requests, as the store check does.
        role: whose credentials they are, for messages.
    """

    def __init__(
        self,
        endpoint: str,
        access_key: str | None,
        secret_key: str | None,
        bucket: str,
        *,
        region: str,
        role: str,
        limits: Limits,
        ca_file: str | None = None,
        watchdog: Watchdog | None = None,
    ) -> None:
        address = urllib.parse.urlsplit(endpoint)
        if address.scheme not in ("http", "https") or not address.netloc or address.path not in ("", "/"):
            raise ConfigurationInvalid(f"store endpoint {endpoint!r}: expected http(s)://host:port and nothing more")
        super().__init__(
            address.netloc,
            access_key,
            secret_key,
            secure=address.scheme == "https",
            region=region,
            http_client=guarded_pool(
                connect=limits.connect, silence=limits.silence, connections=limits.connections, ca_file=ca_file
            ),
        )
        self.endpoint = endpoint
        self.bucket = bucket
        self.role = role
        self.limits = limits
        self.watchdog = watchdog or Watchdog()
        self._budget = RetryBudget()

    def call(
        self,
        method: str,
        key: str | None = None,
        *,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        body: Body | None = None,
        tries: int | None = None,
    ) -> BaseHTTPResponse:
        """One request with its whole answer, tried again while the fault may pass.

        Raises:
            Refused: a 4xx that says something about the request.
            StoreAway: no answer, or none that helps, in any of the tries.
        """
        most = tries or self.limits.tries
        for number in range(1, most + 1):
            guard = Guard(self.limits.request, self.limits.silence)
            try:
                with self.watchdog.guarding(guard):
                    answer = self._once(method, key, query, headers, body)
                self._budget.earn()
                return answer
            except StoreAway as error:
                if number == most or not self._budget.spend():
                    late = f" within {self.limits.request:.0f} s" if guard.cut else ""
                    raise StoreAway(
                        f"the store at {self.endpoint} did not serve {method} {key or self.bucket}{late}, "
                        f"tried {number} times: {error}"
                    ) from error.__cause__
                time.sleep(wait_before(number, self.limits))
            except Refused as refusal:
                refusal.tries = number
                raise
        raise AssertionError("unreachable")

    def open(
        self, key: str, *, query: Mapping[str, str], headers: Mapping[str, str]
    ) -> tuple[BaseHTTPResponse, Guard]:
        """A GET whose body is still on its way, and the guard that its reader renews stride by stride."""
        for number in range(1, self.limits.tries + 1):
            guard = Guard(self.limits.request, self.limits.silence)
            try:
                with self.watchdog.guarding(guard):
                    return self._once("GET", key, query, headers, None, preload=False), guard
            except StoreAway:
                if number == self.limits.tries or not self._budget.spend():
                    raise
                time.sleep(wait_before(number, self.limits))
        raise AssertionError("unreachable")

    def close(self) -> None:
        """Closes every idle connection."""
        self._http.clear()

    def _once(
        self,
        method: str,
        key: str | None,
        query: Mapping[str, str] | None,
        headers: Mapping[str, str] | None,
        body: Body | None,
        *,
        preload: bool = True,
    ) -> BaseHTTPResponse:
        """One try, with every fault of minio-py and urllib3 turned into Refused or StoreAway."""
        try:
            answer = self._url_open(
                method,
                self._base_url.region or "us-east-1",
                bucket_name=self.bucket,
                object_name=key,
                body=body,  # type: ignore[arg-type]  # urllib3 sends any buffer as it is
                headers=dict(headers or {}),
                query_params=dict(query or {}),
                preload_content=preload,
            )
        except S3Error as error:
            raise sorted_out(error.response.status, error.code or "", error.message or "") from error
        except InvalidResponseError as error:
            raise sorted_out(error._code, "", "an answer that is not XML") from error
        except ServerError as error:
            raise sorted_out(error.status_code, "", "no reason given") from error
        except (MinioException, ElementTree.ParseError, ValueError, LookupError) as error:
            raise StoreAway(f"an answer that is not S3's ({type(error).__name__}: {error})") from error
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise StoreAway(f"{type(error).__name__}: {error}") from error
        if preload and answer.data.lstrip()[:200].find(b"<Error>") >= 0:
            # S3 may begin a 200 for Complete before it knows the outcome, and tell the error in the body.
            root = ElementTree.fromstring(answer.data)
            raise sorted_out(500, root.findtext("Code") or "", root.findtext("Message") or "")
        return answer

    def _execute(  # type: ignore[override]
        self,
        method: str,
        bucket_name: str | None = None,
        object_name: str | None = None,
        body: Any = None,
        headers: Any = None,
        query_params: Any = None,
        preload_content: bool = True,
        no_body_trace: bool = False,
    ) -> BaseHTTPResponse:
        """The way of minio-py's own listings: the same deadline, retries and faults."""
        return self.call(method, object_name, query=query_params, headers=headers, body=body)

    def _build_headers(
        self, host: str, headers: Any = None, body: Any = None, creds: Any = None
    ) -> tuple[dict[str, Any], datetime]:
        date = utcnow()
        built: dict[str, Any] = {"Host": host, "User-Agent": "bwv-ingest", **(headers or {})}
        if body is not None:
            built["Content-Length"] = str(memoryview(body).nbytes)
        if creds:
            built.setdefault("x-amz-content-sha256", hashlib.sha256(body or b"").hexdigest())
            if creds.session_token:
                built["X-Amz-Security-Token"] = creds.session_token
        built["x-amz-date"] = to_amz_date(date)
        return built, date


def sorted_out(status: int, code: str, message: str) -> StoreAway | Refused:
    """Can the fault pass? 5xx and throttling can, every other refusal is about the request."""
    if status in _PASSING_STATUS or code in _PASSING_CODES:
        return StoreAway(f"{status} {code} {message}".strip())
    return Refused(status, code, message)


def misconfigured(refusal: Refused, role: str, action: str, key: str) -> ConfigurationInvalid:
    """The refusal as people need to read it: whose credentials may not do what."""
    if refusal.code in _BAD_CREDENTIALS:
        return ConfigurationInvalid(
            f"the store does not accept the credentials of the role {role!r} ({refusal.code}): "
            "check its key files and the clock of this machine"
        )
    if refusal.code == "NoSuchBucket":
        return ConfigurationInvalid(f"the bucket does not exist (asked by the role {role!r} for {key}): create it")
    return ConfigurationInvalid(
        f"the role {role!r} may not {action} on {key} ({refusal.status} {refusal.code} {refusal.message}): "
        f"compare the store's policy with deploy/policies/{role}.json"
    )
