"""The vault as one role sees it, from the settings: the role's credentials lie in `<credentials>/<role>.json`."""

from __future__ import annotations

import msgspec
from msgspec import Struct

from streams.settings import Settings
from workers.errors import ConfigurationInvalid
from workers.vault.client import Access
from workers.vault.retry import Limits
from workers.vault.s3 import S3Vault
from workers.vault.vault import ChunkProtection


class Credentials(Struct, frozen=True):
    """What a credentials file holds."""

    access_key: str
    secret_key: str

    def __repr__(self) -> str:
        return f"Credentials({self.access_key!r})"


def access_of(settings: Settings, role: str) -> Access:
    """One role's way to the bucket.

    Raises:
        ConfigurationInvalid: its file is missing, is no credentials file, or others may read it.
    """
    path = settings.credentials / f"{role}.json"
    try:
        if path.stat().st_mode & 0o077:
            raise ConfigurationInvalid(f"{path}: a secret that others can read; chmod 600 it")
        keys = msgspec.json.decode(path.read_bytes(), type=Credentials)
    except FileNotFoundError as error:
        raise ConfigurationInvalid(f"{path}: no credentials of the role {role!r} for the store") from error
    except msgspec.DecodeError as error:
        raise ConfigurationInvalid(f"{path}: expected access_key and secret_key as JSON ({error})") from error
    return Access(
        endpoint=settings.store,
        access_key=keys.access_key,
        secret_key=keys.secret_key,
        bucket=settings.bucket,
        role=role,
    )


def open_vault(
    settings: Settings,
    role: str,
    *,
    protection: ChunkProtection = ChunkProtection.CRC64NVME,
    limits: Limits | None = None,
) -> S3Vault:
    """The vault with one role's credentials. Nothing is asked of the store yet."""
    return S3Vault(access_of(settings, role), protection=protection, limits=limits)
