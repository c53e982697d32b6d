"""The state of an emulated platform as text that equal end states share."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from peakctl.adapters.ledger_store import text_of
from peakctl.ledger.codec import read_ledger
from peakctl.model import record_word

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Mapping

    from peakctl.model import Ledger

UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
NUMBERED = {
    "imageId": "image",
    "versionId": "image-version",
    "imageVersionId": "image-version",
    "entityId": "workflow",
}
IGNORED = ("turn", "begins", "ends", "lines")  # counters and forecasts of the emulator itself
SQL = "SELECT kind, id, parent, name, status, facet, body FROM items WHERE name NOT LIKE 'peak-%'"
LEDGERS = (
    "SELECT a.name, a.id, json_extract(v.body, '$.version'), b.data FROM items a"
    " JOIN items v ON v.parent = a.id AND v.kind = 'artifact-version'"
    " JOIN blobs b ON b.digest = json_extract(v.body, '$.digest')"
    " WHERE a.kind = 'artifact' AND a.name LIKE 'peakctl-ledger-%' ORDER BY a.created, a.id, v.seq"
)


def picture_of(db: sqlite3.Connection) -> str:
    """One line a thing: ids become names, times are left out."""
    rows = db.execute(SQL).fetchall()
    records = {key for kind, key, _, name, *_ in rows if _is_record(kind, name)}
    rows = [row for row in rows if row[1] not in records and row[2] not in records]
    names = {(kind, key): name for kind, key, _, name, *_ in rows}
    labels = {key: f"<{name}>" for kind, key, _, name, *_ in rows if UUID.fullmatch(key)}
    out = []
    for kind, _, parent, name, status, facet, body in rows:
        if kind == "build":
            name = names.get(("image-version", name), name)
        if kind == "execution":
            name, parent = "", ""
        told = _plain(json.loads(body), labels, names)
        above = names.get(("image", parent), labels.get(parent, parent))
        whole = json.dumps(told, sort_keys=True)
        out.append(f"{kind} {above}/{_labelled(name, labels)} {status} {facet} {whole}")
    return "\n".join(sorted([*out, *_ledger_lines(db, labels)]))


def _is_record(kind: str, name: str) -> bool:
    """Whether it is a ledger or a history."""
    return kind == "artifact" and record_word(name) is not None


def _ledger_lines(db: sqlite3.Connection, labels: Mapping[str, str]) -> list[str]:
    """What each project owns, and who is under way: the same however often it was written.

    Of two ledgers of one name the oldest counts.
    """
    versions: dict[str, tuple[str, dict[int, Ledger]]] = {}
    for name, key, number, data in db.execute(LEDGERS):
        oldest, found = versions.setdefault(name, (key, {}))
        if oldest == key:
            found[number] = read_ledger(text_of(bytes(data)), None)
    out = []
    for name, (_, found) in versions.items():
        ledger = _in_force(found)
        held = "held" if ledger.lease else "free"
        owned = sorted(
            f"{key} {_owned_id(each.id, labels)} {each.protect}"
            for key, each in ledger.owned.items()
        )
        out += [f"ledger {name} {held} {len(ledger.intents)} {line}" for line in ["", *owned]]
    return out


def _in_force(found: Mapping[int, Ledger]) -> Ledger:
    """The newest that nothing in force stands between what its writer knew and itself."""
    good: list[int] = []
    for number in sorted(found):
        if not any(found[number].seen < other < number for other in good):
            good.append(number)
    return found[good[-1]]


def _owned_id(key: str | int, labels: Mapping[str, str]) -> str:
    return labels.get(str(key), "<number>" if str(key).isdigit() else "<other>")


def _plain(value: Any, labels: Mapping[str, str], names: Mapping[tuple[str, str], str]) -> Any:
    if isinstance(value, dict):
        return {
            k: _named(k, v, labels, names)
            for k, v in value.items()
            if not k.endswith("At") and k not in IGNORED
        }
    if isinstance(value, list):
        return [_plain(item, labels, names) for item in value]
    return _labelled(value, labels) if isinstance(value, str) else value


def _named(
    key: str, value: Any, labels: Mapping[str, str], names: Mapping[tuple[str, str], str]
) -> Any:
    if key == "buildId" or (key == "id" and str(value).isdigit()):
        return "<number>"
    if key in NUMBERED and isinstance(value, int | str):
        return names.get((NUMBERED[key], str(value)), "<other>")
    if key == "latestVersion" and isinstance(value, dict):
        value = {**value, "id": None}
    if key == "imageDetails" and isinstance(value, dict) and isinstance(value.get("id"), int):
        value = {**value, "id": names.get(("image", str(value["id"])))}
    return _plain(value, labels, names)


def _labelled(text: str, labels: Mapping[str, str]) -> str:
    return UUID.sub(lambda found: labels.get(found[0], "<id>"), text)


def difference(wanted: str, found: str) -> list[str]:
    """What is missing (`-`) and what is too much (`+`)."""
    import difflib

    return [
        line[:400]
        for line in difflib.ndiff(wanted.splitlines(), found.splitlines())
        if line[:1] in "+-"
    ]
