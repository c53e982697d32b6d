"""What an adapter has written reads back as nothing to change, in both shapes of reads."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from chaos.clock import FakeClock

from peakctl.api.client import Api, bases_for
from peakctl.archives.pack import pack_all
from peakctl.catalog import load_catalog
from peakctl.emulator import Emulator, Options, emulator_transport
from peakctl.emulator.client import Control
from peakctl.engine.diff.compare import compare
from peakctl.engine.waiting import SharedLooks, Stop, WaitLimits, wait_until_settled
from peakctl.errors import ApiError
from peakctl.kinds.schemas import load_kinds
from peakctl.kinds.validate import read_resources
from peakctl.model import (
    MISSING,
    Adapter,
    CallRequest,
    CallResult,
    Change,
    Document,
    Listed,
    Live,
    Location,
    Resource,
    Secret,
    State,
    Step,
)

Tree = dict[str, Any]
SHAPES = {"full": Options(), "minimal": Options(full_reads=False)}


@dataclass
class Tenant:
    """The emulator, its clock, and the adapters that talk to it."""

    api: Api
    clock: FakeClock
    adapters: Mapping[str, Adapter]
    root: Path
    emulator: Emulator

    def read(self, kind: str, metadata: Tree, spec: Tree) -> Resource:
        value = {"apiVersion": "peakctl/v1", "kind": kind, "metadata": metadata, "spec": spec}
        document = Document(value, "m.yaml", str(self.root), lambda path: Location("m.yaml", 1, 1))
        found, problems = read_resources(
            [document], load_kinds(), project_root=self.root, pack=pack_all
        )
        assert found, problems
        return found[0]

    async def make(self, kind: str, metadata: Tree, spec: Tree, version: str | None = None) -> Live:
        """Create it, wait for it, and read it back."""
        resource = self.read(kind, metadata, spec)
        await self.send(resource, Step.CREATE, version=version)
        return await self.live(resource)

    async def send(self, resource: Resource, step: Step, **more: Any) -> CallResult:
        adapter = self.adapters[resource.key.kind]
        order = CallRequest(step, resource.key, resource.values, archives=resource.archives, **more)
        receipt = await adapter.call(order)
        for _ in range(20):
            reading = await adapter.poll(receipt)
            if reading.state is not State.PENDING:
                break
            self.clock.time += 1
        expected = State.GONE if step is Step.DELETE and receipt.watch else State.READY
        assert reading.state is expected, reading
        return receipt

    async def listed(self, resource: Resource) -> Listed:
        (found,) = await self.adapters[resource.key.kind].find(resource.key.name)
        assert found in await self.adapters[resource.key.kind].index([resource])
        return found

    async def live(self, resource: Resource) -> Live:
        live = await self.adapters[resource.key.kind].read(await self.listed(resource), resource)
        assert live is not None
        assert live.key == resource.key
        return live

    async def changes(self, resource: Resource) -> list[Change]:
        kind = load_kinds()[resource.key.kind]
        live = await self.live(resource)
        return list(compare(kind, resource.values, live.values).changes)


@asynccontextmanager
async def tenant(root: Path, options: Options) -> AsyncIterator[Tenant]:
    clock = FakeClock()
    emulator = Emulator(clock=clock.now, options=options)
    (root / "folder").mkdir(exist_ok=True)
    (root / "folder" / "Dockerfile").write_text("FROM scratch\n", "utf-8")
    async with Api(
        transport=emulator_transport(emulator),
        bases=bases_for(None, None),
        token=Secret("t"),
        clock=clock,
    ) as api:
        adapters = {name: adapter for name, (_, adapter) in load_catalog(api).items()}
        try:
            yield Tenant(api, clock, adapters, root, emulator)
        finally:
            emulator.close()


ARTIFACT: Tree = {"artifact": {"path": "folder"}}
UPLOAD: Tree = {"type": "workflow", "buildDetails": {"secrets": ["S"]}, **ARTIFACT}
DOCKERFILE: Tree = {
    "type": "api",
    "buildDetails": {
        "source": "dockerfile",
        "dockerfile": "FROM scratch",
        "buildArguments": [{"name": "A", "value": "x"}],
    },
}
PARAMETERS: Tree = {
    "build": [{"name": "cmd", "type": "string", "required": False, "defaultValue": "true"}],
    "run": [
        {"name": "agg", "type": "string", "required": True},
        {"name": "many", "type": "number", "required": False},
    ],
}


def block_spec_of(image: Live) -> Tree:
    ids = {"id": image.attributes["id"], "versionId": image.attributes["version"]}
    step = {
        "imageDetails": ids,
        "command": "@param:cmd",
        "parameters": {"env": {"A": "1", "B": "2"}, "secrets": ["S"]},
        "resources": {"instanceTypeId": 21, "storage": "10GB"},
    }
    config = {"steps": {"one": step}, "triggers": [{"cron": "0 2 * * *"}]}
    return {"kind": "workflow", "config": config, "parameters": PARAMETERS}


def workflow_of(image: Live) -> Tree:
    step = {
        "imageId": image.attributes["id"],
        "imageVersionId": image.attributes["version"],
        "command": "true",
        "parameters": {"env": {"A": "1", "B": "2"}},
        "repository": {"url": "https://example.com/r", "branch": "main", "token": "tok"},
    }
    watchers = [{"user": "a@example.com", "events": {"success": True}}]
    triggers = [{"cron": "0 2 * * *"}, {"webhook": True}]
    return {"triggers": triggers, "watchers": watchers, "steps": {"one": step, "two": step}}


def service_of(image: Live) -> Tree:
    ids = {"imageId": image.attributes["id"], "versionId": image.attributes["version"]}
    return {
        "serviceType": "api",
        "imageDetails": ids,
        "parameters": {"env": {"A": "1", "B": "2"}, "secrets": ["S"]},
        "minInstances": 2,
        "healthCheckURL": "/health",
    }


async def everything(made: Tenant) -> list[Resource]:
    """One resource of every kind, made in the order of their references."""
    image = await made.make("Image", {"name": "img", "description": "d"}, UPLOAD, "0.0.1")
    block = {"name": "blk", "summary": "s", "tags": [{"name": "t"}]}
    spec = await made.make("BlockSpec", block, block_spec_of(image), "1.0.0")
    config = [{"id": spec.id, "release": {"version": "1.0.0"}, "autoRunOnDeploy": True}]
    app = {"name": "app", "summary": "s"}
    app_spec: Tree = {"kind": "app", "config": config, "scope": "private"}
    await made.make("AppSpec", app, app_spec, "1.0.0")
    app_id = (await made.live(made.read("AppSpec", app, app_spec))).id
    of_block = {
        "blockSpec": {"id": spec.id, "release": {"version": "1.0.0"}},
        "parameters": {"build": {"cmd": "false"}, "run": {"agg": "AVG"}},
        "revision": {"notes": "first"},
    }
    of_app = {
        "appSpec": {"id": app_id, "release": {"version": "1.0.0"}},
        "parameters": {"blk": {"build": {"cmd": "false"}, "run": {"agg": "AVG"}}},
    }
    webapp = {"imageDetails": service_of(image)["imageDetails"], "sessionStickiness": True}
    rest = [
        ("Artifact", {"name": "art", "description": "d"}, ARTIFACT),
        ("Image", {"name": "img2"}, DOCKERFILE),
        ("Deployment", {"name": "dep", "title": "T", "summary": "s"}, of_block),
        ("Deployment", {"name": "depapp", "summary": "s"}, of_app),
        ("Workflow", {"name": "wf", "tags": [{"name": "t"}]}, workflow_of(image)),
        ("Service", {"name": "svc", "title": "T"}, service_of(image)),
        ("Webapp", {"name": "web"}, webapp),
    ]
    for kind, metadata, values in rest:
        await made.make(kind, metadata, values, "0.0.1")
    before = [
        ("Image", {"name": "img", "description": "d"}, UPLOAD),
        ("BlockSpec", block, block_spec_of(image)),
        ("AppSpec", app, app_spec),
    ]
    return [made.read(*one) for one in (*before, *rest)]


READS = {"Service": 1, "Webapp": 1, "Workflow": 1, "BlockSpec": 2, "AppSpec": 1, "Artifact": 2}


def test_reads_send_few_requests(tmp_path: Path) -> None:
    async def go() -> None:
        async with tenant(tmp_path, Options()) as made:
            for resource in await everything(made):
                found = await made.listed(resource)
                before = made.api.requests
                await made.adapters[resource.key.kind].read(found, resource)
                sent = made.api.requests - before
                assert sent <= READS.get(resource.key.kind, 2), resource.key

    asyncio.run(go())


@pytest.mark.parametrize("options", SHAPES.values(), ids=SHAPES)
def test_everything_can_be_deleted(options: Options, tmp_path: Path) -> None:
    async def go() -> None:
        async with tenant(tmp_path, options) as made:
            all_made = await everything(made)
            order = ["Workflow", "Service", "Webapp", "Deployment", "AppSpec", "BlockSpec"]
            rank = {kind: at for at, kind in enumerate(order)}
            for resource in sorted(all_made, key=lambda r: rank.get(r.key.kind, 9)):
                live = await made.live(resource)
                await made.send(resource, Step.DELETE, live=live)
                await made.adapters[resource.key.kind].call(
                    CallRequest(Step.DELETE, resource.key, {}, live=live)
                )
                assert await made.adapters[resource.key.kind].find(resource.key.name) == ()

    asyncio.run(go())


def edited(resource: Resource, room: str, **fields: Any) -> Resource:
    values = {**resource.values, room: {**resource.values[room], **fields}}
    return replace(resource, values=values)


async def edit(made: Tenant, resource: Resource, step: Step, **more: Any) -> None:
    """Send what differs, and see that nothing is left."""
    live, changes = await made.live(resource), await made.changes(resource)
    assert changes
    await made.send(resource, step, live=live, changes=tuple(changes), **more)
    left = [c for c in await made.changes(resource) if c.after is MISSING]
    if left:
        paths = tuple(c.path for c in left)
        await made.send(resource, step, live=live, changes=tuple(changes), clear=paths, **more)
    assert await made.changes(resource) == []


def test_a_workflow_keeps_its_webhook_and_what_it_leaves_to_the_platform(tmp_path: Path) -> None:
    async def go() -> None:
        async with tenant(tmp_path, Options()) as made:
            workflow = next(r for r in await everything(made) if r.key.kind == "Workflow")
            before = await made.live(workflow)
            workflow = edited(workflow, "metadata", tags=[{"name": "other"}])
            await edit(made, workflow, Step.UPDATE)
            after = await made.live(workflow)
            assert after.private["webhooks"] == before.private["webhooks"] != []

    asyncio.run(go())


def test_an_image_gets_versions_and_pins_find_them(tmp_path: Path) -> None:
    async def go() -> None:
        async with tenant(tmp_path, Options()) as made:
            image = made.read("Image", {"name": "img"}, UPLOAD)
            first = await made.make("Image", {"name": "img"}, UPLOAD, "0.0.1")
            await made.send(image, Step.CREATE_VERSION, live=first, version="0.0.10")
            found, adapter = await made.listed(image), made.adapters["Image"]
            before = made.api.requests
            newest = await adapter.pin(found, None)
            assert newest == await adapter.pin(found, "0.0.10")
            assert made.api.requests == before
            assert await adapter.pin(found, "0.0.1") == {**first.attributes, "number": "0.0.1"}
            assert await adapter.pin(found, "0.0.2") is None
            fixed = edited(image, "spec", version="0.0.1")
            assert (await made.live(fixed)).attributes == first.attributes
            assert (await made.live(fixed)).latest == "0.0.10"

    asyncio.run(go())


def test_a_failed_build_tells_its_log_and_is_built_again(tmp_path: Path) -> None:
    async def go() -> None:
        async with tenant(tmp_path, Options()) as made:
            dockerfile = tmp_path / "folder" / "Dockerfile"
            dockerfile.write_text("FROM scratch\nRUN exit 1\n", "utf-8")
            image, adapter = made.read("Image", {"name": "img"}, UPLOAD), made.adapters["Image"]
            receipt = await adapter.call(
                CallRequest(Step.CREATE, image.key, image.values, None, "0.0.1", (), image.archives)
            )
            made.clock.time += 5
            reading = await adapter.poll(receipt)
            assert (reading.state, reading.status) == (State.FAILED, "failed")
            found = await adapter.explain(receipt)
            assert (found.log_of, "exit 1" in "\n".join(found.log)) == ("build 1", True)
            page = await adapter.log_page(receipt, None)
            assert page.lines[-1:] == found.log[-1:]
            (listed,) = await adapter.find("img")
            again = await adapter.build_log(listed, None, failed=True)
            assert again is not None
            assert (again.build, again.version, again.lines) == ("1", "0.0.1", found.log)
            live = await made.live(image)
            assert (live.status, live.state) == ("failed", State.FAILED)
            dockerfile.write_text("FROM scratch\n", "utf-8")
            mended = made.read("Image", {"name": "img"}, UPLOAD)
            await made.send(mended, Step.UPDATE_VERSION, live=live, version="0.0.1")
            after = await made.live(mended)
            assert (after.state, after.version) == (State.READY, "0.0.1")
            assert await made.changes(mended) == []

    asyncio.run(go())


def test_releases_and_metadata_of_specs_change(tmp_path: Path) -> None:
    async def go() -> None:
        async with tenant(tmp_path, Options()) as made:
            made_all = await everything(made)
            for kind in ("BlockSpec", "AppSpec"):
                spec = next(r for r in made_all if r.key.kind == kind)
                live = await made.live(spec)
                await made.send(spec, Step.CREATE_RELEASE, live=live, version="1.1.0")
                assert (await made.live(spec)).version == "1.1.0"
                changed = edited(spec, "spec", featured=True)
                changed = edited(changed, "metadata", title="T", status="archived")
                await edit(made, changed, Step.UPDATE_METADATA, version="1.1.0")
                found, adapter = await made.listed(spec), made.adapters[kind]
                assert await adapter.pin(found, None) == {"id": live.id, "version": "1.1.0"}
                assert await adapter.pin(found, "1.0.0") == {"id": live.id, "version": "1.0.0"}
                assert await adapter.pin(found, "9.0.0") is None
                same = (Change(("metadata", "title"), "T", "T", "edit"),)
                order = CallRequest(
                    Step.UPDATE_METADATA, spec.key, changed.values, live, "1.1.0", same
                )
                assert (await adapter.call(order)).attributes["version"] == "1.1.0"

    asyncio.run(go())


@pytest.mark.parametrize("name", ["dep", "depapp"])
def test_deployments_are_patched_revised_renamed_and_tried_again(name: str, tmp_path: Path) -> None:
    async def go() -> None:
        async with tenant(tmp_path, Options()) as made:
            deployment = next(r for r in await everything(made) if r.key.name == name)
            parameters: Tree = {"build": {"cmd": "false"}, "run": {"agg": "SUM", "many": 3}}
            given = parameters if name == "dep" else {"blk": parameters}
            patched = edited(deployment, "spec", parameters=given)
            await edit(made, patched, Step.PATCH_PARAMETERS)
            assert (await made.live(patched)).private["revision"] == 1
            smaller: Tree = {"build": {"cmd": "x"}, "run": {"agg": "SUM"}}
            given = smaller if name == "dep" else {"blk": smaller}
            revised = edited(deployment, "spec", parameters=given)
            await edit(made, revised, Step.CREATE_REVISION)
            assert (await made.live(revised)).private["revision"] == 2
            titled = edited(revised, "metadata", title="Another")
            await edit(made, titled, Step.UPDATE_METADATA)

    asyncio.run(go())


def test_the_newer_call_of_apps_may_be_missing(tmp_path: Path) -> None:
    async def go() -> None:
        async with tenant(tmp_path, Options(newer_calls=False)) as made:
            deployment = next(r for r in await everything(made) if r.key.name == "depapp")
            values: Tree = {"blk": {"build": {"cmd": "false"}, "run": {"agg": "SUM"}}}
            patched = edited(deployment, "spec", parameters=values)
            with pytest.raises(ApiError) as caught:
                await edit(made, patched, Step.PATCH_PARAMETERS)
            assert caught.value.status == 404

    asyncio.run(go())


def test_blocks_of_an_app_are_not_ours(tmp_path: Path) -> None:
    async def go() -> None:
        async with tenant(tmp_path, Options()) as made:
            await everything(made)
            adapter = made.adapters["Deployment"]
            lives = [await adapter.read(listed, None) for listed in await adapter.index()]
            foreign = [live for live in lives if live is not None and live.foreign]
            assert len(foreign) == 1
            assert "part of app deployment" in str(foreign[0].foreign)

    asyncio.run(go())


async def wait_for_all(made: Tenant, kind: str, receipts: list[CallResult]) -> list[str]:
    """The paths of what waiting for them asked, each as often as it was asked."""
    adapter, limits = made.adapters[kind], WaitLimits()
    shared, before = SharedLooks(adapter, made.clock, limits), made.api.requests
    async with asyncio.TaskGroup() as group:
        for receipt in receipts:
            group.create_task(
                wait_until_settled(
                    adapter,
                    receipt,
                    clock=made.clock,
                    limits=limits,
                    what="build",
                    stop=Stop(),
                    report=lambda _: None,
                    shared=shared,
                )
            )
    asked = await asyncio.to_thread(Control(emulator=made.emulator).requests)
    return [str(request["path"]) for request in asked[before - made.api.requests :]]


def test_builds_under_way_together_are_looked_at_by_their_listing(tmp_path: Path) -> None:
    async def go() -> None:
        async with tenant(tmp_path, Options(build_seconds=60.0, delete_seconds=30.0)) as made:
            adapter, receipts = made.adapters["Image"], []
            for number in range(20):
                image = made.read("Image", {"name": f"i{number}"}, DOCKERFILE)
                order = CallRequest(Step.CREATE, image.key, image.values, None, "0.0.1")
                receipts.append(await adapter.call(order))
            began = made.clock.now()
            asked = await wait_for_all(made, "Image", receipts)
            assert made.clock.now() - began <= 60 * 1.1 + 1
            looks = [path for path in asked if path.endswith("/images/")]
            assert len(asked) - len(looks) == 20 + 20  # the first look at each, and its end
            assert 10 < len(looks) < 30
            lives = [Live(r.key, r.id, {}) for r in receipts]
            deletes = [
                await adapter.call(CallRequest(Step.DELETE, live.key, {}, live)) for live in lives
            ]
            gone = await wait_for_all(made, "Image", deletes)
            assert len([path for path in gone if not path.endswith("/images/")]) == 20 + 20

    asyncio.run(go())


def test_services_and_deployments_under_way_are_told_by_their_listings(tmp_path: Path) -> None:
    async def go() -> None:
        async with tenant(tmp_path, Options()) as made:
            image = await made.make("Image", {"name": "img"}, DOCKERFILE, "0.0.1")
            block = {"name": "b", "summary": "s"}
            spec = await made.make("BlockSpec", block, block_spec_of(image), "1.0.0")
            values: Tree = {"blockSpec": {"id": spec.id, "release": {"version": "1.0.0"}}}
            values["parameters"] = {"run": {"agg": "AVG"}}
            wanted = {"Service": service_of(image), "Deployment": values}
            extra = {"Service": {}, "Deployment": {"summary": "s"}}
            for kind, each in wanted.items():
                receipts = []
                for number in range(3):
                    one = made.read(kind, {"name": f"x{number}", **extra[kind]}, each)
                    order = CallRequest(Step.CREATE, one.key, one.values)
                    receipts.append(await made.adapters[kind].call(order))
                found = await made.adapters[kind].pending_in_listing(receipts, 2)
                read = {r.key: await made.adapters[kind].poll(r) for r in receipts}
                assert (found.readings, found.requests) == (read, 1)
                made.clock.time += 5
                found = await made.adapters[kind].pending_in_listing(receipts, 2)
                assert (found.readings, found.requests) == ({}, 1)

    asyncio.run(go())
