"""A compiled schema: what each field of a kind means to validation, diff, plan and calls.

`compiler.compile_kind` makes these from `schemas/<kind>.json`; everything else only reads them.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping
from dataclasses import field
from functools import cached_property

from peakctl.model import MISSING, JsonObject, Path, State, Value
from peakctl.model.records import dataclass

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
    new_address: str = ""  # the value with which each write makes that address anew
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
