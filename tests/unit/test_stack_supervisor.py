"""A supervisor: order, the record that other commands read, one per folder, nothing left behind however it ends."""

import json
import os
import signal
import stat
import subprocess
import sys
import threading
import time
from pathlib import Path

import psutil
import pytest

from services.runtime.errors import UserError
from services.stack.child import Program
from services.stack.credentials import secret, secret_file
from services.stack.folder import DataFolder
from services.stack.record import ProcessRecord, ServiceRecord, StackRecord, left_behind, read_record, running_stack
from services.stack.supervisor import Supervisor, uninterrupted

SLEEP = (sys.executable, "-c", "import time; time.sleep(60)")
LAST_WORDS = (
    sys.executable,
    "-c",
    "import signal, sys, time\n"
    "name, journal = sys.argv[1:]\n"
    "def end(*_):\n"
    "    open(journal, 'a').write(name + '\\n'); sys.exit(0)\n"
    "signal.signal(signal.SIGTERM, end)\n"
    "open(journal + '.' + name, 'w').close()\n"
    "time.sleep(60)",
)


def program(name: str, command: tuple[str, ...] = SLEEP) -> Program:
    return Program(name, command, lambda: True)


def supervisor(folder: Path, said: list[str] | None = None) -> Supervisor:
    return Supervisor(DataFolder(folder), "127.0.0.1:1", None, (said if said is not None else []).append)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_children_end_in_the_reverse_order_of_their_start(tmp_path: Path) -> None:
    journal = tmp_path / "journal"

    def teller(name: str) -> Program:
        return Program(name, (*LAST_WORDS, name, str(journal)), lambda: journal.with_name(f"journal.{name}").exists())

    with supervisor(tmp_path / "data") as it:
        it.start(teller("broker"), teller("api"))
        it.start(teller("streams"))
    assert journal.read_text().split() == ["streams", "api", "broker"]


def test_the_record_names_the_processes_and_goes_with_the_stack(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path)
    with supervisor(tmp_path) as it:
        it.start(program("thing"))
        record = running_stack(folder.record)
        assert record is not None
        assert record.supervisor.pid == os.getpid()
        (service,) = record.services
        assert service.name == "thing"
        assert service.process is not None
        assert psutil.Process(service.process.pid).cmdline()[-1] == SLEEP[-1]
        assert mode(folder.record) == 0o600
        assert json.loads(folder.record.read_text())["services"][0]["log"] == str(folder.log("thing"))
    assert running_stack(folder.record) is None
    assert not folder.record.exists()


def test_a_folder_has_one_supervisor(tmp_path: Path) -> None:
    with supervisor(tmp_path), pytest.raises(UserError, match=f"in use by process {os.getpid()}; stop it, or choose another"):
        supervisor(tmp_path).__enter__()
    with supervisor(tmp_path):
        pass


def test_a_folder_that_can_not_be_made_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match="can't be used: Not a directory; choose another with --data-dir"):
        supervisor(tmp_path / "file" / "data").__enter__()


def test_a_failed_start_stops_what_was_started(tmp_path: Path) -> None:
    bad = Program("bad", (sys.executable, "-c", "import sys; sys.exit('error: no')"), lambda: False)
    started: list[int] = []
    with pytest.raises(UserError, match=r"^no$"), supervisor(tmp_path) as it:
        it.start(program("good"))
        started += [s.process.pid for s in it.record.services if s.process]
        it.start(bad)
    assert len(started) == 1
    assert not psutil.pid_exists(started[0])


def test_a_stop_right_after_a_launch_finds_a_child_that_listens(tmp_path: Path) -> None:
    said: list[str] = []
    for number in range(10):
        with supervisor(tmp_path / str(number), said) as it:
            it.launch(program("thing"))
    assert said == []  # nothing had to be killed


def test_a_second_ctrl_c_does_not_leave_the_end_half_done(tmp_path: Path) -> None:
    journal = tmp_path / "journal"
    command = (*LAST_WORDS, "thing", str(journal))
    with pytest.raises(KeyboardInterrupt), supervisor(tmp_path / "data") as it:
        it.start(Program("thing", command, lambda: journal.with_name("journal.thing").exists()))
        threading.Timer(0.05, os.kill, (os.getpid(), signal.SIGINT)).start()
        time.sleep(10)
    with uninterrupted():
        os.kill(os.getpid(), signal.SIGINT)
    assert journal.read_text() == "thing\n"


def test_children_end_with_a_killed_supervisor(tmp_path: Path) -> None:
    code = (
        "import sys, time\n"
        "from pathlib import Path\n"
        "from services.stack.child import Program\n"
        "from services.stack.folder import DataFolder\n"
        "from services.stack.supervisor import Supervisor\n"
        f"with Supervisor(DataFolder(Path({str(tmp_path)!r})), '127.0.0.1:1', None, print) as it:\n"
        f"    it.start(Program('thing', {SLEEP!r}, lambda: True))\n"
        "    print('up', flush=True); time.sleep(60)"
    )
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "up\n"
    record = running_stack(DataFolder(tmp_path).record)
    assert record is not None
    (service,) = record.services
    assert service.process is not None
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()
    deadline = time.monotonic() + 20
    while service.process.alive() is not None:
        assert time.monotonic() < deadline, "the child outlived its supervisor"
        time.sleep(0.05)


def test_what_an_earlier_run_left_behind_is_ended_first(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path)
    folder.prepare()
    orphan = subprocess.Popen(SLEEP)
    gone = ProcessRecord(pid=os.getpid(), started=1.0)  # this id, but of another process long ago
    service = ServiceRecord(
        name="streams", process=ProcessRecord.of(orphan.pid), restarts=0, metrics_url=None, log=folder.log("streams")
    )
    StackRecord(supervisor=gone, bootstrap="127.0.0.1:1", api_url=None, services=(service,)).write(folder.record)
    assert [name for name, _ in left_behind(folder.record)] == ["streams"]
    said: list[str] = []
    with supervisor(tmp_path, said):
        assert not psutil.pid_exists(orphan.pid)
    orphan.wait()
    assert said == [f"streams of an earlier run (process {orphan.pid}) is still there and is ended"]


def test_a_record_of_another_process_with_the_same_id_is_no_stack(tmp_path: Path) -> None:
    path = tmp_path / "stack.json"
    here = ProcessRecord.of(os.getpid())
    StackRecord(supervisor=here, bootstrap="127.0.0.1:1", api_url=None, services=()).write(path)
    assert running_stack(path) is not None
    earlier = ProcessRecord(pid=here.pid, started=here.started - 60)
    StackRecord(supervisor=earlier, bootstrap="127.0.0.1:1", api_url=None, services=()).write(path)
    assert running_stack(path) is None


@pytest.mark.parametrize("content", ["", "{", '{"supervisor": 1}'])
def test_a_record_that_is_not_whole_is_none(tmp_path: Path, content: str) -> None:
    path = tmp_path / "stack.json"
    path.write_text(content)
    assert read_record(path) is None


def test_secrets_are_made_once_and_only_this_user_reads_them(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path)
    folder.prepare()
    first = secret(folder.secrets, "bridge")
    assert len(first) >= 43  # 256 bits in base 64
    assert secret(folder.secrets, "bridge") == first
    assert secret(folder.secrets, "customer") != first
    assert mode(folder.secrets) == 0o700
    assert mode(secret_file(folder.secrets, "bridge")) == 0o600
