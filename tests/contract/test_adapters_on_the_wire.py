"""For each recorded command of the real client, a manifest of the same intent sends the same.

Bodies are compared as data, multipart part by part and zips by their entries. What may differ is
in `peakctl.adapters.differences`, and nowhere else.
"""

from __future__ import annotations

import asyncio
import importlib
import io
import json
import re
import zipfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from chaos.clock import FakeClock

from peakctl.adapters.differences import (
    ABSENT,
    BODY,
    DIFFERENCES,
    DIGEST,
    START_UP,
    Difference,
)
from peakctl.api.client import Api, bases_for
from peakctl.archives.digest import split_digest
from peakctl.archives.pack import pack_all
from peakctl.kinds.schemas import load_kinds
from peakctl.kinds.validate import read_resources
from peakctl.model import (
    MISSING,
    CallRequest,
    Change,
    Document,
    Live,
    Location,
    Resource,
    Secret,
    Step,
)

WIRE = Path(__file__).parent / "wire"
SPEC = "632a4e7c-ab86-4ecb-8f34-99b5da531ceb"
ARTIFACT = "c7575459-e265-4944-a539-1fbb3336799e"
Tree = dict[str, Any]

# --- from what the client sent to a manifest that means the same -----


def manifest(kind: str, metadata: Tree, spec: Tree) -> Tree:
    return {"apiVersion": "peakctl/v1", "kind": kind, "metadata": metadata, "spec": spec}


def split(sent: Tree, *names: str) -> tuple[Tree, Tree]:
    """The named keys, and the others."""
    return {k: sent[k] for k in names if k in sent}, {
        k: v for k, v in sent.items() if k not in names
    }


def with_folder(sent: Tree, spec: Tree) -> Tree:
    return {**spec, "artifact": {"path": "folder"}} if "artifact" in sent else spec


def artifact(sent: Tree) -> Tree:
    metadata, spec = split(sent, "name", "description")
    metadata = {"name": "my-artifact", **{k: v for k, v in metadata.items() if v is not None}}
    return manifest("Artifact", metadata, {**spec, "artifact": {"path": "folder"}})


def image(sent: Tree) -> Tree:
    metadata, spec = split(sent, "name", "description")
    return manifest(
        "Image", {"name": "an-image", **metadata}, with_folder(sent, {"type": "workflow", **spec})
    )


def spec_of(kind: str, word: str, sent: Tree) -> Tree:
    inner = sent.get("spec", {k: sent[k] for k in ("release", "config") if k in sent})
    rest = {
        k: v for k, v in sent.items() if k not in ("spec", "release", "config") and v is not None
    }
    metadata = {"name": "a-spec", "summary": "s", **inner.get("metadata", {})}
    body = {k: v for k, v in inner.items() if k != "metadata"}
    return manifest(kind, metadata, with_folder(sent, {"kind": word, **body, **rest}))


def block_spec(sent: Tree) -> Tree:
    made = spec_of("BlockSpec", "workflow", sent)
    config = made["spec"]["config"]
    if "steps" not in config:
        made["spec"]["kind"] = "service"
    return made


def app_spec(sent: Tree) -> Tree:
    return spec_of("AppSpec", "app", sent)


def block_metadata(sent: Tree) -> Tree:
    metadata, rest = sent.get("metadata", {}), {k: v for k, v in sent.items() if k != "metadata"}
    config = {"steps": {"s": {"imageDetails": {"id": 1, "versionId": 2}, "command": "true"}}}
    metadata = {"name": "a-spec", "summary": "s", **metadata}
    return manifest("BlockSpec", metadata, {"kind": "workflow", "config": config, **rest})


def app_metadata(sent: Tree) -> Tree:
    made = block_metadata(sent)
    config = [{"id": SPEC, "release": {"version": "1.0.0"}}]
    return {**made, "kind": "AppSpec", "spec": {**made["spec"], "kind": "app", "config": config}}


def deployment(which: str, sent: Tree) -> Tree:
    spec = {k: v for k, v in sent.items() if k not in ("metadata", "spec", "release")}
    named = {"id": SPEC, **({"release": sent["release"]} if "release" in sent else {})}
    metadata = {"name": "a-deployment", **sent.get("metadata", {})}
    return manifest("Deployment", metadata, {which: sent.get("spec", named), **spec})


def deployment_metadata(which: str, sent: Tree) -> Tree:
    return deployment(which, {"metadata": sent, "release": {"version": "1.0.0"}})


def run_values(sent: Tree) -> Tree:
    return deployment("blockSpec", {"parameters": {"run": sent}, "release": {"version": "1.0.0"}})


def service(sent: Tree) -> Tree:
    sent = {k: v for k, v in sent.items() if k != "healthCheckUrl"}
    metadata, spec = split(sent, "name", "title", "description")
    return manifest("Service", {"name": "my-service", **metadata}, spec)


def webapp(sent: Tree) -> Tree:
    return {**service(sent), "kind": "Webapp"}


def workflow(sent: Tree) -> Tree:
    metadata, spec = split(sent, "name", "tags")
    if "triggers" in spec:
        spec["triggers"] = [
            {k: v for k, v in t.items() if k != "webhookPolicy"} for t in spec["triggers"]
        ]
    # The client's samples leave out what its documentation requires of an http step.
    steps = {
        name: {"method": "post", **step} if step.get("type") == "http" else step
        for name, step in spec["steps"].items()
    }
    return manifest("Workflow", metadata, {**spec, "steps": steps})


def bare(kind: str) -> Callable[[Tree], Tree]:
    """Any manifest of the kind: what is sent does not depend on it."""
    samples: dict[str, Callable[[], Tree]] = {
        "Artifact": lambda: artifact({}),
        "Image": lambda: image({}),
        "BlockSpec": lambda: block_metadata({}),
        "AppSpec": lambda: app_metadata({}),
        "BlockDeployment": lambda: run_values({"a": 1}),
        "AppDeployment": lambda: deployment("appSpec", {"release": {"version": "1.0.0"}}),
        "Service": lambda: service({"imageDetails": {"imageId": 1}}),
        "Webapp": lambda: webapp({"imageDetails": {"imageId": 1}}),
        "Workflow": lambda: workflow({"name": "w", "steps": {"s": {"imageId": 1, "command": "c"}}}),
    }
    return lambda sent: samples[kind]()


# --- the table: recording -> manifest -> order -----


@dataclass(frozen=True)
class Case:
    """`meant` makes a manifest of what was sent; the order is about `id` as `private` has it."""

    recording: str
    step: Step
    meant: Callable[[Tree], Tree]
    id: str | int = SPEC
    private: Mapping[str, Any] = field(default_factory=dict)
    call: str = ""
    version: str | None = None


def block(sent: Tree) -> Tree:
    return deployment("blockSpec", sent)


def app(sent: Tree) -> Tree:
    return deployment("appSpec", sent)


def block_title(sent: Tree) -> Tree:
    return deployment_metadata("blockSpec", sent)


def app_title(sent: Tree) -> Tree:
    return deployment_metadata("appSpec", sent)


BLOCKS = {"family": "blocks"}
APPS = {"family": "apps"}
VERSION = {"versionId": 101}
HOOK = {"webhooks": ["w-1"]}
CASES = (
    Case("artifacts-create", Step.CREATE, artifact),
    Case("artifacts-create-minimal", Step.CREATE, artifact),
    Case("artifacts-create-seed-fields", Step.CREATE, artifact),
    Case("artifacts-create-version-seed-fields", Step.CREATE_VERSION, artifact, ARTIFACT),
    Case("artifacts-update-metadata", Step.UPDATE_METADATA, artifact, ARTIFACT, call="edit"),
    Case("artifacts-delete", Step.DELETE, bare("Artifact"), ARTIFACT),
    Case("images-create-dockerfile", Step.CREATE, image),
    Case("images-create-flags-build-details", Step.CREATE, image, version="0.0.1"),
    Case("images-create-flags-dockerfile", Step.CREATE, image),
    Case("images-create-flags-github", Step.CREATE, image, version="0.0.1"),
    Case("images-create-flags-no-use-cache", Step.CREATE, image, version="0.0.1"),
    Case("images-create-or-update-new-image", Step.CREATE, image),
    Case("images-create-or-update-new-version", Step.CREATE_VERSION, image, 9999),
    Case("images-create-upload", Step.CREATE, image),
    Case("images-create-version-dockerfile", Step.CREATE_VERSION, image, 9999),
    Case("images-create-version-flags", Step.CREATE_VERSION, image, 9999),
    Case("images-create-version-github", Step.CREATE_VERSION, image, 9999),
    Case("images-create-version-upload", Step.CREATE_VERSION, image, 9999),
    Case("images-update-version-flags", Step.UPDATE_VERSION, image, 9999, VERSION),
    Case("images-update-version-github", Step.UPDATE_VERSION, image, 9999, VERSION),
    Case("images-update-version-upload", Step.UPDATE_VERSION, image, 9999, VERSION),
    Case("images-delete", Step.DELETE, bare("Image"), 9999),
    Case("blocks-specs-create-image-details", Step.CREATE, block_spec),
    Case("blocks-specs-create-service-webapp", Step.CREATE, block_spec),
    Case("blocks-specs-create-workflow", Step.CREATE, block_spec),
    Case("blocks-specs-create-release-api", Step.CREATE_RELEASE, block_spec),
    Case("blocks-specs-create-release-workflow", Step.CREATE_RELEASE, block_spec),
    Case("blocks-specs-update-metadata", Step.UPDATE_METADATA, block_metadata, call="edit"),
    Case("blocks-specs-delete", Step.DELETE, bare("BlockSpec")),
    Case("apps-specs-create", Step.CREATE, app_spec),
    Case("apps-specs-create-minimal", Step.CREATE, app_spec),
    Case("apps-specs-create-release", Step.CREATE_RELEASE, app_spec),
    Case("apps-specs-create-release-minimal", Step.CREATE_RELEASE, app_spec),
    Case("apps-specs-update-metadata-desc", Step.UPDATE_METADATA, app_metadata, call="edit"),
    Case("apps-specs-delete", Step.DELETE, bare("AppSpec")),
    Case("blocks-deployments-create", Step.CREATE, block),
    Case("blocks-deployments-create-revision", Step.CREATE_REVISION, block, private=BLOCKS),
    Case(
        "blocks-deployments-update-metadata",
        Step.UPDATE_METADATA,
        block_title,
        private=BLOCKS,
        call="edit",
    ),
    Case("blocks-deployments-redeploy", Step.REDEPLOY, bare("BlockDeployment"), private=BLOCKS),
    Case("blocks-deployments-delete", Step.DELETE, bare("BlockDeployment"), private=BLOCKS),
    Case(
        "sdk129-deployments-patch-parameters",
        Step.PATCH_PARAMETERS,
        run_values,
        private=BLOCKS,
        call="patch",
    ),
    Case("apps-deployments-create", Step.CREATE, app),
    Case(
        "apps-deployments-update-metadata",
        Step.UPDATE_METADATA,
        app_title,
        private=APPS,
        call="edit",
    ),
    Case(
        "apps-deployments-update-metadata-desc",
        Step.UPDATE_METADATA,
        app_title,
        private=APPS,
        call="edit",
    ),
    Case("apps-deployments-delete", Step.DELETE, bare("AppDeployment"), private=APPS),
    Case("services-create", Step.CREATE, service),
    Case("services-create-flags", Step.CREATE, service),
    Case("services-create-flags-equal-values", Step.CREATE, service),
    Case("services-create-flags-no-stickiness", Step.CREATE, service),
    Case("services-create-or-update-new", Step.CREATE, service),
    Case("sdk129-services-create-scale-to-zero", Step.CREATE, service),
    Case("services-create-or-update-flags", Step.UPDATE, service, call="update"),
    Case("services-update", Step.UPDATE, service, call="update"),
    Case("services-delete", Step.DELETE, bare("Service")),
    Case("webapps-create", Step.CREATE, webapp),
    Case("webapps-create-flags", Step.CREATE, webapp),
    Case("webapps-create-or-update-new", Step.CREATE, webapp),
    Case("webapps-update-flags", Step.UPDATE, webapp, call="update"),
    Case("webapps-delete", Step.DELETE, bare("Webapp")),
    Case("workflows-create", Step.CREATE, workflow),
    Case("workflows-create-auto-retry", Step.CREATE, workflow),
    Case("workflows-create-input-parameters", Step.CREATE, workflow),
    Case("workflows-create-input-parameters-inherit", Step.CREATE, workflow),
    Case("workflows-create-or-update-new", Step.CREATE, workflow),
    Case("workflows-create-output-parameters", Step.CREATE, workflow),
    Case("workflows-create-seed-fields", Step.CREATE, workflow),
    Case("workflows-update", Step.UPDATE, workflow, 9999, HOOK),
    Case("workflows-patch-flags", Step.UPDATE, workflow, 9999, HOOK),
    Case("workflows-patch-add-step", Step.UPDATE, workflow, 9999, {"webhooks": []}),
    Case("workflows-delete", Step.DELETE, bare("Workflow"), 9999),
)

NOT_MEANT = {
    "artifacts-delete-version": "peakctl deletes whole resources (its ledger trims its own)",
    "images-delete-version": "peakctl deletes whole resources",
    "images-create-or-update-no-name": "a manifest always has a name",
    "images-update-version-description-only": "a version goes out whole: its build is repeated",
    "services-create-or-update-no-name": "a manifest always has a name",
    "webapps-create-or-update-sample": "a manifest always has a name",
    "sdk129-blocks-specs-validate": "peakctl checks against its schemas and sends no trial",
    "sdk129-workflows-pause": "test_day_two_on_the_wire.py has it",
    "sdk129-workflows-resume": "test_day_two_on_the_wire.py has it",
    "workflows-patch-nothing": "the client refuses it, nothing was sent",
}

# --- running it -----


ANSWER = {
    "id": SPEC,
    "imageId": 9999,
    "versionId": 101,
    "buildId": "7",
    "revision": 2,
    "version": 2,
}


@dataclass
class Seen:
    """A request as data, in the form of the recordings."""

    method: str
    path: str
    query: list[list[str]]
    body: Any


def seen_of(request: httpx.Request) -> Seen:
    kind = request.headers.get("content-type", "")
    body: Any = ABSENT
    if kind.startswith("multipart/form-data"):
        body = dict(read_parts(request.content, kind.partition("boundary=")[2].strip('"')))
    elif request.content:
        body = json.loads(request.content)
    path = f"{request.url.host.split('.')[0]}{request.url.path}"
    if path == "press/v1/apps/specs/" and isinstance(body, dict):
        assert all(isinstance(text, str) for text in body.values())
        body = {name: value_of(text) for name, text in body.items()}
    query = [list(pair) for pair in request.url.params.multi_items()]
    return Seen(request.method, path, query, body)


def read_parts(content: bytes, boundary: str) -> Iterator[tuple[str, Any]]:
    for piece in content.split(b"--" + boundary.encode())[1:-1]:
        head, _, rest = piece.partition(b"\r\n\r\n")
        name = re.search(rb'name="([^"]*)"', head)
        assert name is not None
        if b"filename=" in head:
            assert b'filename="artifact.zip"' in head
            assert b"application/zip" in head
            with zipfile.ZipFile(io.BytesIO(rest[:-2])) as archive:
                yield name[1].decode(), sorted(archive.namelist())
        else:
            yield name[1].decode(), value_of(rest[:-2].decode())


def value_of(text: str) -> Any:
    """JSON text as data; plain text (also that of a number, like a version) as it is."""
    if text in ("true", "false", "null") or text[:1] in "[{":
        try:
            return json.loads(text)
        except ValueError:
            return text
    return text


def recorded(name: str) -> dict[str, Any]:
    whole: dict[str, Any] = json.loads((WIRE / f"{name}.json").read_text("utf-8"))
    return whole


def recorded_seen(whole: dict[str, Any]) -> Seen:
    """The last request, which is the one that writes; its JSON texts as data."""
    request = whole["requests"][-1]
    body: Any = request.get("json", ABSENT)
    if "multipart" in request:
        body = {p["name"]: part_value(p) for p in request["multipart"]}
    elif "jsonTextFields" in request:
        texts = {k: value_of(v) if isinstance(v, str) else v for k, v in body.items()}
        body = {**texts, **request["jsonTextFields"]}
    query = request.get("query") or []
    return Seen(request["method"], request["subdomain"] + request["path"], query, body)


def part_value(part: dict[str, Any]) -> Any:
    if "zipEntries" in part:
        return sorted(part["zipEntries"])
    return part["jsonText"] if "jsonText" in part else part["text"]


def make_folder(root: Path, body: Any) -> None:
    entries = body.get("artifact", ["Dockerfile"]) if isinstance(body, dict) else ["Dockerfile"]
    for entry in entries:
        path = root / "folder" / entry
        (path if entry.endswith("/") else path.parent).mkdir(parents=True, exist_ok=True)
        if not entry.endswith("/"):
            # Ignore files must not leave anything out here.
            path.write_text("" if "ignore" in entry else entry, "utf-8")


def read_manifest(value: Tree, root: Path) -> Resource:
    document = Document(value, "m.yaml", str(root), lambda path: Location("m.yaml", 1, 1))
    resources, problems = read_resources([document], load_kinds(), project_root=root, pack=pack_all)
    assert resources, [(p.path, p.summary, p.detail) for p in problems]
    return resources[0]


def order_of(case: Case, resource: Resource, sent: Any) -> CallRequest:
    values = dict(resource.values)
    live = Live(resource.key, case.id, {}, private=case.private)
    return CallRequest(
        case.step,
        resource.key,
        values,
        live=None if case.step is Step.CREATE else live,
        version=case.version or version_of(sent),
        changes=tuple(changes_of(case, values, sent)),
        archives=resource.archives,
    )


def version_of(sent: Any) -> str | None:
    if not isinstance(sent, dict):
        return None
    inner = sent.get("spec") if isinstance(sent.get("spec"), dict) else sent
    release = inner.get("release") if isinstance(inner, dict) else None
    version = release["version"] if release else sent.get("version")
    return version if isinstance(version, str) else None


def changes_of(case: Case, values: Mapping[str, Any], sent: Any) -> Iterator[Change]:
    """Everything that the client sent is a change, as if all of it were new."""
    if case.call == "patch":
        for name, value in values["spec"]["parameters"]["run"].items():
            yield Change(("spec", "parameters", "run", name), MISSING, value, "patch")
    elif case.call:
        names = {*sent, *sent.get("metadata", {})} if isinstance(sent, dict) else set()
        for room in ("metadata", "spec"):
            for name, value in values[room].items():
                if name in names:
                    yield Change((room, name), MISSING, value, case.call)


async def send(order: CallRequest) -> list[Seen]:
    seen: list[Seen] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(seen_of(request))
        return httpx.Response(200, json=ANSWER)

    async with Api(
        transport=httpx.MockTransport(answer),
        bases=bases_for("prod", None),
        token=Secret("t"),
        clock=FakeClock(),
    ) as api:
        await adapter_of(order.key.kind, api).call(order)
    return seen


def adapter_of(kind: str, api: Api) -> Any:
    module = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", kind).lower()
    return importlib.import_module(f"peakctl.adapters.{module}").Adapter(api, load_kinds()[kind])


# --- comparing it -----


def differing(theirs: Any, ours: Any, path: str = "") -> Iterator[tuple[str, Any, Any]]:
    """Dotted path, their value, our value; lists are compared whole."""
    if isinstance(theirs, dict) and isinstance(ours, dict):
        for name in sorted({*theirs, *ours}):
            yield from differing(
                theirs.get(name, ABSENT), ours.get(name, ABSENT), f"{path}.{name}" if path else name
            )
    elif theirs != ours:
        yield path or BODY, theirs, ours


def allowed(request: str, path: str, theirs: Any, ours: Any) -> Difference | None:
    for difference in DIFFERENCES:
        if re.fullmatch(difference.call, request) and difference.field == path:
            if difference.ours == DIGEST:
                text = theirs if isinstance(theirs, str) and theirs != ABSENT else ""
                told, digest = split_digest(ours)
                if told == text and digest is not None:
                    return difference
            elif (difference.theirs, difference.ours) == (theirs, ours):
                return difference
    return None


def run(case: Case, root: Path) -> tuple[list[str], list[Difference]]:
    """What is not in the table, and what of the table was met."""
    whole = recorded(case.recording)
    theirs = recorded_seen(whole)
    make_folder(root, theirs.body)
    value = case.meant(dict(theirs.body) if isinstance(theirs.body, dict) else {})
    resource = read_manifest(value, root)
    sent = asyncio.run(send(order_of(case, resource, theirs.body)))
    assert len(sent) == 1
    ours = sent[0]
    assert (ours.method, ours.path) == (theirs.method, theirs.path)
    assert ours.query == theirs.query
    request = f"{theirs.method} {theirs.path}"
    met, surprises = [], []
    pairs = [*differing(theirs.body, ours.body), (START_UP, whole["startupCalls"], 0)]
    for path, left, right in pairs:
        difference = allowed(request, path, left, right)
        if difference is None:
            surprises.append(f"{path}: {left!r} -> {right!r}")
        else:
            met.append(difference)
    return surprises, met


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.recording)
def test_the_same_intent_sends_the_same_request(case: Case, tmp_path: Path) -> None:
    surprises, _ = run(case, tmp_path)
    assert surprises == []


def test_each_listed_difference_happens(tmp_path: Path) -> None:
    met: list[Difference] = []
    for number, case in enumerate(CASES):
        (tmp_path / str(number)).mkdir()
        met += run(case, tmp_path / str(number))[1]
    assert [d for d in DIFFERENCES if d not in met] == []


def test_every_recorded_write_is_meant_or_left_out_for_a_reason() -> None:
    writes = {
        path.stem
        for path in WIRE.glob("*.json")
        if re.match("(artifacts|images|blocks|apps|services|webapps|workflows|sdk129)-", path.stem)
        and not re.match("workflows-(execute|get|list)|services-test|sdk129-tenants", path.stem)
        and any(r["method"] != "GET" for r in recorded(path.stem)["requests"])
    }
    listed = {case.recording for case in CASES} | set(NOT_MEANT)
    assert writes <= listed
