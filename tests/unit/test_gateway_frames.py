"""Frames: at most 2 s or 500 readings, rows in time order, nothing lost, a step back in a frame of its own."""

from __future__ import annotations

from collections import Counter
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from schemas.events.sensor_frame import SensorFrame
from schemas.instant import to_micros
from services.gateway.frame_packer import MOST_READINGS, SPAN_US, FramePacker

Reading = tuple[int, str, float]


def pack(readings: list[Reading]) -> list[dict[str, Any]]:
    packer = FramePacker()
    closed = [packer.add(*reading) for reading in readings]
    return [body for body in [*closed, packer.close()] if body is not None]


def frame(body: dict[str, Any]) -> SensorFrame:
    words = {**body, "source": "test", "asset": "m1", "sequence": 1}
    return SensorFrame.model_validate(words, strict=False)


def test_a_silent_channel_is_null() -> None:
    (body,) = pack([(0, "a", 1.0), (1_000_000, "b", 2.0), (1_000_000, "a", 3.0)])
    assert body["times_us"] == [0, 1_000_000]
    assert body["columns"] == {"a": [1.0, 3.0], "b": [None, 2.0]}


def test_two_values_of_a_channel_at_one_time_are_two_rows() -> None:
    (body,) = pack([(5, "a", 1.0), (5, "a", 2.0)])
    assert (body["times_us"], body["columns"]) == ([0, 0], {"a": [1.0, 2.0]})


def test_a_reading_within_the_span_but_out_of_order_is_sorted_in() -> None:
    (body,) = pack([(0, "a", 1.0), (1_000, "a", 3.0), (500, "a", 2.0)])
    assert body["columns"] == {"a": [1.0, 2.0, 3.0]}


def test_a_step_back_behind_the_start_is_a_frame_of_its_own() -> None:
    bodies = pack([(10_000_000, "a", 1.0), (4_000_000, "a", 2.0), (10_100_000, "a", 3.0)])
    assert [b["event_time"][17:19] for b in bodies] == ["10", "04", "10"]


def test_the_span_and_the_number_of_readings_are_bounded() -> None:
    assert len(pack([(0, "a", 1.0), (SPAN_US, "a", 2.0), (SPAN_US + 1, "a", 3.0)])) == 2
    assert [len(b["times_us"]) for b in pack([(i, "a", 1.0) for i in range(MOST_READINGS + 1)])] == [MOST_READINGS, 1]


@given(st.lists(st.tuples(st.integers(0, 20_000_000), st.sampled_from("abc"), st.integers(0, 9).map(float)), max_size=60))
def test_no_reading_is_lost_or_moved_and_every_frame_is_valid(readings: list[Reading]) -> None:
    bodies = pack(readings)
    back = [(time, channel, value) for body in bodies for channel, time, value in frame(body).readings()]
    assert Counter(back) == Counter(readings)
    for body in bodies:
        assert body["times_us"][-1] <= SPAN_US
        assert to_micros(frame(body).event_time) == min(t for c, t, v in frame(body).readings())
