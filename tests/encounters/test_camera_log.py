"""What a camera wrote of itself: read as it is, in our words; what is no such line is passed over."""

from __future__ import annotations

from workers.footage.camera_log import MOST, CameraEvent, read_log

LOG = b"""\
{"at": "2026-03-02T06:00:00+00:00", "event": "power on"}
{"at": "2026-03-02T06:05:00+00:00", "event": "Battery 2 %"}
no JSON at all
{"at": "yesterday", "event": "stop"}
{"at": "2026-03-02T06:06:00", "event": "battery-empty", "maker": "x"}
{"at": "2026-03-02T06:07:00Z", "event": "clock set", "value": "2026-03-02T06:07:01Z"}
{"at": "2026-03-02T06:08:00Z", "event": "gps", "value": "a\\u0000b"}
{"at": "2026-03-02T06:09:00Z", "event": "\\u0000"}
"""


def test_a_log_is_read_in_our_words() -> None:
    assert read_log(LOG) == (
        CameraEvent("2026-03-02T06:00:00+00:00", "power_on"),
        CameraEvent("2026-03-02T06:05:00+00:00", "battery", "2 %"),
        CameraEvent("2026-03-02T06:06:00+00:00", "battery_flat"),
        CameraEvent("2026-03-02T06:07:00+00:00", "clock_set", "2026-03-02T06:07:01Z"),
        CameraEvent("2026-03-02T06:08:00+00:00", "gps"),
    )


def test_a_log_without_end_is_cut() -> None:
    line = b'{"at": "2026-03-02T06:00:00Z", "event": "record"}\n'
    assert len(read_log(line * (MOST + 10))) == MOST
