"""What adapters put into requests, and read off them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import overload

from peakctl.api.bodies import Part
from peakctl.archives.digest import add_digest
from peakctl.kinds.fields import Absent, Field, Kind, child, variant
from peakctl.model import CallRequest, Change, Live, Step, holds_secret, mapping_at, value_at
from peakctl.model.values import EMPTY, MISSING, JsonDict, Path, Secret, Tree, Value, reveal


def live_of(request: CallRequest) -> Live:
    """The live resource that the request is about. Raises ValueError for a request without one."""
    if request.live is None:
        raise ValueError(f"{request.key}: {request.step} needs a live resource")
    return request.live


def stated(tree: Tree, *names: str) -> JsonDict:
    """Those of the named fields that the manifest states, explicit nulls included."""
    return {name: tree[name] for name in names if name in tree}


CALL_WORDS = {
    Step.UPDATE: "update",
    Step.UPDATE_METADATA: "edit",
    Step.PATCH_PARAMETERS: "patch",
}


def changed(kind: Kind, request: CallRequest, room: str) -> JsonDict:
    """The fields of `room` (metadata or spec) that this request sends, each with its whole value.

    Those are the changed ones, those whose removal must be sent (`request.clear`), and the
    declared ones that no read shows. A changed field that nobody states any
    more is sent as null.
    """
    live = mapping_at(request.live.values, (room,)) if request.live else EMPTY
    desired = mapping_at(request.desired, (room,))
    body: JsonDict = {}
    for name in _sent_names(kind, request, room, live):
        top = (room, name)
        field = field_of(kind.root.properties.get(room), name, desired, live)
        value = desired[name] if name in desired else _removed(request, top)
        value = complete(field, value, live.get(name, MISSING))
        value = _with_defaults(value, request, top)
        for path in _below(request.clear, top):
            if not _meets_list(value, path):
                value = put(value, path, None)
        body[name] = value
    return body


def carried(request: CallRequest) -> list[Change]:
    """The changes that this call carries, of those that its action makes."""
    word = CALL_WORDS.get(request.step, "")
    return [change for change in request.changes if change.call in ("", word)]


def _sent_names(kind: Kind, request: CallRequest, room: str, live: Tree) -> list[str]:
    desired = mapping_at(request.desired, (room,))
    paths = (*(change.path for change in carried(request)), *request.clear)
    names = [str(path[1]) for path in paths if len(path) > 1 and path[0] == room]
    word = CALL_WORDS.get(request.step, "")
    just_made = request.live is not None and not request.live.values  # the create took all there is
    for name, value in () if just_made else desired.items():
        field = field_of(kind.root.properties.get(room), name, desired, live)
        ours = field is not None and field.call in ("", word)
        if field is not None and ours and is_unseen(field, value, live.get(name, MISSING)):
            names.append(name)
    return list(dict.fromkeys(names))


def _removed(request: CallRequest, top: Path) -> Value:
    """What to send for a field that is not stated: null, or a map without what went from it."""
    paths = [change.path for change in carried(request)]
    whole = top in paths or top in request.clear
    return None if whole or not _below((*paths, *request.clear), top) else {}


def _below(paths: tuple[Path, ...], top: Path) -> list[Path]:
    """The rest of each path below `top`."""
    return [path[2:] for path in paths if path[:2] == top and len(path) > 2]


def _with_defaults(value: Value, request: CallRequest, top: Path) -> Value:
    """`value` with the defaults that the manifest leaves unsaid and that differ on the platform."""
    for change in carried(request):
        rest = change.path[2:]
        if change.path[:2] != top or change.after is MISSING:
            continue
        named = all(isinstance(part, str) for part in rest)
        if not rest and value is None:
            value = change.after
        elif rest and named and not _meets_list(value, rest) and value_at(value, rest) is MISSING:
            value = put(value, rest, change.after)
    return value


def _meets_list(value: Value, path: Path) -> bool:
    """Whether `path` leads into a list: its items are sent as they stand, all of them."""
    for part in path:
        if isinstance(value, list):
            return True
        value = value_at(value, (part,))
    return False


def field_of(field: Field | None, name: str, *trees: Value) -> Field | None:
    """The field of one property, in the branch that `trees` choose."""
    return child(variant(field, *trees), name) if field is not None else None


def is_unseen(field: Field, desired: Value, live: Value) -> bool:
    """Whether a declared value, or part of it, is not in what the platform showed."""
    if live is MISSING and (field.unseen or field.absent is Absent.WRITE_ONLY):
        return True
    return isinstance(desired, Mapping) and any(
        is_unseen(inner, value, live.get(name, MISSING) if isinstance(live, Mapping) else MISSING)
        for name, value in desired.items()
        if (inner := field_of(field, name, desired, live)) is not None
    )


def json_text(value: Value) -> str | Secret:
    """JSON as a text inside JSON (docs/platform.md, 2.5); sealed again when it holds a secret."""
    text = json.dumps(reveal(value))
    return Secret(text) if holds_secret(value) else text


ARTIFACT = ("spec", "artifact")


def zip_part(request: CallRequest) -> list[Part]:
    """The file part of a multipart body; none when the resource has no folder."""
    archive = request.archives.get(ARTIFACT)
    return [Part("artifact", file=archive.encode())] if archive else []


def with_digest(text: Value, request: CallRequest) -> Value:
    """A version's own text with the digest of its files as the last line; secret if the text is."""
    archive = request.archives.get(ARTIFACT)
    if archive is None:
        return text
    whole = add_digest(str(reveal(text) or ""), archive.digest)
    return Secret(whole) if isinstance(text, Secret) else whole


# Kept only while the image beside it stays the same: it is a version of that one.
VERSION_OF = {"versionId": ("imageId", "id"), "imageVersionId": ("imageId",)}


@overload
def complete(field: Field | None, desired: Tree, live: Value) -> Tree: ...
@overload
def complete(field: Field | None, desired: Value, live: Value) -> Value: ...
def complete(field: Field | None, desired: Value, live: Value) -> Value:
    """`desired`, and in its maps what it leaves to the platform as the platform has it.

    For writes that replace what they name: a field whose absence means "leave as it is" would be
    lost. A default that is not what the platform has is said out loud.
    """
    if not isinstance(desired, Mapping) or not isinstance(live, Mapping):
        return desired
    whole = {
        name: complete(field_of(field, name, desired, live), value, live.get(name, MISSING))
        for name, value in desired.items()
    }
    for name, inner in variant(field, desired, live).properties.items() if field else ():
        if name in whole or name not in live or _is_of_another_image(name, whole, live):
            continue
        if inner.absent is Absent.SERVER:
            whole[name] = live[name]
        elif inner.absent is Absent.DEFAULT and inner.default is not MISSING:
            whole[name] = inner.default
    return whole


def _is_of_another_image(name: str, whole: Mapping[str, Value], live: Tree) -> bool:
    """Whether `name` is the live version of an image that is being replaced."""
    return any(whole.get(id_) != live.get(id_) for id_ in VERSION_OF.get(name, ()))


def put(tree: Value, path: Path, value: Value) -> Value:
    """A copy of `tree` with `value` at `path`; maps are made on the way."""
    if not path:
        return value
    if isinstance(tree, list) and isinstance(path[0], int) and path[0] < len(tree):
        return [put(v, path[1:], value) if i == path[0] else v for i, v in enumerate(tree)]
    whole = dict(tree) if isinstance(tree, Mapping) else {}
    whole[str(path[0])] = put(whole.get(str(path[0])), path[1:], value)
    return whole
