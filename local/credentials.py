"""Passwords and keys of the local stack: made at random at the first start, one file each, for us alone."""

from __future__ import annotations

import json
import secrets
import string
from dataclasses import dataclass
from pathlib import Path

from local.files import private_folder, write_private
from workers.errors import ConfigurationInvalid

ADMIN = "admin"


@dataclass(frozen=True)
class Role:
    """Who may do what in the store: a key pair, and the AWS-style policy document that limits it."""

    access_key: str
    secret_key: str
    policy: Path

    def __repr__(self) -> str:
        return f"Role(access_key={self.access_key!r}, policy={self.policy.name!r})"


def random_secret(length: int, alphabet: str = string.ascii_letters + string.digits) -> str:
    """A secret of `length` characters from the system's random source."""
    return "".join(secrets.choice(alphabet) for _ in range(length))


def store_roles(credentials: Path, policies: Path) -> dict[str, Role]:
    """One role for each `<role>.json` in `policies`; its keys are in `<credentials>/<role>.json`, 0600.

    Raises:
        ConfigurationInvalid: there is no policy for `admin`.
    """
    private_folder(credentials)
    roles = {path.stem: _role(credentials / path.name, path) for path in sorted(policies.glob("*.json"))}
    if ADMIN not in roles:
        raise ConfigurationInvalid(f"{policies} holds no {ADMIN}.json: each role of the store needs a policy")
    return roles


def _role(file: Path, policy: Path) -> Role:
    if not file.exists():
        keys = {
            "access_key": "BWV" + random_secret(17, string.ascii_uppercase + string.digits),
            "secret_key": random_secret(40),
        }
        write_private(file, json.dumps(keys, indent=1) + "\n")
    keys = json.loads(file.read_text())
    return Role(keys["access_key"], keys["secret_key"], policy)
