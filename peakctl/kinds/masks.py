"""Masks where values belong: what the platform or peakctl prints in place of a secret.

A mask that was copied out of a read would be stored as the value, and the real one would be lost.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from peakctl.kinds.fields import Absent
from peakctl.kinds.walk import variant
from peakctl.model import (
    KNOWN_AFTER_APPLY,
    MASK,
    SHORTEST_SECRET,
    UNSEEN,
    Secret,
    is_masked,
    reveal,
)

if TYPE_CHECKING:
    from peakctl.kinds.complaints import Complaints
    from peakctl.kinds.fields import Field
    from peakctl.model import Path, Value

PRINTED = (MASK, str(UNSEEN), KNOWN_AFTER_APPLY)
"""What peakctl prints where it does not print a value."""
_STARS = re.compile("[*•]{4,}")
TEXTS = frozenset({"name", "title", "summary", "description", "notes"})
"""Fields that people read: these words may stand in them, but not alone."""


def check_masks(root: Field, tree: Mapping[str, Value], complaints: Complaints) -> None:
    """Complain of each value and key of `tree` (metadata and spec) that is a mask."""
    for path in masks(root, tree, ()):
        complaints.add(
            "mask",
            path,
            f"{path[-1]} is a mask, not a value",
            detail="applying it would replace the real value by the mask",
            fix="give the real value, a secret as {{ os_env.NAME }}; or leave the field out",
        )


def warn_of_short(tree: Value, path: Path, complaints: Complaints) -> None:
    """Warn of each secret that is too short to be looked for in the words of the platform."""
    if isinstance(tree, Secret):
        if 0 < len(str(tree.reveal())) < SHORTEST_SECRET and not isinstance(tree.reveal(), bool):
            complaints.warn(
                "short-secret",
                path,
                f"a secret of fewer than {SHORTEST_SECRET} characters is masked here alone",
                fix="use a longer one; or give it as a parameter (-p) if it is none",
            )
    elif isinstance(tree, Mapping):
        for word, each in tree.items():
            warn_of_short(each, (*path, word), complaints)
    elif isinstance(tree, list):
        for i, each in enumerate(tree):
            warn_of_short(each, (*path, i), complaints)


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
