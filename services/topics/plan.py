"""What the broker has against what the registry declares. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from schemas.topic import Topic

#: topics whose names begin so are the platform's: one that the registry does not know is a leftover or a mistake
OWN_PREFIXES = ("factory.", "factorystream.")


@dataclass(frozen=True, slots=True)
class Found:
    """One topic on the broker. ``config`` are the values in force, ``own`` the names of those set on the topic itself."""

    name: str
    partitions: int
    replicas: int
    config: Mapping[str, str]
    own: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Setting:
    """A setting that differs; ``declared`` is None for one that the registry leaves to the broker."""

    topic: str
    name: str
    found: str
    declared: str | None

    def sentence(self) -> str:
        """The difference for people."""
        if self.declared is None:
            return f"{self.topic}: {self.name} is set to {self.found} on the broker and not declared; left as it is"
        return f"{self.topic}: {self.name} is {self.found}, declared is {self.declared}"


@dataclass(frozen=True, slots=True)
class PartitionCount:
    """A topic with another number of partitions than declared."""

    topic: str
    found: int
    declared: int

    def sentence(self) -> str:
        """What is wrong and what to do."""
        return (
            f"{self.topic} has {self.found} partitions, declared are {self.declared}. A count is never changed in place, because "
            "keys would move to other partitions: stop what uses the topic, delete it, and create it again"
        )


@dataclass(frozen=True, slots=True)
class Difference:
    """Everything in which a broker and the registry differ."""

    missing: tuple[Topic, ...] = ()
    partitions: tuple[PartitionCount, ...] = ()
    settings: tuple[Setting, ...] = ()
    undeclared: tuple[Setting, ...] = ()
    unknown: tuple[str, ...] = ()

    @property
    def needs_work(self) -> bool:
        """Whether ``create`` would change something or refuse to."""
        return bool(self.missing or self.partitions or self.settings)

    def sentences(self) -> list[str]:
        """The differences for people, one a line."""
        return [
            *(f"{t.name} is missing" for t in self.missing),
            *(p.sentence() for p in self.partitions),
            *(s.sentence() for s in (*self.settings, *self.undeclared)),
            *(f"{name} is not in the registry; left as it is" for name in self.unknown),
        ]


@dataclass(slots=True)
class _Gathered:
    missing: list[Topic] = field(default_factory=list)
    partitions: list[PartitionCount] = field(default_factory=list)
    settings: list[Setting] = field(default_factory=list)
    undeclared: list[Setting] = field(default_factory=list)


def compare(declared: Sequence[Topic], found: Sequence[Found]) -> Difference:
    """The difference between the declared topics and those found; topics of others are not looked at."""
    there = {f.name: f for f in found}
    known = {t.name for t in declared}
    out = _Gathered()
    for topic in declared:
        if topic.name in there:
            _compare_topic(topic, there[topic.name], out)
        else:
            out.missing.append(topic)
    unknown = tuple(sorted(name for name in there.keys() - known if name.startswith(OWN_PREFIXES)))
    return Difference(tuple(out.missing), tuple(out.partitions), tuple(out.settings), tuple(out.undeclared), unknown)


def _compare_topic(topic: Topic, found: Found, out: _Gathered) -> None:
    if found.partitions != topic.partitions:
        out.partitions.append(PartitionCount(topic.name, found.partitions, topic.partitions))
    for name, value in topic.config.items():
        actual = found.config.get(name, "unknown to the broker")
        if actual != value:
            out.settings.append(Setting(topic.name, name, actual, value))
    for name in sorted(found.own - topic.config.keys()):
        out.undeclared.append(Setting(topic.name, name, found.config[name], None))
