"""`--unset-env unknown`: a variable that is not set here has some value, which nobody knows."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from peakctl import GuardRefused, Project, plan, save_plan
from peakctl.operations.plan import refuse_guarded

PROJECT = "project: p\nenvironments: {local: {emulator: true}}\ndefaultEnvironment: local\n"
HEAD = "apiVersion: peakctl/v1\nkind: Service\nmetadata: {name: svc}\nspec:\n"
SERVICE = (
    HEAD
    + """\
  serviceType: api
  imageDetails: {name: img}
  minInstances: {{ os_env.COUNT | int }}
  parameters:
    env:
      KEY: "{{ os_env.KEY }}"
      BOTH: "{{ os_env.KEY ~ os_env.REST }}"
      EU: "{{ os_env.R | default('eu') }}"
---
apiVersion: peakctl/v1
kind: Image
metadata: {name: img}
spec:
  type: api
  buildDetails:
    source: dockerfile
    dockerfile: FROM python
    buildArguments: [{name: TOKEN, value: "{{ os_env.TOKEN }}"}]
"""
)
VALUES = {"COUNT": "2", "KEY": "key-canary", "REST": "rest-canary", "TOKEN": "token-canary"}
UNKNOWN = ("--unset-env", "unknown")


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "peakctl.yaml").write_text(PROJECT)
    (tmp_path / "manifests").mkdir()
    (tmp_path / "manifests" / "a.yaml").write_text(SERVICE)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def applied(
    project: Path, peakctl: Any, make_emulator: Any, monkeypatch: pytest.MonkeyPatch
) -> Any:
    """A tenant that has the project, applied where all variables are set."""
    emulator = make_emulator()
    with monkeypatch.context() as patch:
        for name, value in VALUES.items():
            patch.setenv(name, value)
        done = peakctl("apply", "--yes", emulator=emulator)
        assert done.code == 0, done.err
    return emulator


def test_what_is_not_set_is_an_error_without_it(project: Path, peakctl: Any) -> None:
    found = peakctl("validate")
    assert (found.code, found.err.count("error[template/undefined]")) == (10, 4)
    assert peakctl("validate", *UNKNOWN).code == 0


def test_what_is_live_counts_as_equal(applied: Any, project: Path, peakctl: Any) -> None:
    found = peakctl("plan", *UNKNOWN, "--show-ignored", "--detailed-exitcode", emulator=applied)
    assert found.code == 0, found.out + found.err
    assert found.out.count("its variable is not set here") == 4
    assert "canary" not in found.out


def test_everything_else_is_compared(
    applied: Any, project: Path, peakctl: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = SERVICE.replace("serviceType: api", "serviceType: api\n  healthCheckURL: /up")
    (project / "manifests" / "a.yaml").write_text(text)
    monkeypatch.setenv("TOKEN", "another")
    found = peakctl("plan", *UNKNOWN, "-o", "json", emulator=applied)
    changed = {
        a["key"]: [c["path"] for c in a["changes"]] for a in json.loads(found.out)["actions"]
    }
    assert changed["Service/svc"] == ["spec.healthCheckURL", "spec.imageDetails"]
    assert "spec.buildDetails.buildArguments.TOKEN.value" in changed["Image/img"]


def test_where_there_is_nothing_it_is_told_as_unknown(
    project: Path, peakctl: Any, make_emulator: Any
) -> None:
    found = peakctl("plan", *UNKNOWN, "--verbose", emulator=make_emulator())
    assert found.code == 0, found.err
    assert "KEY: (unknown: KEY is not set)" in found.out
    assert "EU: eu" in found.out


def test_a_new_place_of_an_unknown_value_is_a_change(
    applied: Any, project: Path, peakctl: Any
) -> None:
    text = SERVICE.replace('BOTH: "', 'NEW: "{{ os_env.KEY }}"\n      BOTH: "')
    (project / "manifests" / "a.yaml").write_text(text)
    found = peakctl("plan", *UNKNOWN, emulator=applied)
    assert "+ spec.parameters.env.NEW: (unknown: KEY is not set)" in found.out


def test_nothing_of_it_is_applied_or_saved(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened = Project.open(unset_is_unknown=True)
    planned = plan(opened)
    with pytest.raises(GuardRefused) as refused:
        refuse_guarded(planned)
    codes = {d.code for d in refused.value.diagnostics}
    assert codes == {"guard/unset-variable"}
    told = save_plan(opened, planned, "x.peakplan")
    assert [d.code for d in told] == ["plan/not-saved"]
    assert not Path("x.peakplan").exists()


@pytest.mark.parametrize(
    ("template", "code"),
    [
        ("{% if os_env.X %}a{% endif %}", 0),
        ("{{ os_env.X | upper }}", 0),
        ("{{ 'a' + os_env.X }}", 0),
        ("{{ ['a', os_env.X] | join('-') }}", 0),
        ("{{ '%s!' | format(os_env.X) }}", 0),
        ("{{ {'a': os_env.X} | tojson | tojson }}", 0),
        ("{{ os_env['X'] }}", 0),
        ("{{ 'd' if os_env.X is defined else 'u' }}", 0),
        ("{{ os_env.X is string }}", 0),
        ("{{ 'a{}'.format(os_env.X) }}", 0),
        ("{% if os_env.X == 'a' %}a{% endif %}", 10),
        ("{{ os_env.X.upper() }}", 10),
        ("{{ os_env.X[0] }}", 10),
        ("{{ {'a': 1}[os_env.X] }}", 10),
        ("{{ -os_env.X }}", 10),
        ("{% include os_env.X %}", 10),
        ("{{ os_env.X | length }}", 10),
    ],
)
def test_templates_treat_it_as_any_secret(
    template: str, code: int, project: Path, peakctl: Any
) -> None:
    text = f"{HEAD}  imageDetails: {{name: img}}\n  parameters:\n    env:\n      A: |\n        "
    (project / "manifests" / "a.yaml").write_text(f"{text}{template}\n  serviceType: api\n")
    found = peakctl("validate", *UNKNOWN)
    assert found.code == code, found.out + found.err


@pytest.mark.parametrize(
    ("old", "new", "where"),
    [
        ("minInstances: {{ os_env.COUNT | int }}", "minInstances: [x]", "minInstances"),
        ("name: svc", "name: '{{ os_env.NAME }}'", "metadata.name"),
        ("imageDetails: {name: img}", "imageDetails: {name: '{{ os_env.IMG }}'}", "imageDetails"),
    ],
)
def test_what_is_wrong_all_the_same_is_told(
    old: str, new: str, where: str, project: Path, peakctl: Any
) -> None:
    (project / "manifests" / "a.yaml").write_text(SERVICE.replace(old, new))
    found = peakctl("validate", *UNKNOWN)
    assert (found.code, where in found.err) == (10, True), found.err


FREE = """apiVersion: peakctl/v1
kind: BlockSpec
metadata: {name: b, summary: s}
spec:
  kind: workflow
  config: {steps: {a: {imageDetails: {name: img}, command: run}}}
  parameters:
    run:
      - {name: payload, type: object, required: false}
      - {name: n, type: number, required: false}
---
apiVersion: peakctl/v1
kind: Deployment
metadata: {name: d}
spec:
  blockSpec: {name: b}
  parameters:
    run:
      payload: {user: u, list: [1, "{{ os_env.KEY }}"], more: %s}
      n: {{ os_env.COUNT | int }}
"""


@pytest.mark.parametrize("reads", [True, False])
def test_a_value_as_a_whole_is_compared_but_for_what_is_not_known(
    reads: bool,
    project: Path,
    peakctl: Any,
    make_emulator: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    emulator = make_emulator(full_reads=reads)
    (project / "manifests" / "b.yaml").write_text(FREE % "x")
    with monkeypatch.context() as patch:
        for name, value in VALUES.items():
            patch.setenv(name, value)
        done = peakctl("apply", "--yes", emulator=emulator)
        assert done.code == 0, done.err
    found = peakctl("plan", *UNKNOWN, emulator=emulator)
    assert found.out.startswith("No changes."), found.out + found.err
    (project / "manifests" / "b.yaml").write_text(FREE % "y")
    changed = peakctl("plan", *UNKNOWN, emulator=emulator)
    assert "Deployment/d" in changed.out, changed.out
