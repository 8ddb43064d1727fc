"""Stored states say which layout they have."""

import pytest

from streams.domain.state_bytes import UnknownStateVersion, pack, unpack
from streams.pipeline import STEPS


def test_a_state_survives_its_bytes() -> None:
    body = [2**200, 5e-324, {"a": None}]
    assert unpack(pack(3, body), 3, "kpi", "k") == body


def test_another_layout_is_refused_and_says_what_to_do() -> None:
    with pytest.raises(
        UnknownStateVersion, match="state 'k' of the step kpi has the layout 2, this program reads 1: run the version"
    ):
        unpack(pack(2, []), 1, "kpi", "k")


@pytest.mark.parametrize("data", [b"", b"no json", b"17", b"[1]"])
def test_bytes_that_are_no_state_are_refused(data: bytes) -> None:
    with pytest.raises(UnknownStateVersion, match="is no state of this platform"):
        unpack(data, 1, "kpi", "k")


@pytest.mark.parametrize("step", STEPS, ids=lambda s: s.name)
def test_every_step_refuses_a_layout_from_the_future(step: object) -> None:
    key = {"kpi": "hour/l1/0", "twin": "asset/m1"}.get(step.name, "m1")  # type: ignore[attr-defined]
    with pytest.raises(UnknownStateVersion):
        step.logic.load(key, pack(99, []))  # type: ignore[attr-defined]
