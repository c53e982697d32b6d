"""Every create sample of the client: converted and applied, a tenant has what the client makes.

Needs the client's environments, which have the samples: `make interop` installs them. Nothing of a
sample is in this repository.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from interop.checks import MISSING, at
from interop.player import Client, read_json
from interop.releases import python_of, samples_of
from interop.serving import serve_emulator
from interop.story import FOLDER, RELEASES

ROOT = Path(__file__).resolve().parents[2]
INSTALLED = Path(os.environ.get("INTEROP_FOLDER", "nowhere"))
BLOCK = "press/blocks/specs/workflow/create_block_spec.yaml"
# command -> kind, how the client describes one, what its listing is called, and where the name is
FAMILIES = {
    "artifacts": ("artifacts", "name"),
    "images": ("images", "name"),
    "services": ("services", "name"),
    "webapps": ("webapps", "name"),
    "workflows": ("workflows", "name"),
    "blocks specs": ("specs", "metadata.name"),
    "apps specs": ("specs", "metadata.name"),
    "blocks deployments": ("deployments", "metadata.name"),
    "apps deployments": ("deployments", "metadata.name"),
}
# What is made anew each time, and the line that peakctl adds to notes and descriptions.
OWN = re.compile(r"(^id|Id|ID|At|By|Url|URL|[dD]igest|duration|href|hash)$")
UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f-]{22}")
DIGEST = re.compile(r"\n*peakctl-digest: \S+\s*$")


def commands(samples: Path) -> Iterator[tuple[str, str]]:
    """Each create sample with its command, what others need first."""
    yield "artifacts create", "resources/artifacts/create_artifact.yaml"
    for source in ("dockerfile", "github", "upload"):
        yield "images create", f"resources/images/{source}/create_image.yaml"
    for family in ("service", "webapp"):
        yield f"{family}s create", f"resources/{family}s/create_{family}.yaml"
    for path in sorted((samples / "resources/workflows").glob("*.yaml")):
        if re.match(r"create_|workflow_", path.name):
            yield "workflows create", f"resources/workflows/{path.name}"
    for kind in ("workflow", "service/api", "service/webapp"):
        yield "blocks specs create", f"press/blocks/specs/{kind}/create_block_spec.yaml"
    yield "apps specs create", "press/apps/specs/create_app_spec.yaml"
    for family in ("block", "app"):
        path = f"press/{family}s/deployments/create_{family}_deployment.yaml"
        yield f"{family}s deployments create", path


class Tenant:
    """A tenant of its own, with what samples refer to already in it."""

    def __init__(self, client: Client, address: str, samples: Path, folder: Path) -> None:
        self.client, self.address, self.samples, self.folder = client, address, samples, folder
        self.project = folder / "project"
        for name, text in yaml.safe_load((FOLDER / "project.yaml").read_text()).items():
            path = self.project / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        self.ids = {**self._image(), **self._blocks()}

    def peak(self, *argv: str) -> Any:
        done = self.client.run(list(argv), self.project)
        assert done["exit"] == 0, (argv, done["err"][-500:])
        return read_json(done["out"])

    def create(self, command: str, text: str) -> None:
        path = self.folder / "body.yaml"
        path.write_text(text)
        self.peak(*command.split(), str(path))

    def sample(self, path: str) -> str:
        return (self.samples / path).read_text()

    def find(self, family: str, name: str) -> Any:
        items, where = FAMILIES[family]
        listed = self.peak(*family.split(), "list", "--page-size", "100")
        (found,) = [each for each in listed[items] if at(each, where) == name]
        return found

    def describe(self, family: str, name: str) -> Any:
        """The resource as the client describes it, once nothing of it is under way."""
        while True:
            shown = self.peak(*family.split(), "describe", str(self.find(family, name)["id"]))
            if not re.search(
                r'"(not-ready|building|deploying|CREATING|DEPLOYING)"', json.dumps(shown)
            ):
                return shown

    def _image(self) -> dict[str, str]:
        text = self.sample("resources/images/dockerfile/create_image.yaml")
        self.create("images create", text.replace("name: dockerfile-image", "name: needed"))
        image = self.describe("images", "needed")
        version = image["latestVersion"]["id"]
        return {
            "imageId: 100": f"imageId: {image['id']}", "imageId: 200": f"imageId: {image['id']}",
            "ersionId: 100": f"ersionId: {version}", "ersionId: 200": f"ersionId: {version}",
        }  # fmt: skip

    def _blocks(self) -> dict[str, str]:
        ids = {}
        for number in (1, 2):
            text = self.sample(BLOCK).replace("name: workflow-block", f"name: block-{number}", 1)
            self.create("blocks specs create", text)
            ids[f"existing_block_spec_id_{number}"] = self.find("blocks specs", f"block-{number}")[
                "id"
            ]
        text = self.sample("press/apps/specs/create_app_spec.yaml")
        text = replaced(text.replace("name: example-app", "name: needed-app"), ids)
        self.create("apps specs create", text)
        app = self.find("apps specs", "needed-app")["id"]
        return {**ids, "BLOCK": ids["existing_block_spec_id_1"], "APP": app}


def replaced(text: str, ids: dict[str, str]) -> str:
    for old, new in ids.items():
        text = text.replace(old, str(new))
    return text


def prepared(text: str, command: str, number: int) -> str:
    """A sample with a name of its own, with what the platform needs and the sample lacks."""
    text = re.sub(r"(\n +)type: http(?!\n +method)", r"\1type: http\1method: post", text)
    if command == "workflows create":
        text = re.sub(r"\n  name: (\S+)", rf"\n  name: \1-{number}", text, count=1)
    word = "APP" if command.startswith("apps") else "BLOCK"
    if "deployments" in command:
        text = text.replace("0bddb4c6-40c5-45c3-b477-fceb2c051609", word)
        text = re.sub(r"- id: block-1\n", "- id: existing_block_spec_id_1\n", text)
        text = re.sub(r"    excludes:\n      - id: block-3.*", "", text)
    return text


def for_the_client(text: str) -> str:
    """The client renders what the platform is to fill in to nothing, unless it is told not to."""
    return re.sub(r"\{\{\w+\}\}", lambda found: f"{{% raw %}}{found[0]}{{% endraw %}}", text)


def name_of(text: str) -> str:
    found = yaml.safe_load(re.sub(r"\{\{.*?\}\}", "x", text))
    body = found.get("body", found)
    return str(body.get("metadata", body)["name"])


def plain(value: Any) -> Any:
    """A description without what no two creations have in common."""
    if isinstance(value, dict):
        return {key: plain(each) for key, each in value.items() if not OWN.search(key)}
    if isinstance(value, list):
        return [plain(each) for each in value]
    if isinstance(value, str):
        text = UUID.sub("UUID", DIGEST.sub("", value))
        return None if re.match(r"\d{4}-\d\d-\d\dT[\d:.]+Z$", text) else text
    return value


def secrets_of(text: str, body: dict[str, Any]) -> dict[str, str]:
    """The values of variables, from where they stood in the body."""
    manifest = yaml.safe_load(re.sub(r"\{% (end)?raw %\}", "", text))
    found = {}
    for path, leaf in leaves(manifest["spec"]):
        if name := re.fullmatch(r"\{\{ os_env\.(\w+) \}\}", str(leaf)):
            there = [at(top, path) for top in (body.get("body", {}), body)]
            values = [str(each) for each in there if each is not MISSING]
            found |= dict([(name[1], values[0])] if values else [])
    return found


def leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for key, each in value.items():
            yield from leaves(each, f"{path}.{key}".lstrip("."))
    elif isinstance(value, list):
        for number, each in enumerate(value):
            yield from leaves(each, f"{path}[{number}]")
    else:
        yield path, value


def convert_and_apply(tenant: Tenant, script: str, *bodies: str) -> None:
    """Convert a script with its bodies `0.yaml`, `1.yaml` ..., and apply what comes of it."""
    top = tenant.folder / "converted"
    top.mkdir()
    (tenant.folder / "peakctl.yaml").write_text("project: moved\nmanifests: [converted]\n")
    (tenant.folder / "deploy.sh").write_text(f"cd project\n{script}\n")
    names = [f"{number}.yaml" for number in range(len(bodies))]
    for name, text in zip(names, bodies, strict=True):
        (tenant.folder / name).write_text(text)
    env = {k: v for k, v in os.environ.items() if not k.startswith(("PEAK", "API_KEY"))}
    env |= {"PEAKCTL_ENDPOINT": tenant.address, "PEAK_AUTH_TOKEN": "any", "PYTHONPATH": str(ROOT)}

    def peakctl(*argv: str) -> None:
        done = subprocess.run(
            [sys.executable, "-m", "peakctl", *argv], cwd=tenant.folder, env=env,
            capture_output=True, text=True,
        )  # fmt: skip
        assert done.returncode == 0, (script, done.stdout + done.stderr)

    peakctl("convert", "deploy.sh", *names, "--into", "converted")
    (path,) = top.rglob("*.yaml")
    for text in bodies:
        body = yaml.safe_load(re.sub(r"\{\{.*?\}\}", "x", text))
        env |= secrets_of(path.read_text(), body)
    peakctl("apply", "--yes", "--adopt")
    peakctl("plan", "--detailed-exitcode")
    path.unlink()
    path.parent.rmdir()
    top.rmdir()


@pytest.mark.parametrize("release", RELEASES)
def test_a_converted_sample_makes_what_the_client_makes_of_it(release: str, tmp_path: Path) -> None:
    python = python_of(INSTALLED, release)
    if not python.exists():
        pytest.skip(f"needs peak-sdk {release}: run `make interop`")
    samples = samples_of(python)
    with serve_emulator(seconds=0.05) as one, serve_emulator(seconds=0.05) as two:
        theirs = Tenant(Client(python, one.address), one.address, samples, tmp_path / "theirs")
        ours = Tenant(Client(python, two.address), two.address, samples, tmp_path / "ours")
        different = {}
        for number, (command, path) in enumerate(commands(samples)):
            text = prepared(theirs.sample(path), command, number)
            family, name = command.removesuffix(" create"), name_of(text)
            theirs.create(command, replaced(for_the_client(text), theirs.ids))
            script = f"peak {command} ../0.yaml"
            convert_and_apply(ours, script, replaced(text, ours.ids))
            left, right = (plain(t.describe(family, name)) for t in (theirs, ours))
            if left != right:
                different[path] = (left, right)
        assert not different, json.dumps(different, indent=1)
        for tenant in (theirs, ours):
            tenant.client.close()


PATCH = "body:\n  retryOptions: {duration: 9}\n  steps: {stepName: {command: other}}\n"
PARAMETERS = "body: {agg_type: MAX, num_iterations: 100}\n"
# family, the sample that creates one, and commands that change it, with a sample or a body
CHANGES = (
    ("artifacts", "resources/artifacts/create_artifact.yaml",
     (("update-metadata", "resources/artifacts/update_artifact_metadata.yaml"),)),
    ("services", "resources/services/create_service.yaml",
     (("update", "resources/services/update_service.yaml"),)),
    ("webapps", "resources/webapps/create_webapp.yaml",
     (("update", "resources/webapps/update_webapp.yaml"),)),
    ("workflows", "resources/workflows/create_workflow.yaml",
     (("update", "resources/workflows/update_workflow.yaml"),)),
    ("workflows", "resources/workflows/create_workflow.yaml", (("patch", PATCH),)),
    ("blocks specs", BLOCK,
     (("update-metadata", "press/blocks/specs/update_block_spec_metadata.yaml"),)),
    ("apps specs", "press/apps/specs/create_app_spec.yaml",
     (("update-metadata", "press/apps/specs/update_app_spec_metadata.yaml"),)),
    ("blocks deployments", "press/blocks/deployments/create_block_deployment.yaml",
     (("patch-parameters", PARAMETERS),
      ("update-metadata", "press/blocks/deployments/update_block_deployment_metadata.yaml"))),
)  # fmt: skip


@pytest.mark.parametrize("release", RELEASES)
def test_bodies_that_are_folded_make_what_the_client_makes_one_after_the_other(
    release: str, tmp_path: Path
) -> None:
    python = python_of(INSTALLED, release)
    if not python.exists():
        pytest.skip(f"needs peak-sdk {release}: run `make interop`")
    samples = samples_of(python)
    with serve_emulator(seconds=0.05) as one, serve_emulator(seconds=0.05) as two:
        theirs = Tenant(Client(python, one.address), one.address, samples, tmp_path / "theirs")
        ours = Tenant(Client(python, two.address), two.address, samples, tmp_path / "ours")
        different = {}
        for number, (family, path, changes) in enumerate(CHANGES):
            bodies = [theirs.sample(path)]
            bodies += [theirs.sample(b) if b.endswith(".yaml") else b for _, b in changes]
            bodies = [own_name(prepared(text, family, number), number) for text in bodies]
            name = name_of(bodies[0])
            theirs.create(f"{family} create", replaced(bodies[0], theirs.ids))
            id_ = theirs.describe(family, name)["id"]
            script = [f"ID=$(peak {family} create ../0.yaml | jq .id)"]
            for at_, (word, _) in enumerate(changes, 1):
                (theirs.folder / "body.yaml").write_text(replaced(bodies[at_], theirs.ids))
                theirs.peak(*family.split(), word, str(id_), str(theirs.folder / "body.yaml"))
                script.append(f"peak {family} {word} $ID ../{at_}.yaml")
            convert_and_apply(ours, "\n".join(script), *(replaced(b, ours.ids) for b in bodies))
            shown = plain(theirs.peak(*family.split(), "describe", str(id_)))
            last = at(shown, FAMILIES[family][1])
            left, right = settled(shown), settled(plain(ours.describe(family, last)))
            if left != right:
                different[f"{path} {changes[0][0]}"] = (left, right)
        assert not different, json.dumps(different, indent=1)
        for tenant in (theirs, ours):
            tenant.client.close()


def own_name(text: str, number: int) -> str:
    return re.sub(r"(?m)^((?:  )?(?:  )?name: )([\w-]+)$", rf"\1\2-{number}", text, count=1)


def settled(value: Any) -> Any:
    """A description without what a history leaves: counts, and names of parts from before."""
    if isinstance(value, dict):
        skipped = ("revision", "versionCount", "status")
        kept = {key: each for key, each in value.items() if key not in skipped}
        return {
            k: settled(each) for k, each in kept.items() if (k, type(each)) != ("resources", list)
        }
    return [settled(each) for each in value] if isinstance(value, list) else value
