"""What a home needs before anything runs: settings of a small machine and the first keys."""

from __future__ import annotations

import secrets
import tomllib
from pathlib import Path

from local.files import write_private
from workers.keys.keyring import save_public
from workers.keys.signing import Role, Signer
from workers.prosecution.links.secret import LINKS_SECRET

FIRST_PERSON = "ADMIN"
FIRST_DOCK = "DOCK-01"

SETTINGS = """\
# Settings of this home; `bwv` reads them after stack.toml. docs/reference/settings.md explains each.
replication = 1        # one broker
partitions = 2         # two cores
session_timeout = 10.0
dock_repeat = 5.0      # seconds; minutes in production
seal_after = 5.0       # seconds; minutes in production
custody_lock = 86400.0 # a day; ten years in production
gateway_every = 2.0    # seconds; a minute in production
encounter_every = 1.0  # seconds
mail = "mail"          # one-time codes, a file each; smtps://relay:465 in production
"""


def make_home(home: Path, more_settings: str = "") -> None:
    """Write the settings and make the first keys, where they are not there yet.

    Args:
        more_settings: TOML; what it names wins over what a small machine has.
    """
    home.mkdir(parents=True, exist_ok=True)
    settings = home / "settings.toml"
    if not settings.exists():
        named = tomllib.loads(more_settings)
        ours = [line for line in SETTINGS.splitlines(keepends=True) if line.split(" ")[0] not in named]
        settings.write_text("".join(ours) + more_settings)
    keys = home / "keys"
    first = _key(keys, Role.PERSON, FIRST_PERSON)
    if not (keys / "trust-root.pub").exists():
        save_public(first.enrolment(), keys / "trust-root.pub")
    for service in ("release", "transfer", "reconcile", "disposal", "derivation", "receipts"):
        _key(keys, Role.SERVICE, service)
    _key(keys, Role.DOCK, FIRST_DOCK)
    if not (keys / LINKS_SECRET).exists():
        write_private(keys / LINKS_SECRET, secrets.token_urlsafe(48) + "\n")
    (home / "dock").mkdir(exist_ok=True)


def _key(keys: Path, role: Role, owner: str) -> Signer:
    path = keys / role.value / f"{owner}.pem"
    if not path.exists():
        signer = Signer.new(role, owner)
        signer.save(path)
        save_public(signer.enrolment(), path.with_suffix(".pub"))
    return Signer.load(role, owner, path)
