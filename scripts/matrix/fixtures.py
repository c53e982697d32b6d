"""What the manifests of the matrix refer to: live, in three versions each, never changed."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from chaos.tenant import Tenant

if TYPE_CHECKING:
    from pathlib import Path

PROJECT = """project: {name}
manifests: [manifests]
defaultEnvironment: local
environments:
  local: {{emulator: true}}
"""
MANIFESTS = """apiVersion: peakctl/v1
kind: Image
metadata: {name: one}
spec:
  type: workflow
  version: %(number)s.0.0
  buildDetails: {source: dockerfile, useCache: true, dockerfile: "FROM python:3.1%(number)s\\n"}
---
apiVersion: peakctl/v1
kind: BlockSpec
metadata: {name: block-a, summary: A}
spec:
  kind: workflow
  release: {version: %(number)s.0.0, notes: "%(number)s"}
  parameters:
    build:
      - {name: cmd, type: string, required: false, defaultValue: "ls %(number)s"}
      - {name: size, type: number, required: false}
    run:
      - {name: mode, type: string, required: false}
      - {name: flag, type: boolean, required: false}
      - {name: list, type: string_array, required: false}
      - {name: conf, type: object, required: false}
      - {name: hidden, type: string, required: false, hideValue: true}
  config:
    steps:
      one:
        imageDetails: {name: peak-python, version: 3.12.1}
        command: "@param:cmd"
        resources: {instanceTypeId: 21, storage: 10GB}
---
apiVersion: peakctl/v1
kind: AppSpec
metadata: {name: app-a, summary: A}
spec:
  release: {version: %(number)s.0.0}
  parameters:
    build:
      - {name: cmd, type: string, required: false, defaultValue: "ls %(number)s"}
      - {name: size, type: number, required: false}
    run:
      - {name: mode, type: string, required: false}
      - {name: flag, type: boolean, required: false}
  config: [{name: block-a, release: %(number)s.0.0}, {name: block-c, release: %(number)s.0.0}]
---
apiVersion: peakctl/v1
kind: BlockSpec
metadata: {name: block-s, summary: S}
spec:
  kind: workflow
  scope: shared
  tenants: [one, two]
  artifact: {path: ../src/a}
  release: {version: %(number)s.0.0}
  parameters: {run: [{name: n, type: number, required: false, defaultValue: %(number)s}]}
  config: {steps: {one: {image: {dockerfile: Dockerfile}, command: ls}}}
---
apiVersion: peakctl/v1
kind: Workflow
metadata: {name: watched}
spec:
  steps:
    one:
      imageDetails: {name: peak-python}
      command: ls
      resources: {instanceTypeId: 21, storage: 10GB}
"""
COPIES = {"one": ["two", "three"], "block-a": ["block-b", "block-c"], "app-a": ["app-b", "app-c"]}
MASS_CHANGE = re.compile(r"--allow-mass-change (\d+)")
FILES = {
    "manifests/a.md": "Text *a*.\n",
    "manifests/b.md": "Text b\n\n- more\n",
    "manifests/c.txt": "Text c\n",
    **{
        f"src/{letter}/{path}": f"FROM python:3\n# {letter} {path}\n"
        for letter in "abc"
        for path in ("Dockerfile", "other/Dockerfile", "third/Dockerfile", "code.py")
    },
    **{f"src/{letter}/readme.txt": letter for letter in "abc"},
    **{f"src/{letter}/ignore-text": "*.txt\n" for letter in "abc"},
    **{f"src/{letter}/.dockerignore": "code.py\n" for letter in "abc"},
}


def make_tenant(folder: Path, options: dict[str, Any]) -> Tenant:
    """A tenant with the fixtures, at the project that the walks are applied from."""
    fixtures = write_files(folder / "fixtures", "fixtures")
    tenant = Tenant(fixtures, options)
    for number in (1, 2, 3):
        text = _copied() % {"number": number}
        (fixtures / "manifests" / "all.yaml").write_text(text, encoding="utf-8")
        found = apply(tenant)
        if not found["ok"]:
            raise RuntimeError(f"the fixtures cannot be applied: {found['errors']}")
    tenant.project = write_files(folder / "walks", "walks")
    return tenant


def plan(tenant: Tenant) -> dict[str, Any]:
    """The plan of the tenant's project, as its JSON."""
    document: dict[str, Any] = json.loads(tenant.run("plan", "-o", "json").out)
    return document


def apply(tenant: Tenant) -> dict[str, Any]:
    """The project applied, with whatever number of changes: what it says as JSON."""
    document: dict[str, Any] = {}
    allowed: tuple[str, ...] = ()
    for _ in range(2):
        document = json.loads(tenant.run("apply", "--yes", "-o", "json", *allowed).out)
        wanted = MASS_CHANGE.search(" ".join(each["fix"] for each in document["errors"]))
        if wanted is None:
            break
        allowed = ("--allow-mass-change", wanted[1])
    return document


def write_files(folder: Path, name: str) -> Path:
    """A project of that name with the files that manifests name, and no manifest yet."""
    for path, text in FILES.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text, encoding="utf-8")
    (folder / "peakctl.yaml").write_text(PROJECT.format(name=name), encoding="utf-8")
    return folder


def _copied() -> str:
    documents = []
    for document in MANIFESTS.split("---\n"):
        documents.append(document)
        for first, names in COPIES.items():
            head = f"metadata: {{name: {first}"
            if head in document:
                documents += [document.replace(head, f"metadata: {{name: {n}") for n in names]
    return "---\n".join(documents)


class Ids:
    """Ids of the fixtures, put for `$image one`, `$version one 1.0.0` and `$spec block-a`."""

    def __init__(self, tenant: Tenant) -> None:
        rows = tenant.rows("SELECT kind, id, parent, name FROM items")
        self._ids: dict[str, Any] = {}
        for kind, key, _, name in rows:
            if kind == "image":
                self._ids[f"$image {name}"] = int(key)
            if kind in ("block-spec", "app-spec"):
                self._ids[f"$spec {name}"] = key
        images = {key: name for kind, key, _, name in rows if kind == "image"}
        for kind, key, parent, name in rows:
            if kind == "image-version":
                self._ids[f"$version {images[parent]} {name}"] = int(key)

    @property
    def all(self) -> list[Any]:
        """Every id of a fixture."""
        return list(self._ids.values())

    def put(self, value: Any) -> Any:
        """`value` with ids in it."""
        if isinstance(value, dict):
            return {k: self.put(v) for k, v in value.items()}
        if isinstance(value, list):
            return [self.put(item) for item in value]
        return self._ids.get(value, value) if isinstance(value, str) else value


def json_lines(documents: list[dict[str, Any]]) -> str:
    """Documents as YAML that is quick to read."""
    return "\n---\n".join(json.dumps(each) for each in documents) + "\n"
