"""What peakctl applies the platform's real client sees, and the other way round.

Needs the client's environments: `make interop` installs them and says where they are.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from interop.checks import at
from interop.player import Client, read_json
from interop.releases import python_of, samples_of
from interop.serving import serve_emulator
from interop.story import FOLDER, RELEASES

ROOT = Path(__file__).resolve().parents[2]

INSTALLED = Path(os.environ.get("INTEROP_FOLDER", "nowhere"))
EXAMPLES = ("forecast-workflow", "api-and-web-app", "legacy-webapp", "workflow-block")
LISTS = {
    "Artifact": ("artifacts list --page-size 100", "artifacts", "name"),
    "Image": ("images list --page-size 100", "images", "name"),
    "Service": ("services list --page-size 100", "services", "name"),
    "Webapp": ("webapps list --page-size 100", "webapps", "name"),
    "Workflow": ("workflows list --page-size 100", "workflows", "name"),
    "BlockSpec": ("blocks specs list --page-size 100", "specs", "metadata.name"),
    "AppSpec": ("apps specs list --page-size 100", "specs", "metadata.name"),
    "Deployment": ("deployments list --page-size 100", "deployments", "metadata.name"),
}
DESCRIBES = {
    "Artifact": "artifacts describe", "Image": "images describe", "Service": "services describe",
    "Webapp": "webapps describe", "Workflow": "workflows describe",
    "BlockSpec": "blocks specs describe", "AppSpec": "apps specs describe",
}  # fmt: skip
# What the examples say, as the client reads it.
SEEN = {
    "Artifact/forecast-start-data": {"versionCount": 1},
    "Image/forecast": {"type": "workflow", "latestVersion.status": "in-use"},
    "Image/price-web": {"type": "webapp", "latestVersion.version": "1.4.0"},
    "Service/price-api": {"status": "AVAILABLE", "serviceType": "api", "minInstances": 2},
    "Service/price-web": {"sessionStickiness": True, "resources.instanceTypeId": 44},
    "Workflow/nightly-forecast": {
        "steps.train.command": "python train.py", "watchers.#": 3, "triggers.#": 2,
        "steps.train.imageName": "forecast", "steps.announce.type": "http",
    },
    "BlockSpec/sales-loader": {"scope": "shared", "featured": True, "kind": "workflow"},
    "AppSpec/sales": {"metadata.title": "Sales", "latestRelease.version": "1.0.0"},
    "Deployment/sales-loader-north": {
        "metadata.status": "deployed", "parameters.run.agg_type": "AVG",
        "latestRevision.revision": 1,
    },
    "Deployment/sales-south": {"metadata.status": "deployed", "latestRevision.blocks.#": 2},
}  # fmt: skip
RESTATED = {
    "triggers": [{"cron": "0 2 * * 1-6"}, {"webhook": True, "webhookPolicy": "preserve"}],
    "retryOptions": {"duration": 10, "numberOfRetries": 2, "exponentialBackoff": True},
    "metadata": {"allowConcurrentExecution": False},
}
# (what is changed, the client's command with `%s` for the id, its body file, what the plan shows)
CHANGES: tuple[tuple[str, str, Any, set[str]], ...] = (
    ("Artifact/forecast-start-data", "artifacts update-metadata %s @", {"description": "other"},
     {"metadata.description"}),
    ("Service/price-api", "services update %s --title Other --min-instances 1", None,
     {"metadata.title", "spec.minInstances"}),
    ("Webapp/notice-board", "webapps update %s --title Other", None, {"metadata.title"}),
    ("Workflow/nightly-forecast", "workflows patch %s @",
     {**RESTATED, "steps": {"score": {"command": "echo other"}}}, {"spec.steps.score.command"}),
    ("BlockSpec/sales-loader", "blocks specs update-metadata %s @",
     {"metadata": {"title": "Other"}}, {"metadata.title"}),
    ("AppSpec/sales", "apps specs update-metadata %s @", {"metadata": {"summary": "Other"}},
     {"metadata.summary"}),
    ("Deployment/sales-loader-north", "blocks deployments patch-parameters %s @",
     {"num_iterations": 100}, {"spec.parameters.run.num_iterations"}),
    ("Deployment/sales-south", "apps deployments update-metadata %s @",
     {"summary": "Other"}, {"metadata.summary"}),
)  # fmt: skip


class Both:
    """The real client and peakctl, before one emulator."""

    def __init__(self, client: Client, samples: Path, address: str, folder: Path) -> None:
        self.client, self.samples, self.folder = client, samples, folder
        self.env = {k: v for k, v in os.environ.items() if not k.startswith(("PEAK", "API_KEY"))}
        self.env |= {"PEAKCTL_ENDPOINT": address, "PEAK_AUTH_TOKEN": "any", "PYTHONPATH": str(ROOT)}
        self.project = folder / "project"
        for name, text in yaml.safe_load((FOLDER / "project.yaml").read_text()).items():
            (self.project / name).parent.mkdir(parents=True, exist_ok=True)
            (self.project / name).write_text(text)

    def peak(self, words: str, body: Any = None) -> Any:
        """One command of the client; `@` is `body` in a file."""
        path = self.folder / "body.yaml"
        path.write_text(yaml.safe_dump(body))
        argv = [str(path) if word == "@" else word for word in words.split(" ")]
        done = self.client.run(argv, self.project)
        assert done["exit"] == 0, (words, done["err"][-500:])
        return read_json(done["out"])

    def peakctl(self, folder: Path, *argv: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "peakctl", *argv]
        return subprocess.run(command, cwd=folder, env=self.env, capture_output=True, text=True)

    def apply(self, folder: Path, *argv: str) -> None:
        done = self.peakctl(folder, "apply", "--yes", *argv)
        assert done.returncode == 0, done.stderr + done.stdout

    def plan(self, folder: Path, *argv: str) -> dict[str, dict[str, Any]]:
        """`Kind/name` -> the action planned for it, the unchanged ones included."""
        done = self.peakctl(folder, "plan", "-o", "json", "--all", *argv)
        assert done.returncode == 0, done.stderr + done.stdout
        return {action["key"]: action for action in json.loads(done.stdout)["actions"]}

    def find(self, key: str) -> dict[str, Any]:
        """The one thing of that kind and name in the client's listing."""
        kind, _, name = key.partition("/")
        command, items, path = LISTS[kind]
        (found,) = [item for item in self.peak(command)[items] if at(item, path) == name]
        return dict(found)

    def describe(self, key: str) -> Any:
        found = self.find(key)
        family = "apps" if found.get("kind") == "app" else "blocks"
        command = DESCRIBES.get(key.partition("/")[0], f"{family} deployments describe")
        return self.peak(f"{command} {found['id']}")


@pytest.fixture(params=RELEASES)
def both(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Both]:
    python = python_of(INSTALLED, request.param)
    if not python.exists():
        pytest.skip(f"needs peak-sdk {request.param}: run `make interop`")
    with serve_emulator(seconds=0.1) as served:
        client = Client(python, served.address)
        yield Both(client, samples_of(python), served.address, tmp_path)
        client.close()


def applied(both: Both) -> list[Path]:
    """The examples, in folders of their own, applied."""
    folders = []
    for name in EXAMPLES:
        folders.append(both.folder / name)
        shutil.copytree(ROOT / "manifests-examples" / name, folders[-1])
        both.apply(folders[-1], "-e", "prod")
    return folders


def test_the_client_sees_all_that_peakctl_applies(both: Both) -> None:
    keys = [key for folder in applied(both) for key in both.plan(folder, "-e", "prod")]
    assert {key.partition("/")[0] for key in keys} == set(LISTS)
    for key in keys:
        shown = both.describe(key)
        assert key.endswith(f"/{at(shown, LISTS[key.partition('/')[0]][2])}")
        for path, wanted in SEEN.get(key, {}).items():
            assert at(shown, path) == wanted, (key, path)
    assert set(SEEN) <= set(keys)


def test_the_plan_shows_just_what_the_client_changed(both: Both) -> None:
    folders = applied(both)
    for key, command, body, _ in CHANGES:
        both.peak(command % both.find(key)["id"], {"body": body})
    expected = {key: paths for key, _, _, paths in CHANGES}
    shown = {}
    for folder in folders:
        for key, action in both.plan(folder, "-e", "prod").items():
            if action["verb"] != "unchanged":
                shown[key] = {change["path"] for change in action["changes"]}
    assert shown == expected
    for folder in folders:
        both.apply(folder, "-e", "prod")
        assert {action["verb"] for action in both.plan(folder, "-e", "prod").values()} == {
            "unchanged"
        }
    assert both.describe("Workflow/nightly-forecast")["steps"]["score"]["command"] == (
        "python score.py"
    )


ARTIFACT = {"path": "project", "ignore_files": [".gitignore", ".dockerignore"]}
IMAGE = {"name": "upload-image", "version": "0.0.1-test"}


def created(both: Both, command: str, sample: str, ids: dict[str, Any]) -> Any:
    """Run a create with a sample in which `ids` stand for other ids; the sample as it was sent."""
    text = (both.samples / sample).read_text()
    for old, new in ids.items():
        text = text.replace(old, str(new))
    path = both.folder / "sample.yaml"
    path.write_text(text)
    done = both.client.run([*command.split(), str(path)], both.project)
    assert done["exit"] == 0, done["err"][-500:]
    return yaml.safe_load(text)


def manifest(kind: str, metadata: dict[str, Any], spec: dict[str, Any]) -> dict[str, Any]:
    return {"apiVersion": "peakctl/v1", "kind": kind, "metadata": metadata, "spec": spec}


def split(body: dict[str, Any], *metadata: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """A body in which names and words stand beside all else -> (metadata, spec)."""
    return (
        {key: body[key] for key in metadata if key in body},
        {key: value for key, value in body.items() if key not in metadata},
    )


def made_of_resources(both: Both) -> Iterator[dict[str, Any]]:
    """Artifact, image, workflow, service and webapp made from samples; a manifest of each."""
    sample = created(both, "artifacts create", "resources/artifacts/create_artifact.yaml", {})
    metadata, spec = split(sample, "name", "description")
    yield manifest("Artifact", metadata, {**spec, "artifact": ARTIFACT})
    sample = created(both, "images create", "resources/images/upload/create_image.yaml", {})
    metadata, spec = split(sample["body"], "name", "description")
    yield manifest("Image", metadata, {**spec, "artifact": ARTIFACT})
    image = ready_image(both)
    ids = {
        "imageId: 100": f"imageId: {image['imageId']}",
        "ersionId: 100": f"ersionId: {image['versionId']}",
    }
    sample = created(both, "workflows create", "resources/workflows/create_workflow.yaml", ids)
    metadata, spec = split(sample["body"], "name", "tags")
    del spec["steps"]["stepName"]["imageId"], spec["steps"]["stepName"]["imageVersionId"]
    spec["steps"]["stepName"]["imageDetails"] = IMAGE
    yield manifest("Workflow", metadata, spec)
    for kind in ("service", "webapp"):
        path = f"resources/{kind}s/create_{kind}.yaml"
        sample = created(both, f"{kind}s create", path, ids)
        metadata, spec = split(sample["body"], "name", "title", "description")
        yield manifest(kind.title(), metadata, {**spec, "imageDetails": IMAGE})


def ready_image(both: Both) -> dict[str, Any]:
    key = f"Image/{IMAGE['name']}"
    while (found := both.describe(key))["latestVersion"]["status"] == "not-ready":
        pass
    return {"imageId": found["id"], "versionId": found["latestVersion"]["id"]}


def made_of_specs(both: Both) -> Iterator[dict[str, Any]]:
    """Two block specs, an app spec and deployments of both, made from samples."""
    folder = "press/blocks/specs/workflow/create_block_spec.yaml"
    ids = {}
    for number, name in enumerate(("block-1", "block-2"), 1):
        sample = created(
            both, "blocks specs create", folder, {"name: workflow-block": f"name: {name}"}
        )
        ids[f"existing_block_spec_id_{number}"] = both.find(f"BlockSpec/{name}")["id"]
        body = sample.pop("body")
        spec = {**{k: v for k, v in body.items() if k != "metadata"}, **sample}
        yield manifest("BlockSpec", body["metadata"], {**spec, "artifact": ARTIFACT})
    sample = created(both, "apps specs create", "press/apps/specs/create_app_spec.yaml", ids)
    body = sample.pop("body")
    spec = {**{k: v for k, v in body.items() if k != "metadata"}, **sample}
    for block, name in zip(spec["config"], ("block-1", "block-2"), strict=True):
        block["name"] = name
        del block["id"]
    yield manifest("AppSpec", body["metadata"], spec)
    yield from deployed(both, ids)


def deployed(both: Both, ids: dict[str, Any]) -> Iterator[dict[str, Any]]:
    old = "0bddb4c6-40c5-45c3-b477-fceb2c051609"
    block = {old: ids["existing_block_spec_id_1"]}
    app = {
        old: both.find("AppSpec/example-app")["id"],
        "- id: block-1": f"- id: {ids['existing_block_spec_id_1']}",
        "    excludes:\n      - id: block-3": "    excludes: []",
    }
    for family, name, changed in (("block", "block-1", block), ("app", "example-app", app)):
        path = f"press/{family}s/deployments/create_{family}_deployment.yaml"
        body = created(both, f"{family}s deployments create", path, changed)["body"]
        spec = {key: value for key, value in body.items() if key != "metadata"}
        of = {k: v for k, v in spec.pop("spec").items() if k != "id"}
        for include in of.get("includes", ()):
            include.update(name="block-1", release=include.pop("releaseVersion"))
            del include["id"]
        spec[f"{family}Spec"] = {"name": name, **of}
        yield manifest("Deployment", body["metadata"], spec)


def test_what_the_client_made_from_samples_is_adopted_with_an_empty_plan(both: Both) -> None:
    found = [*made_of_resources(both), *made_of_specs(both)]
    path = both.folder / "all.yaml"
    path.write_text(yaml.safe_dump_all(found))
    while both.describe("Deployment/app-deployment")["metadata"]["status"] == "deploying":
        pass
    actions = both.plan(both.folder, "-f", str(path), "--show-ignored")
    assert {name.partition("/")[0] for name in actions} == set(LISTS)
    changes = {key: action["changes"] for key, action in actions.items() if action["changes"]}
    assert changes == {}
    assert {action["verb"] for action in actions.values()} == {"unchanged"}


def test_what_the_client_made_is_imported_and_plans_empty(both: Both) -> None:
    made = {f"{m['kind']}/{m['metadata']['name']}" for m in made_of_resources(both)}
    made |= {f"{m['kind']}/{m['metadata']['name']}" for m in made_of_specs(both)}
    while both.describe("Deployment/app-deployment")["metadata"]["status"] == "deploying":
        pass
    folder = both.folder / "imported"
    folder.mkdir()
    (folder / "peakctl.yaml").write_text("project: p\nenvironments: {prod: {}}\n")
    done = both.peakctl(folder, "import", "--all", "-e", "prod", "-o", "json")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert set(told["imported"]) == made
    assert {each["why"].partition(" ")[0] for each in told["left"]} <= {"part", "the", "a"}
    unknown = ("-e", "prod", "--unset-env", "unknown")
    checked = both.peakctl(folder, "validate", *unknown)
    assert checked.returncode == 0, checked.stderr
    actions = both.plan(folder, *unknown)
    assert {key: a["changes"] for key, a in actions.items() if a["changes"]} == {}
    assert {action["verb"] for action in actions.values()} == {"unchanged"}
    assert set(actions) == made


EMAIL = {
    "recipients": ["a@example.com"],
    "cc": ["b@example.com"],
    "subject": "Sales",
    "templateName": "default-template",
    "templateParameters": {"month": "May"},
}


def test_both_send_the_same_e_mail_and_see_each_others(both: Both) -> None:
    folder = both.folder / "mails"
    folder.mkdir()
    (folder / "peakctl.yaml").write_text("project: p\n")

    def emails(*words: str) -> Any:
        done = both.peakctl(folder, "emails", *words, "-o", "json")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    theirs = both.peak("alerts emails send @", {"body": EMAIL})["id"]
    typed = ("--to", "a@example.com", "--cc", "b@example.com", "--subject", "Sales")
    ours = emails("send", *typed, "--template", "default-template", "--parameter", "month=May")
    sent = [theirs, ours["email"]["id"]]
    assert [each["id"] for each in both.peak("alerts emails list")["emails"]] == sent[::-1]
    assert [each["id"] for each in emails("list")["emails"]] == sent[::-1]
    seen = [both.peak(f"alerts emails describe {number}") for number in sent]
    assert seen[0]["recipients"] == seen[1]["recipients"]
    for number, shown in zip(sent, seen, strict=True):
        found = emails("describe", str(number))["email"]
        assert (found["subject"], found["template"]) == (shown["subject"], shown["templateName"])
        assert found["recipients"] == shown["recipients"]
        assert found["deliveries"] == shown["statusDetails"]
    listed = both.peak("alerts emails list-templates")["templates"]
    assert [t["name"] for t in emails("templates")["templates"]] == [t["name"] for t in listed]
    one = both.peak("alerts emails describe-template default-template")
    assert emails("templates", "default-template")["template"]["body"] == one["body"]


def test_a_notification_is_an_e_mail_that_the_client_lists(both: Both) -> None:
    folder = both.folder / "told"
    (folder / "manifests").mkdir(parents=True)
    (folder / "peakctl.yaml").write_text(
        "project: p\nenvironments: {prod: {}}\n"
        "notify: [{email: {to: [a@example.com], template: default-template}}]\n"
    )
    (folder / "manifests/a.yaml").write_text(
        "apiVersion: peakctl/v1\nkind: Workflow\nmetadata: {name: w}\n"
        "spec: {steps: {a: {type: http, method: get, url: 'https://example.com/'}}}\n"
    )
    both.apply(folder)
    (sent,) = both.peak("alerts emails list")["emails"]
    assert sent["subject"] == "peakctl: p, prod: apply done"
