"""Where docks stand: borough and basic command unit, as a file of the force says. It is published with the figures."""

from __future__ import annotations

import csv
import hashlib
import io
from pathlib import Path

from msgspec import Struct

from workers.errors import ConfigurationInvalid
from workers.footage.clip import ENROLLED_ID

COLUMNS = ("dock", "bcu", "borough")


class Areas(Struct, frozen=True):
    """The docks with their areas.

    Attributes:
        text: the file; "" where the force has none: no dock has an area then.
        rows: dock, BCU, borough.
    """

    text: str = ""
    rows: tuple[tuple[str, str, str], ...] = ()

    @property
    def sha256(self) -> str:
        """Digest of the file."""
        return hashlib.sha256(self.text.encode()).hexdigest()


def load_areas(path: Path | None) -> Areas:
    """Read the file; none gives no areas.

    Raises:
        ConfigurationInvalid: it cannot be read, or where a row is wrong.
    """
    if path is None:
        return Areas()
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationInvalid(f"{path}: the areas of docks cannot be read: {error}") from error
    return parse_areas(text, str(path))


def parse_areas(text: str, name: str) -> Areas:
    """The areas of a file's text; raises ConfigurationInvalid that names the row."""
    reader = csv.reader(io.StringIO(text))
    if tuple(next(reader, ())) != COLUMNS:
        raise ConfigurationInvalid(f"{name}, row 1: expected the columns {','.join(COLUMNS)}")
    rows: dict[str, tuple[str, str, str]] = {}
    unit_of: dict[str, str] = {}
    for number, row in enumerate(reader, 2):
        if not row:
            continue
        if len(row) != len(COLUMNS) or not all(part.strip() for part in row):
            raise ConfigurationInvalid(f"{name}, row {number}: expected dock, bcu and borough, found {row}")
        dock, bcu, borough = (part.strip() for part in row)
        if not ENROLLED_ID.fullmatch(dock):
            raise ConfigurationInvalid(f"{name}, row {number}: {dock!r} is no id of a dock, such as DOCK-01")
        if dock in rows:
            raise ConfigurationInvalid(f"{name}, row {number}: {dock} stands in {rows[dock][2]} already; keep one row")
        if unit_of.setdefault(borough, bcu) != bcu:
            raise ConfigurationInvalid(
                f"{name}, row {number}: {borough} is a part of {unit_of[borough]} already; a borough has one BCU"
            )
        rows[dock] = (dock, bcu, borough)
    return Areas(text, tuple(rows.values()))
