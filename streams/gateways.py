"""The prosecutor's gateway, from the settings: its address, and its token in `<credentials>/gateway.json`."""

from __future__ import annotations

import msgspec
from msgspec import Struct

from streams.settings import Settings
from workers.errors import ConfigurationInvalid
from workers.prosecution.gateway.client import Gateway
from workers.vault.retry import Limits


class _Secret(Struct, frozen=True):
    token: str

    def __repr__(self) -> str:
        return "_Secret()"


def open_gateway(settings: Settings, limits: Limits | None = None) -> Gateway | None:
    """The gateway, or None where none is set. Nothing is asked of it yet.

    Raises:
        ConfigurationInvalid: its file is no credentials file, or others may read it.
    """
    if not settings.gateway:
        return None
    return Gateway(settings.gateway, token=_token(settings), limits=limits)


def _token(settings: Settings) -> str | None:
    path = settings.credentials / "gateway.json"
    try:
        if path.stat().st_mode & 0o077:
            raise ConfigurationInvalid(f"{path}: a secret that others can read; chmod 600 it")
        return msgspec.json.decode(path.read_bytes(), type=_Secret).token
    except FileNotFoundError:
        return None
    except msgspec.DecodeError as error:
        raise ConfigurationInvalid(f"{path}: expected the gateway's token as JSON ({error})") from error
