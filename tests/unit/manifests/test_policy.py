"""The rules of peakctl.yaml come from another commit, whatever the working tree says."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from peakctl.errors import UsageError
from peakctl.manifests.policy import apply_policy, read_elsewhere
from peakctl.manifests.project import load_project
from peakctl.model import Guards, Policy, PolicyChange, Threshold

STRICT = """\
project: shop
params: [gone.yaml]
osEnv: [REGION]
environments:
  prod: {protect: true, tenant: acme, guards: {deletes: {count: 0}}}
"""
LOOSE = """\
project: shop
environments:
  prod: {ledger: false, osEnv: [A, B], stage: prod, guards: {deletes: {count: 99}}}
  other: {}
"""
VARIABLES = {"PATH": os.environ.get("PATH", ""), "GIT_DIR": "/nowhere", "PEAK_AUTH_TOKEN": "t"}


def git(folder: Path, *words: str) -> None:
    who = ["-c", "user.name=n", "-c", "user.email=n@example.com"]
    subprocess.run(["git", *who, *words], cwd=folder, check=True, capture_output=True)


def commit(folder: Path, text: str | bytes, name: str = "peakctl.yaml") -> None:
    data = text if isinstance(text, bytes) else text.encode()
    (folder / name).write_bytes(data)
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", "one")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A project in a folder of a repository, strict in `main` and loose in the working tree."""
    git(tmp_path, "init", "-q", "-b", "main", ".")
    folder = tmp_path / "shop"
    folder.mkdir()
    commit(folder, STRICT)
    (folder / "peakctl.yaml").write_text(LOOSE)
    return folder


def ruled(root: Path, revision: str = "main", name: str | None = "prod") -> Any:
    project = load_project(root)
    assert project is not None
    return apply_policy(project, project.environment(name), revision, VARIABLES)


def refused(root: Path, revision: str = "main", name: str = "prod") -> str:
    with pytest.raises(UsageError) as caught:
        ruled(root, revision, name)
    (told,) = caught.value.diagnostics
    assert told.fix
    return told.code


def test_the_rules_are_those_of_the_commit_and_the_rest_is_that_of_the_folder(root: Path) -> None:
    project, environment, policy = ruled(root)
    assert (environment.protect, environment.tenant, environment.ledger) == (True, "acme", True)
    assert environment.guards == Guards(deletes=Threshold(0, 30, 20))
    assert (project.os_env, environment.os_env) == (("REGION",), None)
    assert (environment.stage, project.params) == ("prod", ())
    assert len(policy.commit) == 40


def test_every_changed_rule_is_told_with_both_sides(root: Path) -> None:
    assert ruled(root)[2].changes == (
        PolicyChange("osEnv", "[REGION]", "(not set)"),
        PolicyChange("environments.prod.protect", "true", "false"),
        PolicyChange("environments.prod.tenant", "acme", "(not set)"),
        PolicyChange("environments.prod.ledger", "true", "false"),
        PolicyChange("environments.prod.guards.deletes.count", "0", "99"),
        PolicyChange("environments.prod.osEnv", "(not set)", "[A, B]"),
    )


def test_who_is_told_is_a_rule_too(root: Path) -> None:
    hook = "notify: [{webhook: {urlFrom: %s}}]"
    commit(root, f"project: shop\n{hook % 'OURS'}\nenvironments: {{prod: {{}}}}\n")
    theirs = f"{{{hook % 'THEIRS'}}}"
    (root / "peakctl.yaml").write_text(f"project: shop\nenvironments: {{prod: {theirs}}}\n")
    project, environment, policy = ruled(root)
    assert [str(each.way) for each in project.channels_for(environment)] == ["webhook OURS (json)"]
    ours, told = (f"[after apply/failure/drift: webhook {n} (json)]" for n in ("OURS", "THEIRS"))
    assert policy.changes == (
        PolicyChange("notify", ours, "(not set)"),
        PolicyChange("environments.prod.notify", "(not set)", told),
    )


def test_nothing_is_told_where_nothing_changes(root: Path) -> None:
    commit(root, LOOSE)
    found = ruled(root, "HEAD")[2]
    assert found == Policy("HEAD", found.commit)


def test_a_project_without_environments_has_the_usual_rules(root: Path) -> None:
    commit(root, "project: shop\nosEnv: [A]\n")
    (root / "peakctl.yaml").write_text("project: shop\n")
    project, environment, policy = ruled(root, "main", None)
    assert (environment.name, project.os_env) == ("default", ("A",))
    assert [change.path for change in policy.changes] == ["osEnv"]


@pytest.mark.parametrize("text", [LOOSE, "project: shop\n"])
def test_an_environment_that_the_commit_does_not_have_has_no_rules(root: Path, text: str) -> None:
    (root / "peakctl.yaml").write_text(text)
    name = "other" if "other" in text else None
    assert refused(root, name=name) == "policy/no-environment"  # type: ignore[arg-type]


@pytest.mark.parametrize("revision", ["nope", "-x", "--help", "main:shop", "a b", "", "a\n"])
def test_a_revision_that_is_not_there_is_refused(root: Path, revision: str) -> None:
    assert refused(root, revision) == "policy/no-revision"


def test_outside_of_a_repository_there_is_no_revision(tmp_path: Path) -> None:
    (tmp_path / "peakctl.yaml").write_text(LOOSE)
    assert refused(tmp_path) == "policy/no-revision"


def test_a_commit_without_the_file_is_refused(root: Path) -> None:
    git(root, "rm", "-q", "--cached", "peakctl.yaml")
    git(root, "commit", "-qm", "none")
    assert refused(root, "HEAD") == "policy/no-file"
    assert ruled(root, "HEAD~1")[1].protect


def test_the_other_name_of_the_file_is_found(root: Path) -> None:
    git(root, "mv", "-f", "peakctl.yaml", "peakctl.yml")
    commit(root, STRICT, "peakctl.yml")
    (root / "peakctl.yml").unlink()
    (root / "peakctl.yaml").write_text(LOOSE)
    assert ruled(root)[1].protect


def test_a_broken_file_is_told_at_its_place_in_the_commit(root: Path) -> None:
    commit(root, "project: shop\nosEnv: 5\n")
    (root / "peakctl.yaml").write_text(LOOSE)
    with pytest.raises(UsageError) as caught:
        ruled(root)
    (place,) = caught.value.diagnostics[0].locations
    assert (place.file, place.line) == ("main:peakctl.yaml", 2)


def test_a_file_that_is_no_text_is_refused(root: Path) -> None:
    commit(root, b"\xff\xfe")
    (root / "peakctl.yaml").write_text(LOOSE)
    assert refused(root) == "policy/unreadable"


@pytest.mark.parametrize("error", [FileNotFoundError(2, "no"), subprocess.TimeoutExpired("git", 1)])
def test_without_git_there_is_no_policy(
    root: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise error

    monkeypatch.setattr(subprocess, "run", fail)
    assert refused(root) == "policy/no-git"


def test_git_gets_no_secret_and_no_setting_of_its_own(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[dict[str, str]] = []
    run = subprocess.run

    def watch(*words: Any, env: dict[str, str], **more: Any) -> Any:
        seen.append(env)
        return run(*words, env=env, **more)

    monkeypatch.setattr(subprocess, "run", watch)
    ruled(root)
    assert seen
    assert all("PEAK_AUTH_TOKEN" not in env and "GIT_DIR" not in env for env in seen)
    assert {env["GIT_ALLOW_PROTOCOL"] for env in seen} == {"none"}


def test_a_change_does_not_take_the_prefix_of_names_away_or_start_schedules(root: Path) -> None:
    text = "project: shop\nenvironments: {prod: {%s}}\n"
    commit(root, text % "namePrefix: 'pr-{{ n }}-', paused: true")
    (root / "peakctl.yaml").write_text(text % "protect: true")
    _, environment, policy = ruled(root, "HEAD")
    assert (environment.name_prefix, environment.paused) == ("pr-{{ n }}-", True)
    assert (environment.protect, len(environment.prefix_places)) == (False, 1)
    assert policy.changes == (
        PolicyChange("environments.prod.protect", "false", "true"),
        PolicyChange("environments.prod.namePrefix", "pr-{{ n }}-", "(not set)"),
        PolicyChange("environments.prod.paused", "true", "false"),
    )


def test_a_change_loosens_no_approval_and_tells_nobody_else(root: Path) -> None:
    mail = "{email: {to: [a@e.com], template: t}}"
    hook = "{webhook: {urlFrom: HOOK}}"
    text = "project: shop\nnotify: [%s]\nenvironments: {prod: {approval: %s}, more: {}}\n"
    commit(root, text % (hook, "required"))
    (root / "peakctl.yaml").write_text((text % (mail, "optional")).replace("more", "new"))
    file, environment, policy = ruled(root, "HEAD")
    assert environment.approval == "required"
    assert file.webhook_variables(environment.notify) == {"HOOK"}
    told = {each.path: (each.before, each.after) for each in policy.changes}
    assert told["environments.prod.approval"] == ("required", "optional")
    before, after = told["notify"]
    assert "webhook HOOK" in before
    assert "e-mail t to a@e.com" in after


def test_a_project_that_was_moved_is_found_by_its_name(root: Path) -> None:
    (root / "peakctl.yaml").write_text(STRICT)
    (root.parent / "other").mkdir()
    commit(root.parent / "other", STRICT.replace("shop", "other"))
    (root.parent / "broken").mkdir()
    commit(root.parent / "broken", "[")
    moved = root.parent / "moved"
    moved.mkdir()
    (moved / "peakctl.yaml").write_text(LOOSE)
    project = load_project(moved)
    assert project is not None
    (found,) = read_elsewhere(project, "main", VARIABLES)
    assert found.environments["prod"].protect
    assert read_elsewhere(project, "nowhere", VARIABLES) == ()
