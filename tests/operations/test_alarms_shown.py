"""What the stage alarms shows in its metrics."""

from __future__ import annotations

from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from streams.alarm_shown import Shown
from streams.engine.health import Health
from workers.operations.lag.figures import stage_lag
from workers.operations.lag.history import Look, Members, Place

IDLE = Place("clips.secured", 1, 5, 0, 5, "m")
WAITS = Place("clips.secured", 0, 3, 1, 5, "m", oldest=950.0)
NEVER = Place("clips.secured.urgent", 0, None, 0, 0)
OUTBOX = Place("outbox", 0, None, 7, 9, oldest=990.0)


def values(health: Health, prefix: str) -> dict[tuple[str, str], float]:
    """Metric and what its labels say, without those that all have → value."""
    families = text_string_to_metric_families(generate_latest(health.registry).decode())
    samples = [sample for family in families for sample in family.samples if sample.name.startswith(prefix)]
    for sample in samples:
        assert sample.labels.get("cluster_name", "bwv") == "bwv" and sample.labels.get("stage", "alarms") == "alarms"
        assert sample.labels.get("group", "bwv.verification") == "bwv.verification", "the relay has no group"
    names = ("of", "verdict", "topic", "partition")
    return {(s.name, " ".join(s.labels[name] for name in names if name in s.labels)): s.value for s in samples}


def test_lag_is_shown_as_the_usual_exporter_shows_it_and_where_nothing_waits_as_0() -> None:
    health = Health("alarms")
    shown = Shown(health, "bwv")
    places = (WAITS, IDLE, NEVER)
    lags = [
        stage_lag("verification", (Look(1000.0, Members.THERE, places, clips=2, bytes=600),)),
        stage_lag("relay", (Look(1000.0, Members.THERE, (OUTBOX,)),)),
    ]
    shown.lags(lags, {"verification": places})
    secured, urgent = "bwv.clips.secured", "bwv.clips.secured.urgent"
    group = "kafka_consumergroup_group"
    assert values(health, "kafka_") == {
        (f"{group}_lag", f"{secured} 0"): 2, (f"{group}_lag", f"{secured} 1"): 0, (f"{group}_lag", f"{urgent} 0"): 0,
        (f"{group}_lag_seconds", f"{secured} 0"): 50, (f"{group}_lag_seconds", f"{secured} 1"): 0,
        (f"{group}_lag_seconds", f"{urgent} 0"): 0,
        (f"{group}_offset", f"{secured} 0"): 3, (f"{group}_offset", f"{secured} 1"): 5,
        (f"{group}_sum_lag", ""): 2, (f"{group}_max_lag", ""): 2, (f"{group}_max_lag_seconds", ""): 50,
        (f"{group}_topic_sum_lag", secured): 2, (f"{group}_topic_sum_lag", urgent): 0,
        ("kafka_partition_earliest_offset", f"{secured} 0"): 1, ("kafka_partition_earliest_offset", f"{secured} 1"): 0,
        ("kafka_partition_earliest_offset", f"{urgent} 0"): 0,
        ("kafka_partition_latest_offset", f"{secured} 0"): 5, ("kafka_partition_latest_offset", f"{secured} 1"): 5,
        ("kafka_partition_latest_offset", f"{urgent} 0"): 0,
    }  # fmt: skip
    assert values(health, "bwv_lag_") == {
        ("bwv_lag_clips", "verification"): 2,
        ("bwv_lag_bytes", "verification"): 600,
    }
    assert ("bwv_stage_verdict", "relay OK") in values(health, "bwv_stage_verdict")
    shown.lags([], {})
    assert values(health, "kafka_") == {}, "what nobody can see is not shown as it once was"
