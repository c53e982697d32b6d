"""Every recorded command of the real client is accepted, or refused for a reason of the contract.

What a recording talks about is made first, under the ids that it uses.
"""

from __future__ import annotations

import io
import json
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

WIRE = Path(__file__).parents[2] / "contract" / "wire"
LINES = re.compile(r"^(client-|artifact-|template-)")
ONE = "632a4e7c-ab86-4ecb-8f34-99b5da531ceb"
APP = "0a7e4a32-0000-4ecb-8f34-99b5da531ceb"
ARTIFACT = "c7575459-e265-4944-a539-1fbb3336799e"
NAMES = sorted(
    path.stem
    for path in WIRE.glob("*.json")
    if not LINES.match(path.stem) and json.loads(path.read_text())["requests"]
)
# Recording -> what the refusal of its last request names, and where the contract says so.
REFUSED = {
    "images-create-or-update-new-image": "type",  # required; the sample leaves it out (IMAGE)
    "images-create-or-update-no-name": "name",  # row 11
    "services-create-or-update-no-name": "name",  # row 24
    "webapps-create-or-update-sample": "name",  # row 24
    # The reference requires a method of http steps; these samples of the client have none.
    "workflows-create-auto-retry": "steps.step-2.method",
    "workflows-create-input-parameters": "steps.step-2.method",
    "workflows-create-input-parameters-inherit": "steps.step-2.method",
    "workflows-create-output-parameters": "steps.step-2.method",
}
# Given by the client's own test server alone, not by the platform.
ELSEWHERE = ("/files/",)


def requests_of(name: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((WIRE / f"{name}.json").read_text())["requests"]
    return [r for r in found if not r["path"].startswith(ELSEWHERE)]


def walk(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        yield value
        value = list(value.values())
    for item in value if isinstance(value, list) else ():
        yield from walk(item)


def bodies(request: dict[str, Any]) -> list[Any]:
    parts = [part.get("jsonText") for part in request.get("multipart", [])]
    return [request.get("json"), request.get("jsonTextFields"), *parts]


def number_next(peak: Any, counter: str, number: int) -> None:
    with peak.emulator.store.transaction("default", peak.now, write=True) as tx:
        tx._db.execute("DELETE FROM counters WHERE name = ?", (counter,))
        tx._db.execute("INSERT INTO counters VALUES ('default', ?, ?)", (counter, number - 1))


def rename(peak: Any, before: str, after: str) -> None:
    with peak.emulator.store.transaction("default", peak.now, write=True) as tx:
        for table, columns in {
            "items": ("id", "parent", "body"),
            "links": ("by_id", "used_id"),
            "agenda": ("data",),
        }.items():
            for column in columns:
                sql = f"UPDATE {table} SET {column} = replace({column}, ?, ?)"
                tx._db.execute(sql, (before, after))


class Stage:
    """Makes what a recording needs."""

    def __init__(self, peak: Any, requests: list[dict[str, Any]]) -> None:
        self.peak = peak
        self.made: set[int] = set()
        told = [r["path"] for r in requests if r["subdomain"] == "service"]
        self.path = (told or [requests[-1]["path"]])[-1]  # a spoke keeps what is made elsewhere
        self.parts = [body for request in requests for body in bodies(request)]

    def set(self) -> None:
        for found in [d for body in self.parts for d in walk(body)]:
            self.images_in(found)
        for pattern, make in {
            r"/images/(\d+)": self.image_by_path,
            r"artifacts/c75": self.artifact,
            r"webapps/632a": self.service,
            r"webapps/my-api/test": self.tested,
            r"workflows/(executions/)?9999": self.workflow,
            r"blocks/specs/632a": self.block,
            r"apps/specs": self.app,
            r"deployments/": self.deployment,
            r"emails/1$": self.email,
        }.items():
            if re.search(pattern, self.path):
                make()

    def image(self, image: int, versions: list[int]) -> None:
        if image in self.made:
            return
        self.made.add(image)
        number_next(self.peak, "image", image)
        number_next(self.peak, "image-version", versions[0])
        self.peak.ready_image(f"image-{image}", version="0.0.1")
        for index, version in enumerate(versions[1:], 2):
            number_next(self.peak, "image-version", version)
            details = {"source": "dockerfile", "dockerfile": "FROM scratch"}
            self.peak.ok(
                "POST",
                f"/service/image-management/api/v2/images/{image}/versions",
                files=self.peak.parts(version=f"0.0.{index}-early", buildDetails=details),
            )
            self.peak.wait()

    def images_in(self, found: dict[str, Any]) -> None:
        image = found.get("imageId")
        version = found.get("imageVersionId", found.get("versionId"))
        if image is None and "versionId" in found:
            image = found.get("id")
        if isinstance(image, int):
            self.image(image, [version or image])

    def image_by_path(self) -> None:
        number_next(self.peak, "build", 1)
        number_next(self.peak, "image", 9999)
        number_next(self.peak, "image-version", 1)
        self.peak.image("test-image", version="0.0.1-test")
        number_next(self.peak, "image-version", 101)
        files = self.peak.parts(self.peak.zip(), version="0.0.2-early", buildDetails={})
        self.peak.ok("POST", "/service/image-management/api/v2/images/9999/versions", files=files)

    def artifact(self) -> None:
        root = "/service/artifacts/api/v1/artifacts/"
        made = self.peak.ok(
            "POST", root, files=self.peak.parts(self.peak.zip(), name="my-artifact")
        )
        self.peak.ok("PUT", root + made["id"], files=self.peak.parts(self.peak.zip()))
        rename(self.peak, made["id"], ARTIFACT)

    def service(self) -> None:
        self.image(7, [70])
        made = self.peak.service({"imageId": 7}, "my-service", serviceType="web-app")
        rename(self.peak, made, ONE)
        self.peak.wait()

    def tested(self) -> None:
        self.image(7, [70])
        self.peak.service({"imageId": 7}, "my-api")
        self.peak.wait()

    def workflow(self) -> None:
        number_next(self.peak, "workflow", 9999)
        step = {"type": "sql", "sqlQueryPath": "q"}
        steps = {"step1": step, "step2": step, "step3": step}
        body = {"name": "workflow-name", "steps": steps, "triggers": [{"webhook": True}]}
        root = "/service/workflows/api/v1/workflows/"
        self.peak.ok("POST", root, json=body)
        if "executions/" in self.path:
            run = self.peak.ok("POST", f"{root}9999/execute", json={})
            rename(self.peak, run["executionId"], ONE)
            self.peak.wait()
        if self.path.endswith("/resume"):
            self.peak.ok("POST", f"{root}9999/pause", json={})

    def block(self) -> None:
        kind = {"kind": "service", "config": {"image": {}}} if self.is_service() else {}
        artifact = self.peak.zip() if kind else None
        rename(self.peak, self.peak.block("the-block", artifact, **kind), ONE)

    def is_service(self) -> bool:
        return any("serviceType" in d for body in self.parts for d in walk(body))

    def app(self) -> None:
        for name in ("existing_block_spec_id_1", "existing_block_spec_id_2", ONE):
            made = self.peak.block(f"b-{name}", scope="public")
            self.release(made)
            rename(self.peak, made, name)
        if "632a" in self.path:
            rename(self.peak, self.peak.app(ONE, name="the-app"), APP)

    def release(self, spec: str) -> None:
        config = {"steps": {"a": {"type": "sql", "sqlQueryPath": "q"}}}
        body = {"release": {"version": "2.0.0"}, "config": config}
        self.peak.ok(
            "POST", f"/press/v1/blocks/specs/{spec}/releases", files=self.peak.parts(spec=body)
        )

    def deployment(self) -> None:
        body = next((b for b in self.parts if isinstance(b, dict)), {})
        parameters = self.definitions(body)
        if "apps" in self.path:
            self.app_deployment(body, parameters)
            return
        spec = self.peak.block("deployed-block", parameters=parameters)
        config = {"steps": {"a": {"type": "sql", "sqlQueryPath": "q"}}}
        release = {"release": {"version": "2.0.0"}, "config": config}
        files = self.peak.parts(spec=release, parameters=parameters)
        self.peak.ok("POST", f"/press/v1/blocks/specs/{spec}/releases", files=files)
        if self.path.endswith("deployments/"):
            rename(self.peak, spec, body["spec"]["id"] if "spec" in body else spec)
            return
        run = {"agg_type": "fail-deployment"} if self.path.endswith("redeploy") else {}
        made = self.peak.deploy(spec, parameters={"run": run} if run else {})
        self.peak.wait()
        rename(self.peak, made, ONE)
        if self.path.endswith("revisions/2"):
            self.peak.ok("POST", f"/press/v1/blocks/deployments/{ONE}/revisions", json={})

    def app_deployment(self, body: dict[str, Any], parameters: Any) -> None:
        names = [f"block-{n}" for n in (1, 2, 3)]
        blocks = {name: self.peak.block(name, parameters=parameters) for name in names}
        for name, made in blocks.items():
            rename(self.peak, made, name)
        app = self.peak.app(*blocks, name="the-app")
        if self.path.endswith("deployments/"):
            rename(self.peak, app, body["spec"]["id"] if "spec" in body else app)
            return
        made = self.peak.deploy(app, root="apps")
        self.peak.wait()
        rename(self.peak, made, ONE)
        if self.path.endswith("revisions/2"):
            self.peak.ok("POST", f"/press/v1/apps/deployments/{ONE}/revisions", json={})

    @staticmethod
    def definitions(body: dict[str, Any]) -> dict[str, Any]:
        types = {bool: "boolean", str: "string", int: "number", list: "string_array"}
        values: dict[str, dict[str, Any]] = {"build": {}, "run": {"agg_type": "x"}}
        for found in walk(body):
            for stage in values:
                values[stage].update(found.get(stage) or {})
        if body and "parameters" not in body:
            values["run"].update({k: v for k, v in body.items() if type(v) in types})
        return {
            stage: [
                {"name": n, "type": types[type(v)], "required": False} for n, v in named.items()
            ]
            for stage, named in values.items()
        }

    def email(self) -> None:
        body = {"recipients": ["a@b.c"], "subject": "s", "templateName": "t"}
        self.peak.ok("POST", "/service/notifications/api/v1/emails", json=body)


def sent_parts(request: dict[str, Any], *, file_last: bool) -> list[tuple[str, Any]]:
    out: list[tuple[str, Any]] = []
    for part in request["multipart"]:
        if "zipEntries" in part:
            buffer = io.BytesIO()
            with zipfile.ZipFile(buffer, "w") as archive:
                for entry in part["zipEntries"]:
                    archive.writestr(entry, "FROM scratch\n")
            value = (part["filename"], buffer.getvalue(), part["contentType"])
        elif "filename" in part:
            value = (part["filename"], part["text"].encode(), part["contentType"])
        else:
            text = json.dumps(part["jsonText"]) if "jsonText" in part else part["text"]
            value = (None, text)  # type: ignore[assignment]
        out.append((part["name"], value))
    return sorted(out, key=lambda part: part[1][0] is not None) if file_last else out


def replay(peak: Any, request: dict[str, Any], *, file_last: bool) -> Any:
    subdomain = request["subdomain"].partition(".")[0]
    # The recordings give the app and its block one id.
    path = request["path"].replace(f"apps/specs/{ONE}", f"apps/specs/{APP}")
    more: dict[str, Any] = {"params": request.get("query", [])}
    if "multipart" in request:
        more["files"] = sent_parts(request, file_last=file_last)
    elif "json" in request:
        more["json"] = request["json"]
    return peak.send(request["method"], f"/{subdomain}{path}", **more)


@pytest.mark.parametrize("file_last", [False, True], ids=["as 1.29", "as 1.8"])
@pytest.mark.parametrize("name", NAMES)
def test_the_recorded_request_is_accepted_or_refused_for_a_stated_reason(
    peak: Any, name: str, file_last: bool
) -> None:
    requests = requests_of(name)
    Stage(peak, requests).set()
    for request in requests[:-1]:
        assert replay(peak, request, file_last=file_last).status_code < 300
    last = replay(peak, requests[-1], file_last=file_last)
    if name in REFUSED:
        assert last.status_code == 422
        assert last.json()["detail"].startswith(f"{REFUSED[name]}:")
    else:
        assert last.status_code < 300, last.text


def test_the_recordings_are_there() -> None:
    assert len(NAMES) > 90
