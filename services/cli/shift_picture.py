"""The picture of a window as SVG: a band of time elements per asset, units per hour, and a Pareto of the losses.

It stands alone: no script, no font and no picture is loaded from anywhere.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import NamedTuple
from xml.etree import ElementTree as Xml

from schemas.instant import HOUR_US, SECOND_US
from schemas.time_element import TimeElement

WIDTH, LEFT, RIGHT = 1000, 150, 20
BAND, GAP, COUNTS, ROW = 26, 10, 90, 20
MOST_LOSSES = 12
COLOUR = {
    TimeElement.PRODUCTION: "#2e7d32",
    TimeElement.SET_UP: "#1565c0",
    TimeElement.BREAKDOWN: "#b71c1c",
    TimeElement.MINOR_STOP: "#ef6c00",
    TimeElement.DELAY: "#f9a825",
    TimeElement.NO_ORDER: "#8d6e63",
    TimeElement.PLANNED_DOWNTIME: "#90a4ae",
    TimeElement.NOT_PLANNED: "#e0e0e0",
    TimeElement.UNKNOWN: "#ffffff",
}
#: what a Pareto ranks: planned time that made nothing
LOSSES = (
    TimeElement.SET_UP,
    TimeElement.BREAKDOWN,
    TimeElement.MINOR_STOP,
    TimeElement.DELAY,
    TimeElement.NO_ORDER,
    TimeElement.UNKNOWN,
)


class Band(NamedTuple):
    """A span of one time element of one asset; microseconds since 1970."""

    asset: str
    start: int
    end: int
    element: TimeElement
    reason: str | None


class Units(NamedTuple):
    """What left the assets in the hour that begins at ``start``."""

    start: int
    good: int
    bad: int


def picture(title: str, start: int, end: int, bands: Sequence[Band], units: Sequence[Units]) -> str:
    """The SVG document of the window [start, end)."""
    assets = sorted({b.asset for b in bands})
    losses = pareto(bands)
    counts_top = 60 + len(assets) * (BAND + GAP) + 30
    losses_top = counts_top + COUNTS + 60
    height = losses_top + ROW * max(1, len(losses)) + 60
    root = Xml.Element(
        "svg",
        {"xmlns": "http://www.w3.org/2000/svg", "viewBox": f"0 0 {WIDTH} {height}", "font-family": "sans-serif", "font-size": "12"},
    )
    Xml.SubElement(root, "rect", {"width": str(WIDTH), "height": str(height), "fill": "#fafafa"})
    _text(root, 10, 22, title, size=15)
    scale = _Scale(start, end)
    _hours(root, scale, 40, counts_top + COUNTS)
    for row, asset in enumerate(assets):
        _band(root, scale, 50 + row * (BAND + GAP), asset, [b for b in bands if b.asset == asset])
    _counts(root, scale, counts_top, units)
    _losses(root, losses_top, losses)
    _legend(root, height - 18, sorted({b.element for b in bands}, key=list(TimeElement).index))
    return Xml.tostring(root, encoding="unicode")


def pareto(bands: Iterable[Band]) -> list[tuple[str, TimeElement, int]]:
    """(name, element, microseconds) of the losses, the largest first; a coded loss goes by its reason."""
    found: dict[tuple[str, TimeElement], int] = {}
    for b in bands:
        if b.element in LOSSES:
            name = f"{b.element}: {b.reason}" if b.reason else str(b.element)
            found[name, b.element] = found.get((name, b.element), 0) + b.end - b.start
    ranked = sorted(((name, element, time) for (name, element), time in found.items()), key=lambda row: (-row[2], row[0]))
    return ranked[:MOST_LOSSES]


class _Scale(NamedTuple):
    start: int
    end: int

    def x(self, time: int) -> float:
        """Where an instant lies."""
        inside = min(max(time, self.start), self.end)
        return LEFT + (WIDTH - LEFT - RIGHT) * (inside - self.start) / max(1, self.end - self.start)


def _hours(root: Xml.Element, scale: _Scale, top: int, bottom: int) -> None:
    hours = max(1, (scale.end - scale.start) // HOUR_US)
    step = max(1, hours // 12) * HOUR_US
    first = -(-scale.start // HOUR_US) * HOUR_US
    for time in range(first, scale.end + 1, step):
        x = f"{scale.x(time):.1f}"
        Xml.SubElement(root, "line", {"x1": x, "x2": x, "y1": str(top), "y2": str(bottom), "stroke": "#cfd8dc"})
        _text(root, scale.x(time), top, datetime.fromtimestamp(time // SECOND_US, UTC).strftime("%H:%M"), anchor="middle")


def _band(root: Xml.Element, scale: _Scale, top: int, asset: str, bands: Sequence[Band]) -> None:
    _text(root, LEFT - 8, top + 17, asset, anchor="end")
    for b in bands:
        x, width = scale.x(b.start), scale.x(b.end) - scale.x(b.start)
        box = {"x": f"{x:.2f}", "y": str(top), "width": f"{width:.2f}", "height": str(BAND), "fill": COLOUR[b.element]}
        shape = Xml.SubElement(root, "rect", box)
        Xml.SubElement(shape, "title").text = f"{b.reason or b.element}: {(b.end - b.start) / SECOND_US:g} s"
    frame = {"x": str(LEFT), "y": str(top), "width": str(WIDTH - LEFT - RIGHT), "height": str(BAND), "fill": "none"}
    Xml.SubElement(root, "rect", {**frame, "stroke": "#90a4ae"})


def _counts(root: Xml.Element, scale: _Scale, top: int, units: Sequence[Units]) -> None:
    _text(root, LEFT - 8, top + 12, "units per hour", anchor="end")
    most = max((u.good + u.bad for u in units), default=0)
    if most == 0:
        _text(root, LEFT + 4, top + 12, "none reported")
        return
    for u in units:
        left, width = scale.x(u.start), max(1.0, scale.x(u.start + HOUR_US) - scale.x(u.start) - 4)
        base = float(top + COUNTS)
        for count, colour in ((u.good, "#66bb6a"), (u.bad, "#e53935")):
            size = (COUNTS - 16) * count / most
            base -= size
            box = {"x": f"{left + 2:.1f}", "y": f"{base:.1f}", "width": f"{width:.1f}", "height": f"{size:.1f}", "fill": colour}
            Xml.SubElement(root, "rect", box)
        if u.good + u.bad:
            _text(root, left + 2 + width / 2, base - 3, f"{u.good}" + (f" + {u.bad} bad" if u.bad else ""), anchor="middle")


def _losses(root: Xml.Element, top: int, losses: Sequence[tuple[str, TimeElement, int]]) -> None:
    _text(root, 10, top - 16, "losses, the largest first")
    if not losses:
        _text(root, LEFT, top + 14, "none")
        return
    most = losses[0][2]
    for row, (name, element, time) in enumerate(losses):
        y = top + row * ROW
        width = (WIDTH - LEFT - 260) * time / most
        box = {"x": str(LEFT + 60), "y": str(y), "width": f"{width:.1f}", "height": str(ROW - 5), "fill": COLOUR[element]}
        Xml.SubElement(root, "rect", {**box, "stroke": "#90a4ae"})
        _text(root, LEFT + 52, y + 12, name, anchor="end")
        _text(root, LEFT + 68 + width, y + 12, f"{time / SECOND_US / 60:.1f} min")


def _legend(root: Xml.Element, y: int, elements: Sequence[TimeElement]) -> None:
    x = 10.0
    for element in elements:
        box = {"x": f"{x:.0f}", "y": str(y - 10), "width": "12", "height": "12", "fill": COLOUR[element], "stroke": "#90a4ae"}
        Xml.SubElement(root, "rect", box)
        _text(root, x + 16, y, str(element))
        x += 26 + 7 * len(element)


def _text(root: Xml.Element, x: float, y: float, text: str, anchor: str = "start", size: int = 12) -> None:
    place = {"x": f"{x:.1f}", "y": f"{y:.1f}", "text-anchor": anchor, "font-size": str(size), "fill": "#263238"}
    Xml.SubElement(root, "text", place).text = text
