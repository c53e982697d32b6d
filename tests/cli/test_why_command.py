"""`peakctl why`: where a value comes from, which run brought it, what was before."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from git_shop import PROJECT, Shop

from peakctl import Project, why

FLOW = """\
apiVersion: peakctl/v1
kind: Workflow
metadata: {name: nightly, tags: [{name: %s}]}
spec:
  triggers: [{cron: "{{ cron }}"}]
  steps:
    train:
      imageDetails: {name: forecast}
      command: python train.py --token {{ os_env.TOKEN }} --region {{ region }}
      resources: {instanceType: "Pico (0.125CPU, 0.125GB RAM)", storage: 10GB}
lifecycle:
  ignoreChanges: [spec.steps.train.resources.storage]
"""


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
    made = Shop(tmp_path, make_emulator(), clock, peakctl)
    params = "params: [params.yaml]\nparameters: {region: eu}\n"
    made.write("peakctl.yaml", PROJECT + params)
    made.write("params.yaml", 'cron: "0 2 * * *"\n')
    commit(made, "demand")
    made.done("apply", "-y")
    return made


def commit(shop: Shop, tag: str) -> str:
    shop.write("manifests/w.yaml", FLOW % tag)
    shop.git("add", "-A")
    shop.git("commit", "-q", "--allow-empty", "-m", tag)
    return shop.git("rev-parse", "HEAD")


def ask(shop: Shop, target: str, *more: str) -> Any:
    return json.loads(shop.done("why", target, *more, "-o", "json").out)["why"]


def one(shop: Shop, path: str, *more: str) -> Any:
    (found,) = ask(shop, f"Workflow/nightly.{path}", *more)["fields"]
    return found


def test_a_value_of_the_manifest_has_its_place(shop: Shop) -> None:
    found = one(shop, "spec.steps.train.imageDetails.name")
    assert (found["value"], found["source"], found["live"]) == ("forecast", "manifest", "the same")
    assert found["place"]["file"] == "manifests/w.yaml"
    assert found["place"]["line"] == 8


def test_a_template_names_its_parameters_and_where_they_are_given(shop: Shop) -> None:
    found = one(shop, "triggers")
    assert (found["source"], found["expression"], found["value"]) == (
        "template",
        "cron",
        "0 2 * * *",
    )
    (use,) = found["parameters"]
    assert (use["name"], use["place"]["file"], use["place"]["line"]) == ("cron", "params.yaml", 1)
    (use,) = one(shop, "triggers", "-p", "cron=0 4 * * *")["parameters"]
    assert (use["given"], use["place"]) == ("-p", None)


def test_a_secret_is_told_by_its_variable_alone(shop: Shop) -> None:
    done = shop.done("why", "Workflow/nightly.steps.train.command")
    assert "tok-of-then-123" not in done.out + done.err
    assert "parameter os_env.TOKEN: variable TOKEN of the environment" in done.out
    assert "parameter region: peakctl.yaml" in done.out


def test_the_run_that_brought_a_value_and_what_was_before_come_from_git(shop: Shop) -> None:
    first = shop.git("rev-parse", "HEAD")
    second = commit(shop, "supply")
    shop.done("apply", "-y")
    shop.write("params.yaml", 'cron: "0 5 * * *"\n')
    commit(shop, "supply")
    shop.done("apply", "-y")
    found = one(shop, "metadata.tags")
    assert (found["since"]["number"], found["since"]["commit"]) == (2, second)
    assert found["before"] == {"value": "demand", "where": f"run 1, commit {first[:12]}"}
    text = shop.done("why", "Workflow/nightly.metadata.tags").out
    assert f"before: demand (run 1, commit {first[:12]})" in text


def test_an_edit_that_no_run_has_applied_is_told_with_its_change(shop: Shop) -> None:
    commit(shop, "later")
    found = one(shop, "metadata.tags")
    assert (found["applied"], found["live"], found["before"]["value"]) == (
        False,
        "differs",
        "demand",
    )
    assert found["planned"]
    assert "an apply would change it:" in shop.done("why", "Workflow/nightly.tags").out


def test_a_difference_that_plans_nothing_says_why(shop: Shop) -> None:
    shop.write("manifests/w.yaml", (FLOW % "demand").replace("10GB", "20GB"))
    found = one(shop, "steps.train.resources.storage")
    assert found["skipped"] == ["lifecycle.ignoreChanges"]
    assert found["live"] == "differs, ignored"
    assert found["planned"] == []


def test_a_field_that_is_not_there_says_what_that_means(shop: Shop) -> None:
    found = one(shop, "spec.watchers")
    assert (found["value"], found["source"], found["place"]) == (None, "absent", None)
    assert found["meaning"]


def test_a_whole_resource_is_a_table_of_its_fields(shop: Shop) -> None:
    out = shop.done("why", "Workflow/nightly").out
    assert "changed last by run 1 (apply)" in out
    rows = {line.split()[0]: line for line in out.splitlines() if line.startswith("spec.")}
    assert "manifests/w.yaml:8:" in rows["spec.steps.train.imageDetails.name"]
    assert "params.yaml:1:1" in rows["spec.triggers[0].cron"]
    assert out.count("tok-of-then") == 0


def test_what_is_not_declared_or_no_field_is_told_with_the_nearest(shop: Shop) -> None:
    assert "did you mean: Workflow/nightly" in shop.done("why", "Workflow/nigthly", code=1).err
    refused = shop.done("why", "Workflow/nightly.spec.stepps", code=64)
    assert "steps" in refused.err
    assert "usage/unknown-kind" in shop.done("why", "Wrkflow/nightly", code=64).err


def test_it_tells_of_manifests_also_where_no_plan_can_be_made(shop: Shop) -> None:
    shop.write("manifests/w.yaml", (FLOW % "demand").replace("forecast}", "nothing}"))
    done = shop.done("why", "Workflow/nightly.steps.train.imageDetails.name")
    assert "why/no-plan" in done.err
    assert "live: not known" in done.out


def test_a_commit_that_git_does_not_have_ends_the_past(shop: Shop) -> None:
    shop.git("checkout", "-q", "--orphan", "other")
    commit(shop, "supply")
    for words in (("branch", "-q", "-D", "main"), ("reflog", "expire", "--expire=now", "--all")):
        shop.git(*words)
    shop.git("gc", "-q", "--prune=now")
    done = shop.done("why", "Workflow/nightly.metadata.tags")
    assert "why/no-commit" in done.err
    assert "before:" not in done.out


def test_it_reads_and_nothing_else_and_python_has_it(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    from peakctl.operations import platform

    monkeypatch.setattr(platform, "open_emulator", lambda *_, **__: shop.emulator)
    before = len(shop.sent())
    found = why(Project.open(environment="local"), "Workflow/nightly.spec.triggers")
    assert [each.value for each in found.fields] == ["0 2 * * *"]
    assert len(shop.sent()) == before
