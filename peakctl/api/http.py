"""httpx without its own command line: `from peakctl.api.http import httpx`.

httpx loads that for everybody, with rich and pygments: more than half of the time of its import.
Where the module cannot be imported it does without, as where those are not installed.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from types import ModuleType

if "httpx" not in sys.modules:
    sys.modules["httpx._main"] = cast("ModuleType", None)  # what makes an import fail
    import httpx as httpx

    del sys.modules["httpx._main"]
import httpx as httpx
