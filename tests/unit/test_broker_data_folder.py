"""The data folder: writable, with room, and used by one broker at a time."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from services.broker.data_folder import LOCK_FILE, DataFolder, DataFolderLock, new_cluster_id
from services.runtime.errors import UserError

HOLD = """
import os, subprocess, sys
from pathlib import Path
from services.broker.data_folder import DataFolderLock
lock = DataFolderLock.acquire(Path(sys.argv[1]), 0)
child = subprocess.Popen(["sleep", sys.argv[2]], pass_fds=(lock.descriptor,), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
print(os.getpid(), child.pid, flush=True)
sys.stdin.read()
os._exit(0)
"""


def hold_in_another_process(folder: Path, child_seconds: str) -> tuple[subprocess.Popen[str], int]:
    """A process that holds the lock until its input ends, with a child that has inherited it; the child's id too."""
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(folder), child_seconds], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert holder.stdout is not None
    own, child = map(int, holder.stdout.readline().split())
    assert own == holder.pid
    return holder, child


def test_a_folder_is_made_with_all_its_parents(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path / "a" / "b")
    folder.prepare()
    assert [path.name for path in folder.path.iterdir()] == ["logs"]
    assert folder.cluster_id() is None


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match=r"cannot write the data folder .*/file/data: Not a directory"):
        DataFolder(tmp_path / "file" / "data").prepare()


def test_a_full_disk_is_said_before_kafka_trips_over_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: SimpleNamespace(free=5 * 2**20))
    with pytest.raises(UserError, match=r"is full \(5 MiB free, 128 needed\)"):
        DataFolder(tmp_path).prepare()


def test_the_cluster_id_is_the_one_that_the_storage_was_formatted_with(tmp_path: Path) -> None:
    meta = tmp_path / "kafka" / "meta.properties"
    meta.parent.mkdir()
    meta.write_text("#\n#Tue Jan 02\ncluster.id=abc-_DEF\nnode.id=1\n", encoding="ascii")
    assert DataFolder(tmp_path).cluster_id() == "abc-_DEF"
    meta.write_text("node.id=1\n", encoding="ascii")
    with pytest.raises(UserError, match=r"meta\.properties names no cluster\.id"):
        DataFolder(tmp_path).cluster_id()


def test_a_new_cluster_id_is_16_bytes_and_never_looks_like_an_option() -> None:
    ids = [new_cluster_id() for _ in range(2000)]
    assert len(set(ids)) == 2000
    assert all(len(text) == 22 and not text.startswith("-") for text in ids)


def test_a_second_broker_is_refused_with_the_id_of_the_first(tmp_path: Path) -> None:
    holder, child = hold_in_another_process(tmp_path, "60")
    try:
        with pytest.raises(UserError, match=rf"another broker \(process {holder.pid}\) uses the data folder"):
            DataFolderLock.acquire(tmp_path, timeout=30)
    finally:
        holder.kill()
        holder.communicate()
        os.kill(child, 9)


def test_the_lock_waits_for_a_child_that_outlives_its_parent_a_little(tmp_path: Path) -> None:
    holder, child = hold_in_another_process(tmp_path, "1.5")
    holder.kill()
    holder.communicate()
    with pytest.raises(UserError, match=f"process {holder.pid}"):
        DataFolderLock.acquire(tmp_path, timeout=0)
    DataFolderLock.acquire(tmp_path, timeout=30).release()
    assert not Path(f"/proc/{child}").exists() or "Z" in Path(f"/proc/{child}/stat").read_text()


def test_a_lock_file_of_a_dead_process_is_no_lock(tmp_path: Path) -> None:
    (tmp_path / LOCK_FILE).write_text(f"{os.getpid()}\n")
    DataFolderLock.acquire(tmp_path, timeout=0).release()
    DataFolderLock.acquire(tmp_path, timeout=0).release()
