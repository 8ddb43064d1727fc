"""Store and forward: a SQLite database that keeps every accepted record until the broker has acknowledged it.

Sequence numbers, positions in the sources and the records are written in one transaction that is on the disk (WAL,
synchronous=FULL) before any of its records may be sent. So no number is ever given twice, and a restart goes on where it was.
"""

import fcntl
import json
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from schemas.codec import Encoded, encode_on, to_json
from schemas.envelope import Event, SourceEvent
from schemas.events.asset import Asset
from services.gateway.door import Admitted, numbered
from services.runtime.errors import UserError

TABLES = """
CREATE TABLE IF NOT EXISTS sequence (source TEXT, asset TEXT, last INTEGER NOT NULL, PRIMARY KEY (source, asset)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS asset (asset TEXT PRIMARY KEY, version INTEGER NOT NULL, value BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS position (job TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS record (
    id INTEGER PRIMARY KEY AUTOINCREMENT, topic TEXT NOT NULL, key BLOB NOT NULL, value BLOB NOT NULL, headers TEXT NOT NULL,
    barrier INTEGER NOT NULL, accepted REAL NOT NULL, size INTEGER NOT NULL
);
"""
HIGH_WATER = 1.0
LOW_WATER = 0.9


@dataclass(frozen=True, slots=True)
class Stored:
    """A record that waits for its acknowledgement."""

    id: int
    record: Encoded
    barrier: bool
    accepted: float
    size: int


class Spool:
    """The store of one gateway. Safe for one thread that forwards and any number that accept."""

    def __init__(self, folder: Path, limit_bytes: int) -> None:
        self.folder = folder
        self.limit_bytes = limit_bytes
        self.arrived = threading.Event()
        self._changed = threading.Condition()
        self._lock = threading.RLock()
        with _disk_errors(folder):
            folder.mkdir(parents=True, exist_ok=True)
            self._guard = _only_one(folder)
            self._db = sqlite3.connect(folder / "spool.sqlite3", timeout=30, isolation_level=None, check_same_thread=False)
            self._db.execute("PRAGMA journal_mode = WAL")
            self._db.execute("PRAGMA synchronous = FULL")
            self._db.executescript(TABLES)
            count, size = self._db.execute("SELECT count(*), coalesce(sum(size), 0) FROM record").fetchone()
        self.records, self.bytes = int(count), int(size)

    def accept(self, admitted: Sequence[Admitted], positions: Mapping[str, str]) -> list[Encoded]:
        """Number the events, store their records and the positions of their jobs, all or nothing. Raises UserError (full disk)."""
        with self._lock, _disk_errors(self.folder), self._transaction():
            records = self._encode(admitted)
            now = time.time()
            self._db.executemany(
                "INSERT INTO record (topic, key, value, headers, barrier, accepted, size) VALUES (?, ?, ?, ?, ?, ?, ?)",
                [_row(r, draft.barrier, now) for r, (draft, _) in zip(records, admitted, strict=True)],
            )
            self._db.executemany("INSERT OR REPLACE INTO position VALUES (?, ?)", list(positions.items()))
        with self._changed:
            self.records += len(records)
            self.bytes += sum(_size(r) for r in records)
        self.arrived.set()
        return records

    def position(self, job: str) -> str | None:
        """The stored position of a job; None for one never begun."""
        with self._lock:
            row = self._db.execute("SELECT value FROM position WHERE job = ?", (job,)).fetchone()
        return None if row is None else str(row[0])

    def waiting(self, most: int, most_bytes: int) -> list[Stored]:
        """The oldest records, up to where barriers begin or end: these never share a window with others."""
        with self._lock, _disk_errors(self.folder):
            rows = self._db.execute("SELECT * FROM record ORDER BY id LIMIT ?", (most,)).fetchall()
        out: list[Stored] = []
        size = 0
        for row in rows:
            stored = _stored(row)
            if out and (stored.barrier != out[0].barrier or size + stored.size > most_bytes):
                break
            out.append(stored)
            size += stored.size
        return out

    def forwarded(self, records: Sequence[Stored]) -> None:
        """The broker has acknowledged these, the oldest of the store."""
        with self._lock, _disk_errors(self.folder), self._transaction():
            self._db.execute("DELETE FROM record WHERE id <= ?", (records[-1].id,))
        with self._changed:
            self.records -= len(records)
            self.bytes -= sum(r.size for r in records)
            self._changed.notify_all()

    def oldest_accepted(self) -> float:
        """Unix time at which the oldest waiting record was accepted; 0 when none waits."""
        with self._lock:
            row = self._db.execute("SELECT accepted FROM record ORDER BY id LIMIT 1").fetchone()
        return float(row[0]) if row else 0.0

    def counts_by_topic(self) -> dict[str, int]:
        """Waiting records of each topic."""
        with self._lock:
            return {str(t): int(n) for t, n in self._db.execute("SELECT topic, count(*) FROM record GROUP BY topic")}

    @property
    def full(self) -> bool:
        """True when nothing more is to be accepted until some has been forwarded."""
        return self.bytes >= self.limit_bytes * HIGH_WATER

    def wait_for_room(self, stop: Callable[[], bool]) -> bool:
        """Block until the store is below 90 % of its limit; False when ``stop`` said to give up."""
        with self._changed:
            while self.bytes >= self.limit_bytes * LOW_WATER:
                if stop():
                    return False
                self._changed.wait(0.1)
        return True

    def wait_until_empty(self, seconds: float) -> bool:
        """Block for at most ``seconds``; True when no record waits."""
        with self._changed:
            return self._changed.wait_for(lambda: self.records == 0, seconds)

    def close(self) -> None:
        """Close the database and let another process have the folder."""
        with self._lock:
            self._db.close()
        self._guard.close()

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            if self._db.in_transaction:  # a full disk has rolled back already
                self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")

    def _encode(self, admitted: Sequence[Admitted]) -> list[Encoded]:
        lasts: dict[tuple[str, str], int] = {}
        out = []
        for draft, event in admitted:
            if isinstance(event, SourceEvent):
                key = (event.source, event.asset)
                lasts[key] = (lasts[key] if key in lasts else self._last(*key)) + 1
                event = numbered(event, lasts[key])
            elif isinstance(event, Asset):
                event = self._versioned(event)
            out.append(encode_on(draft.topic, event))
        self._db.executemany("INSERT OR REPLACE INTO sequence VALUES (?, ?, ?)", [(*k, last) for k, last in lasts.items()])
        return out

    def _last(self, source: str, asset: str) -> int:
        row = self._db.execute("SELECT last FROM sequence WHERE source = ? AND asset = ?", (source, asset)).fetchone()
        return int(row[0]) if row else 0

    def _versioned(self, asset: Asset) -> Event:
        """The registration as it was when nothing but its time has changed, else the next version."""
        row = self._db.execute("SELECT version, value FROM asset WHERE asset = ?", (asset.asset,)).fetchone()
        if row is None:
            event = asset
        else:
            known = Asset.model_validate_json(row[1])
            if known == asset.model_copy(update={"version": known.version, "event_time": known.event_time}):
                return known
            event = asset.model_copy(update={"version": int(row[0]) + 1})
        self._db.execute("INSERT OR REPLACE INTO asset VALUES (?, ?, ?)", (event.asset, event.version, to_json(event)))
        return event


def _size(record: Encoded) -> int:
    return len(record.key) + len(record.value) + sum(len(k) + len(v) for k, v in record.headers)


def _row(record: Encoded, barrier: bool, now: float) -> tuple[str, bytes, bytes, str, bool, float, int]:
    headers = json.dumps([(k, v.decode()) for k, v in record.headers])
    return record.topic, record.key, record.value, headers, barrier, now, _size(record)


def _stored(row: tuple[int, str, bytes, bytes, str, int, float, int]) -> Stored:
    headers = [(k, v.encode()) for k, v in json.loads(row[4])]
    return Stored(row[0], Encoded(row[1], row[2], row[3], headers), bool(row[5]), row[6], row[7])


def _only_one(folder: Path) -> IO[str]:
    guard = (folder / "lock").open("w")
    try:
        fcntl.flock(guard, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as exc:
        guard.close()
        raise UserError(f"another gateway uses the data folder {folder}: stop it, or give another with --data-dir") from exc
    return guard


@contextmanager
def _disk_errors(folder: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.DatabaseError as exc:
        raise UserError(
            f"the spool in {folder} can't be written ({exc}): free space there, or give another folder with --data-dir"
        ) from exc
    except OSError as exc:
        raise UserError(f"the data folder {folder} can't be used ({exc.strerror}): give another with --data-dir") from exc
