"""What a submission waits for, as people read it; the same words when its row is made again."""

from __future__ import annotations

from workers.prosecution.submission.states import State

BY_HAND = "nobody: it goes by its link, or as a package (bwv package build)"
NO_GATEWAY = "a gateway: none is set (BWV_GATEWAY, docs/gateway.md)"
THE_GATEWAY = "the gateway"
RECEIPT = "the recipient's receipt"


def after(state: State) -> str | None:
    """What a submission waits for once the gateway's receipt amounts to this state."""
    return None if state is State.ACKNOWLEDGED else "a person: bwv submissions show, then retry"
