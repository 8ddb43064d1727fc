"""Bars and numbers for people."""

import json

import pytest

from services.cli.screen import bar, percent, print_json


@pytest.mark.parametrize(
    ("share", "drawn"),
    [(0.0, "    "), (1.0, "████"), (0.5, "██  "), (0.03125, "▏   "), (2.0, "████"), (-1.0, "    "), (None, "····")],
)
def test_a_share_is_a_bar_of_eighths(share: float | None, drawn: str) -> None:
    assert bar(share, 4) == drawn


def test_a_share_is_a_percentage_or_a_dash() -> None:
    assert (percent(0.4123), percent(None)) == ("41.2 %", "–")


def test_json_for_a_program_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    print_json({"a": ["ü", 1]})
    out = capsys.readouterr().out
    assert out.count("\n") == 1
    assert json.loads(out) == {"a": ["ü", 1]}
