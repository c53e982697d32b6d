"""The one way in which this room says no: a diagnostic without a place, which the caller adds."""

from __future__ import annotations

from peakctl.errors import Diagnostic, ManifestsInvalid


def refusal(code: str, summary: str, *, detail: str = "", fix: str = "") -> ManifestsInvalid:
    """The error to raise; `code` comes without its `artifact/`."""
    return ManifestsInvalid(
        Diagnostic(code=f"artifact/{code}", summary=summary, detail=detail, fix=fix)
    )
