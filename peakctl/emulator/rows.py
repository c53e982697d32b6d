"""Rows of the store, all that one transaction can do with them, and what happens later.

Nothing runs in the background. A request first settles what came due since the last one, so the
emulator's clock alone decides what a read sees.
"""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from peakctl.emulator.problems import invalid, not_found
from peakctl.model import JsonDict
from peakctl.model.records import dataclass

if TYPE_CHECKING:
    import sqlite3

    from peakctl.emulator.options import Options

    Action = Callable[["Transaction", "Row"], None]

Body = JsonDict
SAVED = "kind, id, parent, name, status, facet, created, updated, body"
COLUMNS = f"{SAVED}, tenant, seq"
AUTHOR = "someone@peak.ai"
KNOWN = 1000


@dataclass(slots=True)
class Row:
    """One stored thing. `facet` is whatever its kind is filtered by (scope, service type...)."""

    kind: str
    id: str
    parent: str
    name: str
    status: str
    facet: str
    created: float
    updated: float
    body: Body
    tenant: str = ""
    seq: int = 0

    @property
    def number(self) -> int:
        """The id of kinds that count: images, versions, builds, workflows, emails."""
        return int(self.id)


def stamp(at: float) -> str:
    """Seconds since 1970 -> `2020-01-01T18:00:00.000Z`, as the platform writes times."""
    text = datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")


def parse_stamp(text: str, field: str) -> float:
    """The reverse, for the date filters; raises a 422 that names the field."""
    try:
        parsed = datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError:
        raise invalid(field, f"{text!r} is not an ISO date") from None
    return (parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)).timestamp()


@dataclass(frozen=True, slots=True)
class Where:
    """One condition of a listing in SQL; its values are bound, never pasted."""

    sql: str
    values: tuple[object, ...] = ()


def _row(found: tuple[Any, ...]) -> Row:
    row = Row(*found)
    row.body = json.loads(found[8])
    return row


class Counts:
    """Counts that hold until anybody writes: a client that reads all pages counts only once."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, tuple[object, ...]], int] = {}
        self._state: tuple[int, int] = (-1, -1)

    def forget(self) -> None:
        """After a rollback, which takes back changes without counting as one."""
        self._known.clear()

    def of(self, db: sqlite3.Connection, sql: str, values: tuple[object, ...]) -> int:
        """The number that a query gives now."""
        # Own changes are counted by the connection, those of others by the version of the data.
        state = (db.total_changes, db.execute("PRAGMA data_version").fetchone()[0])
        if state != self._state or len(self._known) > KNOWN:
            self._known.clear()
            self._state = state
        if (sql, values) not in self._known:
            self._known[sql, values] = int(db.execute(sql, values).fetchone()[0])
        return self._known[sql, values]


class Transaction:
    """What a request sees: the rows of its tenant at one moment of the emulator's clock."""

    def __init__(
        self, db: sqlite3.Connection, tenant: str, now: float, options: Options, counts: Counts
    ) -> None:
        self._db = db
        self._counts = counts
        self.tenant, self.now, self.options = tenant, now, options

    def get(self, kind: str, key: object) -> Row | None:
        sql = f"SELECT {COLUMNS} FROM items WHERE tenant = ? AND kind = ? AND id = ?"  # noqa: S608
        found = self._db.execute(sql, (self.tenant, kind, str(key))).fetchone()
        return _row(found) if found else None

    def require(self, kind: str, key: object) -> Row:
        """The row, or a 404 that names it."""
        row = self.get(kind, key)
        if row is None:
            raise not_found(kind, key)
        return row

    def add(
        self,
        kind: str,
        body: Body,
        *,
        key: str | None = None,
        parent: str = "",
        name: str = "",
        status: str = "",
        facet: str = "",
    ) -> Row:
        row = Row(
            kind, key or str(uuid.uuid4()), parent, name, status, facet, self.now, self.now, body,
            self.tenant,
        )  # fmt: skip
        cursor = self._db.execute(
            f"INSERT INTO items ({SAVED}, tenant) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",  # noqa: S608
            (*self._columns(row), row.tenant),
        )
        row.seq = cursor.lastrowid or 0
        return row

    @staticmethod
    def _columns(row: Row) -> tuple[object, ...]:
        text = json.dumps(row.body, separators=(",", ":"))
        return (row.kind, row.id, row.parent, row.name, row.status, row.facet, row.created,
                row.updated, text)  # fmt: skip

    def save(self, row: Row) -> None:
        self._db.execute(
            f"UPDATE items SET ({SAVED}) = (?, ?, ?, ?, ?, ?, ?, ?, ?)"  # noqa: S608
            " WHERE tenant = ? AND kind = ? AND id = ?",
            (*self._columns(row), row.tenant, row.kind, row.id),
        )

    def touch(self, row: Row) -> None:
        """Save, as of now."""
        row.updated = self.now
        self.save(row)

    def set_status(self, row: Row, status: str) -> None:
        row.status = status
        self.touch(row)

    def begin(self, row: Row, status: str, after: float, action: str) -> None:
        """The row goes to `status`; `action` follows, unless the row begins something else."""
        row.body["turn"] = row.body.get("turn", 0) + 1
        self.set_status(row, status)
        self.schedule(after, action, kind=row.kind, id=row.id, turn=row.body["turn"])

    def drop(self, row: Row, *below: str) -> None:
        """Remove the row and its children of the kinds `below`, with their links, and with files
        that nothing else holds."""
        for child in (each for kind in below for each in self.children(kind, row.id)):
            self.drop(child)
        key = (self.tenant, row.kind, row.id)
        files = self.used_by(row.kind, row.id, "file")
        self._db.execute("DELETE FROM items WHERE tenant = ? AND kind = ? AND id = ?", key)
        self._db.execute("DELETE FROM links WHERE tenant = ? AND by_kind = ? AND by_id = ?", key)
        for digest in files:
            self._db.execute(
                "DELETE FROM blobs WHERE digest = ? AND NOT EXISTS"
                " (SELECT 1 FROM links WHERE used_kind = 'file' AND used_id = ?)",
                (digest, digest),
            )

    def number(self, counter: str) -> int:
        """The next whole number of a counter; counts from 1, never gives one twice."""
        sql = (
            "INSERT INTO counters VALUES (?, ?, 1)"
            " ON CONFLICT DO UPDATE SET value = value + 1 RETURNING value"
        )
        return int(self._db.execute(sql, (self.tenant, counter)).fetchone()[0])

    def children(self, kind: str, parent: str) -> list[Row]:
        """Rows of that parent, oldest first."""
        return self.select((kind,), (Where("parent = ?", (parent,)),))

    def named(self, kinds: Sequence[str], name: str) -> list[Row]:
        return self.select(kinds, (Where("name = ?", (name,)),))

    def select(
        self,
        kinds: Sequence[str],
        where: Iterable[Where] = (),
        *,
        order: str = "seq",
        limit: int = -1,
        offset: int = 0,
        anyone: Where | None = None,
    ) -> list[Row]:
        """Rows in order; `anyone` widens the tenant's own rows by those of others."""
        text, values = self._condition(kinds, where, anyone)
        page = f"{text} ORDER BY {order} LIMIT ? OFFSET ?"
        if offset:  # what is skipped is skipped in the index, without a look at the rows
            page = f"seq IN (SELECT seq FROM items WHERE {page}) ORDER BY {order}"  # noqa: S608
        sql = f"SELECT {COLUMNS} FROM items WHERE {page}"  # noqa: S608
        return [_row(found) for found in self._db.execute(sql, (*values, limit, offset))]

    def count(
        self, kinds: Sequence[str], where: Iterable[Where] = (), *, anyone: Where | None = None
    ) -> int:
        text, values = self._condition(kinds, where, anyone)
        sql = f"SELECT COUNT(*) FROM items WHERE {text}"  # noqa: S608
        return self._counts.of(self._db, sql, values)

    def _condition(
        self, kinds: Sequence[str], where: Iterable[Where], anyone: Where | None
    ) -> tuple[str, tuple[object, ...]]:
        mine = Where("tenant = ?", (self.tenant,))
        if anyone:
            mine = Where(f"(tenant = ? OR {anyone.sql})", (self.tenant, *anyone.values))
        one = f"kind IN ({', '.join('?' * len(kinds))})" if len(kinds) > 1 else "kind = ?"
        parts = [mine, Where(one, tuple(kinds)), *where]
        return " AND ".join(p.sql for p in parts), tuple(v for p in parts for v in p.values)

    def put_file(self, data: bytes, by: Row) -> str:
        """Keep an upload for as long as `by` exists; the answer is its digest."""
        digest = hashlib.sha256(data).hexdigest()
        self._db.execute("INSERT OR IGNORE INTO blobs VALUES (?, ?)", (digest, data))
        self.link(by, "file", digest)
        return digest

    def file(self, digest: str) -> bytes:
        found = self._db.execute("SELECT data FROM blobs WHERE digest = ?", (digest,)).fetchone()
        return bytes(found[0]) if found else b""

    def link(self, by: Row, kind: str, key: object) -> None:
        """Note that `by` uses the thing of that kind and id."""
        self._db.execute(
            "INSERT OR IGNORE INTO links VALUES (?, ?, ?, ?, ?)",
            (self.tenant, by.kind, by.id, kind, str(key)),
        )

    def unlink(self, by: Row, kind: str) -> None:
        self._db.execute(
            "DELETE FROM links WHERE tenant = ? AND by_kind = ? AND by_id = ? AND used_kind = ?",
            (self.tenant, by.kind, by.id, kind),
        )

    def used_by(self, by_kind: str, by_id: str, kind: str) -> list[str]:
        """Ids of the things of that kind which the row uses."""
        sql = (
            "SELECT used_id FROM links"
            " WHERE tenant = ? AND by_kind = ? AND by_id = ? AND used_kind = ?"
        )
        return [f[0] for f in self._db.execute(sql, (self.tenant, by_kind, by_id, kind))]

    def users_of(self, kind: str, key: object) -> list[tuple[str, str]]:
        """(kind, id) of everything that uses the thing."""
        sql = "SELECT by_kind, by_id FROM links WHERE tenant = ? AND used_kind = ? AND used_id = ?"
        return list(self._db.execute(sql, (self.tenant, kind, str(key))))

    def schedule(self, after: float, action: str, **data: object) -> None:
        """Have `action` happen `after` seconds from now (see `due`)."""
        self._db.execute(
            "INSERT INTO agenda (at, tenant, action, data) VALUES (?, ?, ?, ?)",
            (self.now + after, self.tenant, action, json.dumps(data)),
        )

    def next_due(self, now: float) -> tuple[float, str, str, Body] | None:
        """Take the earliest thing whose time has come: when, tenant, action, data."""
        sql = "SELECT seq, at, tenant, action, data FROM agenda WHERE at <= ? ORDER BY at, seq"
        found = self._db.execute(sql + " LIMIT 1", (now,)).fetchone()
        if found is None:
            return None
        self._db.execute("DELETE FROM agenda WHERE seq = ?", (found[0],))
        return found[1], found[2], found[3], json.loads(found[4])

    def at(self, tenant: str, now: float) -> Transaction:
        """The same transaction as another tenant at another moment."""
        return Transaction(self._db, tenant, now, self.options, self._counts)


ACTIONS: dict[str, tuple[Action, str, str]] = {}


def due(name: str, kind: str = "", key: str = "id") -> Callable[[Action], Action]:
    """Declare the function that follows as what `Transaction.schedule(..., name)` leads to.

    It is called with each row of the kind (else the scheduled `kind`) whose id was scheduled as
    `key`, unless that is gone, or began something else since then: has another `turn`.
    """

    def declare(action: Action) -> Action:
        ACTIONS[name] = action, kind, key
        return action

    return declare


def settle(tx: Transaction) -> None:
    """Do all that is due at `tx.now`; what follows from it may be due as well."""
    while (found := tx.next_due(tx.now)) is not None:
        at, tenant, name, data = found
        action, kind, key = ACTIONS[name]
        then = tx.at(tenant, at)
        for row_id in data[key] if isinstance(data[key], list) else [data[key]]:
            row = then.get(kind or data["kind"], row_id)
            if row is not None and data.get("turn") in (None, row.body.get("turn")):
                action(then, row)
