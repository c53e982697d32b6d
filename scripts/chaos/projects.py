"""Projects to disturb: one with every kind in two states, and stacks of any size.

From the first state to the second every call of every kind is made: versions, releases, revisions,
patches, redeploys, edits, updates, removals.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from stacks import write_stack

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

PROJECT = """project: chaos
manifests: [manifests]
defaultEnvironment: local
environments:
  local: {emulator: true, guards: {deletes: {count: 99, limit: 99}}}
"""
EVERYTHING = """apiVersion: peakctl/v1
kind: Artifact
metadata: {name: data, description: %(words)s}
spec: {artifact: {path: ../src/data}}
---
apiVersion: peakctl/v1
kind: Image
metadata: {name: built, description: Uploaded}
spec:
  type: workflow
  artifact: {path: ../src/image}
  autodeployResources: [{kind: Workflow, name: flow}]
---
apiVersion: peakctl/v1
kind: Image
metadata: {name: served, description: Typed}
spec:
  type: api
  buildDetails:
    source: dockerfile
    useCache: true
    dockerfile: "FROM python:%(python)s\\n"
---
apiVersion: peakctl/v1
kind: Image
metadata: {name: mended, description: Typed}
spec:
  type: workflow
  buildDetails:
    source: dockerfile
    useCache: true
    dockerfile: "FROM python:3\\n%(breaks)s"
---
apiVersion: peakctl/v1
kind: Workflow
metadata: {name: flow, tags: [{name: %(tag)s}]}
spec:
  triggers: [{cron: "%(minute)s 2 * * *"}, {webhook: true}]
  steps:
    one:
      imageDetails: {name: built}
      command: python %(words)s.py
      resources: {instanceTypeId: 21, storage: 10GB}
      parameters: {env: {WORDS: %(words)s}}
---
apiVersion: peakctl/v1
kind: Service
metadata: {name: api, title: %(words)s}
spec:
  serviceType: api
  imageDetails: {name: served}
  resources: {instanceTypeId: 45}
  parameters: {env: {%(env)s}}
  minInstances: 1
---
apiVersion: peakctl/v1
kind: Service
metadata: {name: plain, title: %(words)s}
spec: {serviceType: api, imageDetails: {name: served}, resources: {instanceTypeId: 45}}
---
apiVersion: peakctl/v1
kind: Webapp
metadata: {name: board, title: Board}
spec:
  imageDetails: {name: peak-pages}
  resources: {instanceTypeId: 1}
  sessionStickiness: %(sticky)s
---
apiVersion: peakctl/v1
kind: BlockSpec
metadata: {name: block, title: %(words)s, summary: A block}
spec:
  kind: workflow
  scope: private
  artifact: {path: ../src/image}
  release: {notes: %(words)s}
  parameters:
    build: [{name: cmd, type: string, required: false, defaultValue: python a.py}]
    run:
      - {name: mode, type: string, required: false, defaultValue: fast}
      - {name: size, type: number, required: false, defaultValue: 1}
  config:
    images: {main: {context: ., dockerfile: Dockerfile, version: 0.0.1}}
    steps:
      one:
        type: standard
        imageRef: main
        command: "@param:cmd"
        resources: {instanceTypeId: 21, storage: 10GB}
---
apiVersion: peakctl/v1
kind: BlockSpec
metadata: {name: fixed, title: %(words)s, summary: Does not change}
spec:
  kind: service
  scope: private
  parameters:
    build: [{name: title, type: string, required: true}]
    run: [{name: mode, type: string, required: false, defaultValue: fast}]
  config:
    serviceType: web-app
    imageDetails: {name: served}
    resources: {instanceTypeId: 45}
    parameters: {env: {TITLE: "@param:title"}}
---
apiVersion: peakctl/v1
kind: AppSpec
metadata: {name: app, title: %(words)s, summary: An app}
spec: {scope: private, release: {notes: %(words)s}, config: [{name: block}, {name: fixed}]}
---
apiVersion: peakctl/v1
kind: Deployment
metadata: {name: follows, title: %(words)s, summary: Follows its block}
spec:
  blockSpec: {name: block}
  revision: {notes: %(words)s}
  parameters: {build: {cmd: python %(words)s.py}, run: {mode: %(words)s, size: 2}}
---
apiVersion: peakctl/v1
kind: Deployment
metadata: {name: patched, title: Patched, summary: New run values}
spec:
  blockSpec: {name: block, release: 1.0.0}
  parameters: {build: {cmd: python b.py}, run: {mode: %(words)s}}
---
apiVersion: peakctl/v1
kind: Deployment
metadata: {name: removed, title: Removed, summary: A run value goes}
spec:
  blockSpec: {name: block, release: 1.0.0}
  parameters: {build: {cmd: python b.py}, run: {%(run)s}}
---
apiVersion: peakctl/v1
kind: Deployment
metadata: {name: edited, title: %(words)s, summary: Its words alone}
spec: {blockSpec: {name: block, release: 1.0.0}, parameters: {run: {mode: fast}}}
---
apiVersion: peakctl/v1
kind: Deployment
metadata: {name: whole, title: Whole, summary: An app}
spec:
  appSpec: {name: app}
  parameters:
    block: {run: {mode: %(words)s}}
    fixed: {build: {title: %(words)s}}
"""
BEFORE = {
    "words": "first",
    "python": "3.11",
    "breaks": "RUN false\\n",
    "tag": "old",
    "minute": "10",
    "env": "KEPT: a, GONE: b",
    "sticky": "true",
    "run": "mode: fast, size: 3",
    "service": "fail-service",
}
AFTER = {
    "words": "second",
    "python": "3.12",
    "breaks": "",
    "tag": "new",
    "minute": "20",
    "env": "KEPT: c",
    "sticky": "false",
    "run": "mode: fast",
    "service": "fast",
}
MENDING = """apiVersion: peakctl/v1
kind: BlockSpec
metadata: {name: block, title: Block, summary: A block}
spec:
  kind: workflow
  scope: private
  artifact: {path: ../src/image}
  parameters: {run: [{name: mode, type: string, required: false, defaultValue: fast}]}
  config:
    images: {main: {context: ., dockerfile: Dockerfile, version: 0.0.1}}
    steps:
      one:
        type: standard
        imageRef: main
        command: ls
        resources: {instanceTypeId: 21, storage: 10GB}
---
apiVersion: peakctl/v1
kind: Deployment
metadata: {name: again, title: Again, summary: Fails at first}
spec: {blockSpec: {name: block}, parameters: {run: {mode: fail-deployment-once}}}
---
apiVersion: peakctl/v1
kind: Image
metadata: {name: mended, description: Typed}
spec:
  type: workflow
  buildDetails: {source: dockerfile, useCache: true, dockerfile: "FROM python:3\\n%(breaks)s"}
---
apiVersion: peakctl/v1
kind: Artifact
metadata: {name: data, description: "Name of a thing: %(words)s"}
spec: {artifact: {path: ../src/data}}
---
apiVersion: peakctl/v1
kind: Image
metadata: {name: calm, description: Builds at once}
spec: {type: api, buildDetails: {source: dockerfile, dockerfile: "FROM python:3"}}
---
apiVersion: peakctl/v1
kind: Service
metadata: {name: replaced, title: Fails to be created at first}
spec: {serviceType: api, imageDetails: {name: calm}, parameters: {env: {MODE: %(service)s}}}
"""


DROPPED = ("data", "built", "mended", "flow", "plain", "board", "fixed", "app", "edited", "whole")
"""Of each kind at least one, and nothing that what stays refers to."""


def write_everything(folder: Path, *, after: bool = False) -> Path:
    """The project of every kind, in its first or second state."""
    return _write(folder, EVERYTHING, AFTER if after else BEFORE)


def write_less(folder: Path, *, after: bool = False) -> Path:
    """The same with all that may go gone."""
    whole = EVERYTHING.split("---\n")
    rest = [text for text in whole if not any(f"{{name: {name}, " in text for name in DROPPED)]
    return _write(folder, "---\n".join(rest), AFTER if after else BEFORE)


def write_mending(folder: Path, *, after: bool = False) -> Path:
    """A project whose build and whose deployment fail at first."""
    words = AFTER if after else BEFORE
    return _write(folder, MENDING, {**words, "python": BEFORE["python"]})


def _write(folder: Path, text: str, words: Mapping[str, str]) -> Path:
    for name in ("manifests", "src/data", "src/image"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    (folder / "peakctl.yaml").write_text(PROJECT, encoding="utf-8")
    (folder / "manifests" / "all.yaml").write_text(text % words, encoding="utf-8")
    (folder / "src/data/words.txt").write_text(words["words"], encoding="utf-8")
    (folder / "src/image/Dockerfile").write_text(
        f"FROM python:{words['python']}\n", encoding="utf-8"
    )
    return folder


def write_sized(folder: Path, size: int) -> Path:
    """A stack of `size` images, services and workflows."""
    write_stack(folder, size)
    (folder / "peakctl.yaml").write_text(PROJECT, encoding="utf-8")
    return folder
