"""A live resource as somebody would have written its manifest.

References go by name, what says no more than its absence is left out, and a value that is secret,
or looks like one, becomes a variable of the environment. Which of these a field is, the schema
says; nothing here knows a kind by its name.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import field as attribute

from peakctl.engine.diff.align import is_empty, says_no_more
from peakctl.engine.observe.live_state import LiveState
from peakctl.engine.plan.names import ByName, Names, Site, Told, sites
from peakctl.kinds.fields import PARAM, Absent, Field, Kind, child, is_free, variant
from peakctl.model import MAPS, MASK, MISSING, Key, Live, Path, Secret, Tree, Value
from peakctl.model.records import dataclass
from peakctl.model.text import TemplateText
from peakctl.model.values import copy_tree, drop_at, is_masked, reveal, set_at, value_at
from peakctl.settings import credential_reason

NEVER_WRITTEN = (Absent.READ_ONLY, Absent.LOCAL, Absent.WRITE_ONLY)
MAY_BE_LEFT_OUT = (Absent.CLEAR, Absent.SERVER, Absent.DEFAULT)
MASKED = "the platform does not show it"
SENSITIVE = "its field holds a secret"
UNREAD = "no read returns it"
IF_NONE = 'no read returns it: write "" if there is none'
BY_FIELD = "its name is that of a secret"
BY_FORM = "it looks like a secret"


@dataclass(frozen=True, slots=True)
class Variable:
    """A value that the manifest has from the environment: the variable, where, and why."""

    name: str
    key: Key
    path: Path
    why: str


@dataclass(frozen=True, slots=True)
class Exported:
    """A resource in manifest form.

    `values` have a template where a secret stood, which reads a variable. They lack the fields of
    folders: `archives` are those by their places, with the digest ("" where none is known).
    `comments` are for readers of the file.
    """

    key: Key
    values: Tree
    variables: tuple[Variable, ...] = ()
    archives: Mapping[Path, str] = attribute(default_factory=dict)
    comments: Mapping[Path, str] = attribute(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Referenced:
    """What a live resource refers to by id; `version` is the id or number of a version."""

    kinds: tuple[str, ...]
    id: str
    version: str | None


class UniqueNames(Names):
    """Names that mean one resource alone: what shares its name goes by its id.

    They are those of manifests: without `prefix`, where they begin with it.
    """

    def __init__(
        self,
        observed: LiveState,
        kinds: Mapping[str, Kind],
        told: Told,
        redact: Callable[[str], str] = str,
        prefix: str = "",
    ) -> None:
        super().__init__((), observed, kinds, told, redact)
        self._observed = observed
        self._prefix = prefix

    def name(self, kinds: Iterable[str], id_: Value, scope: str | None = None) -> str | None:
        wanted = tuple(kinds)
        found = super().name(wanted, id_, scope)
        if found is None:
            return None
        ids = {
            str(item.id)
            for kind in wanted
            for item in self._observed.matches(kind, found)
            if scope is None or item.item.get("scope") in (None, scope)
        }
        return found.removeprefix(self._prefix) if len(ids) == 1 else None


def referenced(kind: Kind, values: Tree) -> frozenset[Referenced]:
    """Everything that `values`, in the form of the platform, refer to by id."""
    return frozenset(
        Referenced(kinds, str(id_), None if version is None else str(version))
        for kinds, id_, version in reference_values(kind, values)
        if _is_id(id_)
    )


def reference_values(kind: Kind, values: Tree) -> Iterator[tuple[tuple[str, ...], Value, Value]]:
    """The kinds, the id and the version (None: none) of every reference that `values` may hold.

    Either may be a parameter that stands in its place, and the id may be MISSING.
    """
    return _reference_values(kind.root, values, ())


def _reference_values(
    rule: Field, value: Value, above: Above
) -> Iterator[tuple[tuple[str, ...], Value, Value]]:
    if isinstance(value, list) and rule.items is not None:
        for item in value:
            yield from _reference_values(rule.items, item, above)
    if not isinstance(value, MAPS):
        return
    chosen = variant(rule, value)
    here = (*above, (chosen, value))
    for site in sites(chosen, (), here):
        yield (site.rule.kinds, *_ids(site, value))
    for word, each in value.items():
        if inner := child(chosen, word):
            yield from _reference_values(inner, each, here)


Above = tuple[tuple[Field, Value], ...]
Newest = Callable[[Referenced], bool]


def _needed(rule: Field, out: Mapping[str, Value]) -> Iterator[str]:
    """Fields that a map of the rule has to have though they say nothing.

    Those that others need beside them, and those of which there has to be one.
    """
    for word in list(out):
        yield from rule.together.get(word, ())
    if not any(out.keys() >= {*group} for group in rule.one_of):
        yield from (word for group in rule.one_of for word in group)


def _is_id(value: Value) -> bool:
    """Whether it is an id, and no parameter in its place."""
    return isinstance(value, str | int) and not str(value).startswith(PARAM)


def _ids(site: Site, value: Value) -> tuple[Value, Value]:
    version = value_at(value, site.version_at) if site.version_at else None
    return value_at(value, site.id_at), None if version is MISSING else version


@dataclass(slots=True)
class Exporter:
    """Turns live resources into manifests, one after the other; variables are named once.

    `names` tells what ids are called; `is_newest` whether a reference is to the newest version of
    what it names, so that a manifest need not pin it.
    """

    names: Names
    is_newest: Newest
    taken: set[str] = attribute(default_factory=set)

    def export(self, live: Live, kind: Kind, values: Tree) -> Exported:
        """The manifest of `live`. `values` are its own, with a `Secret` for each that is one."""
        return _Export(self, live, kind).export(values)

    def variable(self, key: Key, path: Path, why: str, label: str = "") -> Variable:
        """A variable for the value at `path`, whose name nothing else has.

        `label` is what the manifest calls the value, where that is not the name of its field.
        """
        own = [label] if label else [part for part in path[-2:] if isinstance(part, str)]
        words = [key.name, *own]
        base = re.sub(r"[^A-Z0-9]+", "_", "_".join(words).upper()).strip("_")
        base = base if base[:1].isalpha() else f"VALUE_{base}"
        if credential_reason(base):
            base = f"VALUE_{base}"
        name, number = base, 1
        while name in self.taken or credential_reason(name):
            number += 1
            name = f"{base}_{number}"
        self.taken.add(name)
        return Variable(name, key, path, why)


@dataclass(slots=True)
class _Export:
    """One resource under way."""

    exporter: Exporter
    live: Live
    kind: Kind
    variables: list[Variable] = attribute(default_factory=list)
    archives: dict[Path, str] = attribute(default_factory=dict)
    labels: dict[Path, str] = attribute(default_factory=dict)
    unread: dict[Path, str] = attribute(default_factory=dict)

    def export(self, values: Tree) -> Exported:
        values = copy_tree(values)
        versions = self.kind.versions
        if versions is not None and self.live.latest in (None, self.live.version):
            drop_at(values, versions.at)
        kept = {
            room: self._kept(rule, values.get(room, {}), (room,))
            for room, rule in self.kind.root.properties.items()
            if room in ("metadata", "spec")
        }
        named = ByName(self.exporter.names, {}).tree(self.kind.root, self._unpinned(kept))
        assert isinstance(named, dict)  # noqa: S101 - the whole of a resource is a map
        whole = reveal(named)
        comments = {**self.unread, **dict(self._unnamed(self.kind.root, whole, (), ()))}
        return Exported(self.live.key, whole, tuple(self.variables), self.archives, comments)

    # --- what is left out --------------------------------------------------------------------

    def _kept(self, rule: Field, value: Value, path: Path) -> Value:
        """`value` without what says no more than its absence; MISSING where all of it is left."""
        if rule.absent in NEVER_WRITTEN:
            return MISSING
        if rule.archive:
            self.archives[path] = str(value_at(value, ("digest",)))
            return MISSING
        if isinstance(value, Secret) or is_masked(value) or value == MASK:
            return self._variable(path, SENSITIVE if rule.sensitive else MASKED)
        if value is None or (rule.absent in MAY_BE_LEFT_OUT and self._is_silent(rule, value)):
            return MISSING
        chosen = variant(rule, value)
        if isinstance(value, MAPS):
            out = self._map(chosen, value, path)
            return out if out or not value or rule.absent is Absent.REQUIRED else MISSING
        if isinstance(value, list):
            items = chosen.items or chosen
            found = (self._kept(items, item, (*path, i)) for i, item in enumerate(value))
            return [item for item in found if item is not MISSING]
        why = looks_secret(path, value) if isinstance(value, str) else ""
        return self._variable(path, why) if why else value

    def _is_silent(self, rule: Field, value: Value) -> bool:
        return is_empty(value) or says_no_more(rule, value) or value == rule.default

    def _map(self, rule: Field, value: Mapping[str, Value], path: Path) -> dict[str, Value]:
        out: dict[str, Value] = {}
        for word, inner in rule.properties.items():
            if inner.archive and inner.absent is Absent.REQUIRED and word not in value:
                self.archives[(*path, word)] = ""
            if inner.absent is Absent.WRITE_ONLY and inner.sensitive:
                out[word] = self._variable((*path, word), UNREAD)
                self.unread[*path, word] = IF_NONE
        label = value.get("name")
        for word, each in value.items():
            field = rule if is_free(rule) else child(rule, word)
            if word == "value" and isinstance(label, str):
                self.labels[*path, word] = label
            found = MISSING if field is None else self._kept(field, each, (*path, word))
            if word == "value" and isinstance(label, str) and found is each:
                why = looks_secret((*path, label), str(each))
                found = self._variable((*path, label), why) if why else each
            if found is not MISSING:
                out[word] = found
        return self._with_needed(rule, value, out)

    def _with_needed(
        self, rule: Field, value: Mapping[str, Value], out: dict[str, Value]
    ) -> dict[str, Value]:
        """`out` with what it has to have though it says nothing, as far as `value` has it."""
        for word in _needed(rule, out):
            each = value.get(word)
            if each is not None and rule.properties[word].absent in MAY_BE_LEFT_OUT:
                out.setdefault(word, each)
        return out

    def _variable(self, path: Path, why: str) -> Value:
        """A template for a value that comes from the environment."""
        found = self.exporter.variable(self.live.key, path, why, self.labels.get(path, ""))
        self.variables.append(found)
        return TemplateText(f"{{{{ os_env.{found.name} }}}}")

    # --- references --------------------------------------------------------------------------

    def _unpinned(self, values: Value) -> Value:
        """`values` without the versions of references that follow the newest anyway.

        The id of a reference without a version is sealed, so that no name is put in its place.
        """
        return self._unpin(self.kind.root, values, ())

    def _unpin(self, rule: Field, value: Value, above: Above) -> Value:
        if isinstance(value, list) and rule.items is not None:
            return [self._unpin(rule.items, item, above) for item in value]
        if not isinstance(value, MAPS) or is_free(chosen := variant(rule, value)):
            return value
        here = (*above, (chosen, value))
        out: dict[str, Value] = {}
        for word, each in value.items():
            inner = child(chosen, word)
            out[word] = each if inner is None else self._unpin(inner, each, here)
        for site in sites(chosen, (), here):
            self._unpin_one(site, value, out)
        return out

    def _unpin_one(self, site: Site, value: Value, out: dict[str, Value]) -> None:
        id_, version = _ids(site, value)
        if site.version_at is None or not _is_id(id_):
            return
        if version is None:  # a name would follow the newest, and this follows nothing
            set_at(out, site.id_at, Secret(id_))
        elif self.exporter.is_newest(Referenced(site.rule.kinds, str(id_), str(version))):
            drop_at(out, site.version_at)
            if len(site.version_at) > 1 and value_at(out, site.version_at[:-1]) == {}:
                drop_at(out, site.version_at[:-1])

    def _unnamed(
        self, rule: Field, value: Value, path: Path, above: Above
    ) -> Iterator[tuple[Path, str]]:
        """A comment for each id that stays, since no name means it alone."""
        if isinstance(value, list) and rule.items is not None:
            for number, item in enumerate(value):
                yield from self._unnamed(rule.items, item, (*path, number), above)
        if not isinstance(value, MAPS):
            return
        chosen = variant(rule, value)
        here = (*above, (chosen, value))
        for site in sites(chosen, (), here):
            if _is_id(value_at(value, site.id_at)):
                kinds = " or ".join(site.rule.kinds)
                loose = site.version_at and value_at(value, site.version_at) is MISSING
                why = f"no name means this {kinds} alone"
                if loose and self.exporter.names.name(site.rule.kinds, value_at(value, site.id_at)):
                    why = f"the version of this {kinds} is open, and a name would give it one"
                yield (*path, *site.id_at), why
        for word, each in value.items():
            yield from self._unnamed(child(chosen, word) or chosen, each, (*path, word), here)


# --- what looks like a secret --------------------------------------------------------------------

_SECRET_NAME = re.compile(
    r"pass(word|wd|phrase)?$|secret|token$|api[-_]?key|private[-_]?key|access[-_]?key|credential"
    r"|connection[-_]?string|(^|[-_])(dsn|pwd|auth)$",
    re.IGNORECASE,
)
_SECRET_FORM = re.compile(
    r"-----BEGIN [A-Z ]*PRIVATE KEY-----|\bA(KIA|SIA)[A-Z0-9]{16}\b"
    r"|\beyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*"
    r"|\bgh[pousr]_\w{20,}|\bgithub_pat_\w{20,}|\bglpat-[\w-]{16,}|\bxox[abprs]-[\w-]{10,}"
    r"|\bsk-[\w-]{16,}|[a-z][a-z0-9+.-]*://[^/\s:@]*:[^/\s@]+@|\bhooks\.slack\.com/services/\w"
    r"|\b[Bb]earer [\w.~+/-]{16,}"
)
_NAMES = frozenset(("secrets", "bearerToken", "tokenSecret"))
"""Fields that hold the name of a secret that the platform keeps."""
_VARIABLE = re.compile(r"[A-Z][A-Z0-9_]*|@param:.*|\{\{.*")


def looks_secret(path: Path, value: str) -> str:
    """Why a text may be a secret, by the name of its field or by its form; "" if it may not."""
    if not value or _NAMES & {*path}:
        return ""
    if _SECRET_FORM.search(value):
        return BY_FORM
    words = [part for part in path if isinstance(part, str)]
    named = bool(words) and _SECRET_NAME.search(words[-1]) and not _VARIABLE.fullmatch(value)
    return BY_FIELD if named else ""
