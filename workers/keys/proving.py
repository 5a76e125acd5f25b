"""What a statement proves long after it was signed: read from the custody log, not from whoever says it now."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

import msgspec
from msgspec import Struct

from workers.errors import BwvError
from workers.keys.signing import EnrolledKey, Role, Signed, as_it_signed, opened
from workers.keys.statements import PURPOSES

Body = TypeVar("Body", bound=Struct)


def proved(value: Any, body: type[Body], role: Role, keys: Mapping[str, EnrolledKey]) -> Body | None:
    """What a known key of this role signed, or None: that something stands in the log proves nothing by itself.

    Args:
        value: a `Signed`, as decoded from a message; anything else proves nothing.
        keys: by id. One that was revoked since still proves what it signed before.
    """
    try:
        signed = msgspec.convert(value, Signed)
        return opened(PURPOSES[body], signed, body, role=role, find=lambda key: as_it_signed(keys.get(key)))
    except (BwvError, msgspec.ValidationError):
        return None
