"""Why a document is invalid: jsonschema's errors, found in its branches, as messages for people.

Imported for every run, but jsonschema itself only when there is something to explain: it costs
55 ms to import.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import field, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from peakctl.errors import nearest_names
from peakctl.kinds.fields import PARAM, Absent, Field, Kind, field_at, holds_sensitive, variant
from peakctl.kinds.problems import Problems
from peakctl.kinds.schemas import Compiler, choices_of, is_choice
from peakctl.model import JsonObject, Path, Secret, Value, dotted, reveal, type_of, value_at
from peakctl.model.records import dataclass
from peakctl.model.text import first_unseen, named_character

if TYPE_CHECKING:
    from jsonschema_rs import Draft202012Validator


FOLLOWS = {
    "type": ("oneOf", "required", "minLength", "pattern", "enum", "const"),
    "minLength": ("pattern",),
    "oneOf": ("dependentRequired",),
}
"""Faults that say nothing new where the one before them is."""


def explain(kind: Kind, value: Value, decider: Draft202012Validator, problems: Problems) -> None:
    """Add a problem for everything that is wrong with `value` (which may hold secrets).

    `decider` is the jsonschema-rs validator that refused it: where jsonschema finds nothing (it is
    less strict about NaN and about a final newline), its own errors are reported.
    """
    from jsonschema import Draft202012Validator
    from referencing import Registry

    plain = reveal(value)
    validator = Draft202012Validator(dict(kind.schema), registry=Registry())
    faults = list(ErrorFlattener(kind).faults(validator.iter_errors(plain)))
    if not faults:
        faults = _decider_faults(decider, plain)
    for fault in _first_of_each(faults):
        tell(kind, fault, problems, is_secret=_secret_at(value, fault.path))


def _first_of_each(faults: Iterable[SchemaError]) -> Iterator[SchemaError]:
    """Faults by path, without what only follows from another fault at the same path."""
    at: dict[Path, dict[str, SchemaError]] = {}
    for fault in faults:
        at.setdefault(fault.path, {}).setdefault(fault.keyword, fault)
    for path in sorted(at, key=_order):
        there = _without_misspelt(at[path])
        hidden = {word for keyword in there for word in FOLLOWS.get(keyword, ())}
        yield from (fault for keyword, fault in there.items() if keyword not in hidden)


def _without_misspelt(there: Mapping[str, SchemaError]) -> Mapping[str, SchemaError]:
    """The faults of one map without those of a word that is missing because it has a typo."""
    unknown = there.get("additionalProperties")
    if unknown is None:
        return there
    known = list(unknown.schema.get("properties", ()))
    near = {n for word in unknown.value if word not in known for n in nearest_names(word, known)}
    left = {keyword: _still_missing(fault, near) for keyword, fault in there.items()}
    return {keyword: fault for keyword, fault in left.items() if fault is not None}


def _still_missing(fault: SchemaError, near: Collection[str]) -> SchemaError | None:
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


def _decider_faults(decider: Draft202012Validator, plain: Value) -> list[SchemaError]:
    """What jsonschema-rs itself objects to; text that is not Unicode it cannot even place."""
    try:
        paths = [tuple(error.instance_path) for error in decider.iter_errors(plain)]
    except UnicodeEncodeError:
        paths = [()]
    return [SchemaError(path, "other", None, value_at(plain, path)) for path in paths]


@dataclass(slots=True)
class ErrorFlattener:
    """Follows jsonschema's errors into the branch that the document meant."""

    kind: Kind

    def faults(self, errors: Iterable[Any]) -> Iterator[SchemaError]:
        """The faults that matter, flat."""
        for error in errors:
            if error.validator == "oneOf" and is_choice(error.schema):
                yield from self._choice(error)
            elif error.validator == "anyOf":
                is_param = isinstance(error.instance, str) and error.instance.startswith(PARAM)
                yield from self._inside(error, 1 if is_param else 0)
            else:
                path = tuple(error.absolute_path)
                yield SchemaError(
                    path, error.validator, error.validator_value, error.instance, error.schema
                )

    def _inside(self, error: Any, branch: int) -> Iterator[SchemaError]:
        yield from self.faults(e for e in error.context if e.relative_schema_path[0] == branch)

    def _choice(self, error: Any) -> Iterator[SchemaError]:
        """The branch is the one that the discriminator names, or the default one."""
        path = tuple(error.absolute_path)
        if not isinstance(error.instance, Mapping):
            yield SchemaError(path, "type", "object", error.instance)
            return
        word, constants, default = choices_of(Compiler(self.kind.schema), error.schema)
        chosen = error.instance.get(word, default)
        for i, values in enumerate(constants):
            if chosen in values:
                yield from self._inside(error, i)
                return
        if chosen is None and word not in error.instance:
            yield SchemaError(path, "required", [word], error.instance, error.schema)
            return
        every = [value for values in constants for value in values]
        yield SchemaError((*path, word), "enum", every, chosen)


LONGEST = 60
_PARTS = ("metadata", "spec")
_PLAIN = re.compile(r"[\w./-]+\Z")
_NUMBER = re.compile(r"[0-9]+\Z")
_NO_SPACE = re.compile(r"[\w.-]+:\S")
TYPES = {
    "string": "string",
    "integer": "integer",
    "number": "number",
    "boolean": "boolean",
    "array": "list",
    "object": "mapping",
    "null": "null",
}


@dataclass(frozen=True, slots=True)
class SchemaError:
    """One thing wrong: the schema's `keyword` with its `limit`, and the value that breaks it."""

    path: Path
    keyword: str
    limit: Any
    value: Any
    schema: JsonObject = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ErrorReport:
    """What the words need: the fault, its field (None: there is none), where to report it.

    `top` is the field of the whole manifest.
    """

    fault: SchemaError
    field: Field | None
    is_secret: bool
    problems: Problems
    top: Field

    @property
    def word(self) -> str:
        """The name of the field for a sentence; items get that of their list: `tags[0]`."""
        path = self.fault.path
        start = max((i for i, part in enumerate(path) if isinstance(part, str)), default=0)
        return dotted(path[start:]) or "the manifest"

    @property
    def source(self) -> str:
        """The scalar as it was written."""
        return self.problems.document.source_text(self.fault.path) or json.dumps(self.fault.value)

    @property
    def shown(self) -> str:
        """The value for a sentence; only its sort where it may be sensitive."""
        value = self.fault.value
        if value is None:
            return "null"
        if isinstance(value, Mapping | list):
            return f"a {type_of(value)}"
        if self.is_secret:
            return f"a (sensitive) {type_of(value)}"
        text = value if isinstance(value, str) else self.source
        return f'"{text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"}"'

    @property
    def or_remove(self) -> str:
        """The other way out of a value that is none, where the field may be absent."""
        is_owed = self.field is None or self.field.absent is Absent.REQUIRED
        return "" if is_owed else f", or remove {self.word}"

    def add(self, code: str, summary: str, *, path: Path | None = None, **more: str) -> None:
        """Report at the fault, or at `path`."""
        self.problems.add(code, self.fault.path if path is None else path, summary, **more)


def tell(kind: Kind, fault: SchemaError, problems: Problems, *, is_secret: bool) -> None:
    """Report `fault`; `is_secret` is whether its value is one in this document."""
    root = problems.document.value
    found = field_at(kind.root, fault.path, root)
    hidden = is_secret or (found is not None and holds_sensitive(found))
    report = ErrorReport(fault, found and variant(found, fault.value), hidden, problems, kind.root)
    WORDS.get(fault.keyword, _other)(report)


def did_you_mean(word: str, choices: Iterable[object]) -> str:
    """The nearest choices as a fix, or nothing."""
    near = nearest_names(word, [choice for choice in choices if isinstance(choice, str)])
    return f"did you mean: {', '.join(near)}" if near else ""


def _unknown(t: ErrorReport) -> None:
    known = list(t.fault.schema.get("properties", ()))
    for word in t.fault.value:
        if word not in known:
            where = f" in {t.word}" if t.fault.path else ""
            t.add(
                "unknown-field",
                f'there is no field "{word}"{where}',
                path=(*t.fault.path, word),
                detail=f"the fields here are {', '.join(known)}" if known else "it has no fields",
                fix=_belongs(t, word) or did_you_mean(word, known) or f"remove {word}",
            )


def _belongs(t: ErrorReport, word: str) -> str:
    """Where a field belongs that stands in another part of the manifest: in a whole body, say."""
    here = ".".join(map(str, t.fault.path))
    if here == "spec" and word == "body":
        return "put what is under body directly under spec"
    if here == "spec" and word in _PARTS:
        return f"{word} belongs beside spec, not in it"
    if here not in ("", *_PARTS):
        return ""
    for part in _PARTS:
        field = t.top.properties.get(part) if part != here else None
        branches = [field, *field.variants.values()] if field else []
        if any(word in each.properties for each in branches):
            return f"{word} belongs to {part}.{word}"
    return ""


def _required(t: ErrorReport) -> None:
    for word in t.fault.limit:
        if word not in t.fault.value:
            where = f" in {t.word}" if t.fault.path else ""
            inner = t.field.properties.get(word) if t.field else None
            about = inner.description.rstrip(".") if inner else ""
            fix = f"add {word}:" + (f" ({about})" if about else "")
            t.add("missing-field", f"{word} is missing{where}", fix=fix)


def _type(t: ErrorReport) -> None:
    wanted = [t.fault.limit] if isinstance(t.fault.limit, str) else t.fault.limit
    takes_param = t.field is not None and "string" in t.field.types and "string" not in wanted
    named = [TYPES[w] for w in wanted if w != "null"]  # a null is as good as an absent field
    words = " or ".join(named + (["@param:NAME"] if takes_param else []))
    value = t.fault.value
    got = type_of(value)
    if isinstance(value, str | int | float) and not t.is_secret:
        got = f"{got} {t.shown if isinstance(value, str) else t.source}"
    summary = f"{t.word}: expected {words}, got {got}"
    t.add("wrong-type", summary, detail=_cause(t), fix=_shape(t, wanted))


def _cause(t: ErrorReport) -> str:
    """What a text in place of something else may come from."""
    value = t.fault.value
    if not isinstance(value, str) or t.is_secret or t.fault.limit == "string":
        return ""
    unseen = first_unseen(value)
    if unseen.strip() == "" and unseen:
        return f"it holds {named_character(unseen)}, which is no space to YAML"
    if t.fault.limit == "object" and _NO_SPACE.match(value):
        return "YAML wants a space after the colon of a key"
    return ""


def _shape(t: ErrorReport, wanted: Sequence[str]) -> str:
    """What to write instead, with an example."""
    value = t.fault.value
    if "string" in wanted and isinstance(value, bool | int | float):
        return "quote it" if t.is_secret else f'quote it: "{t.source}"'
    given = value if isinstance(value, str) and not t.is_secret else ""
    word = t.fault.path[-1] if t.fault.path else ""
    example = example_of(t.field, wanted[0], str(word), given)
    shown = f"{word}: {example}" if isinstance(word, str) and word else example
    return f"write {shown}{t.or_remove if value is None else ''}"


def example_of(field: Field | None, sort: str, word: str, given: str = "") -> str:
    """A short value of a type, in YAML; `given` takes the place of a name or an item."""
    if sort == "object":
        return _example_mapping(field, given)
    if sort == "array":
        items = field.items if field else None
        inner = sorted(items.types)[0] if items and items.types else "string"
        return f"[{example_of(items, inner, word, given)}]"
    if sort == "string":
        return given if _PLAIN.match(given) else f"<{word}>"
    if sort == "boolean":
        return "true"
    return given if _NUMBER.match(given) else "1"


def _example_mapping(field: Field | None, given: str) -> str:
    """The required fields of a mapping, else its name, else its first field."""
    known = variant(field, {}).properties if field else {}
    if not known:
        return "{<name>: <value>}"
    needed = [word for word, inner in known.items() if inner.absent is Absent.REQUIRED]
    words = needed or (["name"] if "name" in known else list(known)[:1])
    pairs = (
        f"{word}: {_example_inner(known[word], word, given if word == words[0] else '')}"
        for word in words
    )
    return "{" + ", ".join(pairs) + "}"


def _example_inner(field: Field, word: str, given: str) -> str:
    """A field within an example; what lies deeper is left out."""
    sort = next((each for each in TYPES if each in field.types), "string")
    return {"object": "{...}", "array": "[...]"}.get(sort) or example_of(field, sort, word, given)


def _enum(t: ErrorReport) -> None:
    limit = t.fault.limit if t.fault.keyword == "enum" else [t.fault.limit]
    others = t.field.aliases if t.field else {}
    allowed = [each for each in limit if each is not None and each not in others]
    listed = ", ".join(str(value) for value in allowed)
    near = did_you_mean(t.fault.value, allowed) if isinstance(t.fault.value, str) else ""
    fix = near or (f"use one of {listed}" if len(allowed) > 1 else f"write {listed}")
    summary = f"{t.shown} is not a value of {t.word}"
    t.add("unknown-value", summary, detail=f"values: {listed}", fix=fix)


def _pattern(t: ErrorReport) -> None:
    told = (t.field and t.field.description) or t.fault.schema.get("description", "")
    about = told.rstrip(".")
    detail = f"{about}; it must match {t.fault.limit}" if about else f"must match {t.fault.limit}"
    t.add("bad-text", f"{t.shown} is not a valid {t.word}", detail=detail)


def _range(t: ErrorReport) -> None:
    limits = t.fault.schema
    low, high = limits.get("minimum"), limits.get("maximum")
    if low is not None and high is not None:
        range_ = f"from {low} to {high}"
    else:
        range_ = f"of at least {low}" if high is None else f"of at most {high}"
    side = "small" if t.fault.keyword == "minimum" else "large"
    t.add("out-of-range", f"{t.shown} is too {side} for {t.word}", fix=f"give a number {range_}")


def _empty(t: ErrorReport) -> None:
    t.add("empty", f"{t.word} is empty", fix=f"give it content{t.or_remove}")


def _twice(t: ErrorReport) -> None:
    t.add("duplicate-item", f"{t.word} has an item twice", fix="remove the second")


def _together(t: ErrorReport) -> None:
    for word, others in t.fault.limit.items():
        missing = [other for other in others if other not in t.fault.value]
        if word in t.fault.value and missing:
            listed = " and ".join(missing)
            at = (*t.fault.path, word)
            t.add("missing-field", f"{word} needs {listed} beside it", path=at, fix=f"add {listed}")


def _exactly_one(t: ErrorReport) -> None:
    words = [word for alternative in t.fault.limit for word in alternative["required"]]
    given = [word for word in words if word in t.fault.value]
    listed = ", ".join(words[:-1]) + f" or {words[-1]}"
    if given:
        summary = f"{' and '.join(given)} exclude each other"
        t.add("exactly-one", summary, path=(*t.fault.path, given[-1]), fix=f"keep one of {listed}")
    else:
        t.add("missing-field", f"{listed} is missing in {t.word}", fix=f"add {listed}")


def _other(t: ErrorReport) -> None:
    """What only jsonschema-rs refuses: NaN, infinity, text that is not Unicode, a last newline."""
    t.add("not-accepted", f"{t.word} is not a value that can be sent", fix="give another value")


WORDS: Mapping[str, Callable[[ErrorReport], None]] = MappingProxyType(
    {
        "additionalProperties": _unknown,
        "required": _required,
        "type": _type,
        "enum": _enum,
        "const": _enum,
        "pattern": _pattern,
        "minimum": _range,
        "maximum": _range,
        "minLength": _empty,
        "minItems": _empty,
        "minProperties": _empty,
        "uniqueItems": _twice,
        "dependentRequired": _together,
        "oneOf": _exactly_one,
    }
)
