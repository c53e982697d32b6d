"""One action of a plan as a plan file has it: all that people are shown of it, as plain JSON.

A secret is there as its digest, which is slow and under the file's own salt; what a plan shows of
it is a mask. What is read back is for readers: it has no desired values, and nothing is done by it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from peakctl import model
from peakctl.engine.plan.guards import classes_of
from peakctl.ledger.digests import Digests
from peakctl.model.plan import FileCounts, FileTotal, Skipped
from peakctl.model.values import KNOWN_AFTER_APPLY, holds_secret

T = TypeVar("T")
_TAG = "$"
"""The key of a map that stands for a value that JSON does not have."""
_EFFECTS = {str(effect): effect for effect in model.Effect}
_CLASSES = {str(each): each for each in model.ActionClass}
_CAUSES = {str(cause): cause for cause in model.Cause}
_NOTICED = (model.Effect.RESTARTS, model.Effect.STOPS, model.Effect.CALLERS)
"""Effects that people outside the run notice."""
_LISTS = ("added", "changed", "removed", "newest")
_CUT = 48
"""Characters of a value in a message."""


def write_action(action: model.Action, digests: Digests) -> model.JsonDict:
    """What a plan shows of an action."""
    live = action.live
    return {
        "kind": action.key.kind,
        "name": action.key.name,
        "verb": str(action.verb),
        "steps": [str(step) for step in action.steps],
        "classes": [str(each) for each in action.classes],
        "version": action.version,
        "on_platform": live and {"id": live.id, "version": live.version, "state": str(live.state)},
        "changes": [_write_change(change, digests) for change in action.shown],
        "files": _write_files(action.files) if action.files else None,
        "reasons": [_write_reason(reason) for reason in action.reasons],
        "consequences": [
            {"effect": str(each.effect), "keys": _keys(each.keys), "detail": each.detail}
            for each in action.consequences
        ],
        "ignored": [{"path": s.shown, "reason": s.reason} for s in action.skipped],
        "notes": list(action.notes),
        "asides": list(action.asides),
        "after": _keys(sorted(action.after)),
    }


def _keys(keys: Sequence[model.Key]) -> list[model.Value]:
    return [[key.kind, key.name] for key in keys]


def _write_change(change: model.ShownChange, digests: Digests) -> model.JsonDict:
    return {
        "path": change.path,
        "paths": list(change.paths),
        **_write_sides(change, digests),
        "sensitive": change.sensitive,
        "restarts": change.restarts,
        "reference": change.reference,
        "wire": [
            {
                "path": list(each.path),
                **_write_sides(each, digests),
                "sensitive": each.sensitive,
                "restarts": each.redeploys,
            }
            for each in change.wire
        ],
    }


def _write_sides(change: model.ShownChange | model.Change, digests: Digests) -> model.JsonDict:
    sides = {"before": change.before, "after": change.after}
    if change.sensitive:
        sides = {word: _sealed(value) for word, value in sides.items()}
    return {word: _write(value, digests) for word, value in sides.items()}


def _sealed(value: model.Value) -> model.Value:
    """A side of a sensitive change; where the secrets among its leaves are known, those alone."""
    if value is model.MISSING or value in ({}, []) or holds_secret(value):
        return value
    return model.Secret(value)


def _write(value: model.Value, digests: Digests) -> model.Value:
    match value:
        case model.Secret():
            return {_TAG: "secret", "digest": digests.of(value)}
        case model.Unknown():
            return {_TAG: "unknown", "of": _keys([value.of])[0], "attribute": value.attribute}
        case list() | tuple():
            return [_write(each, digests) for each in value]
        case _ if isinstance(value, model.MAPS):
            found = {word: _write(each, digests) for word, each in value.items()}
            return {_TAG: "map", "entries": found} if _TAG in found else found
        case _ if value is model.MISSING:
            return {_TAG: "missing"}
        case _ if value is model.UNSEEN:
            return {_TAG: "unseen"}
        case _:
            return value


def _write_files(files: model.FileChanges) -> model.JsonDict:
    return {
        **{word: list(getattr(files, word)) for word in _LISTS},
        "renamed": [list(pair) for pair in files.renamed],
        "counts": list(files.counts),
        "complete": files.complete,
        "total": list(files.total),
        "before": list(files.before) if files.before else None,
        "at": list(files.at),
    }


def _write_reason(reason: model.Reason) -> model.JsonDict:
    place = reason.place
    return {
        "cause": str(reason.cause),
        "place": [place.file, place.line, place.column] if place else None,
        "paths": list(reason.paths),
        "follows": _keys([reason.follows])[0] if reason.follows else None,
        "version": reason.version,
        "detail": reason.detail,
    }


# --- read back -----------------------------------------------------------------------------------


def read_action(body: model.JsonObject) -> model.Action:
    """The action for readers. Raises ValueError, TypeError or KeyError for what is none."""
    key = _key([body["kind"], body["name"]])
    action = model.Action(
        key=key,
        verb=model.Verb(body["verb"]),
        steps=tuple(model.Step(step) for step in body["steps"]),
        version=_text_or_none(body["version"]),
        live=_read_live(key, body["on_platform"]),
        shown=tuple(_read_change(each) for each in body["changes"]),
        files=_read_files(body["files"]),
        reasons=tuple(_read_reason(each) for each in body["reasons"]),
        consequences=tuple(
            model.Consequence(
                _EFFECTS[each["effect"]], tuple(map(_key, each["keys"])), _text(each["detail"])
            )
            for each in body["consequences"]
        ),
        skipped=tuple(
            Skipped((), _text(each["reason"]), _text(each["path"])) for each in body["ignored"]
        ),
        notes=_texts(body["notes"]),
        asides=_texts(body["asides"]),
        after=frozenset(map(_key, body["after"])),
    )
    return replace(action, classes=_read_classes(body, action))


def _read_classes(body: model.JsonObject, action: model.Action) -> tuple[model.ActionClass, ...]:
    """The classes; the first plan files of this format have none, so they follow from the steps."""
    if "classes" not in body:
        return classes_of(action, None)
    return tuple(_CLASSES[each] for each in body["classes"])


def _read_live(key: model.Key, body: model.JsonObject | None) -> model.Live | None:
    if body is None:
        return None
    id_ = body["id"] if isinstance(body["id"], int) else _text(body["id"])
    state = model.State(body["state"])
    return model.Live(key, id_, {}, state=state, version=_text_or_none(body["version"]))


def _read_change(body: model.JsonObject) -> model.ShownChange:
    return model.ShownChange(
        path=_text(body["path"]),
        before=_read(body["before"]),
        after=_read(body["after"]),
        paths=_texts(body["paths"]),
        wire=tuple(_read_wire(each) for each in body["wire"]),
        sensitive=_flag(body["sensitive"]),
        restarts=_flag(body["restarts"]),
        reference=_flag(body["reference"]),
    )


def _read_wire(body: model.JsonObject) -> model.Change:
    sides = _read(body["before"]), _read(body["after"])
    return model.Change(
        _path(body["path"]), *sides, "", _flag(body["sensitive"]), _flag(body["restarts"])
    )


def _path(body: Sequence[object]) -> model.Path:
    return tuple(part if isinstance(part, int) else _text(part) for part in body)


def _read(value: Any) -> model.Value:
    match value:
        case {"$": tag}:
            return _TAGS[tag](value)
        case dict():
            return {word: _read(each) for word, each in value.items()}
        case list():
            return [_read(each) for each in value]
        case _:
            found: model.Value = value
            return found


_TAGS: dict[str, Callable[[model.JsonObject], model.Value]] = {
    "secret": lambda body: model.Secret(_text(body["digest"])),
    "unknown": lambda body: model.Unknown(_key(body["of"]), _text(body["attribute"])),
    "missing": lambda _: model.MISSING,
    "unseen": lambda _: model.UNSEEN,
    "map": lambda body: {word: _read(each) for word, each in body["entries"].items()},
}


def _read_files(body: model.JsonObject | None) -> model.FileChanges | None:
    if body is None:
        return None
    return model.FileChanges(
        **{word: _texts(body[word]) for word in _LISTS},
        renamed=tuple((_text(old), _text(new)) for old, new in body["renamed"]),
        counts=FileCounts(*map(_number, body["counts"])),
        complete=_flag(body["complete"]),
        total=FileTotal(*map(_number, body["total"])),
        before=FileTotal(*map(_number, body["before"])) if body["before"] else None,
        at=_path(body["at"]),
    )


def _read_reason(body: model.JsonObject) -> model.Reason:
    place = body["place"]
    return model.Reason(
        cause=_CAUSES[body["cause"]],
        place=model.Location(_text(place[0]), _number(place[1]), _number(place[2]))
        if place
        else None,
        paths=_texts(body["paths"]),
        follows=_key(body["follows"]) if body["follows"] else None,
        version=_text_or_none(body["version"]),
        detail=_text(body["detail"]),
    )


def _key(body: Sequence[object]) -> model.Key:
    kind, name = body
    return model.Key(_text(kind), _text(name))


def _texts(body: Sequence[object]) -> tuple[str, ...]:
    return tuple(map(_text, body))


def _text_or_none(value: object) -> str | None:
    return None if value is None else _text(value)


def _text(value: object) -> str:
    return _of_type(value, str)


def _number(value: object) -> int:
    return _of_type(value, int)


def _flag(value: object) -> bool:
    return _of_type(value, bool)


def _of_type(value: object, type_: type[T]) -> T:
    if not isinstance(value, type_):
        raise TypeError(type_.__name__)
    return value


# --- what was shown beside what would be done ----------------------------------------------------


def is_other(then: model.JsonObject, now: model.JsonObject) -> bool:
    """Whether `now` does something that `then` does not show, or shows otherwise.

    Both are of `write_action`. Reasons and notes may differ: who changed what, and when, may have
    changed since, and so may the places of manifests and the times of files. Of an approved
    replacement only the create may be left.
    """
    steps = {*now["steps"]} - {model.Step.WAIT}
    if not steps <= {*then["steps"]} or not set(_noticed(now)) <= set(_noticed(then)):
        return True
    if model.Step.DELETE not in steps and {model.Step.DELETE, model.Step.CREATE} <= {
        *then["steps"]
    }:
        return _shown_fields(then) != _shown_fields(now) or _is_sent_otherwise(then, now)
    return _facts(then) != _facts(now) or _is_sent_otherwise(then, now)


def _facts(body: model.JsonObject) -> list[object]:
    live = body["on_platform"] or {}
    seen = live.get("id"), live.get("version")
    files = body["files"] and {**body["files"], "newest": []}
    return [body["verb"], body["version"], seen, files, _shown_fields(body)]


def _shown_fields(body: model.JsonObject) -> list[model.JsonDict]:
    return [{w: v for w, v in each.items() if w != "wire"} for each in body["changes"]]


def _is_sent_otherwise(then: model.JsonObject, now: model.JsonObject) -> bool:
    """Whether the wire form differs, but for ids that were yet to be made when `then` was shown."""
    pairs = zip(_wire(then), _wire(now), strict=False)
    return len(_wire(then)) != len(_wire(now)) or any(
        old != new and not _is_unknown(old) for old, new in pairs
    )


def _wire(body: model.JsonObject) -> list[object]:
    return [
        side
        for change in body["changes"]
        for each in change["wire"]
        for side in (each["path"], each["before"], each["after"])
    ]


def _is_unknown(value: object) -> bool:
    """Whether some of a value was not known when the plan was made."""
    match value:
        case {"$": "unknown"}:
            return True
        case dict():
            return any(map(_is_unknown, value.values()))
        case list():
            return any(map(_is_unknown, value))
        case _:
            return False


def _noticed(body: model.JsonObject) -> Iterator[tuple[str, tuple[str, ...]]]:
    for each in body["consequences"]:
        if each["effect"] in _NOTICED:
            for key in each["keys"]:
                yield each["effect"], tuple(key)


def differences(then: model.JsonObject, now: model.JsonObject) -> Iterator[str]:
    """Three lines for each changed field that `then` and `now` show otherwise, or one of them."""
    before, after = (_by_path(body) for body in (then, now))
    for path in dict.fromkeys([*before, *after]):
        old, new = before.get(path), after.get(path)
        if old != new:
            words, others = _pair(old), _pair(new)
            yield f"{path}:"
            yield f"  approved: {words}"
            yield f"  now:      {'another value' if words == others else others}"


def _by_path(body: model.JsonObject) -> dict[str, tuple[model.Value, model.Value]]:
    return {
        path: (each["before"], each["after"]) for each in body["changes"] for path in each["paths"]
    }


def _pair(sides: tuple[model.Value, model.Value] | None) -> str:
    return f"{_words(sides[0])} -> {_words(sides[1])}" if sides else "no change"


def _words(value: object) -> str:
    """A value of a plan file on one line, cut in the middle."""
    match value:
        case {"$": tag} if tag in _IN_WORDS:
            return _IN_WORDS[tag]
        case {"name": str(name), **rest} if len(rest) < 2 and all(map(_is_word, rest.values())):
            text = " ".join((name, *map(str, rest.values())))
        case _:
            text = json.dumps(_plain(value), ensure_ascii=False)
    left = len(text) - _CUT
    half = _CUT // 2
    return text if left <= 0 else f"{text[:half]}…{text[-half:]} ({left} characters left out)"


_IN_WORDS = {
    "missing": "(absent)",
    "secret": model.MASK,
    "unknown": KNOWN_AFTER_APPLY,
    "unseen": str(model.UNSEEN),
}
"""What values are for readers that JSON does not have."""


def _is_word(value: object) -> bool:
    return isinstance(value, str | int)


def _plain(value: Any) -> object:
    match value:
        case {"$": "map"}:
            return {word: _plain(each) for word, each in value["entries"].items()}
        case {"$": tag}:
            return _IN_WORDS[tag]
        case dict():
            return {word: _plain(each) for word, each in value.items()}
        case list():
            return [_plain(each) for each in value]
        case _:
            return value
