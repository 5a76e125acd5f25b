"""A client that may lie: any header, any body, no retries. Only the store check uses it."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlunsplit

import urllib3.exceptions
from minio.signer import sign_v4_s3

from workers.errors import StoreAway
from workers.vault import checksums, wire
from workers.vault.client import Body, Client
from workers.vault.deadline import Guard
from workers.vault.values import Part

_CODE = re.compile(rb"<Code>([^<]+)</Code>")


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer of any status."""

    status: int
    headers: Mapping[str, str]
    data: bytes

    @property
    def code(self) -> str:
        """S3's error code, if any."""
        found = _CODE.search(self.data)
        return found.group(1).decode() if found else ""

    @property
    def ok(self) -> bool:
        """2xx."""
        return 200 <= self.status < 300

    @property
    def refused(self) -> bool:
        """4xx: the store understood and said no."""
        return 400 <= self.status < 500

    @property
    def version_id(self) -> str:
        """Of what was written."""
        return self.headers.get("x-amz-version-id", "")

    @property
    def etag(self) -> str:
        """Without quotes."""
        return self.headers.get("etag", "").strip('"')

    def __str__(self) -> str:
        return f"{self.status} {self.code}".strip()


class Probe(Client):
    """One role's credentials, or none, for requests that are meant to be refused."""

    def send(
        self,
        method: str,
        key: str | None = None,
        *,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        body: Body | None = None,
    ) -> Reply:
        """One request, whatever the answer.

        Raises:
            StoreAway: there was none.
        """
        url, signed = self._signed(method, key, query or {}, headers or {}, body)
        guard = Guard(self.limits.request, self.limits.silence)
        try:
            with self.watchdog.guarding(guard):
                answer = self._http.urlopen(method, url, body=body, headers=signed)
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise StoreAway(f"{method} {key or self.access.bucket}: {error}") from error
        return Reply(answer.status, {name.lower(): text for name, text in answer.headers.items()}, answer.data)

    def put(self, key: str, body: bytes, headers: Mapping[str, str] | None = None) -> Reply:
        """PUT with a right Content-MD5."""
        named = {"Content-MD5": checksums.content_md5(body), **(headers or {})}
        return self.send("PUT", key, headers=named, body=body)

    def about(self, key: str, version_id: str, what: str, body: bytes) -> Reply:
        """PUT ?retention or ?legal-hold."""
        headers = {"Content-MD5": checksums.content_md5(body)}
        return self.send("PUT", key, query={what: "", "versionId": version_id}, headers=headers, body=body)

    def head(self, key: str, version_id: str = "") -> Reply:
        """HEAD."""
        return self.send("HEAD", key, query={"versionId": version_id} if version_id else {})

    def delete(self, key: str, version_id: str) -> Reply:
        """DELETE of one version."""
        return self.send("DELETE", key, query={"versionId": version_id})

    def begin(self, key: str, headers: Mapping[str, str] | None = None) -> tuple[Reply, dict[str, str]]:
        """CreateMultipartUpload for CRC64NVME; the query that names the upload."""
        crc = {"x-amz-checksum-algorithm": "CRC64NVME", "x-amz-checksum-type": "FULL_OBJECT"}
        named = crc | dict(headers or {})
        reply = self.send("POST", key, query={"uploads": ""}, headers=named)
        return reply, {"uploadId": wire.Answer(reply.data).text("UploadId") if reply.ok else "none"}

    def part(self, key: str, upload: Mapping[str, str], body: bytes, headers: Mapping[str, str] | None = None) -> Reply:
        """UploadPart, always number 1: small parts may only be last."""
        return self.send("PUT", key, query={**upload, "partNumber": "1"}, headers=headers, body=body)

    def complete(
        self, key: str, upload: Mapping[str, str], part: Part, headers: Mapping[str, str] | None = None
    ) -> Reply:
        """CompleteMultipartUpload of one part."""
        return self.send("POST", key, query=upload, headers=headers, body=wire.complete_body([part]))

    def cut_off(self, key: str, query: Mapping[str, str], headers: Mapping[str, str], body: bytes) -> None:
        """Sends the headers of a PUT and half of its body, then hangs up."""
        url, signed = self._signed("PUT", key, query, headers, body)
        pool = self._http.connection_from_url(url)
        connection: Any = pool._new_conn()
        connection.timeout = self.limits.connect
        with contextlib.suppress(OSError):
            connection.putrequest(
                "PUT", url.split("/", 3)[3].join(("/", "")), skip_host=True, skip_accept_encoding=True
            )
            for name, text in signed.items():
                connection.putheader(name, text)
            connection.endheaders()
            connection.send(body[: len(body) // 2])
        connection.close()

    def _signed(
        self,
        method: str,
        key: str | None,
        query: Mapping[str, str],
        headers: Mapping[str, str],
        body: Body | None,
    ) -> tuple[str, dict[str, str]]:
        region = self.access.region
        url = self._base_url.build(
            method=method,
            region=region,
            bucket_name=self.access.bucket,
            object_name=key,
            query_params=dict(query),
        )
        credentials = self._provider.retrieve() if self._provider else None
        built, date = self._build_headers(url.netloc, dict(headers), body, credentials)
        if credentials:
            built = sign_v4_s3(
                method=method,
                url=url,
                region=region,
                headers=built,
                credentials=credentials,
                content_sha256=built["x-amz-content-sha256"],
                date=date,
            )
        return urlunsplit(url), {name: str(text) for name, text in built.items()}
