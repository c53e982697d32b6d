"""From desired values to request bodies: what changed, whole, and nothing that was not stated."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from peakctl.adapters.whole import at_path, child, complete, put
from peakctl.kinds.fields import Absent
from peakctl.model import EMPTY, MISSING, Change, Path, Step, Tree, Value

if TYPE_CHECKING:
    from peakctl.kinds.fields import Field, Kind
    from peakctl.model import CallRequest

CALL_WORDS = {
    Step.UPDATE: "update",
    Step.UPDATE_METADATA: "edit",
    Step.PATCH_PARAMETERS: "patch",
}


def changed(kind: Kind, order: CallRequest, room: str) -> dict[str, Any]:
    """The fields of `room` (metadata or spec) that this order sends, each with its whole value.

    Those are the changed ones, those whose removal must be said out loud (`order.clear`), and the
    declared ones that no read shows. A changed field that nobody states any
    more is sent as null.
    """
    live = (order.live.values.get(room) or EMPTY) if order.live else EMPTY
    desired = order.desired.get(room) or EMPTY
    body: dict[str, Any] = {}
    for name in _sent_names(kind, order, room, live):
        top = (room, name)
        field = child(kind.root.properties.get(room), name, (desired, live))
        value = desired[name] if name in desired else _removed(order, top)
        value = complete(field, value, live.get(name, MISSING))
        value = _with_defaults(value, order, top)
        for path in _below(order.clear, top):
            if not _meets_list(value, path):
                value = put(value, path, None)
        body[name] = value
    return body


def carried(order: CallRequest) -> list[Change]:
    """The changes that this call carries, of those that its action makes."""
    word = CALL_WORDS.get(order.step, "")
    return [change for change in order.changes if change.call in ("", word)]


def _sent_names(kind: Kind, order: CallRequest, room: str, live: Tree) -> list[str]:
    desired = order.desired.get(room) or EMPTY
    paths = (*(change.path for change in carried(order)), *order.clear)
    names = [str(path[1]) for path in paths if len(path) > 1 and path[0] == room]
    word = CALL_WORDS.get(order.step, "")
    just_made = order.live is not None and not order.live.values  # the create took all there is
    for name, value in () if just_made else desired.items():
        field = child(kind.root.properties.get(room), name, (desired, live))
        ours = field is not None and field.call in ("", word)
        if field is not None and ours and is_unseen(field, value, live.get(name, MISSING)):
            names.append(name)
    return list(dict.fromkeys(names))


def _removed(order: CallRequest, top: Path) -> Value:
    """What to send for a field that is not stated: null, or a map without what went from it."""
    paths = [change.path for change in carried(order)]
    whole = top in paths or top in order.clear
    return None if whole or not _below((*paths, *order.clear), top) else {}


def _below(paths: tuple[Path, ...], top: Path) -> list[Path]:
    """The rest of each path below `top`."""
    return [path[2:] for path in paths if path[:2] == top and len(path) > 2]


def _with_defaults(value: Value, order: CallRequest, top: Path) -> Value:
    """`value` with the defaults that the manifest leaves unsaid and that differ on the platform."""
    for change in carried(order):
        rest = change.path[2:]
        if change.path[:2] != top or change.after is MISSING:
            continue
        named = all(isinstance(part, str) for part in rest)
        if not rest and value is None:
            value = change.after
        elif rest and named and not _meets_list(value, rest) and at_path(value, rest) is MISSING:
            value = put(value, rest, change.after)
    return value


def _meets_list(value: Value, path: Path) -> bool:
    """Whether `path` leads into a list: its items are sent as they stand, all of them."""
    for part in path:
        if isinstance(value, list):
            return True
        value = value.get(part) if isinstance(value, Mapping) else None
    return False


def is_unseen(field: Field, desired: Value, live: Value) -> bool:
    """Whether a declared value, or part of it, is not in what the platform showed."""
    if live is MISSING and (field.unseen or field.absent is Absent.WRITE_ONLY):
        return True
    return isinstance(desired, Mapping) and any(
        is_unseen(inner, value, live.get(name, MISSING) if isinstance(live, Mapping) else MISSING)
        for name, value in desired.items()
        if (inner := child(field, name, (desired, live))) is not None
    )
