"""docs/interop.md: what the story found."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from interop.serving import platform_endpoints
from interop.story import RELEASES, read_answers

if TYPE_CHECKING:
    from collections.abc import Sequence

HEAD = """# The real client against the emulator

Written by `make interop`; do not edit. The platform's own client (PyPI `peak-sdk`), unchanged but
for the address it calls, tells one story of {steps} steps against a fresh emulator: every command
of the reference, with the package's sample files and with flags, later commands using the ids that
earlier ones returned. A step checks the exit code, the documented fields of the answer and their
types, and what is visible afterwards; downloads must hold the very bytes that were uploaded. The
steps are in `scripts/interop/story/`, the documented answers in `scripts/interop/answers.yaml`.

`pass`: every step with this command passed. `n.a.`: this release has no such command.
"""
NOTES = """
## What the story does not cover

- `cache ...` and `metrics ...` of 1.29.0 speak to servers that are no part of the documented API.
- Telemetry is off, but for one step that shows it is accepted and dropped.
- Samples are used as they are, but for the ids and names that a story must fill in (an image that
  exists, a block of this tenant). The replacements stand beside each step.
- 1.8.0 leaves its dependencies open; it is installed with `click<8.2` and `rich<14.1`, as later
  ones break its flags and its progress bar.
"""


@dataclass
class Told:
    """How the story went with one release: command -> problems; the endpoints it reached."""

    release: str
    found: dict[str, list[str]] = field(default_factory=dict)
    reached: set[str] = field(default_factory=set)
    seconds: float = 0.0

    def add(self, found: dict[str, list[str]], reached: set[str]) -> None:
        """What one emulator heard."""
        for name, problems in found.items():
            self.found.setdefault(name, []).extend(problems)
        self.reached |= reached


def render(told: Sequence[Told], steps: int) -> str:
    """The page; `told` has every release of RELEASES."""
    by_release = {one.release: one for one in told}
    rows = [_row(name, by_release) for name in sorted(read_answers("answers.yaml"))]
    newer = [_row(name, by_release) for name in sorted(read_answers("newer.yaml"))]
    head = f"| command | {' | '.join(RELEASES)} |\n|---|{'---|' * len(RELEASES)}\n"
    return (
        HEAD.format(steps=steps)
        + f"\n## Commands of the reference\n\n{head}{''.join(rows)}"
        + f"\n## Commands that came later\n\n{head}{''.join(newer)}"
        + _reasons(told)
        + _endpoints(told)
        + NOTES
    )


def _row(name: str, told: dict[str, Told]) -> str:
    return f"| `{name}` | {' | '.join(_cell(told[release], name) for release in RELEASES)} |\n"


def _cell(told: Told, name: str) -> str:
    if name not in told.found:
        return "n.a."
    return "fails" if told.found[name] else "pass"


def _reasons(told: Sequence[Told]) -> str:
    lines = [
        f"- `{name}`, {one.release}: {problem}\n"
        for one in told
        for name, problems in sorted(one.found.items())
        for problem in problems
    ]
    return "\n## What does not pass\n\n" + ("".join(lines) or "Nothing.\n")


def _endpoints(told: Sequence[Told]) -> str:
    every = platform_endpoints()
    missed = sorted(every - {name for one in told for name in one.reached})
    lines = "".join(
        f"- {one.release} reaches {len(one.reached & every)} of the {len(every)} endpoints.\n"
        for one in told
    )
    rest = f"- Reached by neither: {', '.join(f'`{name}`' for name in missed)}.\n" if missed else ""
    return f"\n## Endpoints\n\n{lines}{rest}"
