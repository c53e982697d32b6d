"""Each command of the reference beside peakctl's way for it (docs/reference-commands.md).

Two tenants: in one the real client does the work, in the other peakctl, from manifests. What the
client then reads in both must be the same, but for ids and times; what peakctl reads must be what
the client reads. Needs the client's environments: `make interop` installs them.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from interop.checks import at
from interop.player import Client, read_json
from interop.releases import python_of
from interop.serving import serve_emulator
from interop.story import RELEASES

from peakctl.archives.digest import split_digest
from peakctl.conversion.commands import COMMANDS

ROOT = Path(__file__).resolve().parents[2]
INSTALLED = Path(os.environ.get("INTEROP_FOLDER", "nowhere"))
REFERENCE = {name for name, command in COMMANDS.items() if not command.new}
PROJECT = """\
project: shop
manifests: [manifests]
environments: {e: {}}
defaultEnvironment: e
"""
LISTS = {
    "Artifact": ("artifacts list", "artifacts", "name"),
    "Image": ("images list", "images", "name"),
    "Service": ("services list", "services", "name"),
    "Webapp": ("webapps list", "webapps", "name"),
    "Workflow": ("workflows list", "workflows", "name"),
    "BlockSpec": ("blocks specs list", "specs", "metadata.name"),
    "AppSpec": ("apps specs list", "specs", "metadata.name"),
    "Block": ("blocks deployments list", "deployments", "metadata.name"),
    "App": ("apps deployments list", "deployments", "metadata.name"),
}
PASSING = 30.0
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
TIMES = re.compile(
    r"(createdAt|createdBy|updatedAt|updatedBy|lastBuildAt|executedAt|buildId|deliveredAt|reqStartTime|reqEndTime)\Z"
)


class Tenant:
    """One emulator, the client before it, and a project that peakctl applies to it."""

    def __init__(self, client: Client, address: str, folder: Path) -> None:
        self.client, self.folder = client, folder
        self.asked: set[str] = set()
        self.env = {k: v for k, v in os.environ.items() if not k.startswith(("PEAK", "API_KEY"))}
        self.env |= {"PEAKCTL_ENDPOINT": address, "PEAK_AUTH_TOKEN": "any", "PYTHONPATH": str(ROOT)}
        (folder / "manifests").mkdir(parents=True)
        (folder / "files").mkdir()
        (folder / "peakctl.yaml").write_text(PROJECT)

    def files(self, **texts: str) -> None:
        for name, text in texts.items():
            (self.folder / "files" / name).write_text(text)

    def peak(self, words: str, body: Any = None, *, exit_code: int = 0) -> Any:
        """One command of the client; `@` is `body` in a file, `%{Kind/name}` the id of it there."""
        self.asked |= {name for name in REFERENCE if words.startswith(f"{name} ") or words == name}
        words = re.sub(r"%\{([^}]+)\}", lambda found: str(self.id_of(found[1])), words)
        path = self.folder / "body.yaml"
        path.write_text(yaml.safe_dump(body))
        argv = [str(path) if word == "@" else word for word in words.split(" ")]
        done = self.client.run(argv, self.folder)
        assert done["exit"] == exit_code, (words, done["out"][-300:], done["err"][-500:])
        return read_json(done["out"])

    def id_of(self, key: str) -> Any:
        kind, _, name = key.partition("/")
        command, items, path = LISTS[kind]
        found = self.peak(f"{command} --page-size 100")[items]
        (one,) = [item for item in found if at(item, path) == name]
        return one["id"]

    def peakctl(self, words: str, *, exit_code: int = 0) -> str:
        command = [sys.executable, "-m", "peakctl", *words.split(" ")]
        done = subprocess.run(
            command, cwd=self.folder, env=self.env, capture_output=True, text=True
        )
        assert done.returncode == exit_code, (words, done.stdout, done.stderr)
        return done.stdout

    def told(self, words: str) -> Any:
        return json.loads(self.peakctl(f"{words} -o json"))

    def may(self, words: str) -> bool:
        command = [sys.executable, "-m", "peakctl", *words.split(" ")]
        done = subprocess.run(
            command, cwd=self.folder, env=self.env, capture_output=True, text=True
        )
        return done.returncode == 0

    def apply(self, *manifests: Any, flags: str = "") -> None:
        text = yaml.safe_dump_all(
            [{"apiVersion": "peakctl/v1", **manifest} for manifest in manifests]
        )
        (self.folder / "manifests/all.yaml").write_text(text)
        self.peakctl(f"apply --yes -q {flags}".strip())

    def settled(self, words: str, path: str, *good: str) -> Any:
        """The answer of a read once the value at `path` is one of `good`."""
        end = time.monotonic() + PASSING
        while at(found := self.peak(words), path) not in good:
            assert time.monotonic() < end, (words, found)
            time.sleep(0.1)
        return found


@pytest.fixture(params=RELEASES)
def both(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Tenant, Tenant]]:
    """A tenant for the client, and one for peakctl."""
    python = python_of(INSTALLED, request.param)
    if not python.exists():
        pytest.skip(f"needs peak-sdk {request.param}: run `make interop`")
    with serve_emulator(seconds=0.05) as one, serve_emulator(seconds=0.05) as two:
        clients = [Client(python, each.address) for each in (one, two)]
        theirs, ours = (
            Tenant(client, served.address, tmp_path / name)
            for client, served, name in zip(clients, (one, two), ("theirs", "ours"), strict=True)
        )
        yield theirs, ours
        for client in clients:
            client.close()


def plain(value: Any) -> Any:
    """What must be the same in both tenants: no ids, no times, no digest of ours."""
    if isinstance(value, dict):
        return {k: plain(v) for k, v in value.items() if k != "id" and not TIMES.search(k)}
    if isinstance(value, list):
        return [plain(each) for each in value]
    if isinstance(value, str):
        return UUID.sub("ID", split_digest(value)[0])
    return value


def same(both: tuple[Tenant, Tenant], words: str) -> Any:
    """What the client reads in both tenants; they must be alike. That of ours."""
    theirs, ours = (each.peak(words) for each in both)
    assert plain(theirs) == plain(ours), words
    return ours


def names(rows: Any) -> list[str]:
    return sorted(row["name"] for row in rows)


def manifest(kind: str, name: str, spec: Any, **metadata: Any) -> Any:
    return {"kind": kind, "metadata": {"name": name, **metadata}, "spec": spec}


FOLDER = {"path": "files", "ignore_files": []}


def test_artifacts(both: tuple[Tenant, Tenant]) -> None:
    theirs, ours = both
    spec = {"artifact": {"path": "../files"}}
    for each in both:
        each.files(a="one")
    theirs.peak("artifacts create @", {"name": "prices", "description": "P", "artifact": FOLDER})
    ours.apply(manifest("Artifact", "prices", spec, description="P"))
    for each in both:
        each.files(a="two", b="three")
    theirs.peak("artifacts create-version %{Artifact/prices} @", {"artifact": FOLDER})
    theirs.peak("artifacts update-metadata %{Artifact/prices} @", {"body": {"description": "Q"}})
    ours.apply(manifest("Artifact", "prices", spec, description="Q"))
    described = same(both, "artifacts describe %{Artifact/prices}")
    past = ours.told("history Artifact/prices")["history"]["versions"]
    assert {row["number"] for row in past} == {str(v["version"]) for v in described["versions"]}
    assert "Q" in ours.peakctl("get Artifact/prices")
    listed = {item["name"] for item in ours.peak("artifacts list")["artifacts"]}
    assert {name for name in listed if not name.startswith("peakctl-")} == {*names(
        ours.told("get Artifact")["resources"]
    )}  # fmt: skip
    for number in ("1", "2"):
        for each in both:
            each.peak(f"artifacts download %{{Artifact/prices}} client-{number}.zip "
                      f"--version {number}")  # fmt: skip
        ours.peakctl(f"download Artifact/prices@{number} --to own-{number}.zip")
        mine, clients = ours.folder / f"own-{number}.zip", ours.folder / f"client-{number}.zip"
        assert mine.read_bytes() == clients.read_bytes()
        assert held(mine) == held(theirs.folder / f"client-{number}.zip")
    theirs.peak("artifacts delete-version %{Artifact/prices} 1")
    ours.peakctl("gc Artifact/prices@1 --yes")
    same(both, "artifacts describe %{Artifact/prices}")
    theirs.peak("artifacts delete %{Artifact/prices}")
    ours.peakctl("destroy --yes")
    left = {item["name"] for item in ours.peak("artifacts list")["artifacts"]}
    assert theirs.peak("artifacts list")["artifacts"] == []
    assert all(name.startswith("peakctl-") for name in left)
    check(both, "artifacts")


def held(archive: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(archive) as opened:
        return {name: opened.read(name) for name in opened.namelist() if not name.endswith("/")}


def details(text: str) -> Any:
    return {"source": "dockerfile", "dockerfile": text}


def image(text: str, **more: Any) -> Any:
    return manifest("Image", "base", {"type": "workflow", "buildDetails": details(text), **more})


def image_body(text: str, **more: Any) -> Any:
    return {"body": {"name": "base", "type": "workflow", "buildDetails": details(text), **more}}


def version_id(tenant: Tenant, number: str) -> Any:
    found = tenant.peak("images list-versions %{Image/base} --page-size 100")["versions"]
    return next(each["id"] for each in found if each["version"] == number)


def built(tenant: Tenant, number: str, *good: str) -> None:
    ids = f"--image-id {tenant.id_of('Image/base')} --version-id {version_id(tenant, number)}"
    found = tenant.settled(
        f"images describe-version {ids}", "lastBuildStatus", *(good or ("success",))
    )
    assert found["version"] == number


def test_images(both: tuple[Tenant, Tenant]) -> None:
    theirs, ours = both
    theirs.peak("images create @", image_body("FROM one", version="0.0.1"))
    ours.apply(image("FROM one"))
    built(theirs, "0.0.1")
    theirs.peak(
        "images create-version %{Image/base} @", {"body": {"buildDetails": details("FROM two")}}
    )
    ours.apply(image("FROM two"))
    built(theirs, "0.0.2")
    theirs.peak("images create-or-update @", image_body("FROM three", version="0.0.3"))
    ours.apply(image("FROM three"))
    built(theirs, "0.0.3")
    theirs.peak(
        "images create-version %{Image/base} @",
        {"body": {"version": "0.0.4", "buildDetails": details("FROM four\nRUN exit 3")}},
    )
    built(theirs, "0.0.4", "failed")
    (ours.folder / "manifests/all.yaml").write_text(
        yaml.safe_dump({"apiVersion": "peakctl/v1", **image("FROM four\nRUN exit 3")})
    )
    ours.peakctl("apply --yes -q", exit_code=1)
    id_, number = theirs.id_of("Image/base"), version_id(theirs, "0.0.4")
    theirs.peak(
        f"images update-version --image-id {id_} --version-id {number} @",
        {"body": {"buildDetails": details("FROM four")}},
    )
    built(theirs, "0.0.4")
    ours.apply(image("FROM four"))
    versions = same(both, "images list-versions %{Image/base} --page-size 100")["versions"]
    past = ours.told("history Image/base")["history"]["versions"]
    assert [row["number"] for row in past] == sorted((v["version"] for v in versions), reverse=True)
    same(both, "images describe %{Image/base}")
    assert names(ours.told("get Image")["resources"]) == ["base"]
    assert names(ours.peak("images list --scope custom")["images"]) == ["base"]
    number = version_id(ours, "0.0.2")
    shown = ours.peak(
        f"images describe-version --image-id {ours.id_of('Image/base')} --version-id {number}"
    )
    (written,) = yaml.safe_load_all(ours.peakctl("get Image/base@0.0.2"))
    assert written["spec"]["buildDetails"]["dockerfile"] == shown["buildDetails"]["dockerfile"]
    builds = ours.peak("images list-builds %{Image/base} --page-size 100")["builds"]
    newest = max((b for b in builds if b["version"] == "0.0.2"), key=lambda b: b["startedAt"])
    log = ours.peak(f"images get-build-logs --image-id {ours.id_of('Image/base')} "
                    f"--build-id {newest['buildId']}")  # fmt: skip
    told = ours.peakctl("logs Image/base@0.0.2")
    assert [each["message"] for each in log["logs"]] == [
        each for each in told.splitlines() if each in {row["message"] for row in log["logs"]}
    ]
    gone = [version_id(theirs, n) for n in ("0.0.2", "0.0.3")]
    theirs.peak(
        f"images delete-version --image-id {id_} --version-id {version_id(theirs, '0.0.1')}"
    )
    ours.peakctl("gc Image/base@0.0.1 --yes")
    theirs.peak(
        f"images delete-versions --image-id {id_} --version-ids {gone[0]} --version-ids {gone[1]}"
    )
    ours.peakctl("gc Image/base --keep 1 --yes")
    for each in both:
        end = time.monotonic() + PASSING
        while len(each.peak("images list-versions %{Image/base}")["versions"]) > 1:
            assert time.monotonic() < end
    same(both, "images list-versions %{Image/base} --page-size 100")
    theirs.peak(f"images delete {id_}")
    ours.peakctl("destroy --yes")
    for each in both:
        end = time.monotonic() + PASSING
        while each.peak("images list --scope custom")["images"]:
            assert time.monotonic() < end
    check(both, "images")


def served(kind: str, words: str) -> Callable[[Tenant], None]:
    """Waits until the thing of that name is available."""
    family = {"Service": "services", "Webapp": "webapps"}[kind]

    def wait(tenant: Tenant) -> None:
        tenant.settled(f"{family} describe %{{{kind}/{words}}}", "status", "AVAILABLE")

    return wait


MACHINE = {"instanceType": "Micro (0.5CPU, 1GB RAM)"}


def an_image(both: tuple[Tenant, Tenant], kind: str) -> tuple[Any, Any]:
    """An image of one version in both tenants: its manifest, and its ids as the client writes."""
    theirs, _ = both
    body = {"name": "base", "type": kind, "version": "0.0.1", "buildDetails": details("FROM a")}
    theirs.peak("images create @", {"body": body})
    built(theirs, "0.0.1")
    ids = {"imageId": theirs.id_of("Image/base"), "versionId": version_id(theirs, "0.0.1")}
    return manifest("Image", "base", {"type": kind, "buildDetails": details("FROM a")}), ids


def machine_id(tenant: Tenant, name: str, entity: str) -> Any:
    found = tenant.peak(f"tenants list-instance-options --entity-type {entity}")["data"]
    return next(each["id"] for each in found if each["name"] == name)


def test_services_and_webapps(both: tuple[Tenant, Tenant]) -> None:
    theirs, ours = both
    base, ids = an_image(both, "api")
    api = {"serviceType": "api", "minInstances": 1, "healthCheckURL": "/health"}
    by_name = {"imageDetails": {"name": "base"}, "resources": MACHINE}
    machine = {"instanceTypeId": machine_id(theirs, MACHINE["instanceType"], "api-deployment")}
    by_id = {"imageDetails": ids, "resources": machine}
    theirs.peak("services create @", {"body": {"name": "api", **api, **by_id}})
    served("Service", "api")(theirs)
    service = manifest("Service", "api", {**api, **by_name})
    ours.apply(base, service)
    same(both, "services describe %{Service/api}")
    changed = {**api, "minInstances": 2}
    theirs.peak(
        "services update %{Service/api} @", {"body": {"title": "An API", "minInstances": 2}}
    )
    served("Service", "api")(theirs)
    service = manifest("Service", "api", {**changed, **by_name}, title="An API")
    ours.apply(base, service)
    same(both, "services describe %{Service/api}")
    put = {"name": "api", "title": "Again", **changed, **by_id}
    theirs.peak("services create-or-update @", {"body": put})
    served("Service", "api")(theirs)
    service = manifest("Service", "api", {**changed, **by_name}, title="Again")
    ours.apply(base, service)
    shown = same(both, "services describe %{Service/api}")
    (written,) = yaml.safe_load_all(ours.peakctl("get Service/api"))
    assert written["spec"]["healthCheckURL"] == shown["healthCheckURL"]
    assert names(ours.told("get Service")["resources"]) == names(
        same(both, "services list")["services"]
    )
    sent = "--http-method get --path /health"
    answered = ours.peak(f"services test api {sent}")
    (tested,) = ours.told("test Service/api --path /health")["health_checks"]
    assert answered["responseStatus"] == tested["status"] == 200
    same(both, f"services test api {sent}")
    page = {"imageDetails": ids, "resources": {"instanceTypeId": machine_id(
        theirs, MACHINE["instanceType"], "webapp")}}  # fmt: skip
    theirs.peak("webapps create @", {"body": {"name": "page", "title": "P", **page}})
    served("Webapp", "page")(theirs)
    ours.apply(base, service, manifest("Webapp", "page", by_name, title="P"))
    same(both, "webapps describe %{Webapp/page}")
    theirs.peak("webapps update %{Webapp/page} @", {"body": {"title": "Q"}})
    served("Webapp", "page")(theirs)
    theirs.peak("webapps create-or-update @", {"body": {"name": "page", "title": "R", **page}})
    served("Webapp", "page")(theirs)
    ours.apply(base, service, manifest("Webapp", "page", by_name, title="R"))
    same(both, "webapps describe %{Webapp/page}")
    assert names(ours.told("get Webapp")["resources"]) == names(
        same(both, "webapps list")["webapps"]
    )
    theirs.peak("webapps delete %{Webapp/page}")
    theirs.peak("services delete %{Service/api}")
    ours.peakctl("destroy --yes --select Service/api,Webapp/page")
    for each in both:
        end = time.monotonic() + PASSING
        while each.peak("services list")["services"] or each.peak("webapps list")["webapps"]:
            assert time.monotonic() < end
    check(both, "services", "webapps", "tenants")
    names_ = {row["name"] for row in ours.told("get instance-types")["instance_types"]}
    options = ours.peak("tenants list-instance-options --entity-type workflow")["data"]
    assert {each["name"] for each in options} <= names_


def test_workflows(both: tuple[Tenant, Tenant]) -> None:
    theirs, ours = both
    base, ids = an_image(both, "workflow")
    step = {"command": "echo a", "resources": {"instanceTypeId": 21, "storage": "10GB"}}
    client = {"type": "standard", "imageId": ids["imageId"], "imageVersionId": ids["versionId"]}

    def flow(command: str, **more: Any) -> Any:
        spec = {"steps": {"a": {**step, "command": command, "imageDetails": {"name": "base"}}}}
        return manifest("Workflow", "flow", {**spec, **more})

    def body(command: str, **more: Any) -> Any:
        steps = {"a": {**step, **client, "command": command}}
        return {"body": {"name": "flow", "steps": steps, **more}}

    def agree(command: str, **more: Any) -> Any:
        ours.apply(base, flow(command, **more))
        return same(both, "workflows describe %{Workflow/flow}")

    theirs.peak("workflows create @", body("echo a"))
    agree("echo a")
    theirs.peak("workflows update %{Workflow/flow} @", body("echo b", tags=[{"name": "t"}]))
    ours.apply(base, {**flow("echo b"), "metadata": {"name": "flow", "tags": [{"name": "t"}]}})
    same(both, "workflows describe %{Workflow/flow}")
    theirs.peak("workflows create-or-update @", body("echo c", triggers=[{"cron": "0 2 * * *"}]))
    agree("echo c", triggers=[{"cron": "0 2 * * *"}])
    theirs.peak("workflows patch %{Workflow/flow} --step-names a --command true")
    agree("true", triggers=[{"cron": "0 2 * * *"}])
    assert names(ours.told("get Workflow")["resources"]) == names(
        same(both, "workflows list")["workflows"]
    )
    (written,) = yaml.safe_load_all(ours.peakctl("get Workflow/flow"))
    assert written["spec"]["steps"]["a"]["command"] == "true"
    started = theirs.peak("workflows execute %{Workflow/flow}")["executionId"]
    where = f"--workflow-id {theirs.id_of('Workflow/flow')} --execution-id {started}"
    theirs.settled(f"workflows get-execution-details {where}", "status", "Success")
    run = ours.told("run Workflow/flow")["run"]
    listed = ours.peak("workflows list-executions %{Workflow/flow}")["executions"]
    told = ours.told("executions Workflow/flow")["executions"]
    assert [each["executionId"] for each in listed] == [each["id"] for each in told]
    where_ours = f"--workflow-id {ours.id_of('Workflow/flow')} --execution-id {told[0]['id']}"
    shown = ours.peak(f"workflows get-execution-details {where_ours}")
    execution = ours.told("execution Workflow/flow")["execution"]
    assert [each["name"] for each in shown["steps"]] == [e["name"] for e in execution["steps"]]
    assert shown["status"].lower() == str(execution["status"]).lower()
    log = ours.peak(f"workflows get-execution-logs {where_ours} --step-name a")
    printed = ours.peakctl("logs Workflow/flow --step a")
    assert [each["message"] for each in log["logs"] if each["message"] not in printed] == []
    assert run
    machines = ours.peak("workflows list-resources")
    default = ours.peak("workflows list-default-resources")
    shown_machines = ours.told("get instance-types")["instance_types"]
    (usual,) = [row for row in shown_machines if row["default_of_steps"]]
    options = ours.peak("tenants list-instance-options --entity-type workflow")["data"]
    by_id = {each["id"]: each["name"] for each in options}
    assert {by_id[each["id"]] for each in machines} <= {row["name"] for row in shown_machines}
    assert (usual["name"], usual["default_storage"]) == (
        by_id[default["instanceTypeId"]], default["storage"]
    )  # fmt: skip
    theirs.peak("workflows delete %{Workflow/flow}")
    ours.peakctl("destroy --yes --select Workflow/flow")
    assert same(both, "workflows list")["workflows"] == []
    check(both, "workflows")


def a_block(notes: str, number: str, **metadata: Any) -> tuple[Any, Any]:
    """A block that calls an address: its manifest, and the body of the client."""
    config = {"steps": {"a": {"type": "http", "method": "get", "url": f"https://e.com/{notes}"}}}
    run = [{"name": "agg", "type": "string", "required": False, "defaultValue": "AVG"}]
    about = {"title": "Block", "summary": "A block", **metadata}
    spec = {"kind": "workflow", "config": config, "parameters": {"run": run},
            "autoRunOnDeploy": True, "release": {"version": number, "notes": notes}}  # fmt: skip
    sent = {"version": 1, "kind": "workflow", "metadata": {"name": "block", **about},
            "release": {"version": number, "notes": notes}, "config": config}  # fmt: skip
    body = {"body": sent, "parameters": {"run": run}, "autoRunOnDeploy": True, "featured": False}
    return manifest("BlockSpec", "block", spec, **about), body


def an_app(number: str, block: str, **metadata: Any) -> tuple[Any, Any]:
    about = {"title": "App", "summary": "An app", **metadata}
    release = {"version": number, "notes": number}
    spec = {"config": [{"name": "block", "release": block}], "release": release}
    sent = {"version": 1, "kind": "app", "metadata": {"name": "app", **about}, "release": release}
    return manifest("AppSpec", "app", spec, **about), sent


def test_specs_and_deployments(both: tuple[Tenant, Tenant]) -> None:
    theirs, ours = both
    block, body = a_block("one", "1.0.0")
    theirs.peak("blocks specs create @", body)
    ours.apply(block)
    same(both, "blocks specs describe %{BlockSpec/block}")
    block, body = a_block("two", "1.1.0", tags=[{"name": "t"}])
    release = {key: body["body"][key] for key in ("release", "config")}
    theirs.peak(
        "blocks specs create-release %{BlockSpec/block} @",
        {"body": release, "parameters": body["parameters"], "autoRunOnDeploy": True},
    )
    theirs.peak(
        "blocks specs update-metadata %{BlockSpec/block} @",
        {"body": {"metadata": {"tags": [{"name": "t"}]}}},
    )
    ours.apply(block)
    for number in ("1.0.0", "1.1.0"):
        ids = [each.id_of("BlockSpec/block") for each in both]
        told = [
            plain(t.peak(f"blocks specs describe-release --spec-id {i} --version {number}"))
            for t, i in zip(both, ids, strict=True)
        ]
        assert told[0] == told[1]
        (written,) = yaml.safe_load_all(ours.peakctl(f"get BlockSpec/block@{number}"))
        assert (
            written["spec"]["config"]["steps"]["a"]["url"]
            == (told[1]["config"]["steps"]["a"]["url"])
        )
    same(both, "blocks specs describe %{BlockSpec/block}")
    releases = ours.peak(f"blocks specs list-releases --spec-id {ours.id_of('BlockSpec/block')}")
    past = ours.told("history BlockSpec/block")["history"]["versions"]
    assert [each["version"] for each in releases["releases"]] == [row["number"] for row in past]
    app, sent = an_app("1.0.0", "1.0.0")
    config = [{"id": theirs.id_of("BlockSpec/block"), "release": {"version": "1.0.0"}}]
    theirs.peak("apps specs create @", {"body": {**sent, "config": config}})
    ours.apply(block, app)
    app, sent = an_app("1.1.0", "1.1.0", title="Other")
    config = [{"id": theirs.id_of("BlockSpec/block"), "release": {"version": "1.1.0"}}]
    theirs.peak(
        "apps specs create-release %{AppSpec/app} @",
        {"body": {"release": sent["release"], "config": config}},
    )
    theirs.peak(
        "apps specs update-metadata %{AppSpec/app} @", {"body": {"metadata": {"title": "Other"}}}
    )
    ours.apply(block, app)
    same(both, "apps specs describe %{AppSpec/app}")
    for tenant in both:
        id_ = tenant.id_of("AppSpec/app")
        told = tenant.peak(f"apps specs describe-release --spec-id {id_} --version 1.1.0")
        assert told["config"][0]["release"]["version"] == "1.1.0"
    past = ours.told("history AppSpec/app")["history"]["versions"]
    listed = ours.peak(f"apps specs list-releases --spec-id {ours.id_of('AppSpec/app')}")[
        "releases"
    ]
    assert [each["version"] for each in listed] == [row["number"] for row in past]
    both_kinds = ours.told("get BlockSpec")["resources"] + ours.told("get AppSpec")["resources"]
    assert names(both_kinds) == sorted(
        at(s, "metadata.name") for s in ours.peak("specs list")["specs"]
    )
    deployments(both, block, app)
    for words in ("apps specs delete %{AppSpec/app}", "blocks specs delete %{BlockSpec/block}"):
        theirs.peak(words)
    ours.peakctl("destroy --yes")
    assert same(both, "specs list")["specs"] == []
    check(both, "blocks", "apps", "specs", "deployments")


def revision(tenant: Tenant, family: str, key: str, number: int) -> Any:
    return tenant.settled(
        f"{family} deployments describe-revision --deployment-id {tenant.id_of(key)}"
        f" --revision {number}",
        "status", "deployed",
    )  # fmt: skip


def deployments(both: tuple[Tenant, Tenant], block: Any, app: Any) -> None:
    theirs, ours = both

    def deployed(kind: str, name: str, release: str, title: str, agg: str) -> Any:
        parameters = {"run": {"agg": agg}}
        given = parameters if kind == "blockSpec" else {"block": parameters}
        spec = {kind: {"name": kind.removesuffix("Spec"), "release": release}, "parameters": given}
        return manifest("Deployment", name, spec, title=title)

    def sent(family: str, name: str, release: str, agg: str) -> Any:
        spec = "BlockSpec/block" if family == "blocks" else "AppSpec/app"
        parameters: Any = {"run": {"agg": agg}}
        return {
            "body": {
                "metadata": {"name": name, "title": "D"},
                "spec": {"id": theirs.id_of(spec), "release": {"version": release}},
                "parameters": parameters if family == "blocks" else {"block": parameters},
            }
        }

    theirs.peak("blocks deployments create @", sent("blocks", "dep", "1.0.0", "AVG"))
    revision(theirs, "blocks", "Block/dep", 1)
    one = deployed("blockSpec", "dep", "1.0.0", "D", "AVG")
    ours.apply(block, app, one)
    same(both, "blocks deployments describe %{Block/dep}")
    theirs.peak(
        "blocks deployments create-revision %{Block/dep} @",
        {"body": {"release": {"version": "1.1.0"}, "parameters": {"run": {"agg": "AVG"}}}},
    )
    revision(theirs, "blocks", "Block/dep", 2)
    theirs.peak("blocks deployments update-metadata %{Block/dep} @", {"body": {"title": "E"}})
    theirs.peak("blocks deployments patch-parameters %{Block/dep} @", {"body": {"agg": "SUM"}})
    ours.apply(block, app, deployed("blockSpec", "dep", "1.1.0", "E", "AVG"))
    one = deployed("blockSpec", "dep", "1.1.0", "E", "SUM")
    ours.apply(block, app, one)
    same(both, "blocks deployments describe %{Block/dep}")
    given = [
        each.peak(f"blocks deployments get-parameters --deployment-id {each.id_of('Block/dep')}")
        for each in both
    ]
    assert given[0] == given[1] == {"agg": "SUM"}
    (written,) = yaml.safe_load_all(ours.peakctl("get Deployment/dep"))
    assert written["spec"]["parameters"]["run"] == given[1]
    shown = [revision(each, "blocks", "Block/dep", 2) for each in both]
    assert plain(shown[0]) == plain(shown[1])
    (older,) = yaml.safe_load_all(ours.peakctl("get Deployment/dep@1"))
    assert older["spec"]["blockSpec"]["release"] in ("1.0.0", {"version": "1.0.0"})
    listed = ours.peak("blocks deployments list-revisions %{Block/dep}")["revisions"]
    past = ours.told("history Deployment/dep")["history"]["versions"]
    assert sorted(str(each["revision"]) for each in listed) == sorted(r["number"] for r in past)
    theirs.peak("apps deployments create @", sent("apps", "whole", "1.0.0", "AVG"))
    revision(theirs, "apps", "App/whole", 1)
    whole = deployed("appSpec", "whole", "1.0.0", "D", "AVG")
    ours.apply(block, app, one, whole)
    theirs.peak(
        "apps deployments create-revision %{App/whole} @",
        {
            "body": {
                "release": {"version": "1.1.0"},
                "parameters": {"block": {"run": {"agg": "AVG"}}},
            }
        },
    )
    revision(theirs, "apps", "App/whole", 2)
    theirs.peak("apps deployments update-metadata %{App/whole} @", {"body": {"title": "F"}})
    whole = deployed("appSpec", "whole", "1.1.0", "F", "AVG")
    ours.apply(block, app, one, whole)
    same(both, "apps deployments describe %{App/whole}")
    listed = ours.peak("apps deployments list-revisions %{App/whole}")["revisions"]
    past = ours.told("history Deployment/whole")["history"]["versions"]
    assert sorted(str(each["revision"]) for each in listed) == sorted(r["number"] for r in past)
    rows = ours.told("get Deployment")["resources"]
    assert names(rows) == sorted(
        at(each, "metadata.name") for each in ours.peak("deployments list")["deployments"]
    )
    part = next(row for row in rows if row["part_of"])
    related = ours.peak(
        f"blocks deployments get-related-block-details --deployment-id {part['id']}"
    )
    assert len(related) == sum(1 for row in rows if row["part_of"])
    spec = ours.id_of("BlockSpec/block")
    using = ours.peak(f"specs list-release-deployments --spec-id {spec} --version 1.1.0")
    users = ours.told("graph --impact BlockSpec/block")["impact"]["users"]
    current = {each["key"] for each in users if "1.1.0" in each["versions"]}
    assert {f"Deployment/{at(d, 'metadata.name')}" for d in using["deployments"]} <= current
    executed = theirs.peak("deployments execute-resources %{Block/dep}")["executeResponse"]
    assert executed
    assert ours.told("run Deployment/dep")
    for family, key in (("blocks", "Block/dep"), ("apps", "App/whole")):
        theirs.peak(f"{family} deployments redeploy %{{{key}}}", exit_code=1)  # it has not failed
    ours.peakctl("redeploy Deployment/dep --yes", exit_code=1)
    ours.peakctl("redeploy Deployment/whole --yes", exit_code=1)
    theirs.peak("apps deployments delete %{App/whole}")
    theirs.peak("blocks deployments delete %{Block/dep}")
    ours.peakctl("destroy --yes --select Deployment/dep,Deployment/whole")
    for each in both:
        end = time.monotonic() + PASSING
        while each.peak("deployments list")["deployments"]:
            assert time.monotonic() < end


def test_emails_and_permissions(both: tuple[Tenant, Tenant]) -> None:
    theirs, ours = both
    listed = same(both, "alerts emails list-templates")["templates"]
    rows = ours.told("emails templates")["templates"]
    assert [each["name"] for each in listed] == [each["name"] for each in rows]
    name = listed[0]["name"]
    shown = same(both, f"alerts emails describe-template {name}")
    assert shown["subject"] in ours.peakctl(f"emails templates {name}")
    body = {"recipients": ["a@peak.ai"], "subject": "Hello", "templateName": name,
            "templateParameters": {}}  # fmt: skip
    theirs.peak("alerts emails send @", {"body": body})
    ours.peakctl(f"emails send --to a@peak.ai --subject Hello --template {name}")
    sent = same(both, "alerts emails list")["emails"]
    number = sent[0]["id"]
    told = same(both, f"alerts emails describe {number}")
    mine = ours.told(f"emails describe {number}")["email"]
    assert (mine["subject"], mine["status"]) == (told["subject"], told["status"])
    assert len(ours.told("emails list")["emails"]) == len(sent) == 1
    for feature, action in (("PRICING.GUARDRAILS", "read"), ("PRICING.STRATEGIES", "write")):
        may = ours.peak(f"users check-permission --feature {feature} --action {action}")
        words = f"whoami --can {feature} --action {action}"
        assert (ours.may(words)) is bool(may)
    check(both, "alerts", "users")


def check(both: tuple[Tenant, Tenant], *families: str) -> None:
    """Every command of the families was played."""
    played = both[0].asked | both[1].asked
    wanted = {name for name in REFERENCE if name.startswith(families)}
    assert wanted - played == set()
