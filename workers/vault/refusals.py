"""A store's refusal, and what it means to the caller.

Three kinds: a fault that may pass (5xx, throttling, bytes spoilt on the way), a refusal that says something
about the request (412, 404: the vault answers it), and one that says that this process is not set up right
(403, no bucket, anything unexpected: it must stop and say so, because no message is at fault).
"""

from __future__ import annotations

from workers.errors import BwvError, ConfigurationInvalid, StoreAway
from workers.vault.faults import BytesRefused, NotThere, UploadGone

_PASSING_STATUS = frozenset({408, 429, 500, 502, 503, 504, 507})
_PASSING_CODES = frozenset(
    {
        "SlowDown",
        "RequestTimeout",
        "InternalError",
        "ServiceUnavailable",
        "IncompleteBody",
        "OperationAborted",
        "ConditionalRequestConflict",
        "XMinioStorageFull",
    }
)
_BYTES_REFUSED = frozenset({"BadDigest", "InvalidDigest", "XAmzContentSHA256Mismatch", "XAmzContentChecksumMismatch"})
_BAD_CREDENTIALS = frozenset({"InvalidAccessKeyId", "SignatureDoesNotMatch", "RequestTimeTooSkewed"})


class Refused(Exception):
    """The store understood and said no. Never leaves the package.

    Args:
        tries: how often the request was sent; above 1 an earlier try may have succeeded unheard.
    """

    def __init__(self, status: int, code: str, message: str, tries: int = 1) -> None:
        super().__init__(f"{status} {code} {message}".strip())
        self.status = status
        self.code = code
        self.tries = tries

    @property
    def missing(self) -> bool:
        """Is the key or the version not there? 405 is the answer for a delete marker by its version id."""
        return self.status in (404, 405) and self.code not in ("NoSuchBucket", "NoSuchUpload")


def sorted_out(status: int, code: str, message: str) -> StoreAway | Refused:
    """Can trying again help?"""
    if code in _BYTES_REFUSED:
        return BytesRefused(f"{status} {code} {message}".strip())
    if status in _PASSING_STATUS or code in _PASSING_CODES:
        return StoreAway(f"{status} {code} {message}".strip())
    return Refused(status, code, message)


def translated(refusal: Refused, role: str, action: str, key: str) -> BwvError:
    """The refusal as callers and people need it: what was asked, on what, with whose credentials.

    Args:
        action: S3's name of it, such as PutObject.
    """
    if refusal.code == "NoSuchUpload":
        return UploadGone(f"the upload to {key} does not exist any more")
    if refusal.missing:
        return NotThere(f"{key} is not in the vault ({action}: {refusal})")
    if refusal.code in _BAD_CREDENTIALS:
        return ConfigurationInvalid(
            f"the store does not accept the credentials of the role {role!r} ({refusal.code}): "
            "check its key files and the clock of this machine"
        )
    if refusal.code == "NoSuchBucket":
        return ConfigurationInvalid(f"the bucket does not exist (the role {role!r} asked for {key}): create it")
    if refusal.status == 403:
        return ConfigurationInvalid(
            f"the role {role!r} may not {action} on {key} ({refusal}): "
            f"compare the store's policy with deploy/policies/{role}.json"
        )
    return ConfigurationInvalid(
        f"the store refuses {action} on {key} to the role {role!r} ({refusal}): run bwv store-check"
    )
