"""The command: what it prints, and that every mistake is one sentence and exit 1."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from gateway_lab import BUNDLED_LOG, DEVICES, ROOT, drafts, replayed, write_log

from services.gateway.cli import app
from services.gateway.feeds import log_feeds
from services.gateway.source_spec import AgentSpec, CsvSpec, EventsSpec, JobsSpec, LogSpec, read_config
from services.runtime.errors import UserError

JOBS_MAPPING = str(ROOT / "services" / "gateway" / "samples" / "job_reports" / "mapping.toml")


def command(*words: str) -> None:
    app(list(words), standalone_mode=False)


def gateway(*words: str, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    environment = {k: v for k, v in os.environ.items() if not k.startswith("FACTORYSTREAM_")} | {"PYTHONPATH": str(ROOT)}
    command_line = [sys.executable, "-m", "services.gateway", *words]
    return subprocess.run(command_line, cwd=cwd, env=environment, capture_output=True, text=True, check=False)


def test_inspect_names_the_traps_and_when_the_machine_was_active(capsys: pytest.CaptureFixture[str]) -> None:
    command("inspect", "mtconnect", str(BUNDLED_LOG), "--json")
    report = json.loads(capsys.readouterr().out)
    (file,) = report["files"]
    assert (file["asset"], file["lines"], file["items"], file["execution_changes"]) == ("mazak01", 16_572, 86, 119)
    assert file["traps"]["snapshot_lines_before_first_day"] == 86
    assert file["traps"]["lines_out_of_order"] == 3
    assert report["activity"][0] == {
        "asset": "mazak01",
        "start": "2019-06-06T18:08:51.828000Z",
        "end": "2019-06-06T18:08:58.938000Z",
    }


def test_inspect_names_broken_and_repeated_lines(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write_log(tmp_path, ["2019-06-06T08:00:00Z|mode|UNAVAILABLE", "2019-06-06T08:01:00Z|mode|UNAVAILABLE", "", "what?"])
    command("inspect", "mtconnect", str(path), "--json")
    (file,) = json.loads(capsys.readouterr().out)["files"]
    assert (file["traps"]["unavailable_repeated"], file["traps"]["blank_lines"], file["traps"]["malformed_lines"]) == (1, 1, 1)
    assert file["malformed"] == [{"line": 4, "reason": "1 fields: a line has 3, a condition 7", "text": "what?", "cut_off": False}]


def test_without_a_broker_it_waits_keeps_the_records_and_says_so(tmp_path: Path) -> None:
    nowhere = ["--bootstrap", "127.0.0.1:1", "--broker-timeout", "2", "--data-dir", str(tmp_path / "d")]
    result = gateway("replay", "mtconnect", str(BUNDLED_LOG), *nowhere)
    assert result.returncode == 1
    last = result.stderr.strip().splitlines()[-1]
    assert last.startswith("error: no Kafka broker answers at 127.0.0.1:1")
    assert "records are kept in" in last
    assert "Traceback" not in result.stderr


def test_a_setting_that_is_wrong_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FACTORYSTREAM_METRICS_PORT", "many")
    with pytest.raises(UserError, match="FACTORYSTREAM_METRICS_PORT"):
        command("replay", "mtconnect", str(BUNDLED_LOG), "--data-dir", str(tmp_path))


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["replay", "mtconnect", "none.txt"], "log none.txt does not exist"),
        (["replay", "mtconnect", "."], "holds no log"),
        (["replay", "mtconnect", str(BUNDLED_LOG), "--devices", "none.xml"], "devices file none.xml can't be read"),
        (["replay", "mtconnect", str(BUNDLED_LOG), "--devices", "words.xml"], "is not an MTConnect devices document"),
        (["replay", "mtconnect", str(BUNDLED_LOG), "--asset", "No Name"], "--asset: "),
        (["replay", "mtconnect", str(BUNDLED_LOG), "--limits", "limits.json"], "mazak01 has no channel Nload"),
        (["replay", "csv", "table.csv", "--mapping", "none.json"], "none.json can't be read"),
        (["replay", "jobs", "table.csv", "--mapping", "none.toml"], "none.toml can't be read"),
        (["replay", "jobs", "table.csv", "--mapping", JOBS_MAPPING], "table table.csv can't be read"),
        (["poll", "mtconnect", "ftp://here"], "--url: "),
        (["run", "--config", "none.json"], "none.json can't be read"),
        (["run", "--config", "config.json"], "sources.0"),
        (["inspect", "opcua", str(BUNDLED_LOG)], "inspect knows mtconnect"),
    ],
)
def test_a_mistake_is_said_in_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: list[str], reason: str) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "limits.json").write_text('{"Nload": {"high": 1}}')
    (tmp_path / "config.json").write_text('{"sources": [{"kind": "telepathy"}]}')
    (tmp_path / "words.xml").write_text("hello")
    with pytest.raises(UserError, match=reason):
        command(*words)


def test_limits_that_are_none_are_said(tmp_path: Path) -> None:
    (tmp_path / "limits.json").write_text('{"Xload": {"highest": 1}}')
    with pytest.raises(UserError, match="limits of Xload"):
        command("replay", "mtconnect", str(BUNDLED_LOG), "--limits", str(tmp_path / "limits.json"))


def test_a_configuration_names_its_files_from_its_own_folder(tmp_path: Path) -> None:
    (tmp_path / "sources.json").write_text(
        json.dumps(
            {
                "speed": 60,
                "max_wait": 1.5,
                "sources": [
                    {"kind": "mtconnect-log", "paths": ["logs"], "devices": str(DEVICES), "source": "nist-sms-replay"},
                    {"kind": "events", "paths": ["plant.ndjson"], "follow": True},
                    {"kind": "csv", "paths": ["t.csv"], "mapping": "m.json"},
                    {"kind": "jobs", "paths": ["r.csv"], "mapping": "m.toml"},
                    {"kind": "mtconnect-agent", "url": "http://agent:5000"},
                ],
            }
        )
    )
    spec = read_config(tmp_path / "sources.json")
    log, events, table, reports, agent = spec.sources
    assert isinstance(log, LogSpec)
    assert (log.paths, log.devices, log.source) == ([tmp_path / "logs"], DEVICES, "nist-sms-replay")
    assert isinstance(events, EventsSpec)
    assert (events.paths, events.follow) == ([tmp_path / "plant.ndjson"], True)
    assert isinstance(table, CsvSpec)
    assert table.mapping == tmp_path / "m.json"
    assert isinstance(reports, JobsSpec)
    assert (reports.paths, reports.mapping) == ([tmp_path / "r.csv"], tmp_path / "m.toml")
    assert isinstance(agent, AgentSpec)
    assert agent.url == "http://agent:5000"
    assert (spec.speed, spec.max_wait) == (60, 1.5)


def test_limits_and_place_reach_the_registration() -> None:
    limits = ROOT / "services" / "gateway" / "samples" / "nist_sms" / "limits.json"
    spec = LogSpec(paths=[BUNDLED_LOG], limits=limits, line="cell-1")
    (registration,) = drafts(replayed(*log_feeds(spec)), "asset.v1")
    assert registration.body["line"] == "cell-1"
    assert registration.body["channels"]["Zload"] == {"unit": "%", "high": 100, "deadband": 10, "priority": "high"}
    assert registration.body["channels"]["Srpm"] == {"unit": "{revolution}/min"}
    assert registration.barrier
