"""Which facts are news: whatever is withheld, what was sent says the same as what was observed."""

from __future__ import annotations

from bisect import bisect_right

from hypothesis import given
from hypothesis import strategies as st

from services.gateway.fact_history import HORIZON_US, ItemHistory, Verdict


def test_a_change_is_news_and_a_repeat_is_not() -> None:
    history = ItemHistory()
    assert [history.observe(t, v) for t, v in ((1, "a"), (2, "a"), (2, "b"), (3, "a"))] == [
        Verdict(True),
        Verdict(False),
        Verdict(True),
        Verdict(True),
    ]


def test_a_late_fact_is_news_even_when_it_repeats() -> None:
    history = ItemHistory()
    history.observe(10, "a")
    history.observe(20, "b")
    assert history.observe(15, "a") == Verdict(True)


def test_what_is_older_than_the_horizon_is_forgotten_but_for_the_last_of_it() -> None:
    history = ItemHistory()
    for time_us in range(100):
        history.observe(time_us, time_us)
    history.observe(HORIZON_US + 200, "now")
    assert history.times == [99, HORIZON_US + 200]
    assert history.value_at(150) == 99


@given(st.lists(st.tuples(st.integers(0, 30), st.sampled_from("ab")), max_size=40))
def test_what_is_sent_says_the_same_as_what_was_observed(observed: list[tuple[int, str]]) -> None:
    """The value at every instant is that of the newest line, whether all lines are asked or only those that were sent."""
    history = ItemHistory()
    sent: list[tuple[int, str]] = []
    for count, (time_us, value) in enumerate(observed, 1):
        verdict = history.observe(time_us, value)
        sent += [(time_us, value)] if verdict.news else []
        sent += [(t, str(history.value_at(t))) for t in verdict.restored]
        for instant in range(31):
            assert value_at(sent, instant) == value_at(observed[:count], instant)


def value_at(facts: list[tuple[int, str]], instant: int) -> str | None:
    """Of equal times the later line counts."""
    ordered = sorted(facts, key=lambda fact: fact[0])
    at = bisect_right([t for t, _ in ordered], instant)
    return ordered[at - 1][1] if at else None
