"""`ci init`: pinned files, valid as what they are, and never a file lost."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from peakctl import __version__

PROJECT = """\
project: shop
environments:
  local: {emulator: true}
  dev: {stage: dev}
  prod: {stage: prod, protect: true}
"""
FILES = {
    "github": [
        ".github/actions/peakctl/action.yml",
        ".github/workflows/peakctl-shop-prod-forks.yml",
        ".github/workflows/peakctl-shop-prod.yml",
    ],
    "github --matrix": [
        ".github/actions/peakctl/action.yml",
        ".github/workflows/peakctl-prod-forks.yml",
        ".github/workflows/peakctl-prod.yml",
    ],
    "gitlab": [".gitlab-ci.yml", ".gitlab/peakctl-shop-prod.yml"],
    "azure": ["azure-pipelines-peakctl-shop-prod.yml"],
    "jenkins": ["peakctl-shop-prod.Jenkinsfile"],
}


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "teams" / "shop"
    folder.mkdir(parents=True)
    (folder / "peakctl.yaml").write_text(PROJECT)
    import subprocess

    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    monkeypatch.chdir(folder)
    return tmp_path


def read(path: Path) -> Any:
    return yaml.safe_load(path.read_text("utf-8"))


@pytest.mark.parametrize("ci", FILES)
def test_the_files_are_written_once_pinned_and_for_one_environment(
    ci: str, repository: Path, peakctl: Any
) -> None:
    made = peakctl("ci", "init", *ci.split())
    assert made.code == 0
    assert "for the environment prod" in made.out
    found = [p for p in repository.rglob("*") if p.is_file() and ".git/" not in f"{p}/"]
    names = sorted(p.relative_to(repository).as_posix() for p in found)
    assert names == sorted([*FILES[ci], "teams/shop/peakctl.yaml"])
    for name in FILES[ci]:
        text = (repository / name).read_text()
        assert "__" not in text
        assert all(
            re.fullmatch(r"\./\S+|actions/[\w-]+@[0-9a-f]{40} # v[\d.]+", used)
            for used in re.findall(r"uses: (.*)", text)
        )
        assert set(re.findall(r"peakctl==([\w.]+)", text)) <= {__version__}
        if name.endswith((".yml", ".yaml")):
            assert isinstance(read(repository / name), dict)
    everything = "".join((repository / name).read_text() for name in FILES[ci])
    assert f"{__version__}" in everything
    assert ("teams/shop" in everything) == ("--matrix" not in ci)
    assert "ci apply" in everything or "command: apply" in everything
    again = peakctl("ci", "init", *ci.split())
    assert again.code == 0
    assert "Wrote 0 files" in again.out


def test_more_environments_have_files_of_their_own(repository: Path, peakctl: Any) -> None:
    for name in ("prod", "dev"):
        assert peakctl("ci", "init", "github", "-e", name).code == 0
    workflows = sorted(p.name for p in (repository / ".github" / "workflows").iterdir())
    assert [name for name in workflows if "forks" not in name] == [
        "peakctl-shop-dev.yml",
        "peakctl-shop-prod.yml",
    ]


def test_a_file_of_the_users_is_never_overwritten(repository: Path, peakctl: Any) -> None:
    (repository / ".gitlab-ci.yml").write_text("build: {script: [make]}\n")
    made = peakctl("ci", "init", "gitlab")
    assert made.code == 0
    assert "include: [{local: .gitlab/peakctl-shop-prod.yml}]" in made.out
    assert (repository / ".gitlab-ci.yml").read_text() == "build: {script: [make]}\n"
    (repository / ".github" / "actions" / "peakctl").mkdir(parents=True)
    (repository / ".github" / "actions" / "peakctl" / "action.yml").write_text("mine\n")
    made = peakctl("ci", "init", "github")
    assert (made.code, "files/exists" in made.err) == (64, True)
    assert not (repository / ".github" / "workflows").exists()


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("teamcity",), "ci/unknown"),
        (("github", "-e", "nowhere"), "project/unknown-environment"),
        (("gitlab", "--matrix"), "usage/command-line"),
    ],
)
def test_what_is_not_there_is_told(
    repository: Path, peakctl: Any, words: tuple[str, ...], code: str
) -> None:
    made = peakctl("ci", "init", *words)
    assert (made.code, f"error[{code}]" in made.err) == (64, True)


def test_an_environment_that_is_not_certain_is_asked_for(repository: Path, peakctl: Any) -> None:
    file = repository / "teams" / "shop" / "peakctl.yaml"
    file.write_text(PROJECT.replace(", protect: true", ""))
    made = peakctl("ci", "init", "github")
    assert (made.code, "choose one with -e: dev, prod" in made.err) == (64, True)
    (repository / "teams" / 'a "b"').mkdir()
    (repository / "teams" / 'a "b"' / "peakctl.yaml").write_text(PROJECT)
    made = peakctl("-C", '../a "b"', "ci", "init", "github")
    assert (made.code, "ci/name" in made.err) == (64, True)


def test_a_new_project_can_have_them_at_once(
    tmp_path: Path, peakctl: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    made = peakctl("init", "retail", "--ci", "github")
    assert made.code == 0
    assert "+ .github/workflows/peakctl-retail-prod.yml" in made.out
    assert (tmp_path / "retail" / ".github" / "workflows" / "peakctl-retail-prod.yml").is_file()


def test_the_hooks_of_pre_commit_are_commands_of_ours(peakctl: Any) -> None:
    hooks = read(Path(__file__).resolve().parents[2] / ".pre-commit-hooks.yaml")
    assert [hook["id"] for hook in hooks] == ["peakctl-validate", "peakctl-fmt"]
    for hook in hooks:
        program, command, *flags = hook["entry"].split()
        assert program == "peakctl"
        help_text = peakctl(command, "--help").out
        assert all(flag in help_text for flag in flags if flag.startswith("--"))
