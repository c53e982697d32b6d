"""`requires` of peakctl.yaml: which versions of peakctl a project is for."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping
from typing import Any

from peakctl import __version__
from peakctl.errors import Diagnostic, UsageError
from peakctl.model import Document
from peakctl.model.values import mapping_at

_COMPARISON = re.compile(r" *(>=|<=|==|!=|>|<) *(\d+(?:\.\d+){0,2}) *")
_COMPARED: Mapping[str, Callable[[Any, Any], bool]] = {
    ">=": operator.ge,
    "<=": operator.le,
    "==": operator.eq,
    "!=": operator.ne,
    ">": operator.gt,
    "<": operator.lt,
}


def check_version(document: Document) -> None:
    """Raise UsageError where the project is for other versions of peakctl than this one.

    Before all else: a field that this version does not know may be the reason.
    """
    wanted = mapping_at(document.value).get("requires")
    if not isinstance(wanted, str):
        return
    fits = is_version_among(__version__, wanted)
    if fits:
        return
    summary = f"this is peakctl {__version__}, and the project is for {wanted}"
    fix = f"pip install 'peakctl{wanted.replace(' ', '')}'"
    if fits is None:
        summary, fix = f'"{wanted}" compares no versions', 'write requires: ">=1.2", for one'
    place = document.locate(("requires",))
    raise UsageError(
        Diagnostic("project/requires", summary, path=("requires",), locations=(place,), fix=fix)
    )


def is_version_among(version: str, wanted: str) -> bool | None:
    """Whether `version` is one of `wanted` (`>=1.2,<2`); None where that compares no versions.

    A missing part of a number is 0.
    """
    from semver import Version

    ours = Version.parse(version)
    found = [_COMPARISON.fullmatch(part) for part in wanted.split(",")]
    fit = [
        _COMPARED[each[1]](ours, Version.parse(each[2], optional_minor_and_patch=True))
        for each in found
        if each is not None
    ]
    return all(fit) if len(fit) == len(found) else None
