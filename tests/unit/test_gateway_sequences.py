"""Whatever comes in which order, from how many sources and over how many restarts: each (source, asset) counts without a gap."""

from __future__ import annotations

import json
import tempfile
from collections import defaultdict
from pathlib import Path

from gateway_lab import Taken, log_feed, replayed, write_log
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.registry import MACHINE
from services.gateway.draft import Draft
from services.gateway.event_feed import EventFeed
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
                taken.intake.put([draft(*fact) for fact in batch], "job", "0")
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
            stop_after(taken.intake, gateway, 1)
        gateway._run_replay(taken.intake)
        found = [e["sequence"] for e in taken.events() if "sequence" in e]
        assert found == list(range(1, len(found) + 1))
        assert (len(taken.events()) == whole) == (run > 0)
        taken.close()


def stop_after(intake: Intake, gateway: Gateway, batches: int) -> None:
    """Let the intake take so many batches of 20 and then ask the run to stop."""
    put = intake.put
    left = [batches]

    def limited(items: list[object], job: str, position: str) -> bool:
        taken = int(json.loads(position)["taken"])
        if left[0] == 0:
            return False
        left[0] -= 1
        first = items[:20]
        gateway._stop.set()
        return put(first, job, json.dumps({"taken": taken - len(items) + len(first), "done": False}))  # type: ignore[arg-type]

    intake.put = limited  # type: ignore[method-assign,assignment]


def event(second: int) -> str:
    body = {
        "type": "factory.machine-event.v1",
        "event_time": f"2019-06-06T08:{second // 60:02}:{second % 60:02}Z",
        "asset": "mazak01",
        "fact": {"kind": "mode", "mode": "X"},
    }
    return json.dumps(body)
