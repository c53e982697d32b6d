"""The types that every room shares: data only, so that every room may import them.

    Source -> Rendered -> Document -> Resource (+ Live) -> Plan -> Outcome

A value tree is JSON (dict, list, str, int, float, bool, None) whose leaves may also be `Secret`
(known, never shown) or `Unknown` (known only after another action).

Each name is imported when it is first asked for, with the modules before its own: who only reads
manifests needs no plans.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from peakctl.model.ledger import *
    from peakctl.model.plan import *
    from peakctl.model.platform import *
    from peakctl.model.resources import *
    from peakctl.model.values import *

_MODULES = ("values", "resources", "ledger", "plan", "platform")
"""Each is imported by some of those after it, and by none before."""


def __getattr__(name: str) -> Any:
    for module in () if name.startswith("_") or name in _MODULES else _MODULES:
        found = importlib.import_module(f"peakctl.model.{module}")
        if name in found.__dict__:
            return globals().setdefault(name, found.__dict__[name])
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
