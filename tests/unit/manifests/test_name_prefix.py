"""`namePrefix` and `paused` of an environment: what they may be, and what comes of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from peakctl.errors import UsageError
from peakctl.manifests.project import Project, load_project
from peakctl.manifests.sections import LONGEST, names_in, render_prefix

TEXT = """\
project: shop
environments:
  preview:
    namePrefix: %s
    paused: true
  dev: {}
"""


def project(root: Path, prefix: str) -> Project:
    (root / "peakctl.yaml").write_text(TEXT % prefix, "utf-8")
    found = load_project(root)
    assert found is not None
    return found


def rendered(root: Path, prefix: str, name: str = "preview", **parameters: Any) -> str:
    found = project(root, prefix)
    return render_prefix(found, found.environment(name), parameters)


def refused(root: Path, prefix: str, **parameters: Any) -> list[tuple[str, str, str]]:
    with pytest.raises(UsageError) as caught:
        rendered(root, prefix, **parameters)
    assert [str(each.locations[0]) for each in caught.value.diagnostics] == ["peakctl.yaml:4:5"]
    return [(d.code, d.summary, d.fix) for d in caught.value.diagnostics]


@pytest.mark.parametrize(
    ("prefix", "parameters", "expected"),
    [
        ("dev-", {}, "dev-"),
        ('"pr-{{ number }}-"', {"number": "7"}, "pr-7-"),
        ('"pr-{{ number }}-"', {"number": 7}, "pr-7-"),
        ('"{{ user | lower }}."', {"user": "ANN"}, "ann."),
        ("\"{{ user | default('me') }}-\"", {}, "me-"),
        ('"a{% if no is defined %}{{ os_env.USER }}{% endif %}-"', {}, "a-"),
        ("null", {}, ""),
    ],
)
def test_parameters_are_filled_in(
    tmp_path: Path, prefix: str, parameters: Any, expected: str
) -> None:
    assert rendered(tmp_path, prefix, **parameters) == expected


def test_an_environment_without_one_has_none(tmp_path: Path) -> None:
    assert rendered(tmp_path, "dev-", name="dev") == ""
    found = project(tmp_path, "dev-")
    assert [(e.paused, e.name_prefix) for e in found.environments.values()] == [
        (True, "dev-"),
        (False, None),
    ]


@pytest.mark.parametrize(
    ("prefix", "parameters", "code", "words"),
    [
        ('"pr-{{ number }}-"', {}, "template/undefined", '"number" is not defined'),
        ('"pr-{{ number }}-"', {"number": ""}, "project/name-prefix", "is empty"),
        ('"pr-{{ number }}-"', {"number": None}, "project/name-prefix", "is empty"),
        ('"{{ user }}"', {"user": "a b"}, "project/name-prefix", "takes letters"),
        ('"{{ user }}"', {"user": "-a"}, "project/name-prefix", "takes letters"),
        ('"{{ user }}"', {"user": "ü"}, "project/name-prefix", "takes letters"),
        ('"{{ user }}"', {"user": "a\nb"}, "project/name-prefix", "takes letters"),
        ('"{{ user }}"', {"user": "a" * (LONGEST + 1)}, "project/name-prefix", "41 characters"),
        ('"{{ user[1:] }}"', {"user": "a"}, "project/name-prefix", "it is empty"),
        ('"{{ os_env.USER }}-"', {}, "project/name-prefix", "is a secret"),
        ("\"{{ os_env.USER | default('x') }}-\"", {}, "project/name-prefix", "is a secret"),
        ('"{{ os_env.USER[1:] }}-"', {}, "project/name-prefix", "is a secret"),
        ('"{{ user -"', {"user": "a"}, "template/syntax", ""),
    ],
)
def test_what_cannot_begin_a_name_is_refused_at_its_place(
    tmp_path: Path, prefix: str, parameters: Any, code: str, words: str
) -> None:
    ((found, summary, fix),) = refused(tmp_path, prefix, **parameters)
    assert (found, words in summary, bool(fix)) == (code, True, True), summary


@pytest.mark.parametrize("prefix", ['""', '"a b"', '"-a"', f'"{"a" * (LONGEST + 1)}"'])
def test_one_without_parameters_is_refused_when_the_file_is_read(
    tmp_path: Path, prefix: str
) -> None:
    with pytest.raises(UsageError) as caught:
        project(tmp_path, prefix)
    assert [d.code for d in caught.value.diagnostics] == ["project/name-prefix"]


def test_it_never_goes_with_protect(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        project(tmp_path, "dev-\n    protect: true")
    (problem,) = caught.value.diagnostics
    assert (problem.code, str(problem.locations[0])) == ("project/either-or", "peakctl.yaml:4:5")


def test_no_other_environment_may_have_the_name_of_one_of_its_ledgers(tmp_path: Path) -> None:
    for name, expected in (("preview.dev-", ["project/name"]), ("previews.x", [])):
        text = f"{TEXT % 'dev-'}  {name}: {{}}\n"
        (tmp_path / "peakctl.yaml").write_text(text, "utf-8")
        found: list[str] = []
        try:
            load_project(tmp_path)
        except UsageError as error:
            found = [each.code for each in error.diagnostics]
        assert found == expected


@pytest.mark.parametrize(
    ("prefix", "expected"),
    [
        ("dev-", set()),
        ("null", set()),
        ('"{{ team }}-{{ user | lower }}-"', {"team", "user"}),
        ('"{{ user -"', set()),
    ],
)
def test_the_parameters_that_it_mentions(tmp_path: Path, prefix: str, expected: set[str]) -> None:
    found = project(tmp_path, prefix)
    assert names_in(found, found.environment("preview")) == expected
