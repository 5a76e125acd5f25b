"""Every error that the system raises on purpose, in one tree.

    BwvError
    ├── PermanentFault            trying again cannot help: the message goes to the dead letters
    │   ├── MessageInvalid        will not decode, unknown schema, on the wrong topic
    │   ├── SignatureInvalid      not signed by an enrolled, unrevoked key
    │   ├── NameInvalid           an id or a path that we refuse to touch
    │   ├── RuleBroken            well formed, and forbidden (a replay, a conflict, a limit)
    │   ├── PolicyInvalid         a retention policy that cannot be read, contradicts itself or protects nothing
    │   ├── ProofInvalid          a Merkle proof does not lead to the root it was shown for
    │   ├── TileInvalid           a tile or an entry bundle of the custody log is missing, cut short or malformed
    │   ├── NoteInvalid           a signed note or checkpoint is malformed, or not signed by a key that we know
    │   └── GatewayRefused        the prosecutor's gateway will never take this request
    ├── PassingFault              something is away: wait, keep the message, try again
    │   ├── StoreAway
    │   ├── DatabaseAway
    │   ├── BrokerAway
    │   ├── GatewayAway
    │   ├── MailAway
    │   ├── WebhookAway
    │   └── DirectoryAway
    ├── DockGone                  the source of the bytes left: the transfer ends, the dock reports again
    ├── TryLater                  this one message waits; others need not
    │   └── DockBusy              the dock said 503 and when to come back
    ├── FootageDiffers            bytes and declaration disagree: quarantine, never the dead letters
    ├── AlreadyThere              put-if-absent found the key taken: read and compare
    ├── MoveRefused               the row is not in the state the move starts from: somebody was first
    ├── Refused                   a person asked for what may not be done now: answered, with what to do
    ├── ConfigurationInvalid      the process refuses to start and says why (exit 2)
    │   └── LogForked             the custody log and its sealed or witnessed checkpoint tell two histories
    └── PartUnreachable           a command cannot reach a part it needs (exit 3)

A message names the thing, what was expected, what was found and what to do.
"""

from __future__ import annotations


class BwvError(Exception):
    """Root of the tree. `str(error)` is fit to be shown to a person."""


class PermanentFault(BwvError):
    """Trying again cannot help. The original bytes go to the stage's dead letters with this reason."""


class MessageInvalid(PermanentFault):
    """The bytes are not a message of the type that this topic carries."""


class SignatureInvalid(PermanentFault):
    """The signature is missing, wrong, or by a key that is unknown or revoked."""


class NameInvalid(PermanentFault):
    """A name breaks the rules for ids or tries to leave its folder."""


class RuleBroken(PermanentFault):
    """The message is well formed and asks for something that is forbidden."""


class PolicyInvalid(PermanentFault):
    """A retention policy cannot be read, contradicts itself, or would protect nothing."""


class ProofInvalid(PermanentFault):
    """An inclusion or consistency proof does not lead to the root that it was shown for."""


class TileInvalid(PermanentFault):
    """A tile or an entry bundle of the custody log is missing, cut short or malformed."""


class NoteInvalid(PermanentFault):
    """A signed note or checkpoint is malformed, or carries no good signature by a key that we know."""


class GatewayRefused(PermanentFault):
    """The prosecutor's gateway said that it will not take this request, however often it is sent."""


class PassingFault(BwvError):
    """A part is away. The message is neither acknowledged nor dead-lettered; the stage waits."""

    part = "a part of the system"


class StoreAway(PassingFault):
    """The object store does not answer, or answers that it cannot serve now."""

    part = "object store"


class DatabaseAway(PassingFault):
    """PostgreSQL does not answer."""

    part = "database"


class BrokerAway(PassingFault):
    """Kafka does not answer."""

    part = "Kafka"


class GatewayAway(PassingFault):
    """The prosecutor's gateway does not answer, cannot serve now, or does not know us."""

    part = "gateway"


class MailAway(PassingFault):
    """The mail relay does not take a message, or none is set."""

    part = "mail relay"


class WebhookAway(PassingFault):
    """The address that takes alarms does not answer, or does not take them."""

    part = "webhook"


class DirectoryAway(PassingFault):
    """The directory that says who somebody is does not answer, or not as one."""

    part = "directory"


class DockGone(BwvError):
    """The dock or the camera no longer serves the recording; the dock will report it again."""


class TryLater(BwvError):
    """This one message cannot be finished now; others of the same stage can, and do not wait for it.

    Args:
        retry_after: seconds until it is tried again.
        part: that is away and that this message needs; None if nothing is away.
    """

    def __init__(self, message: str, retry_after: float, *, part: str | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after
        self.part = part


class DockBusy(TryLater):
    """The dock serves as many transfers as it may, and said when to come back."""


class FootageDiffers(BwvError):
    """The bytes that were read are not the bytes that were declared.

    Args:
        expected: declared SHA-256 (hex) and size.
        found: measured SHA-256 (hex) and size.
    """

    def __init__(self, message: str, *, expected: tuple[str, int], found: tuple[str, int]) -> None:
        super().__init__(message)
        self.expected = expected
        self.found = found


class AlreadyThere(BwvError):
    """A put-if-absent found the key taken (HTTP 412)."""


class MoveRefused(BwvError):
    """The compare-and-set found the row in another state; whoever was first has decided."""


class Refused(BwvError):
    """A person asked for what may not be done now. The request is answered and done with, never dead-lettered.

    Args:
        reason: why not.
        action: what the person can do.
    """

    def __init__(self, reason: str, action: str) -> None:
        super().__init__(f"{reason}; {action}")
        self.reason = reason
        self.action = action


class ConfigurationInvalid(BwvError):
    """A setting, credential or store property makes it unsafe to start."""


class LogForked(ConfigurationInvalid):
    """The custody log does not extend a checkpoint that was signed before: nothing more may be appended."""


class PartUnreachable(BwvError):
    """A command needs a part that does not answer; says which and how to start it."""
