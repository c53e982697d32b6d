"""Secrets and masks in documents, valid or not.

A mask that was copied out of a read would be stored as the value, and the real one would be lost.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from peakctl.kinds.fields import Absent, Field, Kind, child, variant
from peakctl.kinds.problems import Problems
from peakctl.model import MASK, MISSING, UNSEEN, Document, Path, Secret, Value, is_masked, reveal
from peakctl.model.values import KNOWN_AFTER_APPLY, SHORTEST_SECRET, UNSET, leaf_places, value_at


def secret_places(
    documents: Sequence[Document], kinds: Mapping[str, Kind]
) -> Iterator[tuple[Document, Path]]:
    """Every sensitive field, and every value for a parameter that is declared as hidden."""
    known = [
        (d, kinds[k]) for d in documents if isinstance(k := d.value.get("kind"), str) and k in kinds
    ]
    hidden = {name for document, kind in known for name in _hidden_names(document, kind)}
    for document, kind in known:
        for path in _sensitive(kind.root, document.value, ()):
            yield document, path
        for at in (kind.defined_by, kind.defined_by_whole):
            for path in _named(value_at(document.value, at) if at else MISSING, hidden, at):
                yield document, path


SHOWN = frozenset(("title", "summary", "description", "notes", "tags"))
"""Properties that the platform shows to everyone who may see the resource."""


def warn_of_shown(root: Field, value: Value, problems: Problems) -> None:
    """Warn of values of os_env in fields that the platform shows to everyone."""
    for path in _shown(root, value, (), shown=False):
        problems.warn(
            "shown-secret",
            path,
            f"a value of os_env goes into {_shown_as(path)}, which the platform shows to everyone",
            fix="take it out, or make it a parameter (-p) if it is no secret",
        )


def _shown_as(path: Path) -> str:
    return next(str(part) for part in reversed(path) if part in SHOWN)


def _shown(field: Field, value: Value, path: Path, *, shown: bool) -> Iterator[Path]:
    if isinstance(value, Secret):
        if shown and not field.sensitive:
            yield path
        return
    chosen = variant(field, value)
    for part, item in _entries(value):
        inner = child(chosen, part)
        if inner is not None and isinstance(item, dict | list | Secret):
            declared = shown or (part in chosen.properties and part in SHOWN)
            yield from _shown(inner, item, (*path, part), shown=declared)


def _sensitive(field: Field, value: Value, path: Path) -> Iterator[Path]:
    chosen = variant(field, value)
    for part, item in _entries(value):
        inner = child(chosen, part)
        if inner is not None:
            yield from _sensitive(inner, item, (*path, part))
        elif chosen.sensitive:
            yield (*path, part)
    if field.sensitive and not isinstance(value, dict | list | Secret | None):
        yield path


def _hidden_names(document: Document, kind: Kind) -> Iterator[str]:
    groups = value_at(document.value, kind.defines) if kind.defines else MISSING
    for _, definitions in _entries(groups):
        for _, definition in _entries(definitions):
            if isinstance(definition, Mapping) and definition.get("hideValue") is True:
                yield str(definition.get("name"))


def _named(value: Value, names: set[str], path: Path) -> Iterator[Path]:
    """Where an entry has one of the names, at any depth."""
    for part, item in _entries(value):
        if part in names and not isinstance(item, dict | list | Secret):
            yield (*path, part)
        yield from _named(item, names, (*path, part))


def _entries(value: Value) -> Iterator[tuple[str | int, Value]]:
    if isinstance(value, Mapping):
        yield from value.items()
    elif isinstance(value, list):
        yield from enumerate(value)


PRINTED = (MASK, str(UNSEEN), KNOWN_AFTER_APPLY)
"""What peakctl prints where it does not print a value."""
_STARS = re.compile("[*•]{4,}")
TEXTS = frozenset({"name", "title", "summary", "description", "notes"})
"""Fields that people read: these words may stand in them, but not alone."""


_SIGNS = re.compile("|".join((*map(re.escape, PRINTED), re.escape(UNSET), "[*•]{3}")))


def may_have_secrets(written: str) -> bool:
    """Whether a value of this `repr` may have a secret or a mask in it: else no search is needed.

    A secret prints as what stands for it, whatever it is.
    """
    return _SIGNS.search(written) is not None


def check_masks(root: Field, tree: Mapping[str, Value], problems: Problems) -> None:
    """Report each value and key of `tree` (metadata and spec) that is a mask."""
    for path in masks(root, tree, ()):
        problems.add(
            "mask",
            path,
            f"{path[-1]} is a mask, not a value",
            detail="applying it would replace the real value by the mask",
            fix="give the real value, a secret as {{ os_env.NAME }}; or leave the field out",
        )


def warn_of_short(tree: Value, problems: Problems) -> None:
    """Warn of each secret that is too short to be looked for in the words of the platform."""
    for path, leaf in leaf_places(tree):
        value = leaf.reveal() if isinstance(leaf, Secret) else None
        if not isinstance(value, bool | None) and 0 < len(str(value)) < SHORTEST_SECRET:
            problems.warn(
                "short-secret",
                path,
                f"a secret of fewer than {SHORTEST_SECRET} characters is masked here alone",
                fix="use a longer one; or give it as a parameter (-p) if it is none",
            )


def masks(rule: Field | None, value: Value, path: Path) -> Iterator[Path]:
    """The places of masks; `rule` is None where the schema says nothing."""
    plain = reveal(value) if isinstance(value, Secret) else value
    if isinstance(plain, Mapping):
        yield from _in_map(rule, plain, path)
    elif isinstance(plain, list):
        inner = rule.items if rule else None
        for i, item in enumerate(plain):
            yield from masks(inner or rule, item, (*path, i))
    elif isinstance(plain, str) and _is_mask(rule, plain, path):
        yield path


def _in_map(rule: Field | None, value: Mapping[str, Value], path: Path) -> Iterator[Path]:
    chosen = variant(rule, value) if rule else None
    for word, each in value.items():
        here = (*path, word)
        if str(word) in PRINTED or is_masked(word):
            yield here
        inner = (chosen.properties.get(word) or chosen.extra) if chosen else None
        yield from masks(inner, each, here)


def _is_mask(rule: Field | None, text: str, path: Path) -> bool:
    """Whether the text is a mask, or has one in it where no text for people stands."""
    if text.strip() in PRINTED:
        return True
    if path[0] == "metadata":
        return False  # a line of stars is Markdown
    if is_masked(text.strip()):
        return True
    secret = rule is not None and (rule.sensitive or rule.absent is Absent.WRITE_ONLY)
    if secret and _STARS.search(text):
        return True
    word = next((part for part in reversed(path) if isinstance(part, str)), "")
    return MASK in text and (secret or word not in TEXTS)
