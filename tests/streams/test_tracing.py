"""Traces: only where somebody wants them, never in the way, and never a word of what a message says."""

from __future__ import annotations

import logging
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from streams import messages as m
from streams.engine import tracing
from streams.engine.publishing import cloud_headers
from streams.settings import Settings
from streams.stage import Envelope
from tests.collector import Collector
from workers.errors import ConfigurationInvalid, MoveRefused, StoreAway
from workers.fate.outbox import Event
from workers.keys.signing import Signed

CLIP = f"clip-{'a2' * 16}"
PARENT = f"00-{'ab' * 16}-{'cd' * 8}-01"
ROOT = Path(__file__).parents[2]


def envelope(headers: dict[str, str] | None = None, key: str = CLIP) -> Envelope:
    return Envelope("clips.verified", 1, 7, key, 0.0, {"ce_id": "evt-1", **(headers or {})}, b"{}")


def told() -> Event:
    asked = m.ReceiptRequested(CLIP, "CAM-1", "r", Signed("{}", "dock:TEST", "none"))
    return m.event("receipts.requested", asked, key=CLIP, subject=CLIP, source="release", cause=("x",))


def test_without_a_collector_nothing_of_opentelemetry_is_imported() -> None:
    asked = (
        "import sys; from streams.engine import process, tracing, delivery, long_work; from streams.settings import "
        "Settings; import streams.relay, streams.dock, streams.intake, console.cli.serve\n"
        "with tracing.recording(Settings(), 'intake'): pass\n"
        "print([name for name in sys.modules if name.startswith('opentelemetry')])"
    )
    found = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True, cwd=ROOT)
    assert found.stdout.strip() == "[]"


def test_a_context_that_comes_in_is_passed_on_by_whoever_records_nothing() -> None:
    assert told().trace == ""
    assert tracing.HEADER not in dict(cloud_headers("bwv", told()))
    with tracing.working("release", envelope({tracing.HEADER: PARENT})):
        event = told()
    assert event.trace == PARENT
    assert dict(cloud_headers("bwv", event))[tracing.HEADER] == PARENT.encode()
    assert b"traceparent" not in event.body and PARENT.encode() not in event.body
    assert tracing.current() == ""


@pytest.mark.parametrize(
    "header",
    [
        "",
        "00",
        PARENT.upper(),
        PARENT + "-extra",
        f"00-{'0' * 32}-{'cd' * 8}-01",
        f"00-{'ab' * 16}-{'0' * 16}-01",
        f"ff-{'ab' * 16}-{'cd' * 8}-01",
        PARENT + "\n",
        "a" * 100_000,
    ],
)
def test_what_is_no_context_is_dropped(header: str) -> None:
    with tracing.working("release", envelope({tracing.HEADER: header})):
        assert told().trace == ""


def test_each_step_is_a_span_and_what_it_tells_carries_it() -> None:
    began, decided = time.time(), datetime.now(UTC) - timedelta(seconds=3)
    with Collector() as collector:
        with tracing.recording(Settings(otlp_endpoint=collector.endpoint, namespace="force"), "release"):
            with tracing.doing("dock reports", CLIP, waited=60.0):
                reported = told()
            with tracing.working("release", envelope({tracing.HEADER: reported.trace})):
                released = told()
            tracing.waited("outbox clips.released", CLIP, released.trace, decided)
            with tracing.working("release", envelope(key="CAM-1")):
                stranger = told()
        spans = {span.name: span for span in collector.spans}
        assert len(spans) == len(collector.spans) - 1 == 3
    first, waited = spans["dock reports"], spans["outbox clips.released"]
    work = next(span for span in collector.spans if span.parent == first.id)
    assert first.trace == work.trace == waited.trace == tracing.trace_of(CLIP)
    assert (first.parent, waited.parent) == ("", work.id)
    assert reported.trace == f"00-{first.trace}-{first.id}-01"
    assert released.trace == f"00-{work.trace}-{work.id}-01"
    assert began - 60 <= first.began / 1e9 + 0.001 <= first.ended / 1e9 - 59
    assert waited.began / 1e9 == pytest.approx(decided.timestamp(), abs=0.001)
    assert waited.ended > work.began
    assert work.service == "bwv.release"
    assert work.about["bwv.clip"] == CLIP and work.about["messaging.kafka.offset"] == 7
    # What is about no clip has a trace of its own.
    assert first.trace not in stranger.trace and len(stranger.trace) == len(PARENT)


def test_of_a_fault_a_trace_has_the_class_and_no_word() -> None:
    with Collector() as collector:
        with tracing.recording(Settings(otlp_endpoint=collector.endpoint), "release"):
            for fault in (StoreAway("CANARY-4711 of Mrs Smith"), MoveRefused("CANARY-4711")):
                with pytest.raises(type(fault)), tracing.working("release", envelope()):
                    raise fault
        assert [(s.about["error.type"], s.failed) for s in collector.spans] == [
            ("StoreAway", True),
            ("MoveRefused", False),
        ]
        assert collector.bodies and not any(b"CANARY" in body or b"Smith" in body for body in collector.bodies)


def test_a_collector_that_is_away_costs_the_spans_and_little_else(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    began = time.monotonic()
    with tracing.recording(Settings(otlp_endpoint="http://127.0.0.1:9"), "release"):
        for _ in range(3000):
            with tracing.working("release", envelope()):
                pass
        worked = time.monotonic() - began
    ended = time.monotonic() - began - worked
    lines = [record for record in caplog.records if record.name.startswith("opentelemetry")]
    assert worked < 5
    assert ended < 15
    assert len(lines) == 1, "a collector that is away fills no log"


def test_a_collector_without_the_extra_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "streams.engine.spans", raising=False)
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.trace", None)
    with (
        pytest.raises(ConfigurationInvalid, match=r"install bwv-ingest\[tracing\]"),
        tracing.recording(Settings(otlp_endpoint="http://127.0.0.1:9"), "release"),
    ):
        pass
