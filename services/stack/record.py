"""What a running stack says of itself in DATA/stack.json, so that other commands find it."""

import os
from pathlib import Path

import psutil
from pydantic import BaseModel, ConfigDict, ValidationError

SAME_START_S = 2.0  # psutil derives a start time from the boot time, which may move by a clock step


class ProcessRecord(BaseModel):
    """A process: its id, and its start in Unix seconds, because ids are used again."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    pid: int
    started: float

    @classmethod
    def of(cls, pid: int) -> "ProcessRecord":
        """The process of that id. Raises psutil.NoSuchProcess."""
        return cls(pid=pid, started=psutil.Process(pid).create_time())

    def alive(self) -> psutil.Process | None:
        """The process, when it is still the same one and no zombie."""
        try:
            process = psutil.Process(self.pid)
            same = abs(process.create_time() - self.started) < SAME_START_S
            return process if same and process.status() != psutil.STATUS_ZOMBIE else None
        except psutil.NoSuchProcess:
            return None


class ServiceRecord(BaseModel):
    """One service: ``process`` is None while it is between two starts."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    process: ProcessRecord | None
    restarts: int
    metrics_url: str | None
    log: Path


class StackRecord(BaseModel):
    """A stack: its supervisor, where its broker and its API answer, and its services in the order of their start."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    supervisor: ProcessRecord
    bootstrap: str
    api_url: str | None
    services: tuple[ServiceRecord, ...]

    def write(self, path: Path) -> None:
        """Replace the file in one step; only this user may read it."""
        beside = path.with_suffix(".new")
        descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with open(descriptor, "w", encoding="utf-8") as file:  # noqa: PTH123 - a descriptor, not a path
            file.write(self.model_dump_json(indent=2) + "\n")
        beside.replace(path)


def read_record(path: Path) -> StackRecord | None:
    """The record, running or not; None when there is none or it is not whole."""
    try:
        return StackRecord.model_validate_json(path.read_bytes())
    except (FileNotFoundError, ValidationError):
        return None


def running_stack(path: Path) -> StackRecord | None:
    """The record of a stack whose supervisor is alive."""
    record = read_record(path)
    return record if record is not None and record.supervisor.alive() is not None else None


def left_behind(path: Path) -> list[tuple[str, psutil.Process]]:
    """Processes of a stack whose supervisor is gone, by the name of their service."""
    record = read_record(path)
    if record is None or record.supervisor.alive() is not None:
        return []
    found = ((s.name, s.process.alive()) for s in record.services if s.process is not None)
    return [(name, process) for name, process in found if process is not None]
