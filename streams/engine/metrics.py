"""The name of every metric, what it means and its labels, in one place: dashboards and alert rules use these alone.

docs/reference/metrics.md is made from this. Each process shows its own at /metrics of its health port; those of the
stage alarms are about the whole system. Beside these each has Python's `process_*` (memory, CPU, open files).
"""

from __future__ import annotations

METRICS = {
    "bwv_handled_total": "Messages that were finished and may be acknowledged, dead letters included",
    "bwv_dead_lettered_total": "Messages that went to the dead letters",
    "bwv_refused_moves_total": "Messages whose move somebody else had already made",
    "bwv_retried_total": "Times a message was tried again because a part was away or the dock was busy",
    "bwv_handling_seconds": "Seconds from the start of a message's work to its end, waiting excluded",
    "bwv_in_flight": "Messages fetched and not finished",
    "bwv_at_work": "Messages that are being worked on now",
    "bwv_waiting_for": "1 while this part is away and messages wait for it",
    "bwv_lag": "Messages at the broker that this group has not committed, in the partitions of this process",
    "bwv_commits_refused_total": "Commits that the broker refused: the partition belongs to somebody else",
    "bwv_faults_in_a_row": "Permanent faults since the last good message; at fault_limit the stage stops",
    "bwv_ready": "1 when the process has joined its group or holds its lock",
    "bwv_outbox_unsent": "Events decided and not yet published",
    "bwv_outbox_oldest_seconds": "Age of the oldest event that is decided and not yet published",
    "bwv_unsealed_entries": "Custody entries that no seal in the vault covers yet",
    "bwv_relayed_total": "Events that the relay published and marked",
    "bwv_scrub_coverage_ratio": "Share of the stored bytes that was read in full within scrub_cycle",
    "bwv_scrub_oldest_seconds": "Seconds since the stored clip was read that was not read for the longest time",
    "bwv_scrub_read_bytes_total": "Bytes that the scrub has read",
    "bwv_scrub_damaged": "Clips that are damaged",
    "bwv_disposals_kept": "Disposals that are committed and that the store refuses: a lock or a hold is in force",
    "bwv_scrub_suspects": "Clips that could not be read, or not be judged, while others could",
    "bwv_leases_renewed_total": "Clips whose lock was renewed and read back",
    "bwv_leases_late": "Clips whose lock ends within a day and should have been renewed; anything but 0 is an alarm",
    "bwv_sweep_stopped": "1 while the retention sweep stands still for this reason",
    "bwv_sweep_waiting": "Clips in the bin whose time has come and that wait for this before they are disposed of",
    "bwv_intended_total": "Clips that the sweep has put into the bin",
    "bwv_committed_total": "Disposals that the sweep has committed",
    "bwv_submissions_overdue": "Submissions whose receipt is overdue; anything but 0 is an alarm",
    "bwv_outcomes_handed_total": "Outcomes of the gateway that went to their cases",
    "bwv_outcomes_unplaced_total": "Outcomes of the gateway that reach no case, each on record: a person looks",
    "bwv_alarms_judged_timestamp_seconds": "When the alarms were judged last; an old one means that nobody is told",
    "bwv_alarms_open": "Subjects for which this alarm has fired and is not over",
    "bwv_verified_p95_seconds": "Seconds from docking to verified that 95 of 100 clips of the last hour took at most",
    "bwv_unverified_late": "Clips that were registered over a day ago and are not verified",
    "bwv_unreleased_late": "Clips that were verified over 20 minutes ago and have no wipe receipt",
    "bwv_quarantine_undecided": "Clips in quarantine that wait for a person; 200 stands for more",
    "bwv_dead_letters": "Dead letters of this stage that nobody has redriven",
    "bwv_store_red": "1 while the object store does not answer, or answers that it cannot serve",
    "bwv_disk_free_ratio": "Share of this disk that is free",
    "bwv_stage_verdict": "1 for the verdict that `bwv lag` has on this stage: OK, SLOW, STALLED, STOPPED, REWOUND",
    "bwv_lag_clips": "Clips that this stage still has before it, by the rows of the database",
    "bwv_lag_bytes": "Bytes of those clips, as their docks declared them",
}
"""Every metric and its meaning; all carry the label `stage`. Those from bwv_alarms_judged_timestamp_seconds on are
the stage alarms'."""

LABELS = {
    "bwv_waiting_for": {"part": "`Kafka`, `database`, `object store`, `gateway`, `mail relay`, `webhook`, …"},
    "bwv_sweep_stopped": {"cause": "why the sweep stands still"},
    "bwv_sweep_waiting": {"reason": "what the clips wait for"},
    "bwv_alarms_open": {"alarm": "name of the alarm; its page in docs/runbook.md §9 has the same"},
    "bwv_dead_letters": {"of": "the stage that buried them"},
    "bwv_disk_free_ratio": {"place": "a folder on that disk"},
    "bwv_stage_verdict": {"of": "the stage", "verdict": "OK, SLOW, STALLED, STOPPED or REWOUND"},
    "bwv_lag_clips": {"of": "the stage"},
    "bwv_lag_bytes": {"of": "the stage"},
}
"""Metric → its labels beside `stage`, each with its meaning."""

SHOWN = (
    "bwv_disposals_kept",
    "bwv_alarms_judged_timestamp_seconds",
    "bwv_verified_p95_seconds",
    "bwv_unverified_late",
    "bwv_unreleased_late",
    "bwv_quarantine_undecided",
    "bwv_store_red",
)
"""Gauges that a stage sets by name."""

CLUSTER = {"cluster_name": "the namespace"}
GROUP = {**CLUSTER, "group": "the consumer group: namespace and stage"}
TOPIC = {"topic": "full name of the topic"}
PARTITION = {"partition": "its number"}

ECOSYSTEM = {
    "kafka_consumergroup_group_lag": "Messages that wait in this partition for this group",
    "kafka_consumergroup_group_lag_seconds": "Age of the oldest message that waits in this partition; 0 if none does",
    "kafka_consumergroup_group_sum_lag": "Messages that wait for this group, in all of its partitions",
    "kafka_consumergroup_group_max_lag": "Messages that wait in the one of its partitions in which most do",
    "kafka_consumergroup_group_max_lag_seconds": "Age of the oldest message that waits for this group; 0 if none does",
    "kafka_consumergroup_group_topic_sum_lag": "Messages that wait for this group on this topic",
    "kafka_consumergroup_group_offset": "Offset that this group has committed in this partition: the next it will read",
    "kafka_partition_earliest_offset": "Offset of the oldest message that the broker still has in this partition",
    "kafka_partition_latest_offset": "Offset that the next message of this partition will get",
}
"""Lag under the names of the usual exporter of Kafka (kafka-lag-exporter), so that dashboards and rules made for it
work; from the stage alarms."""

ECOSYSTEM_LABELS = {
    "kafka_consumergroup_group_lag": {**GROUP, **TOPIC, **PARTITION},
    "kafka_consumergroup_group_lag_seconds": {**GROUP, **TOPIC, **PARTITION},
    "kafka_consumergroup_group_sum_lag": GROUP,
    "kafka_consumergroup_group_max_lag": GROUP,
    "kafka_consumergroup_group_max_lag_seconds": GROUP,
    "kafka_consumergroup_group_topic_sum_lag": {**GROUP, **TOPIC},
    "kafka_consumergroup_group_offset": {**GROUP, **TOPIC, **PARTITION},
    "kafka_partition_earliest_offset": {**CLUSTER, **TOPIC, **PARTITION},
    "kafka_partition_latest_offset": {**CLUSTER, **TOPIC, **PARTITION},
}


def kind_of(name: str) -> str:
    """`counter`, `histogram` or `gauge`, as Prometheus' naming has it."""
    if name.endswith("_total"):
        return "counter"
    return "histogram" if name == "bwv_handling_seconds" else "gauge"
