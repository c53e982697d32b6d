"""Why a document is invalid: jsonschema's findings, dug out of its branches, in our own words.

Imported for every run, but jsonschema itself only when there is something to explain: it costs
55 ms to import.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from peakctl.errors import nearest_names
from peakctl.kinds.compiler import Compiler, choices_of, is_choice
from peakctl.kinds.fields import PARAM
from peakctl.kinds.wording import Fault, tell
from peakctl.model import Secret, reveal
from peakctl.model.values import value_at

if TYPE_CHECKING:
    from peakctl.kinds.complaints import Complaints
    from peakctl.kinds.fields import Kind
    from peakctl.model import Path, Value


FOLLOWS = {
    "type": ("oneOf", "required", "minLength", "pattern", "enum", "const"),
    "minLength": ("pattern",),
    "oneOf": ("dependentRequired",),
}
"""Faults that say nothing new where the one before them is."""


def explain(kind: Kind, value: Value, decider: Any, complaints: Complaints) -> None:
    """Add a complaint for everything that is wrong with `value` (which may hold secrets).

    `decider` is the jsonschema-rs validator that refused it: where jsonschema finds nothing (it is
    less strict about NaN and about a final newline), its own findings are told.
    """
    from jsonschema import Draft202012Validator
    from referencing import Registry

    plain = reveal(value)
    validator = Draft202012Validator(dict(kind.schema), registry=Registry())
    faults = list(_Digger(kind).faults(validator.iter_errors(plain)))
    if not faults:
        faults = _decider_faults(decider, plain)
    for fault in _first_of_each(faults):
        tell(kind, fault, complaints, is_secret=_secret_at(value, fault.path))


def _first_of_each(faults: Iterable[Fault]) -> Iterator[Fault]:
    """Faults by path, without what only follows from another fault at the same path."""
    at: dict[Path, dict[str, Fault]] = {}
    for fault in faults:
        at.setdefault(fault.path, {}).setdefault(fault.keyword, fault)
    for path in sorted(at, key=_order):
        there = _without_misspelt(at[path])
        hidden = {word for keyword in there for word in FOLLOWS.get(keyword, ())}
        yield from (fault for keyword, fault in there.items() if keyword not in hidden)


def _without_misspelt(there: Mapping[str, Fault]) -> Mapping[str, Fault]:
    """The faults of one map without those of a word that is missing because it has a typo."""
    unknown = there.get("additionalProperties")
    if unknown is None:
        return there
    known = list(unknown.schema.get("properties", ()))
    near = {n for word in unknown.value if word not in known for n in nearest_names(word, known)}
    left = {keyword: _still_missing(fault, near) for keyword, fault in there.items()}
    return {keyword: fault for keyword, fault in left.items() if fault is not None}


def _still_missing(fault: Fault, near: Collection[str]) -> Fault | None:
    """`fault` without the words in `near`, None where nothing is left of it."""
    if fault.keyword == "required":
        missing = [word for word in fault.limit if word not in near and word not in fault.value]
        return replace(fault, limit=missing) if missing else None
    if fault.keyword == "oneOf":
        words = {word for alternative in fault.limit for word in alternative["required"]}
        return fault if words & fault.value.keys() or words.isdisjoint(near) else None
    return fault


def _order(path: Path) -> list[str]:
    return [f"{part:09}" if isinstance(part, int) else part for part in path]


def _secret_at(value: Value, path: Path) -> bool:
    """Whether the value at `path` may not be shown: it is a secret, or lies in one."""
    return any(isinstance(value_at(value, path[:n]), Secret) for n in range(len(path) + 1))


def _decider_faults(decider: Any, plain: Value) -> list[Fault]:
    """What jsonschema-rs itself objects to; text that is not Unicode it cannot even place."""
    try:
        paths = [tuple(error.instance_path) for error in decider.iter_errors(plain)]
    except UnicodeEncodeError:
        paths = [()]
    return [Fault(path, "other", None, value_at(plain, path)) for path in paths]


@dataclass(slots=True)
class _Digger:
    """Follows jsonschema's errors into the branch that the document meant."""

    kind: Kind

    def faults(self, errors: Iterable[Any]) -> Iterator[Fault]:
        """The faults that matter, flat."""
        for error in errors:
            if error.validator == "oneOf" and is_choice(error.schema):
                yield from self._choice(error)
            elif error.validator == "anyOf":
                is_param = isinstance(error.instance, str) and error.instance.startswith(PARAM)
                yield from self._inside(error, 1 if is_param else 0)
            else:
                path = tuple(error.absolute_path)
                yield Fault(
                    path, error.validator, error.validator_value, error.instance, error.schema
                )

    def _inside(self, error: Any, branch: int) -> Iterator[Fault]:
        yield from self.faults(e for e in error.context if e.relative_schema_path[0] == branch)

    def _choice(self, error: Any) -> Iterator[Fault]:
        """The branch is the one that the discriminator names, or the default one."""
        path = tuple(error.absolute_path)
        if not isinstance(error.instance, Mapping):
            yield Fault(path, "type", "object", error.instance)
            return
        word, constants, default = choices_of(Compiler(self.kind.schema), error.schema)
        chosen = error.instance.get(word, default)
        for i, values in enumerate(constants):
            if chosen in values:
                yield from self._inside(error, i)
                return
        if chosen is None and word not in error.instance:
            yield Fault(path, "required", [word], error.instance, error.schema)
            return
        every = [value for values in constants for value in values]
        yield Fault((*path, word), "enum", every, chosen)
