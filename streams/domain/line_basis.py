"""What the time of a line is judged by: its calendars, its loss models and the records of its orders."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from schemas.codec import to_json
from schemas.events.calendar import Calendar
from schemas.events.loss_model import LossModel
from schemas.events.order import Order
from schemas.identity import derived_id
from schemas.instant import to_micros
from streams.domain.calendar import Piece, Plan, pieces
from streams.domain.fold import References
from streams.domain.loss_rules import Reigns


class Version(NamedTuple):
    """One version of a calendar or a loss model. ``digest`` tells apart what was published under one number."""

    kind: str
    version: int
    valid_from: int
    digest: str


class LineBasis:
    """Calendars and loss models of one line, as of one moment."""

    def __init__(
        self, calendars: Sequence[Calendar], models: Sequence[LossModel], order: Callable[[str], Order | None] = lambda _: None
    ) -> None:
        self.calendars, self.models, self.order = calendars, models, order
        self.reigns = Reigns(models)
        self.versions = [_version("calendar", c) for c in calendars] + [_version("loss model", m) for m in models]

    def planned(self, start: int, end: int) -> list[Piece]:
        """The calendar's pieces of [start, end)."""
        return pieces(self.calendars, start, end)

    def whole_downtime(self, piece: Piece) -> tuple[int, int]:
        """The bounds of a break or planned downtime of which ``piece`` may be a part."""
        shift = piece.shift
        if shift is None:
            return piece.start, piece.end
        inside = self.planned(shift.start, shift.end)
        whole = next(p for p in inside if p.plan is Plan.DOWNTIME and p.start <= piece.start < p.end)
        return whole.start, whole.end

    def part(self, order: str | None) -> str | None:
        """The part that an order makes."""
        record = None if order is None else self.order(order)
        return None if record is None else record.part

    def calendar_version(self, start: int, end: int) -> int | None:
        """The highest calendar behind [start, end)."""
        return max((p.version for p in self.planned(start, end) if p.version is not None), default=None)

    def loss_model_version(self, start: int, end: int) -> int | None:
        """The highest loss model behind [start, end)."""
        found = (r.rules.version for r in self.reigns.within(start, end))
        return max((v for v in found if v is not None), default=None)

    def lag(self, start: int, end: int) -> int:
        """How long after ``end`` facts in time order can still change what [start, end) was."""
        return max(r.rules.lag for r in self.reigns.within(start, end))


class LineBases:
    """The basis of each line, made anew when its reference data changes."""

    def __init__(self) -> None:
        self._made: dict[str, LineBasis] = {}

    def of(self, line: str, references: References) -> LineBasis:
        """The basis of a line as the references are now."""
        calendars, models = references.calendars(line), references.loss_models(line)
        found = self._made.get(line)
        if found is None or not (_same(found.calendars, calendars) and _same(found.models, models)):
            found = self._made[line] = LineBasis(calendars, models)
        found.order = references.order
        return found


def _same(a: Sequence[object], b: Sequence[object]) -> bool:
    return a is b or (len(a) == len(b) and all(x is y for x, y in zip(a, b, strict=True)))


def _version(kind: str, record: Calendar | LossModel) -> Version:
    return Version(kind, record.version, to_micros(record.valid_from), derived_id(to_json(record).decode())[:8])
