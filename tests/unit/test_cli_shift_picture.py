"""The picture of a window: bands as long as their time, bars as high as their counts, losses in order."""

from xml.etree import ElementTree as Xml

import pytest

from schemas.instant import HOUR_US
from schemas.time_element import TimeElement
from services.cli.shift_picture import COLOUR, Band, Units, pareto, picture

START = 1_780_000_000 * 1_000_000 // HOUR_US * HOUR_US
MINUTE = 60_000_000


def band(first: int, last: int, element: TimeElement, reason: str | None = None, asset: str = "press-3") -> Band:
    """A span of minutes after the start."""
    return Band(asset, START + first * MINUTE, START + last * MINUTE, element, reason)


def shapes(svg: str, colour: str) -> list[Xml.Element]:
    """The rectangles of a colour."""
    return [e for e in Xml.fromstring(svg).iter() if e.tag.endswith("rect") and e.get("fill") == colour]


def words(svg: str) -> list[str]:
    """Every text."""
    return [e.text or "" for e in Xml.fromstring(svg).iter() if e.tag.endswith("text")]


def test_losses_are_ranked_by_time_and_a_coded_one_goes_by_its_reason() -> None:
    bands = [
        band(0, 30, TimeElement.PRODUCTION),
        band(30, 40, TimeElement.DELAY, "no material"),
        band(40, 45, TimeElement.DELAY),
        band(45, 60, TimeElement.DELAY, "no material"),
        band(60, 72, TimeElement.BREAKDOWN),
        band(72, 90, TimeElement.PLANNED_DOWNTIME),
    ]
    assert pareto(bands) == [
        ("delay: no material", TimeElement.DELAY, 25 * MINUTE),
        ("breakdown", TimeElement.BREAKDOWN, 12 * MINUTE),
        ("delay", TimeElement.DELAY, 5 * MINUTE),
    ]


# [0 ---- production ---- 45)[45 -- breakdown -- 60)
def test_a_band_is_as_long_as_its_time() -> None:
    bands = [band(0, 45, TimeElement.PRODUCTION), band(45, 60, TimeElement.BREAKDOWN)]
    svg = picture("p", START, START + HOUR_US, bands, [])
    (run,) = shapes(svg, COLOUR[TimeElement.PRODUCTION])[:1]
    (stop,) = shapes(svg, COLOUR[TimeElement.BREAKDOWN])[:1]
    assert float(run.get("width", "0")) == 3 * float(stop.get("width", "0"))
    assert float(run.get("x", "0")) + float(run.get("width", "0")) == float(stop.get("x", "0"))


def test_time_outside_of_the_window_is_not_drawn() -> None:
    svg = picture("p", START, START + HOUR_US, [band(-30, 90, TimeElement.SET_UP)], [])
    (shape,) = shapes(svg, COLOUR[TimeElement.SET_UP])[:1]
    assert (float(shape.get("x", "0")), float(shape.get("width", "0"))) == (150.0, 830.0)


def test_bad_units_stand_on_good_ones_in_proportion() -> None:
    svg = picture("p", START, START + 2 * HOUR_US, [], [Units(START, 6, 2), Units(START + HOUR_US, 3, 0)])
    heights = [float(e.get("height", "0")) for e in (*shapes(svg, "#66bb6a"), *shapes(svg, "#e53935"))]
    assert heights == pytest.approx([heights[0], heights[0] / 2, heights[0] / 3, 0], abs=0.1)  # drawn to a tenth
    assert "6 + 2 bad" in words(svg)


def test_what_is_not_there_is_said() -> None:
    assert {"none reported", "none"} <= set(words(picture("p", START, START + HOUR_US, [], [])))


def test_names_from_the_log_stay_text_and_nothing_is_loaded() -> None:
    svg = picture('<script src="http://x"/>', START, START + HOUR_US, [band(0, 1, TimeElement.DELAY, "<b>&")], [])
    tags = {e.tag.rpartition("}")[2] for e in Xml.fromstring(svg).iter()}
    assert tags == {"svg", "rect", "line", "text", "title"}
    assert not any(name in e.attrib for e in Xml.fromstring(svg).iter() for name in ("href", "src", "style"))
