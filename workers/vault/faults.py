"""What a vault can answer beside the general errors: the leaves that only callers of a vault meet.

    BwvError
    ├── NotThere          no such key, version or bucket
    ├── UploadGone        the multipart upload was aborted or completed by somebody else: start a new one
    ├── StillLocked       the store refuses to delete or to shorten, because of a lock or a legal hold
    ├── NotAsWritten      a HEAD shows another size, date or mode than what was just written
    └── StoreAway
        └── BytesRefused  the store says that other bytes arrived than were announced, several times over

`StoreAway`, `AlreadyThere` and `ConfigurationInvalid` come from workers/errors.py.
"""

from __future__ import annotations

from workers.errors import BwvError, StoreAway


class NotThere(BwvError):
    """The store has no such key or version."""


class UploadGone(BwvError):
    """The multipart upload does not exist any more and the object that it should have become is not there."""


class StillLocked(BwvError):
    """The store keeps the version as it is: its lock or its legal hold forbids what was asked."""


class NotAsWritten(BwvError):
    """The store acknowledged a write and shows something else. Nothing may be told to be secured."""


class BytesRefused(StoreAway):
    """The store's checksum of what arrived differs from ours: the way to the store changes bytes."""
