"""Nodes to values for documents without surprises: plain keys, no aliases, no tags, no secrets.

Whatever it does not know it leaves to the careful builder, which explains or accepts it.
"""

from __future__ import annotations

import re
from typing import Any

import yaml

from peakctl.manifests.compose import NULL
from peakctl.model.text import INVISIBLE

ScalarNode: Any = yaml.ScalarNode
MappingNode: Any = yaml.MappingNode
LINES = "\x00-\x1f"
_UNSEEN = re.compile(rf"[{INVISIBLE.removeprefix(LINES)}]|\\[0abtnvfre_NLPxuU]")
_ANCHOR = re.compile(r"(?:^|[\s,\[{:?-])&[^\s,\[\]{}]", re.MULTILINE)


class NeedsCare(ValueError):
    """The careful builder has to read this text."""


def check_quick(text: str) -> None:
    """Raise NeedsCare when nodes of `text` may be shared: building those could take for ever.

    And when a key may hold a character that cannot be seen, as it stands or as an escape.
    """
    if "&" in text and _ANCHOR.search(text):
        raise NeedsCare
    if _UNSEEN.search(text):
        raise NeedsCare


def build_quick(node: Any) -> Any:
    """The value of a node. Raises NeedsCare."""
    kind = node.__class__
    if kind is ScalarNode:
        return _scalar(node)
    if node.tag is not None:
        raise NeedsCare
    if kind is not MappingNode:
        return [
            item.value if item.__class__ is ScalarNode and item.tag is None else build_quick(item)
            for item in node.value
        ]
    built: dict[str, Any] = {}
    for key, value in node.value:
        if key.__class__ is not ScalarNode or key.tag.__class__ is str:
            raise NeedsCare
        if value.__class__ is ScalarNode and value.tag is None:
            built[key.value] = value.value
        else:
            built[key.value] = build_quick(value)
    if len(built) != len(node.value) or "<<" in built:
        raise NeedsCare
    return built


def _scalar(node: Any) -> Any:
    tag = node.tag
    if tag is None:
        return node.value
    if tag is NULL:
        return None
    if tag.__class__ is str:
        raise NeedsCare
    return tag
