"""What is disturbed: the phases of a project folder, and of the projects made up here."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from chaos.projects import write_everything, write_less, write_mending, write_sized
from chaos.sweep import APPLY, DESTROY, PRUNE, Phase, enter
from chaos.tenant import Tenant

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

MADE: dict[str, Callable[..., Path]] = {
    "everything": write_everything,
    "mending": write_mending,
    "prune": write_less,
    "change and prune": write_less,
}


def unprotect(folder: Path) -> None:
    """What is protected is not destroyed; here it may be."""
    for path in folder.rglob("*.yaml"):
        text = path.read_text(encoding="utf-8")
        if "protect: true" in text and path.name != "peakctl.yaml":
            path.write_text(text.replace("protect: true", "protect: false"), encoding="utf-8")


def first(source: Path, work: Path) -> Tenant:
    """An empty tenant and a copy of the project in `source`."""
    ignored = shutil.ignore_patterns(".peakctl")
    project = Path(shutil.copytree(source, work / source.name, ignore=ignored))
    unprotect(project)
    return Tenant(project)


def folder_phases(name: str, source: Path, work: Path) -> Iterator[Phase]:
    """An apply to an empty tenant and a destroy, of a copy of `source`."""
    return _there_and_back(name, first(source, work))


def sized_phases(size: int, work: Path) -> Iterator[Phase]:
    """The same of a made-up stack of `size` resources."""
    name = f"stack of {size}"
    return _there_and_back(name, Tenant(write_sized(work / name, size)))


def _there_and_back(name: str, empty: Tenant) -> Iterator[Phase]:
    full = applied(empty)
    yield enter(f"{name}: apply", empty, APPLY)
    yield enter(f"{name}: destroy", full, DESTROY)


def change_phases(name: str, work: Path) -> Iterator[Phase]:
    """From the first state of a project made up here to its second, or to one that has less."""
    prunes = "prune" in name
    words = f"everything: {name}" if prunes else f"{name}: change"
    yield enter(words, changing(name, work), PRUNE if prunes else APPLY)


def changing(name: str, work: Path) -> Tenant:
    """A tenant in the first state of a project, with the second one to be applied."""
    write = MADE[name]
    whole = write_everything if write is write_less else write
    start = applied(Tenant(whole(work / name / "before")))
    start.project = write(work / name / "after", after=name != "prune")
    return start


def applied(tenant: Tenant) -> Tenant:
    """A copy after one apply, which may fail in part, with everything at rest."""
    copied = tenant.copy()
    copied.run(*APPLY)
    copied.calm()
    return copied
