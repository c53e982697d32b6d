"""The story: the steps of `story/*.yaml`, in order.

A step runs one command of the client. `peak` is its command line: `@path` is a sample of the
installed package, `@body` the step's own `body` in a file, `$name` a value that an earlier step
kept. `exit`, `error` (text on stderr), `expect` (path -> value), `absent` (paths), `says` (text on
stdout) are what must be seen; `wait` repeats a read until it is; `keep` names values for later.
"""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import yaml

FOLDER = Path(__file__).parent
RELEASES = ("1.8.0", "1.29.0")
VARIABLE = re.compile(r"\$(\w+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One command and what must come of it; `answer` overrides the documented answer."""

    peak: str
    command: str
    where: str
    flags: str = ""
    since: str = ""
    spoke: str = ""
    body: Any = None
    replace: dict[str, str] = field(default_factory=dict)
    write: dict[str, str] = field(default_factory=dict)
    env: dict[str, str] = field(default_factory=dict)
    also: tuple[str, ...] = ()
    exit: int = 0
    error: str = ""
    answer: Any = None
    expect: dict[str, Any] = field(default_factory=dict)
    absent: tuple[str, ...] = ()
    says: tuple[str, ...] = ()
    keep: dict[str, str] = field(default_factory=dict)
    zip: str = ""
    same_file: tuple[str, ...] = ()
    has_file: str = ""
    wait: bool = False
    telemetry: bool = False

    def is_for(self, release: str) -> bool:
        return not self.since or _number(release) >= _number(self.since)

    @property
    def words(self) -> list[str]:
        return shlex.split(f"{self.peak} {self.flags}")


def _number(release: str) -> tuple[int, ...]:
    return tuple(int(part) for part in release.split("."))


@cache
def read_answers(name: str) -> dict[str, Any]:
    """`answers.yaml` (the reference) or `newer.yaml`: command -> its documented answer."""
    loaded: dict[str, Any] = yaml.safe_load((FOLDER / name).read_text())
    return loaded


@cache
def load_story() -> tuple[Step, ...]:
    """All steps; a chapter with `spoke` is told to an emulator of its own.

    Raises KeyError for a command that no list names, TypeError for an unknown word.
    """
    known = [*read_answers("answers.yaml"), *read_answers("newer.yaml")]
    steps: list[Step] = []
    for path in sorted((FOLDER / "story").glob("*.yaml")):
        chapter = yaml.safe_load(path.read_text())
        for number, step in enumerate(chapter["steps"], 1):
            shared = {"spoke": chapter.get("spoke", ""), "replace": chapter.get("replace", {})}
            steps.append(_step(step, shared, f"{path.stem}, step {number}", known))
    return tuple(steps)


def _step(step: dict[str, Any], shared: dict[str, Any], where: str, known: list[str]) -> Step:
    words = step["peak"]
    named = [name for name in known if words == name or words.startswith(f"{name} ")]
    if not named:
        raise KeyError(f"{where}: {words} is no command of answers.yaml or newer.yaml")
    values = {key: tuple(v) if isinstance(v, list) else v for key, v in step.items()}
    # The step's own replacements come first: they may hold what the chapter's would change.
    values["replace"] = {**step.get("replace", {}), **shared["replace"]} | step.get("replace", {})
    return Step(command=max(named, key=len), where=where, spoke=shared["spoke"], **values)


def fill(value: Any, kept: dict[str, Any]) -> Any:
    """Put what was kept in place of `$name`; raises KeyError when nothing was kept under it."""
    if isinstance(value, dict):
        return {key: fill(item, kept) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [fill(item, kept) for item in value]
    if not isinstance(value, str):
        return value
    whole = VARIABLE.fullmatch(value)
    return kept[whole[1]] if whole else VARIABLE.sub(lambda found: str(kept[found[1]]), value)
