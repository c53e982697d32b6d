"""The state of the emulated platform in one SQLite file, and as a snapshot.

A snapshot is all data as one file: a line that names format and digest, then packed SQLite.
"""

from __future__ import annotations

import hashlib
import re
import sqlite3
import threading
import weakref
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import quote

from peakctl.emulator.options import Options
from peakctl.emulator.rows import Counts, Transaction
from peakctl.errors import Diagnostic, PeakctlError
from peakctl.files import make_private, narrow

APPLICATION_ID = 0x5065616B  # "Peak", in the file's header, so that foreign databases are noticed
LAYOUT = 1
SNAPSHOT = 1
HEAD = re.compile(rb"peakctl-emulator-snapshot (\d{1,9}) sha256:([0-9a-f]{64})\n")

SCHEMA = """
CREATE TABLE items (
  seq INTEGER PRIMARY KEY AUTOINCREMENT, tenant TEXT NOT NULL, kind TEXT NOT NULL, id TEXT NOT NULL,
  parent TEXT NOT NULL, name TEXT NOT NULL, status TEXT NOT NULL, facet TEXT NOT NULL,
  created REAL NOT NULL, updated REAL NOT NULL, body TEXT NOT NULL);
CREATE UNIQUE INDEX items_by_id ON items (tenant, kind, id);
CREATE INDEX items_by_kind ON items (tenant, kind);
CREATE INDEX items_by_name ON items (tenant, kind, name);
CREATE INDEX items_by_parent ON items (tenant, kind, parent);
CREATE INDEX items_by_facet ON items (kind, facet);
CREATE TABLE links (
  tenant TEXT NOT NULL, by_kind TEXT NOT NULL, by_id TEXT NOT NULL,
  used_kind TEXT NOT NULL, used_id TEXT NOT NULL,
  PRIMARY KEY (tenant, by_kind, by_id, used_kind, used_id)) WITHOUT ROWID;
CREATE INDEX links_by_used ON links (tenant, used_kind, used_id);
CREATE TABLE blobs (digest TEXT PRIMARY KEY, data BLOB NOT NULL);
CREATE TABLE counters (tenant TEXT, name TEXT, value INTEGER, PRIMARY KEY (tenant, name));
CREATE TABLE agenda (
  seq INTEGER PRIMARY KEY AUTOINCREMENT, at REAL NOT NULL, tenant TEXT NOT NULL,
  action TEXT NOT NULL, data TEXT NOT NULL);
CREATE INDEX agenda_by_time ON agenda (at, seq);
"""
REQUESTS = "CREATE TABLE IF NOT EXISTS requests (seq INTEGER PRIMARY KEY, entry TEXT NOT NULL)"
SERVICES = (
    "CREATE INDEX IF NOT EXISTS items_by_webapp"
    " ON items (tenant, kind, json_extract(body, '$.webapp'))"
)
USUAL = Options()
TABLES = ("items", "links", "blobs", "counters", "agenda", "requests")


class Store:
    """Opens (or makes) the data file; `:memory:` keeps nothing.

    Several processes may share a file. Raises `PeakctlError` for a file that is damaged or was not
    made by the emulator, and leaves that file as it is.
    """

    def __init__(self, data: str | Path = ":memory:") -> None:
        self._lock = threading.RLock()
        self._data = str(data)
        self._counts = Counts()
        if self._data != ":memory:":
            path = Path(self._data)
            if path.exists() and path.stat().st_size and (fault := fault_of(path)):
                raise _unusable(self._data, fault)
            _make_private(path)
        try:
            self._db = _connect(self._data)
            weakref.finalize(self, self._db.close)  # from Python 3.13 on, forgetting it warns
            self._prepare()
        except sqlite3.Error as error:
            raise _unusable(self._data, str(error)) from error

    def _prepare(self) -> None:
        with self._writing():
            if self._db.execute("PRAGMA application_id").fetchone()[0] != APPLICATION_ID:
                for statement in SCHEMA.split(";"):
                    self._db.execute(statement)
                self._db.execute(f"PRAGMA application_id = {APPLICATION_ID}")
                self._db.execute(f"PRAGMA user_version = {LAYOUT}")
            self._db.execute(REQUESTS)
            self._db.execute(SERVICES)

    @contextmanager
    def _writing(self, begin: str = "BEGIN IMMEDIATE") -> Iterator[None]:
        try:
            self._db.execute(begin)
            try:
                yield
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:  # on a full disk SQLite has undone it itself
                    self._db.execute("ROLLBACK")
                self._counts.forget()
                raise
        except sqlite3.Error as error:
            fix = "see that the disk is not full and that the file may be written, then run again"
            raise _unusable(self._data, str(error), fix) from error

    @contextmanager
    def transaction(
        self, tenant: str, now: float, options: Options = USUAL, *, write: bool
    ) -> Iterator[Transaction]:
        """All that happens in one request: committed at the end, undone by any exception.

        Reads too see one state throughout, whatever another process writes meanwhile.
        """
        with self._lock, self._writing("BEGIN IMMEDIATE" if write else "BEGIN"):
            yield Transaction(self._db, tenant, now, options, self._counts)

    def is_due(self, now: float) -> bool:
        """Whether something that was scheduled has come to its time."""
        with self._lock:
            found = self._db.execute("SELECT 1 FROM agenda WHERE at <= ? LIMIT 1", (now,))
            return found.fetchone() is not None

    def reset(self) -> None:
        """Forget everything."""
        with self._lock, self._writing():
            for table in TABLES:
                self._db.execute(f"DELETE FROM {table}")  # noqa: S608 - the names are ours

    def keep_requests(self, entries: Sequence[str], kept: int) -> None:
        """Append to the journal in the file, of which only the last `kept` entries stay."""
        with self._lock, self._writing():
            rows = [(entry,) for entry in entries]
            self._db.executemany("INSERT INTO requests (entry) VALUES (?)", rows)
            last = "SELECT MAX(seq) FROM requests"
            self._db.execute(f"DELETE FROM requests WHERE seq <= ({last}) - ?", (kept,))  # noqa: S608

    def requests(self) -> list[str]:
        """The journal in the file, oldest first."""
        with self._lock:
            return [row[0] for row in self._db.execute("SELECT entry FROM requests ORDER BY seq")]

    def forget_requests(self) -> None:
        with self._lock, self._writing():
            self._db.execute("DELETE FROM requests")

    def dump(self) -> bytes:
        """All data as the bytes of an SQLite file."""
        with self._lock, TemporaryDirectory() as folder:
            copy = Path(folder) / "copy"
            self._db.execute("VACUUM INTO ?", (str(copy),))
            return copy.read_bytes()

    def restore(self, file: Path) -> None:
        """Replace all data by those of another store's file, or change nothing."""
        with self._lock:
            self._db.execute("ATTACH ? AS other", (str(file),))
            try:
                with self._writing():
                    for table in TABLES:
                        self._db.execute(f"DELETE FROM main.{table}")  # noqa: S608 - our names
                        self._db.execute(f"INSERT INTO main.{table} SELECT * FROM other.{table}")  # noqa: S608
            finally:
                self._db.execute("DETACH other")

    def close(self) -> None:
        with self._lock:
            self._db.close()


def _connect(data: str) -> sqlite3.Connection:
    db = sqlite3.connect(data, isolation_level=None, check_same_thread=False, timeout=10)
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("PRAGMA synchronous = NORMAL")
    # LIKE, lower() and NOCASE of SQLite know the letters of ASCII alone.
    db.create_function(
        "folded", 1, lambda v: v.casefold() if isinstance(v, str) else v, deterministic=True
    )
    return db


def _make_private(path: Path) -> None:
    """An emulator is sent secrets too. SQLite gives its side files the mode of `path`."""
    try:
        make_private(path)
        for suffix in ("-wal", "-shm", "-journal"):
            narrow(path.with_name(path.name + suffix))
    except OSError as error:
        raise _unusable(str(path), error.strerror or type(error).__name__) from error


def fault_of(path: Path) -> str:
    """Why a file is no store of this version; empty when it is one. Leaves the file as it is."""
    # Read-only first: merely switching a foreign database to WAL would change it.
    try:
        db = sqlite3.connect(f"file:{quote(str(path.resolve()))}?mode=ro", uri=True, timeout=10)
        try:
            found = db.execute("PRAGMA application_id").fetchone()[0]
            layout = db.execute("PRAGMA user_version").fetchone()[0]
            damage = db.execute("PRAGMA quick_check(1)").fetchone()[0]
        finally:
            db.close()
    except sqlite3.Error as error:
        return str(error)
    if (found, layout) != (APPLICATION_ID, LAYOUT):
        return "it was not made by this version of the emulator"
    return "" if damage == "ok" else f"it is damaged: {damage}"


def _unusable(
    path: str, why: str, fix: str = "give another file, or move this one away"
) -> PeakctlError:
    summary = f"the emulator cannot use {path}: {why}"
    return PeakctlError(Diagnostic("emulator/data-file", summary, fix=fix))


def save_snapshot(store: Store) -> bytes:
    """The whole data, of all tenants, as it is now."""
    packed = zlib.compress(store.dump())
    digest = hashlib.sha256(packed).hexdigest()
    return f"peakctl-emulator-snapshot {SNAPSHOT} sha256:{digest}\n".encode() + packed


def load_snapshot(store: Store, snapshot: bytes) -> None:
    """Replace all data by a snapshot's. Raises `PeakctlError`, and changes nothing, for any other
    bytes: damaged, cut short, of another version, or no snapshot at all."""
    with TemporaryDirectory() as folder:
        copy = Path(folder) / "copy"
        copy.write_bytes(_unpack(snapshot))
        if fault := fault_of(copy):
            raise _refused(fault)
        store.restore(copy)


def _unpack(snapshot: bytes) -> bytes:
    head = HEAD.match(snapshot)
    if head is None:
        raise _refused("it is not a snapshot of the emulator")
    if int(head[1]) != SNAPSHOT:
        raise _refused(f"it has format {int(head[1])}, and this version reads {SNAPSHOT}")
    packed = snapshot[head.end() :]
    if hashlib.sha256(packed).hexdigest() != head[2].decode():
        raise _refused("it is damaged: its bytes are not those of its digest")
    return zlib.decompress(packed)


def _refused(why: str) -> PeakctlError:
    summary = f"the snapshot cannot be loaded: {why}"
    fix = "make another one with peakctl emulator snapshot save; nothing was changed"
    return PeakctlError(Diagnostic("emulator/snapshot", summary, fix=fix))
