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
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar
from xml.etree import ElementTree

import urllib3.exceptions
from minio import Minio, S3Error
from minio.error import InvalidResponseError, MinioException, ServerError
from minio.time import to_amz_date, utcnow
from urllib3.response import BaseHTTPResponse

from workers.errors import ConfigurationInvalid, StoreAway
from workers.vault import wire
from workers.vault.deadline import Guard, Watchdog, guarded_pool
from workers.vault.refusals import Refused, sorted_out, translated
from workers.vault.retry import Limits, RetryBudget, wait_before
from workers.vault.values import Version

Body = bytes | memoryview
_Answer = TypeVar("_Answer")


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """One role's way to one bucket.

    Args:
        endpoint: http://host:port or https://host:port.
        access_key: None makes anonymous requests, as the store check does.
        role: whose credentials they are, for messages.
        ca_file: certificates to trust for https; None takes the system's.
    """

    endpoint: str
    access_key: str | None
    secret_key: str | None
    bucket: str
    role: str
    region: str = "us-east-1"
    ca_file: str | None = None

    def __repr__(self) -> str:
        return f"Access({self.endpoint!r}, bucket={self.bucket!r}, role={self.role!r})"


class Client(Minio):
    """One pool of connections to one bucket with one role's credentials. Threads may share it."""

    def __init__(self, access: Access, limits: Limits, watchdog: Watchdog | None = None) -> None:
        address = urllib.parse.urlsplit(access.endpoint)
        if address.scheme not in ("http", "https") or not address.netloc or address.path not in ("", "/"):
            raise ConfigurationInvalid(
                f"store endpoint {access.endpoint!r}: expected http(s)://host:port and nothing more"
            )
        super().__init__(
            address.netloc,
            access.access_key,
            access.secret_key,
            secure=address.scheme == "https",
            region=access.region,
            http_client=guarded_pool(
                connect=limits.connect,
                silence=limits.silence,
                connections=limits.connections,
                ca_file=access.ca_file,
            ),
        )
        self.access = access
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
    ) -> BaseHTTPResponse:
        """One request with its whole answer, tried again while the fault may pass.

        Raises:
            Refused: a 4xx that says something about the request.
            StoreAway: no answer, or none that helps, in any of the tries.
        """
        return self._tried(
            f"{method} {key or self.access.bucket}",
            lambda _: self._once(method, key, query=query, headers=headers, body=body),
        )

    def ask(
        self,
        action: str,
        method: str,
        key: str | None = None,
        *,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        body: Body | None = None,
    ) -> BaseHTTPResponse:
        """As `call`, with every refusal translated.

        Raises:
            NotThere, UploadGone, ConfigurationInvalid, StoreAway: see refusals.py.
        """
        try:
            return self.call(method, key, query=query, headers=headers, body=body)
        except Refused as refusal:
            raise self.error(refusal, action, key or self.access.bucket) from refusal

    def open(self, key: str, *, query: Mapping[str, str], headers: Mapping[str, str]) -> tuple[BaseHTTPResponse, Guard]:
        """A GET whose body is still on its way, and the guard that its reader renews stride by stride."""
        return self._tried(
            f"GET {key}",
            lambda guard: (self._once("GET", key, query=query, headers=headers, preload=False), guard),
        )

    def versions(self, prefix: str) -> Iterator[Version]:
        """ListObjectVersions, all pages, as the store tells them.

        Raises:
            Refused, StoreAway: as `call`.
        """
        bucket = self.access.bucket
        try:
            for found in self.list_objects(bucket, prefix, recursive=True, include_version=True):
                yield wire.version_of(found)
        except (ElementTree.ParseError, ValueError) as error:
            raise StoreAway(f"a listing of {prefix} that is not S3's ({error})") from error

    def error(self, refusal: Refused, action: str, key: str) -> Exception:
        """The refusal in the words of the error tree, with this client's role."""
        return translated(refusal, self.access.role, action, key)

    def close(self) -> None:
        """Closes every idle connection."""
        self._http.clear()

    def _tried(self, name: str, once: Callable[[Guard], _Answer]) -> _Answer:
        for number in range(1, self.limits.tries + 1):
            guard = Guard(self.limits.request, self.limits.silence)
            try:
                with self.watchdog.guarding(guard):
                    answer = once(guard)
                if guard.cut:  # a broken connection can look like the end of the headers
                    raise StoreAway("the answer was cut at its deadline")
            except StoreAway as error:
                if number == self.limits.tries or not self._budget.spend():
                    late = f" within {self.limits.request:.0f} s" if guard.cut else ""
                    raise type(error)(
                        f"the store at {self.access.endpoint} did not serve {name}{late}, tried {number} times: {error}"
                    ) from error.__cause__
                time.sleep(wait_before(number, self.limits))
            except Refused as refusal:
                refusal.tries = number
                raise
            else:
                self._budget.earn()
                return answer
        raise AssertionError("unreachable: the last try returns or raises")

    def _once(
        self,
        method: str,
        key: str | None,
        *,
        query: Mapping[str, str] | None,
        headers: Mapping[str, str] | None,
        body: Body | None = None,
        preload: bool = True,
    ) -> BaseHTTPResponse:
        """One try, with every fault of minio-py and urllib3 turned into Refused or StoreAway."""
        try:
            answer = self._url_open(
                method,
                self.access.region,
                bucket_name=self.access.bucket,
                object_name=key,
                body=body,  # type: ignore[arg-type]  # urllib3 sends any buffer as it is
                headers=dict(headers or {}),
                query_params=dict(query or {}),
                preload_content=preload,
            )
        except S3Error as error:
            raise sorted_out(error.response.status, error.code or "", error.message or "") from error
        except InvalidResponseError as error:
            raise sorted_out(error._code, "", "with an answer that is not XML") from error
        except ServerError as error:
            raise sorted_out(error.status_code, "", "without a reason") from error
        except (MinioException, ElementTree.ParseError, ValueError, LookupError) as error:
            raise StoreAway(f"an answer that is not S3's ({type(error).__name__}: {error})") from error
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise StoreAway(f"{type(error).__name__}: {error}") from error
        if method == "POST" and b"<Error>" in answer.data[:200]:
            # S3 may begin a 200 for Complete before it knows the outcome, and tell the error in the body.
            raise StoreAway(answer.data[:200].decode("utf-8", "replace"))
        return answer

    def _execute(self, *args: Any, **options: Any) -> BaseHTTPResponse:
        """The way of minio-py's own listings: the same deadline, retries and faults."""
        method, _bucket, *key = args
        return self.call(
            method,
            *key,
            query=options.get("query_params"),
            headers=options.get("headers"),
            body=options.get("body"),
        )

    def _build_headers(
        self, host: str, headers: Any = None, body: Any = None, creds: Any = None
    ) -> tuple[dict[str, Any], datetime]:
        date = utcnow()
        built: dict[str, Any] = {"Host": host, "User-Agent": "bwv-ingest", **(headers or {})}
        if body is not None:
            built["Content-Length"] = str(memoryview(body).nbytes)
        if creds:
            if "x-amz-content-sha256" not in built:
                built["x-amz-content-sha256"] = hashlib.sha256(body or b"").hexdigest()
            if creds.session_token:
                built["X-Amz-Security-Token"] = creds.session_token
        built["x-amz-date"] = to_amz_date(date)
        return built, date
