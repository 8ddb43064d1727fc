"""Numbers of a source: which are news. A number out of order is news once, within a window; a repeat never is."""

import json
from random import Random

from machine_facts import Source

from schemas.envelope import SourceEvent
from streams.domain.sequences import WINDOW, Sequences


def fact(number: int, source: str = "gw") -> SourceEvent:
    gw = Source(source=source)
    gw.sequence = number - 1
    return gw.alive("10:00")


def news(numbers: list[int]) -> list[int]:
    """The numbers that counted, in their sequence, with a state that is stored between any two of them."""
    seen, out = Sequences(), []
    for n in numbers:
        seen = Sequences(json.loads(json.dumps(seen.last)))
        if seen.is_news(fact(n)):
            out.append(n)
    return out


def test_numbers_in_order_are_news_and_repeats_are_not() -> None:
    assert news([1, 2, 2, 3, 1, 3]) == [1, 2, 3]


def test_a_number_out_of_order_is_news_once() -> None:
    # 1 2 . . 5 . 7   then the missing 4, again 4, 3, 6
    assert news([1, 2, 5, 7, 4, 4, 3, 6, 3, 6]) == [1, 2, 5, 7, 4, 3, 6]


def test_any_order_within_the_window_counts_each_number_once() -> None:
    random = Random(1)
    numbers = list(range(1, WINDOW + 1)) * 2
    random.shuffle(numbers)
    assert sorted(news(numbers)) == list(range(1, WINDOW + 1))


def test_a_number_that_left_the_window_is_a_repeat() -> None:
    # 1 is missing; of the numbers up to WINDOW + 1 then the newest WINDOW are remembered
    assert news([WINDOW + 2, 1, 2]) == [WINDOW + 2, 2]


def test_only_the_newest_missing_numbers_are_remembered() -> None:
    # every second number came: WINDOW of the missing ones still count
    came = list(range(2, 4 * WINDOW + 1, 2))
    assert news([*came, *range(1, 4 * WINDOW, 2)])[len(came) :] == list(range(2 * WINDOW + 1, 4 * WINDOW, 2))


def test_sources_count_apart_and_a_state_of_before_goes_on() -> None:
    seen = Sequences({"gw": 7})
    assert [seen.is_news(fact(7)), seen.is_news(fact(8)), seen.is_news(fact(8, "b"))] == [False, True, True]
