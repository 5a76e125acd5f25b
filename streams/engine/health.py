"""What a process says about itself: /live, /ready and /metrics, on a port of its own, on loopback.

Alive means: something was finished lately, or nothing is waiting, or a named part is away, or a job is at
work within its time. It never means "the process exists". Ready means: it has joined its group, or holds the
relay's lock. `streams/engine/metrics.py` lists every metric, once.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import time
from collections.abc import Iterator
from pathlib import Path

import uvicorn
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from streams.engine.metrics import METRICS, SHOWN
from streams.engine.waiting import Away
from workers.serving import Server, listen

log = logging.getLogger(__name__)

IDLE_LIMIT = 120.0
"""Seconds without anything finished, while something waits, after which a process is not alive."""

JOB_LIMIT = 4 * 3600.0
"""Seconds that one job may be at work: 18 GB at 10 Mbit/s. Its own deadlines end it long before."""


class Health:
    """The state of one process. Engines tell it what happens; it answers for them.

    Args:
        stage: label of all metrics.
        folder: the chosen port is written to `<folder>/<stage>.port`.
        port: 0 picks a free one.
    """

    def __init__(self, stage: str, *, folder: Path | None = None, port: int = 0) -> None:
        self.stage = stage
        self.port = port
        self._folder = folder
        self._server: Server | None = None
        self._waiting: dict[str, tuple[float, str]] = {}
        self._no_excuse: set[str] = set()
        self._progress = time.monotonic()
        self._working_since: dict[int, float] = {}
        self._job = 0
        self.lag = 0
        self.ready = False
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self.handled = self._counter("bwv_handled_total")
        self.dead_lettered = self._counter("bwv_dead_lettered_total")
        self.refused_moves = self._counter("bwv_refused_moves_total")
        self.retried = self._counter("bwv_retried_total")
        self.commits_refused = self._counter("bwv_commits_refused_total")
        self.relayed = self._counter("bwv_relayed_total")
        self.scrub_read = self._counter("bwv_scrub_read_bytes_total")
        self.scrub_coverage = self._gauge("bwv_scrub_coverage_ratio")
        self.scrub_oldest = self._gauge("bwv_scrub_oldest_seconds")
        self.scrub_damaged = self._gauge("bwv_scrub_damaged")
        self.scrub_suspects = self._gauge("bwv_scrub_suspects")
        self.leases_renewed = self._counter("bwv_leases_renewed_total")
        self.leases_late = self._gauge("bwv_leases_late")
        self.intended = self._counter("bwv_intended_total")
        self.committed = self._counter("bwv_committed_total")
        self.submissions_overdue = self._gauge("bwv_submissions_overdue")
        self.outcomes_handed = self._counter("bwv_outcomes_handed_total")
        self.outcomes_unplaced = self._counter("bwv_outcomes_unplaced_total")
        self._shown = {name: self._gauge(name) for name in SHOWN}
        self.in_flight = self._gauge("bwv_in_flight")
        self.at_work = self._gauge("bwv_at_work")
        self.faults_in_a_row = self._gauge("bwv_faults_in_a_row")
        self.outbox_unsent = self._gauge("bwv_outbox_unsent")
        self.outbox_oldest = self._gauge("bwv_outbox_oldest_seconds")
        self.unsealed = self._gauge("bwv_unsealed_entries")
        self._ready_gauge = self._gauge("bwv_ready")
        self._lag_gauge = self._gauge("bwv_lag")
        self._waiting_for = self._labelled("bwv_waiting_for", "part")
        self.sweep_stopped = self._labelled("bwv_sweep_stopped", "cause")
        self.sweep_waiting = self._labelled("bwv_sweep_waiting", "reason")
        self._gauges_of_alarms()
        name = "bwv_handling_seconds"
        buckets = (0.005, 0.02, 0.1, 0.5, 2, 10, 60, 600, 3600)
        self.seconds = Histogram(
            name, METRICS[name], ["stage"], buckets=buckets, registry=self.registry
        ).labels(stage)  # fmt: skip

    def _gauges_of_alarms(self) -> None:
        self.alarms_open = self._labelled("bwv_alarms_open", "alarm")
        self.dead_letters = self._labelled("bwv_dead_letters", "of")
        self.disk_free = self._labelled("bwv_disk_free_ratio", "place")
        self.stage_verdict = self._labelled("bwv_stage_verdict", "of", "verdict")
        self.lag_clips = self._labelled("bwv_lag_clips", "of")
        self.lag_bytes = self._labelled("bwv_lag_bytes", "of")

    def _counter(self, name: str) -> Counter:
        return Counter(name, METRICS[name], ["stage"], registry=self.registry).labels(self.stage)

    def _gauge(self, name: str) -> Gauge:
        return Gauge(name, METRICS[name], ["stage"], registry=self.registry).labels(self.stage)

    def _labelled(self, name: str, *labels: str) -> Gauge:
        return Gauge(name, METRICS[name], ["stage", *labels], registry=self.registry)

    # What engines tell.

    def show(self, name: str, value: float) -> None:
        """A stage sets a metric of its own."""
        self._shown[name].set(value)

    def joined(self, ready: bool = True) -> None:
        """The process has joined its group or holds its lock; or it has lost it."""
        self.ready = ready
        self._ready_gauge.set(ready)
        self.progressed()

    def progressed(self) -> None:
        """Something was finished or committed."""
        self._progress = time.monotonic()

    def lag_is(self, messages: int) -> None:
        """So many messages wait at the broker."""
        self.lag = messages
        self._lag_gauge.set(messages)

    def waits_for(self, part: str, reason: str, *, excuses: bool = True) -> None:
        """A part is away and messages wait for it.

        Args:
            excuses: whether nothing can be finished meanwhile; otherwise standing still is not explained by it.
        """
        (self._no_excuse.discard if excuses else self._no_excuse.add)(part)
        since = self._waiting.get(part, (time.time(), ""))[0]
        if part not in self._waiting:
            log.warning("waiting for the %s: %s", part, reason)
            self._waiting_for.labels(self.stage, part).set(1)
        self._waiting[part] = since, reason

    def is_back(self, part: str) -> None:
        """The part answers again."""
        if part in self._waiting:
            since, _ = self._waiting.pop(part)
            log.warning("the %s is back after %.1f s", part, time.time() - since)
            self._waiting_for.labels(self.stage, part).set(0)
            self.progressed()

    def part_changed(self, part: str, away: Away | None) -> None:
        """What `Waiting` tells."""
        if away is None:
            self.is_back(part)
        else:
            self.waits_for(part, away.reason)

    @contextlib.contextmanager
    def working(self) -> Iterator[None]:
        """A message is at work inside this block."""
        self._job += 1
        job, began = self._job, time.monotonic()
        self._working_since[job] = began
        self.at_work.inc()
        try:
            yield
        finally:
            del self._working_since[job]
            self.at_work.dec()
            self.seconds.observe(time.monotonic() - began)

    # What it answers.

    def waiting(self) -> dict[str, str]:
        """Each part that is away, with since when and why."""
        return {
            part: f"away since {time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime(since))}: {reason}"
            for part, (since, reason) in self._waiting.items()
        }

    def alive(self) -> tuple[bool, str]:
        """Whether the process is alive, and why."""
        now = time.monotonic()
        quiet = now - self._progress
        longest = now - min(self._working_since.values(), default=now)
        if longest > JOB_LIMIT:
            return False, f"one message has been at work for {longest:.0f} s"
        if excuses := [part for part in self._waiting if part not in self._no_excuse]:
            return True, "waits for the " + ", ".join(excuses)
        if quiet <= IDLE_LIMIT:
            return True, f"finished something {quiet:.0f} s ago"
        if self._working_since:
            return True, f"at work for {longest:.0f} s"
        if not self.ready:
            return False, f"has not joined for {quiet:.0f} s"
        if self.lag == 0:
            return True, "nothing waits"
        return False, f"{self.lag} messages wait and nothing was finished for {quiet:.0f} s"

    # The endpoints.

    async def serve(self) -> None:
        """Open the port; returns when it answers."""
        app = Starlette(
            routes=[
                Route("/live", self._live),
                Route("/ready", self._is_ready),
                Route("/metrics", self._metrics),
            ]
        )
        listening = listen("127.0.0.1", self.port)
        self.port = listening.getsockname()[1]
        config = uvicorn.Config(app, log_config=None, access_log=False, lifespan="off", ws="none", loop="none")
        self._server = Server(config)
        await self._server.open(listening, "health")
        if self._folder is not None:
            self._folder.mkdir(parents=True, exist_ok=True)
            written = self._folder / f".{self.stage}.port.{os.getpid()}"
            written.write_text(f"{self.port}\n")
            written.replace(self._folder / f"{self.stage}.port")

    async def stop(self) -> None:
        """Close the port."""
        if self._server is not None:
            await self._server.close()

    async def _live(self, request: Request) -> Response:
        alive, reason = self.alive()
        body = {"alive": alive, "reason": reason, "waiting": self.waiting(), "lag": self.lag}
        return Response(json.dumps(body), 200 if alive else 503, media_type="application/json")

    async def _is_ready(self, request: Request) -> Response:
        return PlainTextResponse("ready" if self.ready else "not ready", 200 if self.ready else 503)

    async def _metrics(self, request: Request) -> Response:
        return Response(generate_latest(self.registry), media_type="text/plain; version=0.0.4")
