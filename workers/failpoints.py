"""Named places where a test may kill the process: `BWV_FAIL=transfer.after_chunk_3` in the environment.

Several names may stand there, with spaces between them. Safety rests on what every crash leaves, so each
step of each stage has a name, and the fault suite kills the process at every one of them. Unarmed, reaching a
failpoint costs one comparison.
"""

from __future__ import annotations

import os
import signal
from pathlib import Path

FAILPOINTS = (
    "intake.before_register",
    "intake.after_register",
    "transfer.before_first_byte",
    "transfer.after_create",
    "transfer.after_chunk_1",
    "transfer.after_chunk_3",
    "transfer.before_complete",
    "transfer.after_complete",
    "transfer.after_lock",
    "transfer.after_sidecar",
    "transfer.after_manifest",
    "transfer.after_move",
    "transfer.after_quarantine",
    "verification.mid_read",
    "verification.before_move",
    "verification.after_move",
    "release.before_move",
    "release.after_move",
    "relay.after_publish",
    "relay.after_mark",
    "record.before_commit",
    "record.after_commit",
    "record.seal_after_decide",
    "record.seal_after_bundles",
    "record.seal_after_tiles",
    "record.seal_after_checkpoint",
    "record.seal_after_finish",
    "dock.after_report",
    "dock.before_erase",
    "dock.after_erase",
    "probe.after_probe",
    "scrub.before_move",
    "scrub.after_move",
    "disposal.after_note",
    "disposal.after_abort",
    "disposal.after_hold_off",
    "disposal.after_first_delete",
    "disposal.before_manifest",
    "disposal.after_deletes",
    "disposal.after_certificate",
    "disposal.after_move",
    "sweep.before_intend",
    "sweep.after_intend",
    "sweep.before_commit",
    "sweep.after_commit",
    "lease.after_renew",
    "lease.after_locks",
    "derivation.after_make",
    "derivation.after_media",
    "derivation.after_lineage",
    "derivation.after_row",
    "prosecution.after_take",
    "prosecution.after_prepared",
    "prosecution.after_manifest",
    "prosecution.after_item",
    "prosecution.before_complete",
    "prosecution.after_complete",
    "prosecution.after_sent",
)

_armed: dict[str, Path | None] = {}


def arm(name: str, marker: Path | None = None) -> None:
    """Make the process kill itself when it reaches `name`, once.

    Args:
        marker: a file that is created just before; while it exists the failpoint does not fire again, so
            that the restarted process goes on. Whoever makes the file beforehand decides, by removing it, when
            the process dies.
    """
    if name not in FAILPOINTS:
        raise ValueError(f"no failpoint {name!r}; known are {', '.join(FAILPOINTS)}")
    _armed[name] = marker


def reach(name: str) -> None:
    """Kill the process with SIGKILL if `name` is armed and has not fired before."""
    if name not in _armed:
        return
    marker = _armed[name]
    if marker is not None:
        try:
            marker.touch(exist_ok=False)
        except FileExistsError:
            return
    os.kill(os.getpid(), signal.SIGKILL)
