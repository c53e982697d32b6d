"""`peakctl rollback --to RUN`: the manifests of an earlier run, from git."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from git_shop import FLOW, PROJECT, Shop
from schemas_of_output import check_output

from peakctl import APPROVE_ALL, GuardRefused, PeakctlError, Project, apply, rollback
from peakctl.model import KeptVersion, Key
from peakctl.operations.rollback_refusals import revision_failed


@pytest.fixture
def shop(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    make_emulator: Callable[..., Any],
    peakctl: Callable[..., Any],
    clock: Any,
) -> Shop:
    monkeypatch.chdir(tmp_path)
    for name in ("GITHUB_ACTIONS", "GITLAB_CI", "TF_BUILD", "JENKINS_URL", "CIRCLECI"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("LOGNAME", "alice")
    monkeypatch.setenv("TOKEN", "tok-of-then-123")
    return Shop(tmp_path, make_emulator(), clock, peakctl)


@pytest.fixture
def two(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> Shop:
    """The same, with two versions applied, and another secret since."""
    shop.done("apply", "-y")
    shop.version("b")
    shop.done("apply", "-y")
    monkeypatch.setenv("TOKEN", "tok-of-today-456")
    return shop


def test_the_manifests_of_a_run_are_planned_with_the_secrets_of_today(two: Shop) -> None:
    first = two.git("rev-parse", "HEAD~")
    before = len(two.sent())
    done = two.done("rollback", "--to", "1", "-y")
    assert "~ edit  Workflow/nightly" in done.out
    assert "because: rollback (run 1)" in done.out
    assert f"git restore --source={first[:12]} -- ." in done.out
    assert "manifests/w.yaml, src/train.py" in done.out
    writes = [each for each in two.sent()[before:] if "artifacts" not in each]
    assert writes == ["PUT /service/workflows/api/v1/workflows/1"]  # nothing is built
    body = next(r.body for r in two.emulator.requests[::-1] if "workflows/1" in r.path and r.body)
    step = body["steps"]["train"]
    assert (step["imageVersionId"], step["command"]) == (
        1,
        "python train.py --token tok-of-today-456 a",
    )
    run = two.runs()[0]
    assert (run["command"], run["commit"], run["dirty"]) == ("rollback to run 1", first, False)


@pytest.mark.parametrize("words", [("--to", "1"), ("Image/forecast",)], ids=" ".join)
def test_the_json_is_that_of_its_schema(two: Shop, words: tuple[str, ...]) -> None:
    for more in (("--dry-run",), (), ("-y",), ("-y",)):
        done = two.done("rollback", *words, *more, "-o", "json", code=0 if more else 12)
        document = json.loads(done.out)
        check_output("rollback", document)
        assert document["rollback"]["to"] in ("run 1", "Image/forecast 0.0.1")
    refused = two.done("rollback", "--to", "7", "-o", "json", code=1)
    check_output("rollback", json.loads(refused.out))


def test_what_would_undo_it_is_refused_until_the_manifests_have_it(two: Shop) -> None:
    two.done("rollback", "--to", "1", "-y")
    refused = two.done("apply", "-y", code=12)
    assert "guard/rolled-back" in refused.err
    assert "was rolled back to run 1" in refused.err
    two.git("restore", "--source=HEAD~", "--", ".")
    assert "No changes" in two.done("plan").out
    two.done("apply", "-y")
    two.version("c")
    two.done("apply", "-y")  # what comes later is no undoing


def test_forward_undoes_it(two: Shop) -> None:
    two.done("rollback", "--to", "1", "-y")
    two.done("apply", "-y", "--forward")
    two.version("c")
    two.done("apply", "-y")


def test_a_rollback_to_what_the_manifests_say_leaves_nothing_to_refuse(two: Shop) -> None:
    two.done("rollback", "--to", "1", "-y")
    assert "To make it last" not in two.done("rollback", "--to", "2", "-y").out
    two.version("c")
    two.done("apply", "-y")


def test_a_run_that_rolled_back_can_be_gone_back_to(two: Shop) -> None:
    two.done("rollback", "--to", "1", "-y")
    two.done("apply", "-y", "--forward")
    assert "1 edited" in two.done("rollback", "--to", "3", "-y").out


def test_a_dirty_run_is_refused_by_name_with_those_that_are_not(two: Shop) -> None:
    two.write("manifests/w.yaml", FLOW % "dirty")
    two.done("apply", "-y")
    refused = two.done("rollback", "--to", "3", code=12)
    assert "rollback/dirty" in refused.err
    assert "run 3 cannot be gone back to: it applied uncommitted changes" in refused.err
    assert "runs near it that can: 2, 1" in refused.err


def test_a_rollback_of_a_resource_is_no_run_to_go_back_to(two: Shop) -> None:
    two.done("rollback", "Image/forecast", "-y")
    refused = two.done("rollback", "--to", "3", code=12)
    assert "rollback/not-an-apply" in refused.err


def test_a_commit_that_is_not_here_is_told(two: Shop) -> None:
    two.git("checkout", "-q", "--orphan", "other")
    two.version("c")
    two.git("branch", "-q", "-D", "main")
    two.git("reflog", "expire", "--expire=now", "--all")
    two.git("gc", "-q", "--prune=now")
    refused = two.done("rollback", "--to", "1", code=64)
    assert "policy/no-revision" in refused.err
    assert "fetch" in refused.err


def test_manifests_of_the_commit_that_are_not_valid_are_told_with_the_commit(two: Shop) -> None:
    two.write("manifests/w.yaml", "kind: [\n")
    two.git("commit", "-qam", "broken")
    broken = two.git("rev-parse", "HEAD")
    two.version("c")
    refused = _load(two, broken)
    assert any("in commit" in each.detail for each in refused.diagnostics)


def _load(two: Shop, commit: str) -> PeakctlError:
    from dataclasses import replace

    from peakctl.manifests.commit import write_commit
    from peakctl.operations import rollback as module

    found = _history(two)[0]
    project = Project.open(environment="local")
    folder = two.folder / ".peakctl/old"
    folder.mkdir(parents=True)
    write_commit(project.root, commit, folder, {})
    told = replace(found, actor=replace(found.actor, commit=commit))
    with pytest.raises(PeakctlError) as caught:
        module._load_at(project, folder, told)
    return caught.value


def _history(two: Shop) -> Any:
    from peakctl import history

    return history(Project.open(environment="local"))


def test_python_asks_before_it_applies(two: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    from peakctl.operations import platform

    monkeypatch.setattr(platform, "open_emulator", lambda *_, **__: two.emulator)
    project = Project.open(environment="local")
    before = len(two.sent())
    found = rollback(project, to="1")
    assert (found.applied, found.found.to, len(two.sent())) == (None, "run 1", before)
    done = rollback(project, to="1", approve=lambda plan: plan.planned.has_changes)
    assert done.applied is not None
    assert done.applied.ok
    with pytest.raises(GuardRefused):
        apply(project, APPROVE_ALL)


def test_a_run_that_did_not_apply_everything_is_warned_of(two: Shop) -> None:
    from dataclasses import replace

    from peakctl.operations.rollback_refusals import refuse_run

    run = _history(two)[0]
    assert refuse_run(run, ()) == ()
    (told,) = refuse_run(replace(run, outcome="partial"), ())
    assert (told.code, told.severity) == ("rollback/not-done", "warning")
    odd = replace(run, actor=replace(run.actor, commit="--output=x"))
    with pytest.raises(GuardRefused) as refused:
        refuse_run(odd, ())
    assert [d.code for d in refused.value.diagnostics] == ["rollback/no-commit"]


@pytest.mark.parametrize(
    ("file", "code"),
    [
        (PROJECT.replace("local", "other"), "rollback/no-project"),
        (PROJECT.replace("shop", "store"), "rollback/other-names"),
    ],
)
def test_a_commit_of_another_project_or_environment_is_refused(
    two: Shop, file: str, code: str
) -> None:
    two.write("peakctl.yaml", file)
    two.git("commit", "-qam", "other")
    other = two.git("rev-parse", "HEAD")
    two.write("peakctl.yaml", PROJECT)
    two.git("commit", "-qam", "back")
    refused = _load(two, other)
    assert [d.code for d in refused.diagnostics] == [code]


def test_a_revision_that_failed_names_the_last_before_it_that_did_not(two: Shop) -> None:
    run, key = _history(two)[0], Key("Deployment", "live")
    failed, well = (KeptVersion(number, status="superseded") for number in ("2", "1"))
    assert (
        "peakctl rollback Deployment/live --to 1;" in revision_failed(key, failed, run, [well]).fix
    )
    assert "peakctl history Deployment/live;" in revision_failed(key, failed, run, []).fix
