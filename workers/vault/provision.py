"""Making the bucket: once, with the admin's credentials."""

from __future__ import annotations

from workers.errors import ConfigurationInvalid
from workers.vault.client import Access, Client
from workers.vault.refusals import Refused
from workers.vault.retry import Limits

_OURS_ALREADY = frozenset({"BucketAlreadyOwnedByYou", "BucketAlreadyExists"})


def create_bucket(access: Access, *, limits: Limits | None = None) -> bool:
    """Makes the bucket with Object Lock (which implies versions) unless it is there.

    A bucket that is there without Object Lock is refused: most stores cannot add it later.

    Returns:
        Was it made now?

    Raises:
        ConfigurationInvalid: the bucket is there and keeps no versions, or the role may not make it.
        StoreAway: the store does not answer.
    """
    client = Client(access, limits or Limits())
    try:
        try:
            client.call("PUT", headers={"x-amz-bucket-object-lock-enabled": "true"})
            return True
        except Refused as refusal:
            if refusal.code not in _OURS_ALREADY:
                raise client.error(refusal, "CreateBucket", access.bucket) from refusal
        if client.get_bucket_versioning(access.bucket).status != "Enabled":
            raise ConfigurationInvalid(
                f"the bucket {access.bucket!r} exists without versions and Object Lock: name another one"
            )
        return False
    finally:
        client.close()
