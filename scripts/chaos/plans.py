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

MADE: dict[str, Callable[..., Path]] = {"everything": write_everything, "mending": write_mending}


def unprotect(folder: Path) -> None:
    """What is protected is not destroyed; here it may be."""
    for path in folder.rglob("*.yaml"):
        text = path.read_text(encoding="utf-8")
        if "protect: true" in text and path.name != "peakctl.yaml":
            path.write_text(text.replace("protect: true", "protect: false"), encoding="utf-8")


def folder_phases(name: str, source: Path, work: Path) -> Iterator[Phase]:
    """An apply to an empty tenant and a destroy, of a copy of `source`."""
    ignored = shutil.ignore_patterns(".peakctl")
    project = Path(shutil.copytree(source, work / name, ignore=ignored))
    unprotect(project)
    return _there_and_back(name, project)


def sized_phases(size: int, work: Path) -> Iterator[Phase]:
    """The same of a made-up stack of `size` resources."""
    name = f"stack of {size}"
    return _there_and_back(name, write_sized(work / name, size))


def _there_and_back(name: str, project: Path) -> Iterator[Phase]:
    empty = Tenant(project)
    full = applied(empty)
    yield enter(f"{name}: apply", empty, APPLY)
    yield enter(f"{name}: destroy", full, DESTROY)


def change_phases(name: str, work: Path) -> Iterator[Phase]:
    """From the first state of a project made up here to its second."""
    write = MADE[name]
    before, after = write(work / name / "before"), write(work / name / "after", after=True)
    start = applied(Tenant(before))
    start.project = after
    yield enter(f"{name}: change", start, APPLY)


def prune_phases(work: Path) -> Iterator[Phase]:
    """Something of every kind goes, alone and while all else changes."""
    start = applied(Tenant(write_everything(work / "full")))
    for name, after in (("prune", False), ("change and prune", True)):
        twin = start.copy()
        twin.project = write_less(work / name, after=after)
        yield enter(f"everything: {name}", twin, PRUNE)
    start.close()


def applied(tenant: Tenant) -> Tenant:
    """A copy after one apply, which may fail in part, with everything at rest."""
    twin = tenant.copy()
    twin.run(*APPLY)
    twin.calm()
    return twin
