"""`peakctl rollback --to RUN`: the manifests of an earlier run, from git."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from schemas_of_output import check_output

from peakctl import APPROVE_ALL, GuardRefused, PeakctlError, Project, apply, rollback

PROJECT = "project: shop\nmanifests: [manifests]\nenvironments: {local: {emulator: true}}\n"
IMAGE = """\
apiVersion: peakctl/v1
kind: Image
metadata: {name: forecast}
spec:
  type: workflow
  buildDetails: {source: upload, context: ., dockerfilePath: Dockerfile}
  artifact: {path: ../src}
"""
FLOW = """\
apiVersion: peakctl/v1
kind: Workflow
metadata: {name: nightly}
spec:
  steps:
    train:
      imageDetails: {name: forecast}
      command: python train.py --token {{ os_env.TOKEN }} %s
      resources: {instanceType: "Pico (0.125CPU, 0.125GB RAM)", storage: 10GB}
"""


class Shop:
    """A project in a repository, on an emulator."""

    def __init__(self, folder: Path, emulator: Any, clock: Any, peakctl: Any) -> None:
        self.folder, self.emulator, self.clock = folder, emulator, clock
        self._peakctl = peakctl
        self.write("peakctl.yaml", PROJECT)
        self.write("manifests/i.yaml", IMAGE)
        self.write("src/Dockerfile", "FROM python:3.12\n")
        self.git("init", "-q", "-b", "main")
        self.version("a")

    def git(self, *words: str) -> str:
        options = ("-c", "user.name=a", "-c", "user.email=a@b.c")
        command = ["git", *options, *words]
        done = subprocess.run(command, cwd=self.folder, check=True, capture_output=True, text=True)
        return done.stdout.strip()

    def write(self, name: str, text: str) -> None:
        path = self.folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)

    def version(self, word: str) -> str:
        """A commit whose files all have the word in them."""
        self.write("manifests/w.yaml", FLOW % word)
        self.write("src/train.py", f"word = '{word}'\n")
        self.git("add", "-A")
        self.git("commit", "-q", "-m", word)
        return self.git("rev-parse", "HEAD")

    def run(self, *words: str) -> Any:
        return self._peakctl(*words, "-e", "local", emulator=self.emulator)

    def done(self, *words: str, code: int = 0) -> Any:
        done = self.run(*words)
        assert done.code == code, done.out + done.err
        self.clock.time += 60
        return done

    def runs(self) -> Any:
        return json.loads(self.done("history", "-o", "json").out)["history"]["runs"]

    def sent(self) -> list[str]:
        reads = ("GET", "HEAD")
        return [f"{r.method} {r.path}" for r in self.emulator.requests if r.method not in reads]


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
    for more in (("--dry-run",), ("-y",), ("-y",)):
        done = two.done("rollback", *words, *more, "-o", "json")
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
    runs = two.runs()
    refused = _load(two, broken, runs[0])
    assert any("in commit" in each.detail for each in refused.diagnostics)


def _load(two: Shop, commit: str, run: Any) -> PeakctlError:
    from dataclasses import replace

    from peakctl.manifests.commit import write_commit
    from peakctl.operations import rollback as module

    found = _history(two)[0]
    project = Project.open(environment="local")
    folder = two.folder.parent / "old"
    folder.mkdir()
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
