"""peakctl.yaml and the parameters that it and the command line give."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import pytest

from peakctl.errors import UsageError
from peakctl.kinds.schemas import load_project_schema
from peakctl.manifests.parameters import gather_given, read_pairs
from peakctl.manifests.project import (
    Environment,
    Project,
    find_project,
    load_project,
)
from peakctl.manifests.sections import is_version_among
from peakctl.model import Guards, Threshold
from peakctl.settings import STAGES

GOOD = """\
project: retail-forecasting
manifests: [manifests, more/*.yaml]
params: [params/all.yaml]
parameters: {region: eu, gone: null}
defaultEnvironment: local
environments:
  local: {emulator: true}
  slow: {emulator: {buildSeconds: 3}}
  dev: {stage: dev, params: [params/dev.yaml], parameters: {size: 2}, emulator: false}
  prod: {stage: prod, protect: true, tenant: acme, ledger: false}
  lab: {endpoint: "http://127.0.0.1:8080/"}
"""


def write(root: Path, text: str) -> Path:
    (root / "params").mkdir(exist_ok=True)
    (root / "params/all.yaml").write_text("region: all\ncolour: red\nnested: {a: 1, b: null}\nx: ~")
    (root / "params/dev.yaml").write_text("colour: blue\n")
    (root / "peakctl.yaml").write_text(text)
    return root


def load(root: Path) -> Project:
    project = load_project(root)
    assert project is not None
    return project


def refused(root: Path, text: str) -> list[tuple[str, ...]]:
    with pytest.raises(UsageError) as caught:
        load_project(write(root, text))
    return [
        (d.code, *(f"{x.line}:{x.column}" for x in d.locations), *_near(d.fix))
        for d in caught.value.diagnostics
    ]


def _near(fix: str) -> list[str]:
    return [fix] if fix.startswith("did you mean") else []


def test_a_project_is_found_from_a_folder_below_it(tmp_path: Path) -> None:
    (write(tmp_path, GOOD) / "a/b").mkdir(parents=True)
    assert find_project(tmp_path / "a/b") == tmp_path / "peakctl.yaml"
    assert load(tmp_path / "a/b").root == tmp_path


def test_outside_of_any_project_there_is_none() -> None:
    assert load_project(Path("/")) is None


def test_a_project_says_all_there_is(tmp_path: Path) -> None:
    project = load(write(tmp_path, GOOD))
    assert (project.name, project.manifests) == (
        "retail-forecasting",
        ("manifests", "more/*.yaml"),
    )
    assert project.environment(None) == Environment("local", emulator=True)
    assert project.environment("slow").emulator_options == {"buildSeconds": 3}
    assert project.environment("prod") == Environment(
        "prod", stage="prod", protect=True, tenant="acme", ledger=False
    )
    assert project.environment("lab").endpoint == "http://127.0.0.1:8080"
    assert project.param_files == {tmp_path / "params/all.yaml", tmp_path / "params/dev.yaml"}


def test_guards_keep_their_default_where_nothing_is_stated(tmp_path: Path) -> None:
    guards = "{deletes: {count: 0, limit: 7}, changes: {percent: 100}}"
    project = load(write(tmp_path, f"project: x\nenvironments: {{a: {{guards: {guards}}}}}"))
    assert project.environment("a").guards == Guards(Threshold(5, 100), Threshold(0, 30, 7))


@pytest.mark.parametrize(
    ("wanted", "fits"),
    [
        (">=1.2", True),
        (">= 1.2, < 2", True),
        ("==1.4.1", True),
        ("!=1.4.1", False),
        (">1.4.1", False),
        ("<=1", False),
        ("1.4.1", None),
        (">=1.2,x", None),
        ("", None),
    ],
)
def test_versions_are_compared(wanted: str, fits: bool | None) -> None:
    assert is_version_among("1.4.1", wanted) is fits


def test_a_project_for_a_newer_peakctl_says_so_before_anything_else(tmp_path: Path) -> None:
    text = 'project: x\nrequires: ">=99.1"\nbrandNew: {field: 1}\n'
    with pytest.raises(UsageError) as refused:
        load(write(tmp_path, text))
    (told,) = refused.value.diagnostics
    assert told.code == "project/requires"
    assert "the project is for >=99.1" in told.summary
    assert told.fix == "pip install 'peakctl>=99.1'"
    assert (told.locations[0].line, told.locations[0].column) == (2, 1)


def test_what_compares_no_versions_is_told(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="compares no versions"):
        load(write(tmp_path, "project: x\nrequires: latest\n"))
    with pytest.raises(UsageError, match="expected string"):
        load(write(tmp_path, "project: x\nrequires: [1]\n"))
    assert load(write(tmp_path, 'project: x\nrequires: ">=0.0.1"\n')).name == "x"


def test_little_is_needed(tmp_path: Path) -> None:
    project = load(write(tmp_path, "project: x"))
    assert project.manifests == ("manifests",)
    assert project.environment(None) == Environment("default")
    only = load(write(tmp_path, "project: x\nenvironments: {one: {stage: dev}}"))
    assert only.environment(None).name == "one"
    ledgers = "{a: {}, b: {ledger: null}, c: {ledger: true}}"
    kept = load(write(tmp_path, f"project: x\nenvironments: {ledgers}"))
    assert all(environment.ledger for environment in kept.environments.values())


@pytest.mark.parametrize(
    ("name", "code", "fix"),
    [
        ("prdo", "unknown-environment", "did you mean: prod"),
        ("zzzz", "unknown-environment", "use one of dev, prod"),
        (None, "no-environment", "choose one with -e: dev, prod"),
    ],
)
def test_an_environment_that_is_not_there(
    tmp_path: Path, name: str | None, code: str, fix: str
) -> None:
    project = load(write(tmp_path, "project: x\nenvironments: {dev: {}, prod: {}}"))
    with pytest.raises(UsageError) as caught:
        project.environment(name)
    (problem,) = caught.value.diagnostics
    assert (problem.code, problem.fix) == (f"project/{code}", fix)


def test_an_environment_of_a_project_without_any(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        load(write(tmp_path, "project: x")).environment("prod")
    assert caught.value.diagnostics[0].fix == "add it to peakctl.yaml"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", [("project/empty", "1:1")]),
        ("a: [", [("manifest/syntax", "1:5", "1:5")]),
        ("{}", [("project/missing", "1:1")]),
        ("project: Retail", [("project/name", "1:1")]),
        ("project: 5", [("project/type", "1:1")]),
        ("project: x\nmanifest: [a]", [("project/unknown-key", "2:1", "did you mean: manifests")]),
        ("project: x\nqqq: 1", [("project/unknown-key", "2:1")]),
        ("project: x\nmanifests: a", [("project/type", "2:1")]),
        ("project: x\nmanifests: [a, 1]", [("project/type", "2:16")]),
        ("project: x\nmanifests: []", [("project/no-manifests", "2:1")]),
        ("project: x\nmanifests: [a, ../b]", [("project/outside-project", "2:16")]),
        ("project: x\nmanifests: [/etc]", [("project/outside-project", "2:13")]),
        ("project: x\nenvironments: {'': {}}", [("project/name", "2:16")]),
        ("project: x\nenvironments: {a/b: {}}", [("project/name", "2:16")]),
        ("project: x\nenvironments: {a: {endpoint: 'http://u@x'}}", [("project/endpoint", "2:20")]),
        (
            "project: x\nenvironments: {a: {guards: {delete: {}}}}",
            [("project/unknown-key", "2:29", "did you mean: deletes")],
        ),
        ("project: x\nenvironments: {a: {guards: [1]}}", [("project/type", "2:20")]),
        (
            "project: x\nenvironments: {a: {guards: {deletes: {count: -1, percent: 101}}}}",
            [("project/number", "2:39"), ("project/number", "2:50")],
        ),
        (
            "project: x\nenvironments: {a: {guards: {changes: {count: true, limit: '5', x: 1}}}}",
            [("project/type", "2:39"), ("project/type", "2:52"), ("project/unknown-key", "2:64")],
        ),
        ("project: x\nparams: [nope.yaml]", [("project/no-file", "2:10")]),
        ("project: x\nparameters: [1]", [("project/type", "2:1")]),
        ("project: x\nparameters: {os_env: 1}", [("parameters/reserved", "2:14")]),
        ("project: x\nenvironments: [1]", [("project/type", "2:1")]),
        ("project: x\nenvironments:\n  a: 1", [("project/type", "3:3")]),
        (
            "project: x\nenvironments: {a: {stages: dev}}",
            [("project/unknown-key", "2:20", "did you mean: stage")],
        ),
        (
            "project: x\nenvironments: {a: {stage: Prod}}",
            [("project/unknown-stage", "2:20", "did you mean: prod")],
        ),
        ("project: x\nenvironments: {a: {stage: 1}}", [("project/unknown-stage", "2:20")]),
        ("project: x\nenvironments: {a: {endpoint: ftp}}", [("project/endpoint", "2:20")]),
        ("project: x\nenvironments: {a: {emulator: 1}}", [("project/type", "2:20")]),
        ("project: x\nenvironments: {a: {protect: 1}}", [("project/type", "2:20")]),
        ("project: x\nenvironments: {a: {ledger: off}}", [("project/type", "2:20")]),
        ("project: x\nenvironments: {a: {ledger: []}}", [("project/type", "2:20")]),
        ("project: x\nenvironments: {a: {tenant: ' '}}", [("project/tenant", "2:20")]),
        (
            "project: x\nenvironments: {a: {emulator: true, stage: dev}}",
            [("project/either-or", "2:36")],
        ),
        (
            "project: x\nenvironments: {a: {emulator: {}, endpoint: 'http://x'}}",
            [("project/either-or", "2:34")],
        ),
        (
            "project: x\ndefaultEnvironment: dve\nenvironments: {dev: {}}",
            [("project/unknown-environment", "2:1", "did you mean: dev")],
        ),
        ("project: x\ndefaultEnvironment: q", [("project/unknown-environment", "2:1")]),
        ("project: X\nfoo: 1", [("project/name", "1:1"), ("project/unknown-key", "2:1")]),
        ("project: x\ndefaultEnvironment: a\nenvironments: {a: null}", [("project/type", "3:16")]),
        (
            "project: x\nenvironments: {a: {guards: {deletes: {limit: 1.5}}}}",
            [("project/type", "2:39")],
        ),
    ],
)  # fmt: skip
def test_every_problem_has_a_place(tmp_path: Path, text: str, found: list[tuple[str, ...]]) -> None:
    assert refused(tmp_path, text) == found


def test_a_project_file_that_is_no_text(tmp_path: Path) -> None:
    (tmp_path / "peakctl.yml").write_bytes(b"\xff")
    with pytest.raises(UsageError):
        load_project(tmp_path)


def test_the_last_value_wins(tmp_path: Path) -> None:
    project = load(write(tmp_path, GOOD))
    (tmp_path / "v.yaml").write_text("size: 3\n")
    given = gather_given(
        project,
        project.environment("dev"),
        files=[tmp_path / "v.yaml"],
        pairs=["who=me"],
        root=tmp_path,
    )
    assert given.problems == ()
    assert given.values == {
        "region": "eu",
        "colour": "blue",
        "nested": {"a": 1},
        "size": 3,
        "who": "me",
    }
    given = gather_given(
        project, project.environment("dev"), files=[tmp_path / "v.yaml"],
        pairs=["size=4", "region=a=b"], root=tmp_path,
    )  # fmt: skip
    assert (given.values["size"], given.values["region"]) == ("4", "a=b")


def test_parameters_need_no_project(tmp_path: Path) -> None:
    environment = Environment("x", parameters={"a": 1})
    given = gather_given(None, environment, root=tmp_path)
    assert (given.values, given.problems) == ({"a": 1}, ())
    assert gather_given(None, None, root=tmp_path).values == {}


@pytest.mark.parametrize(
    ("text", "code", "places"),
    [
        ("- 1", "manifest/not-a-mapping", ["v.yaml:1:1"]),
        ("a: 1\na: 2", "manifest/duplicate-key", ["v.yaml:2:1", "v.yaml:1:1"]),
        ("a: 1\nos_env: 2", "parameters/reserved", ["v.yaml:2:1"]),
        (None, "source/unreadable", ["v.yaml:1:1"]),
    ],
)
def test_a_bad_parameters_file_is_told(
    tmp_path: Path, text: str | None, code: str, places: list[str]
) -> None:
    if text is not None:
        (tmp_path / "v.yaml").write_text(text)
    (problem,) = gather_given(None, None, files=[tmp_path / "v.yaml"], root=tmp_path).problems
    assert (problem.code, list(map(str, problem.locations))) == (code, places)


@pytest.mark.parametrize("pair", ["a", "=b", "", " =b", "os_env=1"])
def test_a_pair_is_a_key_and_a_value(pair: str) -> None:
    with pytest.raises(UsageError) as caught:
        read_pairs([pair])
    assert caught.value.diagnostics[0].code == "parameters/pair"


def test_the_value_of_a_pair_is_text() -> None:
    assert read_pairs(["a=1", "b=", " c = d ", "e=f=g"]) == {
        "a": "1",
        "b": "",
        "c": " d ",
        "e": "f=g",
    }


def test_the_variables_of_templates_are_those_of_the_environment_else_of_the_project(
    tmp_path: Path,
) -> None:
    (tmp_path / "peakctl.yaml").write_text(
        "project: p\nosEnv: [A, 'APP_*']\nenvironments:\n  dev: {}\n  prod: {osEnv: []}\n"
    )
    project = load_project(tmp_path)
    assert project is not None
    assert project.os_env_for(None) == ("A", "APP_*")
    assert project.os_env_for(project.environment("dev")) == ("A", "APP_*")
    assert project.os_env_for(project.environment("prod")) == ()


def test_a_credential_is_not_listed_for_templates(tmp_path: Path) -> None:
    (tmp_path / "peakctl.yaml").write_text("project: p\nosEnv: [A, PEAK_AUTH_TOKEN, 1]")
    with pytest.raises(UsageError) as caught:
        load_project(tmp_path)
    assert [(p.code, str(p.locations[0])) for p in caught.value.diagnostics] == [
        ("project/credential", "peakctl.yaml:2:12"),
        ("project/type", "peakctl.yaml:2:29"),
    ]


def test_the_schema_knows_the_stages_and_the_default_guards() -> None:
    environment = load_project_schema().schema["$defs"]["environment"]["properties"]
    assert tuple(environment["stage"]["enum"]) == (*STAGES, None)
    guards, usual = environment["guards"]["properties"], Guards()
    for word, threshold in (("changes", usual.changes), ("deletes", usual.deletes)):
        said = {k: v for k, v in asdict(threshold).items() if v is not None}
        assert guards[word]["default"] == said


def test_a_null_is_not_named_among_what_a_field_takes(tmp_path: Path) -> None:
    (tmp_path / "peakctl.yaml").write_text("project: p\nparams: 1")
    with pytest.raises(UsageError) as caught:
        load_project(tmp_path)
    assert caught.value.diagnostics[0].summary == "params: expected list, got integer 1"
