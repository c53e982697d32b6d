"""The one way in which this room says no: a diagnostic without a place, which the caller adds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from peakctl.errors import Diagnostic, ManifestsInvalid

if TYPE_CHECKING:
    from collections.abc import Sequence

MOST = 100


def refusal(code: str, summary: str, *, detail: str = "", fix: str = "") -> ManifestsInvalid:
    """The error to raise; `code` comes without its `artifact/`."""
    return ManifestsInvalid(
        Diagnostic(code=f"artifact/{code}", summary=summary, detail=detail, fix=fix)
    )


def raise_all(refusals: Sequence[ManifestsInvalid]) -> None:
    """Raise all of them at once, the first `MOST` by name; nothing if there are none."""
    found = sorted((d for each in refusals for d in each.diagnostics), key=lambda d: d.summary)
    if not found:
        return
    more = len(found) - MOST
    if more > 0:
        summary = f"{more} more files of the folder cannot be packed"
        found[MOST:] = [Diagnostic(code=found[MOST].code, summary=summary)]
    raise ManifestsInvalid(*found)
