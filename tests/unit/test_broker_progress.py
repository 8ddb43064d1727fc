"""What a first start shows."""

import io

import pytest
from rich.console import Console

from services.broker.progress import ConsoleProgress


def download(console: Console, jars: list[int]) -> None:
    progress = ConsoleProgress(console)
    progress.begin("Downloading Kafka", len(jars), sum(jars))
    for size in jars:
        progress.advance(size)
        progress.jar_done()
    progress.end()


def test_a_log_gets_a_line_for_each_quarter() -> None:
    out = io.StringIO()
    download(Console(file=out, width=200), [2_000_000] * 10)
    assert out.getvalue().splitlines() == [
        "Downloading Kafka: 10 jars, 20.0 MB, needed once",
        "Downloading Kafka: 6 of 20 MB, 2 of 10 jars",
        "Downloading Kafka: 10 of 20 MB, 4 of 10 jars",
        "Downloading Kafka: 16 of 20 MB, 7 of 10 jars",
        "Downloading Kafka: 20 of 20 MB, 9 of 10 jars",
    ]


def test_a_small_download_gets_one_line() -> None:
    out = io.StringIO()
    download(Console(file=out, width=200), [400_000])
    assert out.getvalue().splitlines() == ["Downloading Kafka: 1 jar, 0.4 MB, needed once"]


def test_a_terminal_gets_a_bar_with_jars_and_bytes() -> None:
    out = io.StringIO()
    download(Console(file=out, width=200, force_terminal=True, color_system=None), [2_000_000] * 3)
    assert "3/3 jars" in out.getvalue()
    assert "6.0/6.0 MB" in out.getvalue()


@pytest.mark.parametrize("given_back", [1_000_000, 9_000_000])
def test_a_transfer_taken_back_is_not_told_twice(given_back: int) -> None:
    out = io.StringIO()
    progress = ConsoleProgress(Console(file=out, width=200))
    progress.begin("Downloading Kafka", 1, 10_000_000)
    for size in (given_back, -given_back, 10_000_000):
        progress.advance(size)
    progress.end()
    told = [line.split(": ")[1].split(" of")[0] for line in out.getvalue().splitlines()[1:]]
    assert told == sorted(set(told), key=int)
