"""Small projects for two runs at once: what they share is written in each of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

PROJECT = """project: %(name)s
manifests: [manifests]
environments:
  local: {emulator: true, ledger: %(ledger)s}
"""
SHARED = """apiVersion: peakctl/v1
kind: Artifact
metadata: {name: shared-data, description: %(words)s}
spec: {artifact: {path: ../data}}
---
apiVersion: peakctl/v1
kind: Workflow
metadata: {name: shared-flow, tags: [{name: %(words)s}]}
spec:
  steps:
    one:
      imageDetails: {name: peak-python}
      command: python %(words)s.py
      resources: {instanceTypeId: 21, storage: 10GB}
"""
OWN = """apiVersion: peakctl/v1
kind: Workflow
metadata: {name: flow-of-%(name)s}
spec:
  steps:
    one:
      imageDetails: {name: peak-python}
      command: python %(words)s.py
      resources: {instanceTypeId: 21, storage: 10GB}
"""


def write_duel(
    folder: Path, name: str, words: str = "", *, own: bool = True, ledger: bool = True
) -> Path:
    """A project with two things that others have too and, with `own`, one that only it has.

    `words` are what its things say: by themselves they name the project.
    """
    told = {"name": name, "words": words or name, "ledger": str(ledger).lower()}
    for part in ("manifests", "data"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    (folder / "peakctl.yaml").write_text(PROJECT % told, encoding="utf-8")
    (folder / "data" / "words.txt").write_text(told["words"], encoding="utf-8")
    (folder / "manifests" / "shared.yaml").write_text(SHARED % told, encoding="utf-8")
    if own:
        (folder / "manifests" / "own.yaml").write_text(OWN % told, encoding="utf-8")
    return folder
