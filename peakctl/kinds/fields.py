"""A compiled schema: what each field of a kind means to validation, diff, plan and calls.

`schemas.compile_kind` makes these from `schemas/<kind>.json`; everything else only reads them, by
the one walk over values beside the fields that describe them, which follows the types here. At the
end: which fields a manifest ignores, and what a kind gives to people.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import field
from functools import cached_property

from peakctl.model import JsonDict, JsonObject, Path, Secret, State, Tree, Value
from peakctl.model.records import dataclass
from peakctl.model.values import MAPS, MISSING, dotted, sealed, value_at

PARAM = "@param:"
"""A build parameter in place of a whole value (docs/platform.md, 3.4)."""


class Absent(enum.StrEnum):
    """What it means that a manifest does not have the field; exactly one for every field."""

    REQUIRED = "required"
    DEFAULT = "default"  # equals `Field.default`, and is enforced
    SERVER = "server-default"  # left as the platform has it
    CLEAR = "clear"  # removed on the platform; absent, null and empty are equal
    READ_ONLY = "read-only"  # set by the platform; an error in a manifest
    WRITE_ONLY = "write-only"  # never returned; goes out with every write of its call
    BY_NAME = "by-name"  # the by-name half of a reference; gone once it is resolved
    LOCAL = "local"  # read by peakctl and never in `Resource.values` (labels, descriptionFile)


@dataclass(frozen=True, slots=True)
class RefRule:
    """How a field names another resource.

    Paths are relative to the object that holds the name (for a text field: to its parent);
    a leading ".." goes one up. `version` is where the wanted version stands (None: no versions).
    """

    kinds: tuple[str, ...]
    id_to: Path
    version: Path | None = None
    version_to: Path | None = None
    kind_to: Path | None = None
    kind_words: Mapping[str, str] = field(default_factory=dict)
    edge: bool = True
    scope: str | None = None
    scope_by: str | None = None  # sibling of the nearest object that holds it, e.g. serviceType
    scope_words: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Field:
    """One node of a kind's tree. Inherited from the parent: call, sensitive, immutable, redeploys.

    `extra` describes the values of a map with free keys. `variants` maps each value of the property
    `discriminator` to the tree that then holds; `default_variant` applies when it is absent.
    """

    types: frozenset[str]
    absent: Absent
    default: Value = MISSING
    call: str = ""
    immutable: str = ""
    sensitive: bool = False
    redeploys: bool = False
    address: bool = False  # true: the platform gives an address that others call
    new_address: str = ""  # the value with which each write makes a new address
    shares: bool = False  # a change opens the resource to others, or closes it
    unseen: bool = False
    deferred: str = ""
    after_create: bool = False
    unordered: bool = False
    list_key: tuple[Path, ...] = ()
    ref: RefRule | None = None
    archive: bool | str = False  # True, or NOT_RETURNED
    file_for: str = ""
    check: str = ""
    only_if: Mapping[str, tuple[object, ...]] = field(default_factory=dict)
    aliases: JsonObject = field(default_factory=dict)  # other words for a value
    properties: Mapping[str, Field] = field(default_factory=dict)
    extra: Field | None = None
    items: Field | None = None
    discriminator: str = ""
    variants: Mapping[str, Field] = field(default_factory=dict)
    default_variant: str = ""
    one_of: tuple[tuple[str, ...], ...] = ()
    together: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # what a property needs
    short_for: str = ""  # a text stands for the object with this one property
    touches: bool = False  # something here or below needs work when a manifest is read
    silent: frozenset[str] = frozenset()  # properties that tell nothing where both sides lack them
    may_be_unseen: bool = False  # this, or something below, is `unseen`
    description: str = ""


@dataclass(frozen=True, slots=True)
class Versions:
    """Where a kind with immutable versions keeps its number, and which call makes one.

    `has_id` is true where references need the id of the version, which the platform gives.
    `flavours` is true where a suffix is a flavour (`0.0.1-python3.9`): numbers need not rise.
    """

    at: Path
    call: str
    first: str
    has_id: bool = False
    flavours: bool = False


NOT_RETURNED = "not-returned"
"""Of `Field.archive`: the platform never gives the archive back."""
REPLACE = "replace"
"""The word of `on_failed` for: delete what failed to be created, and create it again."""


@dataclass(frozen=True, slots=True)
class Lifecycle:
    """Status words by meaning; a word that is not here is pending (docs/platform.md, 5)."""

    words: Mapping[str, State] = field(default_factory=dict)
    deleting: frozenset[str] = frozenset()  # pending words that end with the thing being gone
    on_failed: str = ""  # step to take when live is failed and otherwise equal, or REPLACE, or ""
    advice: str = ""
    runs: bool = False  # what it is runs for itself: a delete stops it
    wait: str = ""  # which time limit holds for waiting: build, deploy or service


@dataclass(frozen=True, slots=True)
class OutputRule:
    """Something that a resource gives to people: its address, say.

    `at` is where a describe answer has it (`*`: each item of a list). `where` is a place in the
    manifest without which there is none; `credential`: who has its address can call it.
    """

    name: str
    at: Path
    where: Path = ()
    credential: bool = False


@dataclass(frozen=True)  # without slots: a cached property needs the instance's dictionary
class Kind:
    """One kind: its tree of `metadata` and `spec`, and the rules that hold for the whole."""

    name: str
    schema: JsonObject = field(repr=False)
    compile_root: Callable[[], Field] = field(repr=False, compare=False)
    name_group: str = ""  # kinds of one group share their names
    history: bool = False  # deleting it deletes versions too (needs --prune-history later)
    deprecated: str = ""
    versions: Versions | None = None
    lifecycle: Lifecycle = field(default_factory=Lifecycle)
    whole_update: bool = False  # its update call replaces the document; nothing left out survives
    carries: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    removals: Mapping[str, str] = field(default_factory=dict)
    defines: Path = ()  # where it declares parameters for deployments
    of_parts: bool = False  # made of other specs, which declare parameters of their own
    defined_by: Path = ()  # where it gives values for them (for a spec of parts: by part name)
    defined_by_whole: Path = ()  # where it gives values for a spec of parts as a whole
    outputs: tuple[OutputRule, ...] = ()  # what it gives to people once it is there

    @cached_property
    def root(self) -> Field:
        """The tree of fields, with the properties `metadata` and `spec`; compiled on first use."""
        return self.compile_root()


# --- the walk over values and their fields -------------------------------------------------------


def variant(field: Field, *values: Value) -> Field:
    """`field` itself, or the branch that the discriminator in the first of `values` chooses.

    The default branch where none of them says, or says a word that no branch has.
    """
    if not field.variants:
        return field
    for value in values:
        word = value.get(field.discriminator) if isinstance(value, MAPS) else None
        chosen = field.variants.get(word) if isinstance(word, str) else None
        if chosen is not None:
            return chosen
    return field.variants.get(field.default_variant, field)


def child(field: Field, part: str | int) -> Field | None:
    """The field of one property, map value or list item; None where the schema has none.

    Items of lists with keys are named by their key, so a word may be that of an item.
    """
    if isinstance(part, int):
        return field.items
    return field.properties.get(part) or field.extra or field.items


def below(field: Field, part: str | int, *trees: Value) -> Field | None:
    """The field of one entry, in the branches that `trees` choose for `field` and for the entry."""
    inner = child(variant(field, *trees), part)
    if inner is None:
        return None
    return variant(inner, *(value_at(tree, (part,)) for tree in trees))


def field_at(root: Field, path: Path, *trees: Value) -> Field | None:
    """The field at `path`, branches chosen by what `trees` hold on the way."""
    here: Field | None = variant(root, *trees)
    for part in path:
        if here is None:
            return None
        here = below(here, part, *trees)
        trees = tuple(value_at(tree, (part,)) for tree in trees)
    return here


def said(field: Field, value: Value, path: Path) -> Value:
    """What `value` says at `path`, defaults included; MISSING where neither says anything."""
    for part in path:
        inner = child(variant(field, value), part)
        if inner is None:
            return MISSING
        found = value_at(value, (part,))
        field, value = inner, inner.default if found is MISSING else found
    return value


def holds_sensitive(field: Field) -> bool:
    """Whether a value of this field may be, or contain, something never to be shown."""
    below = [*field.properties.values(), *field.variants.values(), field.extra, field.items]
    return field.sensitive or any(holds_sensitive(f) for f in below if f is not None)


def is_free(rule: Field) -> bool:
    """Whether the schema says nothing about what is inside: any JSON, compared as it is."""
    return not (rule.properties or rule.extra or rule.items or rule.variants)


def free(value: Value, *, secret: bool) -> Value:
    """A value without rules of its own; a null in a map is a key that is not there."""
    if isinstance(value, MAPS):
        return {k: free(v, secret=secret) for k, v in value.items() if v is not None}
    if isinstance(value, list):
        return [free(v, secret=secret) for v in value]
    return sealed(value) if secret else _number(value)


def _number(value: Value) -> Value:
    """2.0 and 2 are one number in JSON."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def seal_all(rule: Field, value: Value) -> Value:
    """A live value with its sensitive leaves wrapped."""
    if isinstance(value, MAPS):
        chosen = variant(rule, value)
        if not is_free(chosen):
            return {w: seal_all(inner, v) for w, v in value.items() if (inner := child(chosen, w))}
    if isinstance(value, list) and rule.items is not None:
        return [seal_all(rule.items, v) for v in value]
    return free(value, secret=rule.sensitive)


# --- what `lifecycle.ignoreChanges` names --------------------------------------------------------

ANY_KEY = r'(?:"[^"]*"|[^.\["\]]*)'


def is_ignored(path: Path, ignored: tuple[str, ...]) -> bool:
    """Whether `path` is one of the named fields or lies below one; `*` stands for any key."""
    text = dotted(path)
    return any(re.fullmatch(_pattern(words), text) for words in ignored)


def _pattern(words: str) -> str:
    keys = ANY_KEY.join(re.escape(part) for part in words.split("*"))
    return rf"{keys}(?:[.\[].*)?"


def ignored_of(manifest: Value) -> tuple[str, ...]:
    """The fields that a manifest ignores; none where what it says of them is no list of texts."""
    named = value_at(manifest, ("lifecycle", "ignoreChanges"))
    if not isinstance(manifest, Mapping) or not isinstance(named, list):
        return ()
    return tuple(each for each in named if isinstance(each, str))


# --- what a resource gives to people and other systems: its address, say -------------------------


def outputs_in(kind: Kind, answer: JsonObject) -> JsonDict:
    """The texts that a describe answer has where the rules say, by name, without those it lacks.

    Of a credential an address is a `Secret`: whoever has it can call it. An id alone is not.
    """
    found: JsonDict = {}
    for rule in kind.outputs:
        texts = [text for text in _values_at(answer, rule.at) if isinstance(text, str) and text]
        values = [Secret(t) if rule.credential and "://" in t else t for t in texts]
        if values:
            found[rule.name] = values if "*" in rule.at else values[0]
    return found


def has_outputs(kind: Kind, desired: Tree) -> bool:
    """Whether a resource with these values has any."""
    return any(not rule.where or any(_values_at(desired, rule.where)) for rule in kind.outputs)


def redacted_outputs(outputs: Tree, redact: Callable[[str], str]) -> JsonDict:
    """The same, without a known secret in a text."""

    def shown(value: object) -> object:
        if isinstance(value, list):
            return [shown(each) for each in value]
        return redact(value) if isinstance(value, str) else value

    return {name: shown(value) for name, value in outputs.items()}


def _values_at(value: object, path: Path) -> Iterator[object]:
    """What is at `path`, in which `*` stands for every item of a list."""
    if not path:
        yield value
    elif path[0] == "*":
        for item in value if isinstance(value, list | tuple) else ():
            yield from _values_at(item, path[1:])
    elif isinstance(value, Mapping) and path[0] in value:
        yield from _values_at(value[path[0]], path[1:])
