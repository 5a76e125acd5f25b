"""versitygw as a second store for the races, where its program is on the PATH; it keeps objects as plain files.

Installed with `go install github.com/versity/versitygw/cmd/versitygw@v1.8.0`. Its roles are left out: every role here
has the administrator's keys, since what is raced for is the row, and the locks that the store keeps.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

import msgspec

from local.credentials import store_roles
from local.files import private_folder, write_private
from local.processes import tethered
from local.server import Server
from local.stack import BUCKET, POLICIES
from streams.vaults import Credentials
from workers.errors import BwvError
from workers.vault.client import Access
from workers.vault.provision import create_bucket
from workers.vault.retry import Limits

PROGRAM = shutil.which("versitygw")


class Gateway(Server):
    """An S3 endpoint over a folder, with versions and Object Lock.

    Args:
        credentials: where each role's keys are written.
    """

    name = "gateway"
    port_names = ("s3",)

    def __init__(self, folder: Path, credentials: Path) -> None:
        super().__init__(folder)
        self.keys = store_roles(credentials, POLICIES)["admin"]
        same = msgspec.json.encode(Credentials(self.keys.access_key, self.keys.secret_key)).decode()
        for path in credentials.glob("*.json"):
            write_private(path, same)

    @property
    def endpoint(self) -> str:
        """The S3 address for clients; known once started."""
        return f"http://127.0.0.1:{self.ports['s3']}"

    def _prepare(self) -> None:
        for name in ("data", "versions"):
            private_folder(self.folder / name)

    def _environment(self) -> Mapping[str, str]:
        keys = {"ROOT_ACCESS_KEY": self.keys.access_key, "ROOT_SECRET_KEY": self.keys.secret_key}
        return {**super()._environment(), **keys}

    def _command(self) -> list[str]:
        assert PROGRAM is not None
        places = ["--versioning-dir", str(self.folder / "versions"), str(self.folder / "data")]
        return tethered([PROGRAM, "--port", f"127.0.0.1:{self.ports['s3']}", "--quiet", "posix", *places])

    def _serves(self) -> bool:
        access = Access(
            endpoint=self.endpoint,
            access_key=self.keys.access_key,
            secret_key=self.keys.secret_key,
            bucket=BUCKET,
            role="admin",
        )
        try:
            create_bucket(access, limits=Limits(tries=1, connect=1.0, silence=5.0, request=5.0))
        except BwvError:
            return False
        return True
