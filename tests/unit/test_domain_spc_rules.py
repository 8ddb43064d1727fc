"""The rules of Western Electric and Nelson, each on a drawn timeline of points in standard deviations from the centre.

Below each line of points: ``!`` the rule fires, ``.`` it does not, ``x`` an open alarm ends.
"""

import pytest
from oracle.spc_records import alarms

from streams.domain.spc_rules import PATTERNS, Side


def drawn(rule: str, values: list[float]) -> str:
    """What happens at each point, with an alarm open from the first point that fires to the one that ends it."""
    pattern, side, out = PATTERNS[rule], None, ""
    for i in range(len(values)):
        seen = values[: i + 1]
        fires: Side | None = pattern.fires(seen, 0.0, 1.0)
        if fires:
            side, mark = fires, "!"
        elif side and pattern.ended(side, seen, 0.0, 1.0):
            side, mark = None, "x"
        else:
            mark = "."
        out += mark
    return out


TIMELINES: list[tuple[str, list[float], str]] = [
    # one beyond 3; within 2 it ends, between 2 and 3 it stays
    ("WE1", [0, 3, 3.1, 2.9, 2.1, 2.0, 0, -3.2, 1], "..!..x.!x"),
    ("N1", [0, 3, 3.1, 2.9, 3.1, 2.9, 2.0, -3.2, 1], "..!.!.x!x"),
    # 2 of 3 beyond 2 on one side; it ends when none of three is out there
    ("WE2", [2.1, 0, 2.2, 0, 0, 0, 0], "..!..x."),
    ("N5", [2.1, 2.1, 0, 2.1, 0, 0, 0], "." + "!.!..x"),
    ("N5", [2.1, 0, 0, 2.1, -2.1, 0, 2.0], "......."),
    ("N5", [-2.1, 0, -2.1, 2.1, 0, 0], "..!..x"),
    # 4 of 5 beyond 1 on one side
    ("WE3", [1.1, 1.2, 0, 1.3, 1.1, 0, 0, 0, 0, 0], "....!....x"),
    ("N6", [1.1, 1.2, 1.1, 1.3, 0, 0, 0, 0, 0, 0], "...!....x."),
    ("N6", [1.1, 1.2, -1.1, -1.3, 1.1, 1.1, 1.0], "......."),
    # eight and nine on one side; the first point on the other side, or on the centre, ends it
    ("WE4", [0.1] * 9 + [-0.1], "." * 7 + "!!x"),
    ("N2", [-0.1] * 9 + [0.0] + [-0.1] * 8, "." * 8 + "!x" + "." * 8),
    ("N2", [0.1] * 8 + [-0.1] + [0.1] * 8, "." * 17),
    # six rising or falling: six points, five steps
    ("N3", [0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.6], ".....!!x"),
    ("N3", [5, 4, 3, 2, 1, 1, 0], "......."),
    ("N3", [0, -1, -2, -3, -4, -5, 0], ".....!x"),
    # fourteen up and down in turn
    ("N4", [0.1, -0.1] * 7 + [0.1, 0.2], "." * 13 + "!!x"),
    ("N4", [0.1, -0.1] * 6 + [-0.1, 0.1] * 4, "." * 20),
    # fifteen within 1 on either side
    ("N7", [0.9, -0.9, 0.0] * 5 + [0.5, 1.0], "." * 14 + "!!x"),
    ("N7", [0.9] * 14 + [1.1] + [0.9] * 14, "." * 29),
    # eight none within 1, on both sides
    ("N8", [1.1, -1.1] * 4 + [1.2, 0.9], "." * 7 + "!!x"),
    ("N8", [1.1] * 9, "." * 9),
    ("N8", [1.1] * 7 + [-1.1, 1.1] + [0], "." * 7 + "!!x"),
]


@pytest.mark.parametrize(("rule", "values", "wanted"), TIMELINES)
def test_a_timeline(rule: str, values: list[float], wanted: str) -> None:
    assert drawn(rule, values) == wanted


@pytest.mark.parametrize(("rule", "values", "wanted"), TIMELINES)
def test_the_mirrored_timeline_is_judged_the_same(rule: str, values: list[float], wanted: str) -> None:
    assert drawn(rule, [-v for v in values]) == wanted


@pytest.mark.parametrize(("rule", "values", "wanted"), [t for t in TIMELINES if t[0].startswith("N")])
def test_the_oracle_of_the_property_tests_draws_the_same(rule: str, values: list[float], wanted: str) -> None:
    steps, is_open = [], False
    for i, mark in enumerate(wanted):
        if (mark == "!") > is_open or (mark == "x" and is_open):
            is_open = not is_open
            steps.append(("raised" if is_open else "cleared", i))
    assert alarms(rule, values) == steps


def test_every_rule_has_a_timeline() -> None:
    assert {rule for rule, _, _ in TIMELINES} == set(PATTERNS)


@pytest.mark.parametrize("rule", ["N1", "N5", "N6"])
def test_points_that_tremble_about_a_boundary_are_one_alarm(rule: str) -> None:
    zone = {"N1": 3, "N5": 2, "N6": 1}[rule]
    trembling = [zone + 0.1] * 5 + [zone + 0.1, zone - 0.1] * 50
    assert alarms(rule, trembling) == [("raised", {"N1": 0, "N5": 1, "N6": 3}[rule])]
    assert "x" not in drawn(rule, trembling)
