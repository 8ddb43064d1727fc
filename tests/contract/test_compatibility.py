"""A breaking change is traced to topics and readers, old golden payloads are replayed, and a release never changes."""

import copy
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from schemas.compatibility import Finding, check, main, obstacle, replay
from schemas.evolution import Effect
from schemas.generate import as_json
from schemas.registry import KPI, SENSOR, TOPICS, broker_topics
from schemas.snapshot import RELEASED, Snapshot, load, present, save, versions

PRESENT = present()
KPI_TYPE = "factory.kpi-value.v1"


def earlier(**changed: Any) -> Snapshot:
    """The present contracts as a release of their own, free to be changed."""
    return replace(copy.deepcopy(PRESENT), **changed)


def breaking(found: list[Finding]) -> list[Finding]:
    return [f for f in found if f.effect is Effect.BREAKING]


def test_the_present_contracts_break_nothing_that_was_released() -> None:
    last = load(versions()[-1])
    assert breaking(check(last, PRESENT)) == []
    assert replay(last.examples, broker_topics()) == []


def test_every_release_is_complete_and_sorted_by_version(tmp_path: Path) -> None:
    for version in ("0.10.0", "0.9.0", "1.0.0"):
        save(replace(PRESENT, version=version), tmp_path)
    assert versions(tmp_path) == ["0.9.0", "0.10.0", "1.0.0"]
    for version in versions():
        snapshot = load(version)
        assert set(snapshot.topics) == set(snapshot.examples) - {n for n in snapshot.examples if n.endswith(".dlq")}
        assert {kind for topic in snapshot.topics.values() for kind in topic["events"]} <= set(snapshot.schemas)


def test_a_snapshot_is_read_as_it_was_written(tmp_path: Path) -> None:
    save(PRESENT, tmp_path)
    assert load(PRESENT.version, tmp_path) == PRESENT


def test_a_removed_field_is_traced_to_its_topics_and_their_readers() -> None:
    old = earlier()
    old.schemas[KPI_TYPE]["properties"]["shift"] = {"type": "string", "x-export": "deny"}
    [finding] = check(old, PRESENT)
    assert (finding.subject, finding.path, finding.effect) == (KPI_TYPE, "shift", Effect.BREAKING)
    assert finding.topics == (KPI.name,)
    assert finding.hits == KPI.consumers
    assert finding.sentence() == (
        "factory.kpi-value.v1 shift: it was removed. Topics: factory.kpi.v1; read by: twin, publish, subscribers."
    )


def test_a_change_of_an_event_on_two_topics_hits_the_readers_of_both() -> None:
    old = earlier()
    old.schemas["factory.heartbeat.v1"]["properties"]["phase"]["enum"].append("paused")
    [finding] = check(old, PRESENT)
    assert finding.topics == ("factory.sensor.v1", "factory.machine.v1")
    assert finding.hits == ("aggregate", "spc", "maintenance", "measure", "alert", "twin")


def test_a_removed_event_type_and_a_removed_topic_break() -> None:
    old = earlier()
    old.schemas["factory.shift.v1"] = old.schemas[KPI_TYPE]
    old.topics["factory.shift.v1"] = {**old.topics[KPI.name], "events": ["factory.shift.v1"], "read by": ["console"]}
    assert [(f.subject, f.reason, f.hits) for f in check(old, PRESENT)] == [
        ("factory.shift.v1", "the event type is gone", ("console",)),
        ("factory.shift.v1", "the topic is gone", ("console",)),
    ]


@pytest.mark.parametrize(
    ("word", "before"), [("key", "asset"), ("partitions", 3), ("compacted", True), ("retention_days", 91), ("retention_days", None)]
)
def test_the_shape_of_a_topic_is_part_of_its_contract(word: str, before: Any) -> None:
    old = earlier()
    old.topics[KPI.name][word] = before
    [finding] = check(old, PRESENT)
    assert (finding.subject, finding.path, finding.effect) == (KPI.name, word, Effect.BREAKING)


def test_a_longer_retention_and_new_readers_are_nobodys_harm() -> None:
    old = earlier()
    old.topics[KPI.name].update({"retention_days": 30, "read by": ["twin"], "written by": []})
    assert check(old, PRESENT) == []


def test_an_event_type_may_join_a_topic_once_its_readers_know_it_but_not_leave_it() -> None:
    old = earlier()
    old.topics[SENSOR.name]["events"] = ["factory.sensor-frame.v1", "factory.defect.v1"]
    found = {(f.subject, f.effect, f.reason) for f in check(old, PRESENT)}
    assert found == {
        (SENSOR.name, Effect.READERS_FIRST, "factory.heartbeat.v1 is on the topic now"),
        (SENSOR.name, Effect.BREAKING, "factory.defect.v1 is no longer on the topic"),
    }


def test_breaking_findings_come_first() -> None:
    old = earlier()
    del old.schemas["factory.alert.v1"]["properties"]["cause"]
    old.schemas[KPI_TYPE]["properties"]["shift"] = {"type": "string"}
    assert [f.effect for f in check(old, PRESENT)] == [Effect.BREAKING, Effect.READERS_FIRST]


# golden payloads of a release


def replayed(topic: str, **changed: Any) -> list[Finding]:
    name, payload = next(iter(PRESENT.examples[topic].items()))
    return replay({topic: {name: {**payload, **changed}}}, TOPICS)


def test_a_golden_payload_that_no_longer_decodes_is_a_break() -> None:
    [finding] = replayed(KPI.name, shift="early")
    assert (finding.subject, finding.effect, finding.hits) == (KPI.name, Effect.BREAKING, KPI.consumers)
    assert finding.reason == "the golden payload fails: shift: Extra inputs are not permitted"


def test_a_golden_payload_that_reads_otherwise_is_a_break() -> None:
    [finding] = replayed("factory.alert.v1", event_time="2026-11-24T10:41:10+01:00")
    assert finding.reason == "the golden payload fails: event_time reads otherwise"


def test_a_golden_payload_of_a_topic_that_is_gone_is_a_break() -> None:
    [finding] = replay({"factory.shift.v1": {"shift": {}}}, TOPICS)
    assert finding.reason == "the golden payload fails: the topic is gone"


def test_a_golden_payload_from_before_an_optional_field_still_says_the_same() -> None:
    payload = dict(PRESENT.examples["factory.alert.v1"]["alert-raised"])
    del payload["cause"]
    assert replay({"factory.alert.v1": {"old": payload}}, TOPICS) == []


def test_whole_numbers_may_become_fractions() -> None:
    payload = {**PRESENT.examples["factory.alert.v1"]["alert-raised"], "limit": 90}
    assert replay({"factory.alert.v1": {"old": payload}}, TOPICS) == []


# releases


def with_a_break(version: str) -> Snapshot:
    old = earlier(version=version)
    old.schemas[KPI_TYPE]["properties"]["shift"] = {"type": "string"}
    return old


@pytest.mark.parametrize(("last", "now"), [("0.1.0", "0.1.1"), ("1.2.0", "1.3.0")])
def test_a_breaking_release_needs_a_version_that_says_so(last: str, now: str) -> None:
    reason = obstacle(with_a_break(last), earlier(version=now), replace=False)
    assert reason is not None
    assert "1 breaking changes need a new m" in reason


@pytest.mark.parametrize(("last", "now"), [("0.1.0", "0.2.0"), ("0.9.3", "1.0.0"), ("1.2.0", "2.0.0")])
def test_a_version_that_says_so_may_break(last: str, now: str) -> None:
    assert obstacle(with_a_break(last), earlier(version=now), replace=False) is None


def test_versions_only_grow() -> None:
    assert (
        obstacle(earlier(version="0.2.0"), earlier(version="0.1.9"), replace=False) == "0.1.9 is older than 0.2.0, the last release"
    )


def test_a_release_changes_only_when_it_was_never_shipped() -> None:
    shipped = with_a_break("0.1.0")
    assert "0.1.0 is released already" in (obstacle(shipped, earlier(version="0.1.0"), replace=False) or "")
    assert obstacle(shipped, earlier(version="0.1.0"), replace=True) is None
    assert obstacle(earlier(), earlier(), replace=False) is None
    assert obstacle(None, earlier(), replace=False) is None


def test_the_command_releases_checks_and_fails_on_a_break(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([], tmp_path) == 1
    assert "nothing is released yet" in capsys.readouterr().err

    assert main(["release"], tmp_path) == 0
    assert main(["check"], tmp_path) == 0
    assert main(["release"], tmp_path) == 0  # the same again

    path = tmp_path / PRESENT.version / "json-schema" / f"{KPI_TYPE}.json"
    schema = json.loads(path.read_text(encoding="utf-8"))
    schema["properties"]["shift"] = {"type": "string"}
    path.write_text(as_json(schema), encoding="utf-8")
    capsys.readouterr()

    assert main([], tmp_path) == 1
    assert "breaking: factory.kpi-value.v1 shift: it was removed" in capsys.readouterr().out
    assert main(["check", "--json"], tmp_path) == 1
    report = json.loads(capsys.readouterr().out)
    assert (report["released"], report["compatible"]) == (PRESENT.version, False)
    assert report["changes"][0]["hits"] == ["twin", "publish", "subscribers"]
    assert main(["release"], tmp_path) == 1
    assert main(["release", "--replace"], tmp_path) == 0
    assert main([], tmp_path) == 0


def test_the_folder_of_releases_holds_nothing_else() -> None:
    assert {p.name for p in RELEASED.iterdir()} == set(versions())
