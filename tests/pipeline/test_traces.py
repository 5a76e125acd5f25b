"""One trace leads from the docking of a camera to the erasure of its copy, and nothing of it is on record."""

from __future__ import annotations

import itertools

from streams.engine.tracing import trace_of
from tests.collector import Collector, Span
from tests.pipeline.pipeline import Pipeline

WALK = (
    "dock reports",
    "intake uploads.reported",
    "outbox clips.registered",
    "transfer clips.registered",
    "outbox clips.secured",
    "verification clips.secured",
    "outbox clips.verified",
    "release clips.verified",
    "outbox clips.released",
    "dock erases",
    "release clips.wiped",
)


async def test_one_trace_leads_from_the_docking_to_the_receipt(system: Pipeline, collector: Collector) -> None:
    camera = system.filled("TRC-0001", [1000])
    await system.enrol("TRC-0001")
    system.dock(camera, "BAY-TRC-1")
    await system.settled(camera)
    [row] = await system.clips("TRC-0001")
    clip = row["clip_id"]
    assert row["declared_size"] == 1000
    told = await system.known(clip)

    async def whole() -> list[Span] | None:
        spans = collector.of(trace_of(clip))
        return spans if set(WALK) <= {span.name for span in spans} else None

    spans = await system.until(whole, f"the trace of {clip}: {[span.name for span in collector.of(trace_of(clip))]}")
    by_id = {span.id: span for span in spans}
    assert {span.about.get("bwv.clip", clip) for span in spans} == {clip}
    assert {span.name for span in spans if span.parent not in by_id} == {"dock reports"}

    # Back from the erasure, each step was asked for by the one before.
    erased = next(span for span in spans if span.name == "dock erases")
    way = [erased]
    while way[-1].parent:
        way.append(by_id[way[-1].parent])
    asked = [name for name in reversed(WALK) if not name.startswith("outbox") and name != "release clips.wiped"]
    assert [span.name for span in way] == asked
    assert all(later.began >= earlier.began for later, earlier in itertools.pairwise(way))
    assert way[-1].ended - way[-1].began > 0.3e9, "it begins when the recording was seen in the bay, before it settled"

    assert told["trace"] == trace_of(clip)
    rows = await system.sql(
        "SELECT entry, convert_from(payload, 'UTF8') AS payload FROM custody WHERE clip_id = %s", clip
    )
    assert len(rows) >= 6
    assert not [row for row in rows for text in row.values() if trace_of(clip) in text or "traceparent" in text]
