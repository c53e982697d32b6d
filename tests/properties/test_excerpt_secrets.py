"""However a manifest is broken, no line of it that is shown holds a secret."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from peakctl.errors import PeakctlError
from peakctl.operations.excerpts import excerpts_of
from peakctl.operations.load import validate
from peakctl.operations.project import Project

SECRET = "CANARYx9"
PROJECT = "project: a\nmanifests: [m.yaml]\nenvironments: {local: {emulator: true}}\n"
MANIFESTS = f"""apiVersion: peakctl/v1
kind: Image
metadata: {{name: serve, description: words}}
spec:
  type: api
  buildDetails:
    source: github
    repository: https://github.com/example/serve
    branch: main
    token: {SECRET}a
    buildArguments:
      - name: KEY
        value: {SECRET}b
---
apiVersion: peakctl/v1
kind: Service
metadata: {{name: api}}
spec:
  serviceType: api
  imageDetails: {{name: serve}}
  minInstances: 1
  parameters:
    env:
      DB: {SECRET}c
      OTHER: |
        {SECRET}d
        key: {SECRET}e
---
apiVersion: peakctl/v1
kind: Workflow
metadata: {{name: nightly}}
spec:
  watchers:
    - webhook: {{name: chat, url: "https://x/{SECRET}f", payload: "{SECRET}g"}}
      events: {{success: true, fail: true}}
  steps:
    train:
      imageDetails: {{name: serve}}
      command: python train.py
""".splitlines()

MARKS = "\"'{}[]:#&*|>% \t"
AT = st.integers(0, len(MANIFESTS) - 1)
WAYS = st.one_of(
    st.tuples(st.just("drop"), AT, st.none()),
    st.tuples(st.just("swap"), AT, AT),
    st.tuples(st.just("indent"), AT, st.integers(1, 4)),
    st.tuples(st.just("cut"), AT, st.integers(1, 4)),
    st.tuples(st.just("put"), AT, st.tuples(st.integers(0, 40), st.sampled_from(MARKS))),
)


def broken(ways: list[Any]) -> str:
    """The manifests after each of some mishaps of an editor."""
    lines = list(MANIFESTS)
    for way, at, how in ways:
        if way == "drop":
            lines[at] = ""
        elif way == "swap":
            lines[at], lines[how] = lines[how], lines[at]
        elif way == "indent":
            lines[at] = " " * how + lines[at]
        elif way == "cut":
            lines[at] = lines[at][how:]
        else:
            lines[at] = lines[at][: how[0]] + how[1] + lines[at][how[0] :]
    return "\n".join(lines)


@settings(max_examples=300)
@given(st.lists(WAYS, min_size=1, max_size=3))
def test_no_line_that_is_shown_holds_a_secret(tmp_path_factory: Any, ways: list[Any]) -> None:
    folder: Path = tmp_path_factory.mktemp("broken")
    (folder / "peakctl.yaml").write_text(PROJECT)
    (folder / "m.yaml").write_text(broken(ways))
    project = Project.open(folder, "local")
    try:
        found = validate(project).diagnostics
    except PeakctlError as error:
        found = error.diagnostics
    assert not [text for text in excerpts_of(project, found).values() if SECRET in text]
