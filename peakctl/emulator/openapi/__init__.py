"""The OpenAPI 3.1 description of the emulator.

Paths, methods and success codes come from `ENDPOINTS`, bodies from the shapes that check them,
choices from the constants that filter; only the answers and what else a row takes stand here.
"""

from __future__ import annotations

from peakctl.emulator.openapi.document import describe

__all__ = ["describe"]
