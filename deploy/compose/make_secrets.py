"""Make the secrets of a Compose installation, once: keys, the store's roles, the database's password.

Each is a file of its own with mode 0600 that belongs to the user of the image. What is there already is kept.

    python make_secrets.py FOLDER POLICIES
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

from local.bootstrap import make_home
from local.credentials import random_secret, store_roles
from local.files import private_folder, write_private
from local.store import _configuration  # the store's own file of identities; the one place that knows its form
from streams.settings import load
from workers.custody.keys import new_key

USER = 10001
"""Of our image."""
STORE_USER = 1000
"""Of the store's image; it reads one file alone."""


def make(folder: Path, policies: Path) -> None:
    """Make what is missing in `folder`.

    Args:
        policies: one `<role>.json` for each role of the store.
    """
    private_folder(folder)
    make_home(folder)
    _custody_key(folder)
    credentials = folder / "credentials"
    roles = store_roles(credentials, policies)
    write_private(folder / "store.json", json.dumps(_configuration(roles), indent=1) + "\n")
    password = folder / "postgres.password"
    if not password.exists():
        write_private(password, random_secret(40))
    token = credentials / "gateway.json"
    if not token.exists():
        # What the prosecutor's gateway gives out; a person writes it in. Empty: none is shown.
        write_private(token, json.dumps({"token": ""}) + "\n")
    write_private(credentials / "postgres.pgpass", f"postgres:5432:*:bwv:{password.read_text()}\n")
    if os.geteuid() == 0:
        for path in [folder, *folder.rglob("*")]:
            os.chown(path, USER, USER, follow_symlinks=False)
        os.chown(folder / "store.json", STORE_USER, STORE_USER)


def _custody_key(folder: Path) -> None:
    """The key that signs checkpoints, for the log's name in the settings; one at least is there after a rotation."""
    keys = folder / "keys" / "custody"
    if not any(keys.glob("*.pem")):
        new_key(keys, "first", load(folder).origin)


if __name__ == "__main__":
    make(Path(sys.argv[1]), Path(sys.argv[2]))
