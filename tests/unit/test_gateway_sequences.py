"""Whatever comes in which order, from how many sources and over how many restarts: each (source, asset) counts without a gap."""

from __future__ import annotations

import json
import tempfile
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path

from gateway_lab import Taken, log_feed, replayed, write_log
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.registry import MACHINE
from services.gateway.draft import Draft
from services.gateway.event_feed import EventFeed
from services.gateway.feed import Item
from services.gateway.gateway import Gateway, Options
from services.gateway.intake import Intake
from services.gateway.progress import Progress
from services.gateway.replay import Replay

STATES = st.sampled_from(["ACTIVE", "READY", "DANCING"])  # the last is no state: it is turned away and takes no number
FACTS = st.tuples(st.sampled_from(["s1", "s2"]), st.sampled_from(["m1", "m2"]), STATES)


def draft(source: str, asset: str, state: str) -> Draft:
    body = {"type": "factory.machine-event.v1", "event_time": "2026-01-05T08:00:00Z", "fact": {"kind": "execution", "state": state}}
    return Draft(MACHINE, source, asset, body)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.lists(st.lists(FACTS, max_size=6), max_size=4), max_size=3))
def test_any_interleaving_over_any_restarts_gives_gapless_numbers(runs: list[list[list[tuple[str, str, str]]]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        for batches in runs:
            taken = Taken(Path(folder))
            for batch in batches:
                taken.intake.put([draft(*fact) for fact in batch], {"job": "0"})
            taken.close()
        taken = Taken(Path(folder))
        numbers: dict[tuple[str, str], list[int]] = defaultdict(list)
        for event in taken.events():
            numbers[(event["source"], event["asset"])].append(event["sequence"])
        taken.close()
    for found in numbers.values():
        assert found == list(range(1, len(found) + 1))
    wanted = [f for run in runs for batch in run for f in batch if f[2] != "DANCING"]
    assert sum(map(len, numbers.values())) == len(wanted)


@settings(max_examples=25, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 90), st.sampled_from(["mode|A", "mode|B", "Xload|1", "Xload|UNAVAILABLE", "what"])), max_size=25
    ),
    st.lists(st.integers(0, 90), max_size=10),
    st.integers(0, 60),
)
def test_a_replay_is_the_same_from_wherever_it_goes_on(log: list[tuple[int, str]], events: list[int], skip: int) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        lines = [f"2019-06-06T08:{s // 60:02}:{s % 60:02}Z|{what}" for s, what in log]
        path = write_log(folder, lines)
        more = folder / "events.ndjson"
        more.write_text("\n".join(event(second) for second in events))

        def feeds() -> Replay:
            return Replay([log_feed(path), EventFeed(more, "simulator")])

        whole = list(feeds().items())
        assert list(feeds().items(skip)) == whole[skip:]
        assert whole == replayed(log_feed(path), EventFeed(more, "simulator"))


def test_a_replay_that_was_stopped_goes_on_where_it_was(tmp_path: Path) -> None:
    lines = [f"2019-06-06T08:{s // 60:02}:{s % 60:02}Z|Xload|{s}" for s in range(0, 600, 5)]
    path = write_log(tmp_path, lines)
    options = Options("127.0.0.1:1", tmp_path / "data")
    whole = len(replayed(log_feed(path)))
    for run in range(3):
        taken = Taken(tmp_path)
        gateway = Gateway(options, [log_feed(path)], [], Progress(quiet=True))
        if run == 0:
            stop_after(taken.intake, gateway, 20)
        gateway._run_replay(taken.intake)
        found = [e["sequence"] for e in taken.events() if "sequence" in e]
        assert found == list(range(1, len(found) + 1))
        assert (len(taken.events()) == whole) == (run > 0)
        taken.close()


def stop_after(intake: Intake, gateway: Gateway, most: int) -> None:
    """Let the intake take one batch of so many items and then ask the run to stop."""
    put = intake.put
    batches: list[int] = []

    def limited(items: list[Item], positions: Mapping[str, str]) -> bool:
        batches.append(len(items))
        if len(batches) > 1:
            return False
        gateway._stop.set()
        job, taken = next(iter(positions.items()))
        return put(items[:most], {job: str(int(taken) - len(items[most:]))})

    intake.put = limited  # type: ignore[method-assign]


def test_a_second_day_is_sent_without_the_first_one_again(tmp_path: Path) -> None:
    first = write_log(tmp_path, ["2019-06-06T08:00:00Z|execution|ACTIVE"])
    sent = []
    for _ in range(2):
        taken = Taken(tmp_path)
        paths = sorted(tmp_path.glob("Mazak01-*.txt"))
        Gateway(Options("127.0.0.1:1", tmp_path / "data"), [log_feed(*paths)], [], Progress(quiet=True))._run_replay(taken.intake)
        sent.append([e["event_time"] for e in taken.events("execution")])
        taken.close()
        write_log(tmp_path, ["2019-06-07T08:00:00Z|execution|READY"], "Mazak01-20190607-20190608.txt")
    assert first in paths
    assert sent[0] == ["2019-06-06T08:00:00.000000Z"]
    assert sent[1] == ["2019-06-06T08:00:00.000000Z", "2019-06-07T08:00:00.000000Z"]


def event(second: int) -> str:
    body = {
        "type": "factory.machine-event.v1",
        "event_time": f"2019-06-06T08:{second // 60:02}:{second % 60:02}Z",
        "asset": "mazak01",
        "fact": {"kind": "mode", "mode": "X"},
    }
    return json.dumps(body)
