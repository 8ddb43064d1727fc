"""One channel under statistical process control: its subgroup in the making, its chart and its capability study."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from schemas.envelope import Event, Window
from schemas.events.asset import Channel, Control, Specification
from schemas.events.capability import Capability
from schemas.events.control_limits import ControlLimits
from schemas.identity import derived_id
from schemas.instant import HOUR_US, from_micros
from streams.domain.exact_moments import Moments
from streams.domain.exact_powers import NOT_NORMAL, Powers
from streams.domain.spc_alarm import Alarm, Alarms, Place
from streams.domain.spc_capability import FEWEST_READINGS, FEWEST_SUBGROUPS, Study, performance, potential
from streams.domain.spc_chart import Chart, Limits, PhaseOne, charted_limits, dispersion_limits, limits_of, point_of
from streams.domain.spc_waiting import Reading

NO_VARIATION = "the readings do not vary within subgroups"


@dataclass(slots=True)
class ChannelChart:
    """``control`` is the version of the settings that is in force; None where only capability is asked for.

    ``attempt`` counts the phases 1 of this version, ``studies`` those of capability; ``before`` is the last reading of the
    subgroup before.
    """

    control: Control | None = None
    group: list[tuple[int, float]] = field(default_factory=list)
    first: str = ""
    before: float | None = None
    attempt: int = 1
    phase: PhaseOne | None = None
    limits: Limits | None = None
    chart: Chart = field(default_factory=Chart)
    alarms: Alarms = field(default_factory=Alarms)
    studies: int = 0
    study: Study | None = None

    def follow(self, asset: str, name: str, declared: Channel, time: int, cause: str) -> Iterator[Event]:
        """Take on newer settings: a higher version, a chart where there was none, or none where there was one."""
        new, old = declared.control, self.control
        if (old.version if old else 0) >= new.version if new else old is None:
            return
        yield from self.tell_due(asset, name, declared, time, ending=True)
        yield from self.withdraw(asset, name, declared.unit, time, cause)
        self.control = new
        self.group, self.first, self.before, self.attempt = [], "", None, 1
        self.phase, self.limits, self.chart, self.alarms, self.study = None, None, Chart(), Alarms(), None

    def withdraw(self, asset: str, name: str, unit: str, time: int, cause: str) -> Iterator[Event]:
        """Clear what is open, as its chart is given up."""
        if self.control is not None:
            place = Place(asset, name, self.control.version)
            yield from self.alarms.withdraw(place, time, unit, f"its chart of version {self.control.version} has ended", cause)

    def take(self, asset: str, declared: Channel, reading: Reading) -> Iterator[Event]:
        """The next reading in the order of event time."""
        cause = f"{reading.source}/{asset}/{reading.sequence}"
        if not self.group:
            self.first = cause
        self.group.append((reading.time, reading.value))
        if len(self.group) == (self.control.subgroup if self.control else 1):
            group, self.group = self.group, []
            yield from self._subgroup(asset, reading.channel, declared, group, cause)

    def tell_due(self, asset: str, name: str, declared: Channel, time: int, ending: bool = False) -> Iterator[Event]:
        """Tell the study when its full hour has come, or at an end."""
        study = self.study
        if study is None or study.due is None or not (ending or time >= study.due):
            return
        study.due = None
        study.revision += 1
        if declared.specification is not None:
            yield _capability(asset, name, declared, study, self.control)
        if study.complete:
            self.study = None

    def _subgroup(self, asset: str, name: str, declared: Channel, group: list[tuple[int, float]], cause: str) -> Iterator[Event]:
        time, values = group[-1][0], [v for _, v in group]
        yield from self.tell_due(asset, name, declared, time)
        if declared.specification is not None:
            self._study(group, values)
        else:
            self.study = None
        if self.control is not None:
            yield from self._charted(asset, name, declared, self.control, group, values, cause)
        self.before = values[-1]

    def _study(self, group: list[tuple[int, float]], values: Sequence[float]) -> None:
        if self.study is None:
            self.studies += 1
            self.study = Study(self.studies, group[0][0])
        study = self.study
        if self.limits is not None and study.signals is None:
            study.signals = 0
        study.add(values)
        study.end = group[-1][0]
        if study.due is None:
            study.due = (study.end // HOUR_US + 1) * HOUR_US

    def _charted(
        self,
        asset: str,
        name: str,
        declared: Channel,
        control: Control,
        group: list[tuple[int, float]],
        values: Sequence[float],
        cause: str,
    ) -> Iterator[Event]:
        point = point_of(control, group[-1][0], values, self.before)
        if self.limits is None:
            phase = self.phase = self.phase or PhaseOne(group[0][0], self.first)
            phase.add(point, values)
            phase.until, phase.last = point.time, cause
            if phase.groups == control.phase1:
                yield from self._end_phase_one(asset, name, declared.unit, control, phase)
            return
        place = Place(asset, name, control.version)
        for said in self.chart.judge(control, self.limits, point, self.alarms.open_sides):
            for alert in self.alarms.take(said, place, declared, cause):
                if alert.state == "raised" and self.study is not None and self.study.signals is not None:
                    self.study.signals += 1
                yield alert

    def _end_phase_one(self, asset: str, name: str, unit: str, control: Control, phase: PhaseOne) -> Iterator[Event]:
        """Freeze the limits. Readings that do not vary give none: that is told once, and the next ones are tried."""
        self.phase, self.limits = None, limits_of(control, phase)
        if self.limits is not None or self.attempt == 1:
            yield _limits(asset, name, unit, control, phase, self.limits, self.attempt)
        self.attempt = min(self.attempt + 1, 1_000_000_000)

    def row(self) -> list[Any]:
        """For the state's bytes."""
        phase, limits, chart, study = self.phase, self.limits, self.chart, self.study
        return [
            None if self.control is None else self.control.model_dump(mode="json"),
            self.group,
            self.first,
            self.before,
            self.attempt,
            phase and _phase_row(phase),
            limits and [limits.centre, limits.sigma, limits.dispersion],
            [chart.points, chart.ewma, chart.fading, chart.high, chart.low],
            self.alarms.rows(),
            self.studies,
            study and _study_row(study),
        ]


def channel_chart(row: list[Any]) -> ChannelChart:
    """The channel of :meth:`ChannelChart.row`."""
    control, group, first, before, attempt, phase, limits, chart, alarms, studies, study = row
    return ChannelChart(
        None if control is None else Control.model_validate(control),
        [(time, value) for time, value in group],
        first,
        before,
        attempt,
        phase and _phase(phase),
        limits and Limits(*limits),
        Chart([(time, value) for time, value in chart[0]], *chart[1:]),
        Alarms({rule: Alarm(*alarm) for rule, alarm in alarms.items()}),
        studies,
        study and _study(study),
    )


def _phase_row(p: PhaseOne) -> list[Any]:
    return [p.since, p.first, p.until, p.last, p.groups, _moments_row(p.readings), _moments_row(p.dispersion)]


def _moments_row(m: Moments) -> list[Any]:
    return [m.n, m.total, m.squares, m.scale, *([m.low, m.high] if m.n else [])]  # JSON has no infinity


def _phase(row: list[Any]) -> PhaseOne:
    since, first, until, last, groups, readings, dispersion = row
    return PhaseOne(since, first, until, last, groups, Moments(*readings), Moments(*dispersion))


def _study_row(s: Study) -> list[Any]:
    p = s.powers
    powers = [p.n, p.scale, p.first, p.second, p.third, p.fourth, p.groups]
    return [s.number, s.start, s.end, s.groups, s.revision, s.due, s.signals, powers, _moments_row(s.moving), s.before]


def _study(row: list[Any]) -> Study:
    *plain, powers, moving, before = row
    number, start, end, groups, revision, due, signals = plain
    return Study(number, start, end, groups, revision, due, signals, Powers(*powers), Moments(*moving), before)


def _window(first: int, last: int) -> Window:
    return Window(start=from_micros(first), end=from_micros(last + 1))


def _limits(
    asset: str, name: str, unit: str, control: Control, phase: PhaseOne, limits: Limits | None, attempt: int
) -> ControlLimits:
    lower, upper = charted_limits(control, limits) if limits else (None, None)
    spread = dispersion_limits(control, limits.dispersion) if limits else (None, None)
    return ControlLimits(
        event_time=from_micros(phase.until),
        id=derived_id(ControlLimits.TYPE, asset, name, control.version, phase.since, attempt),
        asset=asset,
        channel=name,
        unit=unit,
        version=control.version,
        chart=control.chart,
        subgroup=control.subgroup,
        subgroups=phase.groups,
        n=phase.readings.n,
        window=_window(phase.since, phase.until),
        first=phase.first,
        last=phase.last,
        centre=phase.readings.mean,
        sigma=limits.sigma if limits else None,
        lower=lower,
        upper=upper,
        dispersion=limits.dispersion if limits else None,
        dispersion_lower=spread[0],
        dispersion_upper=spread[1],
        null_reason=None if limits else f"{NO_VARIATION}: phase 1 goes on until they do",
    )


def _too_few(study: Study) -> str | None:
    if study.complete:
        return None
    return (
        f"{study.powers.n} readings in {study.groups} subgroups; "
        f"capability needs {FEWEST_READINGS} readings and {FEWEST_SUBGROUPS} subgroups"
    )


def _capability(asset: str, name: str, declared: Channel, study: Study, control: Control | None) -> Capability:
    assert declared.specification is not None
    asked: Specification = declared.specification
    n, mean = study.powers.n, study.powers.mean
    (within, freedom), overall = study.within(), study.overall()
    reason = _too_few(study) or (None if within and overall else NO_VARIATION)
    normality = study.powers.normality() if reason is None else None
    told = reason is None
    return Capability(
        event_time=from_micros(study.end),
        id=derived_id(Capability.TYPE, asset, name, study.start, study.number, study.revision),
        asset=asset,
        channel=name,
        unit=declared.unit,
        window=_window(study.start, study.end),
        revision=study.revision,
        status="final" if study.complete else "provisional",
        lower=asked.lower,
        upper=asked.upper,
        subgroup=control.subgroup if control else 1,
        subgroups=study.groups,
        n=n,
        mean=mean,
        sigma_within=within,
        sigma_overall=overall,
        cp=potential(asked, within, freedom) if told and within else None,
        cpk=performance(asked, mean, within, n, freedom) if told and within else None,
        pp=potential(asked, overall, n - 1) if told and overall else None,
        ppk=performance(asked, mean, overall, n, n - 1) if told and overall else None,
        null_reason=reason,
        not_normal=None if normality is None else normality > NOT_NORMAL,
        normality=None if normality is None else round(normality, 6),
        signals=study.signals,
    )
