"""Finding what stands in a dock: a folder whose folders are bays, whose folders are cameras."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec
from msgspec import Struct

from workers.dock.folder import open_folder, printable
from workers.errors import NameInvalid
from workers.footage.clip import check_enrolled_id
from workers.footage.recording import RefusedItem


class Place(Struct, frozen=True):
    """Where a camera stands: its bay, its id, the inode of its folder."""

    bay: str
    camera: str
    inode: int


def find_bays(dock: Path) -> tuple[list[str], list[RefusedItem]]:
    """Names of the bays of a dock, in order, and what stands there that can be none."""
    with os.scandir(dock) as entries:
        folders = sorted((e.name, e.is_dir(follow_symlinks=False)) for e in entries)
    return _enrolled("bay", folders)


def find_cameras(dock: Path) -> tuple[list[Place], list[RefusedItem]]:
    """All cameras that stand in the dock's bays, and folders that can be none, with the reason."""
    bays, refused = find_bays(dock)
    places = []
    for bay in bays:
        try:
            at = open_folder(dock / bay)
        except OSError:
            continue  # gone since it was listed
        try:
            with os.scandir(at) as entries:
                folders = sorted((e.name, e.is_dir(follow_symlinks=False)) for e in entries)
            names, odd = _enrolled("camera", folders)
            refused += [msgspec.structs.replace(item, name=f"{bay}/{item.name}") for item in odd]
            for name in names:
                try:
                    places.append(Place(bay, name, os.stat(name, dir_fd=at, follow_symlinks=False).st_ino))
                except OSError:
                    continue
        finally:
            os.close(at)
    return places, refused


def _enrolled(what: str, folders: list[tuple[str, bool]]) -> tuple[list[str], list[RefusedItem]]:
    names: list[str] = []
    refused: list[RefusedItem] = []
    for name, is_folder in folders:
        if name.startswith("."):
            continue
        try:
            if not is_folder:
                raise NameInvalid(f"{what} {name!r}: not a folder")
            names.append(check_enrolled_id(what, name))
        except NameInvalid as error:
            refused.append(RefusedItem(printable(name), str(error), f"name the folder by the {what}'s enrolled id"))
    return names, refused
