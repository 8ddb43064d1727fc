"""Time elements minute by minute, for logs whose facts, clocks and thresholds are whole minutes: no spans, no bounds, one list per
question. It shares no code with the streams but the calendar's pieces."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from schemas.events.loss_model import LossModel
from schemas.instant import to_micros
from streams.domain.calendar import Piece

MINUTE = 60_000_000
RUNNING = ("ACTIVE", "Execute")


@dataclass
class Minutes:
    """Facts are (minute, sequence, value), in any order; ``pieces`` cover [0, known) minutes after ``start``."""

    start: int
    known: int
    states: list[tuple[int, int, str | None]]
    modes: list[tuple[int, int, str | None]]
    orders: list[tuple[int, int, str | None]]
    codes: list[tuple[int, int, str | None]]
    models: Sequence[LossModel]
    pieces: Sequence[Piece]
    elements: list[tuple[str, str | None]] = field(default_factory=list)

    def run(self) -> list[tuple[str, str | None]]:
        """(element, reason) of each minute."""
        n = self.known
        self.state, self.mode = self._fill(self.states), self._fill(self.modes)
        self.order = self._fill(self.orders)
        self.kind = [self._kind(m) for m in range(n + 1)]
        raw = list(self.kind)
        for a, b in _stretches(raw[:n], "run"):
            if a > 0 and b < n and raw[a - 1] == raw[b] == "stop" and b - a < self._limit(a, "minimum_run_us"):
                for m in range(a, b):
                    self.kind[m], self.state[m], self.mode[m] = "stop", self.state[a - 1], self.mode[a - 1]
        self.code: list[str | None] = [None] * n
        for a, b in _stretches(self.kind[:n], "stop"):
            until = n + 1 if b == n and self.kind[n] == "stop" else b
            inside = sorted(c for c in self.codes if a <= c[0] < until)
            self.code[a:b] = [inside[-1][2] if inside else None] * (b - a)
        out = ["unknown" if self.kind[m] == "unknown" else self._rule(m, self.code[m]) for m in range(n)]
        for a, b in _stretches(self.kind[:n], "stop"):
            for m in range(a, b):
                if b - a < self._limit(a, "micro_stop_us") and self.code[m] is None and out[m] in ("delay", "breakdown"):
                    out[m] = "minor stop"
        self._set_up(out)
        self._breaks(out)
        for m in range(n):
            plan = self._plan(m)
            out[m] = {"not planned": plan, "planned downtime": plan}.get(plan, out[m])
        coded = [self.kind[m] == "stop" and self._plan(m) == "planned" for m in range(n)]
        return [(out[m], self.code[m] if coded[m] else None) for m in range(n)]

    def _fill(self, facts: list[tuple[int, int, str | None]]) -> list[str | None]:
        out: list[str | None] = [None] * (self.known + 1)
        for minute, _, value in sorted(facts, key=lambda f: (f[0], f[2] == "", f[1])):
            out[minute:] = [value or None] * (self.known + 1 - minute)
        return out

    def _model(self, m: int) -> LossModel | None:
        now = self.start + m * MINUTE
        return max((x for x in self.models if to_micros(x.valid_from) <= now), key=lambda x: x.version, default=None)

    def _limit(self, m: int, name: str) -> int:
        model = self._model(m)
        return 0 if model is None else getattr(model, name) // MINUTE

    def _kind(self, m: int) -> str:
        if self.state[m] in (None, "UNAVAILABLE"):
            return "unknown"
        return "run" if self._rule(m, None) == "production" else "stop"

    def _rule(self, m: int, reason: str | None) -> str:
        model, state, order = self._model(m), self.state[m], self.order[m]
        for rule in model.rules if model is not None else []:
            held = [rule.states is None or state in rule.states, rule.reasons is None or reason in rule.reasons]
            held += [
                rule.modes is None or self.mode[m] in rule.modes,
                rule.on_order is None or rule.on_order == (order is not None),
            ]
            if all(held):
                return str(rule.element.value)
        return "production" if state in RUNNING else "no order" if order is None else "delay"

    def _set_up(self, out: list[str]) -> None:
        for c in range(self.known):
            if self.order[c] is None or self.order[c] == (self.order[c - 1] if c else None):
                continue
            for m in range(c, min(c + self._limit(c, "set_up_limit_us"), self.known)):
                if self.kind[m] == "run" and (m == 0 or self.kind[m - 1] != "run"):
                    break
                if self.kind[m] == "stop" and self.code[m] is None and out[m] in ("delay", "no order", "minor stop"):
                    out[m] = "set-up"

    def _breaks(self, out: list[str]) -> None:
        for piece in self.pieces:
            if piece.plan.value != "planned downtime":
                continue
            a, b = (piece.start - self.start) // MINUTE, (piece.end - self.start) // MINUTE
            gap = self._limit(a, "break_gap_us")
            for minutes in (range(a - 1, a - 1 - gap, -1), range(b, b + gap)):
                for m in minutes:
                    if not 0 <= m < self.known or self.kind[m] != "stop":
                        break
                    if out[m] in ("delay", "no order", "minor stop"):
                        out[m] = "planned downtime"

    def _plan(self, m: int) -> str:
        now = self.start + m * MINUTE
        return next(p.plan.value for p in self.pieces if p.start <= now < p.end)


def _stretches(values: Sequence[str], wanted: str) -> list[tuple[int, int]]:
    out, a = [], 0
    while a < len(values):
        b = a
        while b < len(values) and values[b] == values[a]:
            b += 1
        if values[a] == wanted:
            out.append((a, b))
        a = b
    return out
