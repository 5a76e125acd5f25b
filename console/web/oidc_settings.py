"""The directory in the settings: which one, as whom we ask it, and what its groups may do here."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from msgspec import Struct

from console.web.people import Role
from streams.settings import Settings
from workers.errors import ConfigurationInvalid

LOOPBACK = ("127.0.0.1", "localhost", "::1")
"""Where a directory may be asked without TLS: for a trial."""


class Wanted(Struct, frozen=True):
    """The directory.

    Attributes:
        person, groups: claims that hold the warrant number and the groups.
        roles: group → what it may do here; None: the file of people says who may what.
        lives: seconds after which whoever signed in is asked for again.
    """

    issuer: str
    client: str
    person: str
    groups: str
    lives: float
    secret: str = ""
    roles: Mapping[str, tuple[Role, ...]] | None = None

    def __repr__(self) -> str:
        return f"Wanted({self.issuer!r}, {self.client!r})"


def wanted_of(settings: Settings) -> Wanted | None:
    """The directory of the settings; None where there is none.

    Raises:
        ConfigurationInvalid: a setting or a file of it cannot be right.
    """
    issuer = settings.board_oidc_issuer
    if not issuer:
        return None
    place = urlsplit(issuer)
    if place.scheme != "https" and not (place.scheme == "http" and place.hostname in LOOPBACK):
        raise ConfigurationInvalid(f"board_oidc_issuer = {issuer!r}: expected an https address")
    if not settings.board_oidc_client:
        raise ConfigurationInvalid("board_oidc_client is empty: by which name does the directory know the board?")
    return Wanted(
        issuer=issuer,
        client=settings.board_oidc_client,
        person=settings.board_oidc_person,
        groups=settings.board_oidc_groups,
        lives=settings.board_oidc_lives,
        secret=_secret(settings.home / settings.board_oidc_secret) if settings.board_oidc_secret else "",
        roles=read_roles(settings.home / settings.board_oidc_roles) if settings.board_oidc_roles else None,
    )


def _secret(path: Path) -> str:
    try:
        if path.stat().st_mode & 0o077:
            raise ConfigurationInvalid(f"{path}: a secret that others can read; chmod 600 it")
        found = path.read_text().strip()
    except OSError as error:
        raise ConfigurationInvalid(f"board_oidc_secret: {path} cannot be read: {error.strerror}") from error
    if not found or "\n" in found:
        raise ConfigurationInvalid(f"board_oidc_secret: {path}: expected one line, the client's secret")
    return found


def read_roles(path: Path) -> Mapping[str, tuple[Role, ...]]:
    """Groups and their roles: each line of the file `"BWV officers" = ["officer"]`.

    Raises:
        ConfigurationInvalid: the file cannot be read, or names a role that there is not; the group is named.
    """
    try:
        found = tomllib.loads(path.read_text())
    except OSError as error:
        raise ConfigurationInvalid(f"board_oidc_roles: {path} cannot be read: {error.strerror}") from error
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationInvalid(f"{path}: not TOML: {error}") from error
    made = {}
    for group, roles in found.items():
        if not isinstance(roles, list) or not roles or not set(map(str, roles)) <= set(Role):
            raise ConfigurationInvalid(f"{path}: {group!r} = {roles!r}: expected a list of {', '.join(Role)}")
        made[group] = tuple(Role(role) for role in roles)
    if not made:
        raise ConfigurationInvalid(f"{path} names no group, so nobody could sign in")
    return made
