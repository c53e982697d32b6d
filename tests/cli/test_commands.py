"""Commands over a small project and the emulator: what they say, where, and with which code."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result

from peakctl.cli import cli

PROJECT = """\
project: shop
manifests: [manifests]
defaultEnvironment: local
environments:
  local: {emulator: {buildSeconds: 0, deploySeconds: 0, serviceSeconds: 0}}
  other: {emulator: true}
  guarded: {emulator: true, protect: true}
  dev: {stage: dev}
"""
IMAGE = """\
apiVersion: peakctl/v1
kind: Image
metadata: {name: forecast, description: "{{ words | default('Trains') }}", labels: {team: demand}}
spec:
  type: workflow
  buildDetails: {source: upload, context: ., dockerfilePath: Dockerfile}
  artifact: {path: ../src}
"""
WORKFLOW = """\
apiVersion: peakctl/v1
kind: Workflow
metadata: {name: nightly}
spec:
  triggers: [{cron: "0 2 * * *"}]
  steps:
    train:
      imageDetails: {name: forecast}
      command: python train.py
      resources: {instanceType: "Nano (0.25CPU, 0.5GB RAM)", storage: 10GB}
"""
BLOCK = """\
apiVersion: peakctl/v1
kind: BlockSpec
metadata: {name: block, title: Block, summary: A block}
spec:
  kind: workflow
  config: {steps: {a: {imageDetails: {id: 1, versionId: 1}, command: x}}}
  parameters:
    run: [{name: agg_type, type: string, required: true}]
---
apiVersion: peakctl/v1
kind: Deployment
metadata: {name: eu, title: EU}
spec:
  blockSpec: {name: block}
  parameters:
    # the one that is required has another name
    run: {agg: 1}
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("PEAK_AUTH_TOKEN", "API_KEY", "STAGE", "PEAK__STAGE", "PEAKCTL_ENDPOINT"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "peakctl.yaml").write_text(PROJECT)
    (tmp_path / "manifests").mkdir()
    (tmp_path / "manifests" / "image.yaml").write_text(IMAGE)
    (tmp_path / "manifests" / "workflow.yaml").write_text(WORKFLOW)
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "Dockerfile").write_text("FROM python:3.12\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*args: str, typed: str | None = None) -> Result:
    return CliRunner().invoke(cli, list(args), input=typed)


def good(*args: str) -> Result:
    done = run(*args)
    assert done.exit_code == 0, done.stderr
    return done


def document(*args: str) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(run(*args, "-o", "json").stdout)
    return loaded


def test_validate_counts_what_is_valid(project: Path) -> None:
    assert good("validate").stdout == "Valid: 2 resources in 2 files.\n"
    found = document("validate")
    assert [r["key"] for r in found["resources"]] == ["Image/forecast", "Workflow/nightly"]
    assert found["resources"][0]["location"]["file"] == "manifests/image.yaml"


def test_every_problem_is_told_at_once(project: Path) -> None:
    (project / "manifests" / "image.yaml").write_text(IMAGE.replace("type:", "typo:"))
    (project / "manifests" / "workflow.yaml").write_text("kind: [\n")
    done = run("validate")
    assert done.exit_code == 10
    assert done.stdout == ""
    assert "manifests/workflow.yaml" in done.stderr
    found = document("validate")
    assert found["exit_code"] == 10
    assert found["project"] == "shop"
    assert found["errors"][0]["locations"]


@pytest.mark.parametrize("flag", ["-f", "-e", "-v", "--select", "--exclude"])
def test_an_empty_word_is_not_the_whole_project(project: Path, flag: str) -> None:
    good("apply", "--yes")
    done = run("destroy", "--yes", flag, "")
    assert done.exit_code == 64
    assert "is a variable unset?" in done.stderr
    assert "2 unchanged" in good("plan").stdout


def test_options_of_the_emulator_are_checked_where_they_stand(project: Path) -> None:
    wrong = "{buildSecond: 1, latency: soon, spokeDomain: 1, providedImages: 0, logPage: 0}"
    text = PROJECT.replace("other: {emulator: true}", f"other: {{emulator: {wrong}}}")
    (project / "peakctl.yaml").write_text(text)
    done = run("plan", "-e", "other")
    assert done.exit_code == 64
    assert done.stderr.count("in peakctl.yaml:6:") == 5
    assert "did you mean: buildSeconds" in done.stderr
    assert "latency: must be a number" in done.stderr
    fine = "{spokeDomain: spoke1.peak.ai, latency: 0}"
    (project / "peakctl.yaml").write_text(text.replace(wrong, fine))
    good("plan", "-e", "other")


def test_instance_types_of_an_environment_stand_in_it_or_in_a_file(project: Path) -> None:
    service = """\
apiVersion: peakctl/v1
kind: Service
metadata: {name: serve}
spec: {serviceType: api, imageDetails: {imageId: 9002}, resources: {instanceTypeId: 77}}
"""
    (project / "manifests" / "service.yaml").write_text(service)
    (project / "types.yaml").write_text("api-deployment: [77]\n")
    for value, code in (("{webapp: [77]}", 11), ("{api-deployment: [77]}", 0), ("types.yaml", 0)):
        text = PROJECT.replace("deploySeconds: 0,", f"instanceTypes: {value}, deploySeconds: 0,")
        (project / "peakctl.yaml").write_text(text)
        run("emulator", "reset", "-e", "local")
        done = run("apply", "--yes", "--select", "Service/serve")
        assert (done.exit_code == 0) is (code == 0), done.stderr
    assert "manifest" not in run("plan").stderr
    (project / "types.yaml").unlink()
    assert 'types.yaml" cannot be read' in run("plan").stderr


def test_a_file_of_parameters_is_no_manifest(project: Path) -> None:
    (project / "values.yaml").write_text("- region\n")
    done = run("validate", "-v", "values.yaml")
    assert done.exit_code == 10
    assert "write name: value, one a line" in done.stderr


def test_a_loop_of_dependencies_is_invalid(project: Path) -> None:
    added = "dependsOn: [Workflow/nightly]\n"
    (project / "manifests" / "image.yaml").write_text(IMAGE + added)
    assert run("validate").exit_code == 10


def test_validate_knows_the_parameters_of_a_block_in_the_same_run(project: Path) -> None:
    (project / "manifests" / "block.yaml").write_text(BLOCK)
    done = run("validate")
    assert done.exit_code == 10
    assert "manifest/parameter-missing" in done.stderr
    assert "manifests/block.yaml:17:" in done.stderr
    (project / "manifests" / "block.yaml").write_text(BLOCK.replace("{agg: 1}", "{agg_type: AVG}"))
    good("validate")


def test_validate_notes_a_name_that_is_in_no_manifest_but_near_one(project: Path) -> None:
    (project / "manifests" / "workflow.yaml").write_text(WORKFLOW.replace("forecast", "forcast"))
    done = good("validate")
    assert 'Workflow/nightly: Image "forcast" must be live' in done.stderr
    assert "did you mean: forecast" in done.stderr
    (project / "manifests" / "workflow.yaml").write_text(WORKFLOW.replace("forecast", "elsewhere"))
    assert good("validate").stderr == ""


def test_render_fills_templates_and_masks_the_environment(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOKEN", "hunter2")
    text = IMAGE.replace("words |", "os_env.TOKEN |")
    (project / "manifests" / "image.yaml").write_text(text)
    done = good("render")
    assert "# manifests/image.yaml\n" in done.stdout
    assert "hunter2" not in done.output
    assert len(list(yaml.safe_load_all(done.stdout))) == 2
    assert len(document("render")["files"]) == 2


def test_the_walk_from_nothing_to_nothing(project: Path) -> None:
    first = good("plan")
    assert first.stdout.endswith("Plan: 2 to create.\n")
    assert run("plan", "--detailed-exitcode").exit_code == 2
    assert "project shop, environment local, 2 resources" in first.stderr
    applied = good("apply", "--yes")
    assert "Applied: 2 created in " in applied.stdout
    again = good("plan", "--detailed-exitcode")
    assert "No changes. 2 unchanged." in again.stdout
    assert good("apply").stdout == "No changes. 2 unchanged.\n"
    (project / "src" / "train.py").write_text("print(1)\n")
    assert "* build  Image/forecast  0.0.1 -> 0.0.2" in good("plan").stdout
    gone = good("destroy", "--yes")
    assert "note: id " in gone.stdout
    assert "Applied: 2 deleted in " in gone.stdout
    assert good("destroy").stdout == "No changes.\n"


def test_nothing_is_kept_outside_the_ignored_folder(project: Path) -> None:
    before = {p.name for p in project.iterdir()}
    good("apply", "--yes")
    assert {p.name for p in project.iterdir()} - before == {".peakctl"}
    assert (project / ".peakctl" / ".gitignore").read_text() == "*\n"
    assert (project / ".peakctl" / "emulator-local.sqlite").exists()


def test_environments_do_not_share_their_emulator(project: Path) -> None:
    good("apply", "--yes")
    assert "2 to create" in good("plan", "-e", "other").stdout
    good("emulator", "reset", "-e", "local")
    assert "2 to create" in good("plan").stdout


@pytest.mark.parametrize("form", ["text", "json", "markdown"])
def test_without_consent_nothing_is_applied(project: Path, form: str) -> None:
    done = run("apply", "-o", form)
    assert done.exit_code == 12
    assert "guard/consent" in done.stderr
    assert "peakctl apply --yes" in done.stderr
    assert "Image/forecast" in done.stdout
    assert "2 to create" in good("plan").stdout


def test_plan_and_apply_as_one_json_document(project: Path) -> None:
    planned = document("plan")
    assert planned["summary"]["create"] == 2
    assert [a["key"] for a in planned["actions"]] == ["Image/forecast", "Workflow/nightly"]
    assert planned["actions"][1]["after"] == ["Image/forecast"]
    applied = document("apply", "--yes")
    assert (applied["ok"], applied["exit_code"]) == (True, 0)
    assert [o["status"] for o in applied["outcomes"]] == ["done", "done"]
    assert applied["took"] >= 0


def test_a_plan_as_a_comment(project: Path) -> None:
    assert "| `+` | create | Image/forecast |" in good("plan", "-o", "markdown").stdout


def test_a_selection_narrows_the_run(project: Path) -> None:
    done = good("plan", "--select", "Image")
    assert "1 to create" in done.stdout
    assert "Workflow" not in done.stdout
    needed = run("plan", "--select", "Workflow")
    assert needed.exit_code == 3
    assert "add --select Image/forecast" in needed.stderr
    assert run("plan", "--select", "Service").exit_code == 3
    assert run("validate", "--exclude", "Image,Workflow").exit_code == 3
    assert good("validate", "--select", "team=demand").stdout.startswith("Valid: 1 ")


def test_a_name_without_its_kind_brings_the_resources_of_that_name(project: Path) -> None:
    done = run("plan", "--select", "nightly")
    assert done.exit_code == 3
    assert "did you mean: Workflow/nightly" in done.stderr
    assert "see the names: peakctl validate -o json" in run("plan", "--select", "zzz").stderr
    assert "Image/forecast" in good("validate", "-o", "json").stdout


def test_a_glob_that_matches_nothing_is_an_empty_selection(project: Path) -> None:
    assert run("validate", "-f", "none-*.yaml").exit_code == 3


def test_get_lists_and_prints_live_resources(project: Path) -> None:
    good("apply", "--yes")
    listed = good("get", "images")
    assert listed.stdout.splitlines()[0].split() == ["NAME", "VERSION", "STATUS"]
    assert "forecast" in listed.stdout
    one = good("get", "Workflow", "nightly", "-o", "yaml")
    manifest = yaml.safe_load(one.stdout)
    assert manifest["kind"] == "Workflow"
    assert manifest["spec"]["steps"]["train"]["command"] == "python train.py"
    assert document("get", "Workflow", "nightly")["resources"][0]["manifest"] == manifest
    assert document("get", "image")["resources"][0]["name"] == "forecast"
    assert yaml.safe_load(good("get", "image", "-o", "yaml").stdout)["kind"] == "Image"


def test_what_is_not_there_is_told_with_the_nearest_names(project: Path) -> None:
    good("apply", "--yes")
    done = run("get", "Image", "forcast")
    assert done.exit_code == 1
    assert "did you mean: forecast" in done.stderr
    assert "see peakctl get Image" in run("get", "Image", "zzz").stderr
    assert run("get", "Imgae").exit_code == 64


@pytest.mark.parametrize("command", ["plan", "apply", "destroy", "get Image"])
def test_without_a_token_the_platform_is_not_asked(project: Path, command: str) -> None:
    done = run(*command.split(), "-e", "dev")
    assert done.exit_code == 15
    assert "auth/no-token" in done.stderr


def test_an_environment_that_is_not_there(project: Path) -> None:
    assert run("plan", "-e", "lcoal").exit_code == 64


def test_without_a_project_files_work_from_here(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (project / "peakctl.yaml").unlink()
    assert good("validate", "-f", "manifests").stdout.startswith("Valid: 2 ")
    assert "usage/no-project" in run("validate").stderr
    assert run("validate", "-f", "manifests", "-e", "dev").exit_code == 64
    assert "no token" in run("plan", "-f", "manifests").stderr
    assert "go to your project: there is no peakctl.yaml here" in run("get", "Image").stderr


@pytest.mark.parametrize("words", ["ci", "ledger", "emulator", "emulator snapshot"])
def test_the_help_of_a_group_shows_its_commands_whole(words: str) -> None:
    help_ = " ".join(good(*words.split(), "--help").stdout.split("Commands:")[1].split())
    assert "..." not in help_
    group: Any = cli
    for word in words.split():
        group = group.get_command(group.make_context("peakctl", [], resilient_parsing=True), word)
    for name, command in group.commands.items():
        assert f"{name} {command.help.partition('.')[0]}" in " ".join(help_.split())


@pytest.mark.parametrize("words", ["ci", "ledger", "emulator", "emulator snapshot"])
def test_a_group_without_a_command_names_its_commands(words: str) -> None:
    done = run(*words.split())
    assert done.exit_code == 64
    assert f"peakctl {words} takes a command: " in done.stderr
    assert "Usage:" not in done.stderr
    assert f"see peakctl {words} --help" in done.stderr


def test_what_the_platform_cannot_rename_says_how_to_get_the_new_name(project: Path) -> None:
    good("apply", "--yes")
    image = project / "manifests" / "image.yaml"
    image.write_text(IMAGE.replace("name: forecast,", "name: demand, previousNames: [forecast],"))
    (project / "manifests" / "workflow.yaml").write_text(WORKFLOW.replace("forecast", "demand"))
    done = run("plan")
    assert done.exit_code == 10
    assert "take the old name out of previousNames" in done.stderr
    image.write_text(IMAGE.replace("name: forecast,", "name: demand,"))
    good("apply", "--yes", "--prune", "--prune-history")
    assert "demand" in good("get", "Image").stdout
    assert "forecast" not in good("get", "Image").stdout


def test_manifests_come_from_stdin_too(project: Path) -> None:
    text = WORKFLOW.replace("Details: {name: forecast}", "Id: 1\n      imageVersionId: 2")
    done = run("validate", "-f", "-", typed=text)
    assert done.stdout == "Valid: 1 resource in 1 file.\n"


def test_an_endpoint_wins_over_a_default_emulator_only(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PEAKCTL_ENDPOINT", "http://127.0.0.1:9")
    assert "auth/no-token" in run("plan").stderr
    assert "2 to create" in good("plan", "-e", "local").stdout


def test_an_option_that_the_emulator_lacks_is_told(project: Path) -> None:
    (project / "peakctl.yaml").write_text(PROJECT.replace("buildSeconds", "buildSecs"))
    done = run("plan")
    assert done.exit_code == 64
    assert 'the emulator has no option "buildSecs"' in done.stderr
    assert "did you mean: buildSeconds" in done.stderr


def test_only_an_emulator_can_be_reset(project: Path) -> None:
    assert run("emulator", "reset", "-e", "dev").exit_code == 64
    assert good("emulator", "reset", "--data", "none.sqlite").stdout == (
        "Reset: none.sqlite is empty.\n"
    )


def test_faults_that_are_none_are_wrong_usage(project: Path) -> None:
    (project / "faults.json").write_text("{")
    assert run("emulator", "serve", "--faults", "faults.json").exit_code == 64
    (project / "faults.json").write_text('{"nonsense": 1}')
    assert run("emulator", "serve", "--faults", "faults.json").exit_code == 64


def test_a_failure_in_the_middle_is_applied_in_part(project: Path) -> None:
    (project / "src" / "Dockerfile").write_text("FROM python:3.12\nRUN false\n")
    done = run("apply", "--yes")
    assert done.exit_code in (1, 14)
    assert "Failed: 1 failed, 1 blocked.\n" in done.stdout
    assert "next: " in done.stdout
    found = document("apply", "--yes")
    assert found["ok"] is False
    assert {o["status"] for o in found["outcomes"]} == {"failed", "blocked"}


def test_quiet_leaves_only_the_result(project: Path) -> None:
    assert good("apply", "--yes", "-q").stderr == ""


def test_verbose_counts_requests(project: Path) -> None:
    assert "requests sent" in good("plan", "--verbose").stderr
