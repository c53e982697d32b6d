"""Health checks, as lines and as rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from peakctl.present.text import Line, line

if TYPE_CHECKING:
    from collections.abc import Sequence

    from peakctl.model import JsonDict
    from peakctl.operations.health import CheckResult


NO_CHECKS = (
    "Nothing was tested: peakctl.yaml has no healthChecks for this environment. "
    "One service: peakctl test Service/NAME"
)


def check_lines(found: Sequence[CheckResult]) -> tuple[Line, ...]:
    """A line for each check: what was asked, what came back, and why that is not right."""
    return tuple(_line(each) for each in found)


def _line(found: CheckResult) -> Line:
    check = found.check
    word = ("passed", "good") if found.ok else ("failed", "error")
    status = "" if found.status is None else f" {found.status}"
    took = "" if found.took is None else f" in {found.took:.2f}s"
    times = f", asked {found.attempts} times" if found.attempts > 1 else ""
    why = f": {found.problem}" if found.problem else ""
    asked = f"  {check.method.upper()} {check.path}{status}{took}{times}  "
    return line((str(found.key), "bold"), asked, word, why)


def check_row(found: CheckResult) -> JsonDict:
    """A check for programs."""
    return {
        "key": str(found.key),
        "method": found.check.method,
        "path": found.check.path,
        "ok": found.ok,
        "status": found.status,
        "problem": found.problem,
        "body": found.body,
        "took": found.took,
        "attempts": found.attempts,
    }
