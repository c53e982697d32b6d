"""What the platform will refuse is told by the plan, before anything is sent; what it costs."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from peakctl.emulator import emulator_transport
from peakctl.emulator.faults import read_faults

PROJECT = """\
project: shop
manifests: [m]
defaultEnvironment: local
environments:
  local: {emulator: true}
"""
IMAGE = """\
apiVersion: peakctl/v1
kind: Image
metadata: {name: base}
spec:
  type: api
  buildDetails: {source: dockerfile, dockerfile: "FROM python:3.12"}
"""
SERVICE = """\
apiVersion: peakctl/v1
kind: Service
metadata: {name: api}
spec:
  imageDetails: {name: base}
  resources: %s
"""
FLOW = """\
apiVersion: peakctl/v1
kind: Workflow
metadata: {name: flow}
spec:
  steps: {a: {type: http, method: get, url: "https://example.com/%s"}}
"""
BLOCK = """\
apiVersion: peakctl/v1
kind: BlockSpec
metadata: {name: block, summary: One}
spec:
  kind: workflow
  config: {steps: {a: {type: http, method: get, url: "https://example.com"}}}
"""
DEPLOYMENT = """\
apiVersion: peakctl/v1
kind: Deployment
metadata: {name: live}
spec: {blockSpec: {name: block}}
"""
MACHINE = '{instanceType: "Micro (0.5CPU, 1GB RAM)"}'
PERMISSIONS = "GET /service/access-control/api/v2/access/permissions"


def send(emulator: Any, method: str, path: str, body: Any = None) -> Any:
    """Somebody else's request."""

    async def do() -> Any:
        client = httpx.AsyncClient(
            transport=emulator_transport(emulator),
            base_url="http://emulator",
            headers={"Authorization": "peakctl-emulator"},
        )
        async with client:
            answer = await client.request(method, path, json=body)
        assert answer.is_success, answer.text
        return answer.json()

    return asyncio.run(do())


class Shop:
    """A project on an emulator of its own."""

    def __init__(self, folder: Path, peakctl: Any, emulator: Any) -> None:
        self.folder, self.peakctl, self.emulator = folder, peakctl, emulator

    def write(self, *documents: str) -> None:
        (self.folder / "m" / "all.yaml").write_text("---\n".join(documents))

    def __call__(self, *words: str) -> Any:
        return self.peakctl(*words, emulator=self.emulator)

    def apply(self, *documents: str) -> None:
        self.write(*documents)
        done = self("apply", "--yes")
        assert done.code == 0, done.err

    def sent(self, *words: str) -> list[str]:
        before = len(self.emulator.requests)
        self(*words)
        return [f"{each.method} {each.path}" for each in self.emulator.requests[before:]]


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, peakctl: Any, make_emulator: Any) -> Shop:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "m").mkdir()
    (tmp_path / "peakctl.yaml").write_text(PROJECT)
    return Shop(tmp_path, peakctl, make_emulator())


def restrict(monkeypatch: pytest.MonkeyPatch, permissions: Any) -> None:
    monkeypatch.setattr("peakctl.emulator.tenants.PERMISSIONS", permissions)


def test_a_plan_without_changes_asks_nothing_more(shop: Shop) -> None:
    shop.apply(IMAGE, SERVICE % MACHINE, BLOCK, DEPLOYMENT)
    looked = shop.sent("plan")
    assert PERMISSIONS not in looked
    assert not [each for each in looked if "featureType" in each or "/releases/deployments" in each]
    assert looked == shop.sent("apply", "--yes") or len(looked) == len(shop.sent("apply", "--yes"))


def test_a_plan_with_changes_asks_for_the_permissions_once(shop: Shop) -> None:
    shop.apply(FLOW % "a")
    before = shop.sent("plan")
    shop.write(FLOW % "b")
    changed = shop.sent("plan")
    assert sorted(changed) == sorted([*before, PERMISSIONS])
    assert shop.sent("apply", "--yes").count(PERMISSIONS) == 1  # the second look asks for no more
    assert PERMISSIONS not in shop.sent("drift")
    assert PERMISSIONS not in shop.sent("status")


def test_a_machine_by_an_id_that_the_tenant_lacks_is_refused_at_its_place(shop: Shop) -> None:
    shop.write(IMAGE, SERVICE % "{instanceTypeId: 99999}")
    for words in (("plan",), ("apply", "--yes")):
        sent = shop.sent(*words)
        assert not [each for each in sent if not each.startswith("GET ")]
        done = shop(*words)
        assert done.code == 10
        assert "preflight/instance-type" in done.err
        assert "in m/all.yaml:13:15" in done.err
        assert "no instance type with id 99999 for webapp" in done.err
    document = json.loads(shop("plan", "-o", "json").out)
    (problem,) = document["errors"]
    assert problem["path"] == "spec.resources.instanceTypeId"


def test_a_machine_that_a_parameter_names_is_not_looked_for(shop: Shop) -> None:
    step = 'image: {}, command: x, resources: {instanceTypeId: "@param:machine", storage: 10GB}'
    block = BLOCK.replace('type: http, method: get, url: "https://example.com"', step)
    machine = "{name: machine, type: number, required: false, defaultValue: 99999}"
    shop.write(f"{block}  parameters: {{build: [{machine}]}}\n  artifact: {{path: src}}\n")
    (shop.folder / "m" / "src").mkdir()
    (shop.folder / "m" / "src" / "Dockerfile").write_text("FROM python:3.12\n")
    done = shop("plan")
    assert done.code == 0, done.err


def test_a_machine_by_an_id_that_is_there_is_asked_for_once_and_not_again(shop: Shop) -> None:
    listed = send(
        shop.emulator,
        "GET",
        "/service/quota/api/v1/settings/tenant-instance-options?entityType=webapp",
    )
    id_ = listed["data"][0]["id"]
    shop.write(IMAGE, SERVICE % f"{{instanceTypeId: {id_}}}")
    options = "GET /service/quota/api/v1/settings/tenant-instance-options"
    assert shop.sent("plan").count(options) == 1
    assert shop("apply", "--yes").code == 0
    assert options not in shop.sent("plan")


@pytest.mark.parametrize(
    ("ids", "refused"),
    [
        ({"imageId": 99999}, True),
        ({"imageId": 1, "versionId": 99999}, True),
        ({"imageId": 1, "versionId": 1}, False),
        ({"imageId": 1}, False),
    ],
    ids=str,
)
def test_an_image_by_an_id_that_is_not_there_is_refused(
    shop: Shop, ids: Any, refused: bool
) -> None:
    shop.apply(IMAGE)
    shop.write(IMAGE, (SERVICE % MACHINE).replace("{name: base}", json.dumps(ids)))
    done = shop("plan")
    assert done.code == (10 if refused else 0), done.err
    assert ("preflight/unknown-id" in done.err) is refused
    if refused:
        assert "in m/all.yaml:12:" in done.err
        return
    assert shop("apply", "--yes").code == 0
    shop.write(
        IMAGE, (SERVICE % MACHINE).replace("{name: base}", json.dumps(ids)) + "  entrypoint: x\n"
    )
    sent = shop.sent("plan")
    assert not [each for each in sent if "/images/1" in each and not each.endswith("/versions/1")]


def test_a_name_that_a_webapp_has_is_refused_for_a_service(shop: Shop) -> None:
    shop.apply(IMAGE)
    image = send(shop.emulator, "GET", "/service/image-management/api/v2/images/?pageSize=100")
    mine = next(each for each in image["images"] if each["name"] == "base")
    webapp = {
        "name": "api",
        "imageDetails": {"imageId": mine["id"]},
        "resources": {"instanceTypeId": 46},
    }
    send(shop.emulator, "POST", "/service/webapps/api/v1/webapps/", webapp)
    shop.write(IMAGE, SERVICE % MACHINE)
    done = shop("plan")
    assert done.code == 1, done.err
    assert "preflight/name-taken" in done.err
    assert "Service/api: Webapp/api has this name" in done.err
    assert "in m/all.yaml:10:" in done.err


def test_a_name_that_an_app_has_is_refused_for_a_block(shop: Shop) -> None:
    app = (
        BLOCK,
        "apiVersion: peakctl/v1\nkind: AppSpec\nmetadata: {name: app, summary: One}\n"
        "spec: {config: [{name: block}]}\n",
        DEPLOYMENT.replace("blockSpec: {name: block}", "appSpec: {name: app}"),
    )
    shop.apply(*app)
    (shop.folder / "peakctl.yaml").write_text(PROJECT.replace("shop", "other"))
    shop.write(BLOCK.replace("name: block,", "name: mine,"), DEPLOYMENT.replace("block}", "mine}"))
    done = shop("plan")
    assert done.code == 1, done.err
    assert "another Deployment (of apps) has this name" in done.err


def test_the_delete_of_an_image_that_another_project_uses_is_refused(shop: Shop) -> None:
    shop.apply(IMAGE, FLOW % "a")
    (shop.folder / "peakctl.yaml").write_text(PROJECT.replace("shop", "other"))
    shop.apply(SERVICE % MACHINE)
    (shop.folder / "peakctl.yaml").write_text(PROJECT)
    shop.write(FLOW % "a")
    done = shop("plan", "--prune", "--prune-history")
    assert done.code == 1, done.err
    assert "preflight/in-use" in done.err
    shop.write(FLOW % "b")  # what else changes may end the use: nothing is said
    assert "preflight" not in shop("plan", "--prune", "--prune-history").err


def test_the_delete_of_a_spec_that_another_project_has_deployed_is_refused(shop: Shop) -> None:
    shop.apply(BLOCK, FLOW % "a")
    (shop.folder / "peakctl.yaml").write_text(PROJECT.replace("shop", "other"))
    shop.apply(DEPLOYMENT)
    (shop.folder / "peakctl.yaml").write_text(PROJECT)
    shop.write(FLOW % "a")
    done = shop("plan", "--prune", "--prune-history")
    assert done.code == 1, done.err
    assert "preflight/deployed" in done.err
    assert "deployments that stay: live" in done.err


def test_the_delete_of_everything_is_not_refused(shop: Shop) -> None:
    shop.apply(
        IMAGE,
        SERVICE % MACHINE,
        BLOCK,
        DEPLOYMENT,
        "apiVersion: peakctl/v1\nkind: AppSpec\nmetadata: {name: app, summary: One}\n"
        "spec: {config: [{name: block}]}\n",
        DEPLOYMENT.replace("blockSpec: {name: block}", "appSpec: {name: app}").replace(
            "live", "whole"
        ),
    )
    done = shop("destroy", "--yes")
    assert done.code == 0, done.err
    assert "preflight" not in done.err


def test_a_running_workflow_is_a_warning(shop: Shop) -> None:
    shop.apply(FLOW % "a")
    send(shop.emulator, "POST", "/service/workflows/api/v1/workflows/1/execute", {})
    shop.write(FLOW % "b")
    done = shop("plan")
    assert done.code == 0
    assert "preflight/busy" in done.err


@pytest.mark.parametrize(
    ("permissions", "warned"),
    [
        ({"PLATFORM": {"WORKFLOWS": {"actions": ["read"]}}}, True),
        ({"PLATFORM": {"WORKFLOWS": {"actions": []}}}, True),
        ({"PLATFORM": {"workflows": {"actions": ["read"]}}}, True),
        ({"PLATFORM": {"WORKFLOWS": {"actions": ["write"]}}}, False),
        ({"PLATFORM": {"WORKFLOWS": {"actions": ["*"]}}}, False),
        ({"PLATFORM": {"WORKFLOWS": {"actions": ["execute"]}}}, False),
        (
            {"A": {"WORKFLOWS": {"actions": ["read"]}}, "B": {"WORKFLOWS": {"actions": ["*"]}}},
            False,
        ),
        ({"PLATFORM": {"IMAGES": {"actions": ["read"]}}}, False),
        ({}, False),
    ],
    ids=str,
)
def test_a_token_that_may_only_read_is_warned_of(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, permissions: Any, warned: bool
) -> None:
    shop.write(FLOW % "a", (FLOW % "a").replace("name: flow", "name: more"))
    restrict(monkeypatch, permissions)
    done = shop("plan")
    assert done.code == 0
    assert ("preflight/permission" in done.err) is warned
    assert ("so too: Workflow/more" in done.err) is warned


def test_a_spec_goes_by_the_feature_of_all_specs(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.write(BLOCK)
    restrict(monkeypatch, {"PRESS": {"SPECS": {"actions": ["read"]}}})
    assert "may only read PRESS.SPECS" in shop("plan").err


@pytest.mark.parametrize("status", [403, 404, 500])
def test_what_cannot_be_read_predicts_nothing(shop: Shop, status: int) -> None:
    rule = {"method": "GET", "path": "/permissions", "status": status, "times": 99}
    shop.emulator.faults += read_faults({"action": "status", **rule})
    shop.write(FLOW % "a")
    done = shop("apply", "--yes")
    assert done.code == 0
    assert "preflight/unread" in done.err
