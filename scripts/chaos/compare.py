"""The state of an emulated platform as text that equal end states share."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Mapping

UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
NUMBERED = {
    "imageId": "image",
    "versionId": "image-version",
    "imageVersionId": "image-version",
    "entityId": "workflow",
}
IGNORED = ("turn", "ends", "lines")  # counters and forecasts of the emulator itself
SQL = "SELECT kind, id, parent, name, status, facet, body FROM items WHERE name NOT LIKE 'peak-%'"


def picture_of(db: sqlite3.Connection) -> str:
    """One line a thing: ids become names, times are left out."""
    rows = db.execute(SQL).fetchall()
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
    return "\n".join(sorted(out))


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
