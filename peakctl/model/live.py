"""What is on the platform now, in manifest shape."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field

from peakctl.model.values import Key, Path, Tree, empty_tree


class State(enum.StrEnum):
    """What a status word of the platform means to a plan (the words are in the schemas)."""

    READY = "ready"
    PENDING = "pending"
    FAILED = "failed"
    STUCK = "stuck"  # a failed end that a redeploy does not mend: rolled back, resource error
    WARNING = "warning"
    GONE = "gone"


@dataclass(frozen=True, slots=True)
class Listed:
    """One item of a listing: `item` is the platform's own summary of it.

    `ours` is false for what can be referred to but never managed (platform-wide images).
    """

    id: str | int
    name: str
    item: Tree = field(default_factory=empty_tree, compare=False)
    ours: bool = True


@dataclass(frozen=True, slots=True)
class Live:
    """One resource as the platform has it now, already in manifest shape.

    `version` is the image version, release or revision that `values` tell of; `latest` the newest
    there is. `attributes` are what references to it receive (`id`, `version`). `private` is the
    adapter's own (version ids, build ids, webhook ids) and is handed back to it untouched.
    `foreign` says why the resource is not ours to change, if so. `parts` are
    what the platform made for it: they are its own, and go with it. `hidden` are the
    places of values that no output may show, whatever the read showed.
    """

    key: Key
    id: str | int
    values: Tree
    status: str = ""
    state: State = State.READY
    version: str | None = None
    latest: str | None = None
    attributes: Tree = field(default_factory=empty_tree)
    private: Tree = field(default_factory=empty_tree)
    foreign: str | None = None
    notes: tuple[str, ...] = ()
    parts: tuple[Key, ...] = ()
    hidden: frozenset[Path] = frozenset()
