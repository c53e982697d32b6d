"""The blocks of an app deployment: which, with what values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from peakctl.emulator.parameters import (
    STAGED,
    STAGES,
    check_required,
    check_values,
    defined,
    join,
)
from peakctl.emulator.problems import invalid
from peakctl.emulator.rollout import (
    FAMILIES,
    children_of,
    drop,
    find_release,
    start_revision,
)
from peakctl.emulator.schemas import check, mapping
from peakctl.emulator.specs import visible_spec

if TYPE_CHECKING:
    from peakctl.emulator.calls import Call
    from peakctl.emulator.rows import Body, Row


@dataclass(frozen=True, slots=True)
class Block:
    """One block of an app: its spec and the release to deploy."""

    spec: Row
    release: Row

    @property
    def definitions(self) -> Body:
        found: Body | None = self.release.body["parameters"]
        return found or {}


def read_blocks(call: Call, release: Row, chosen: Body) -> list[Block]:
    """The release's blocks without the excluded, with the included; these may change releases."""
    versions = {block["id"]: block["release"]["version"] for block in release.body["config"]}
    for index, block in enumerate(chosen["includes"]):
        _find(call, block["id"], block["releaseVersion"], f"includes[{index}]")
        versions[block["id"]] = block["releaseVersion"]
    for index, block in enumerate(chosen["excludes"]):
        if versions.pop(block["id"], None) is None:
            raise invalid(f"excludes[{index}].id", f"the app has no block {block['id']}")
    return [_find(call, key, version, "config") for key, version in versions.items()]


def _find(call: Call, key: str, version: str, at: str) -> Block:
    spec = visible_spec(call, "block-spec", key)
    release = find_release(call.tx, key, version)
    if release is None:
        raise invalid(f"{at}.releaseVersion", f"block spec {spec.name} has no release {version}")
    return Block(spec, release)


def read_values(
    call: Call, row: Row, release: Row, blocks: list[Block], body: Body
) -> tuple[Body, Body]:
    """(values by block, values of the app), checked against what the blocks define."""
    values: Body = body.get("parameters") or {}
    shared: Body = body.get("appParameters") or {} if call.options.newer_calls else {}
    check(mapping(STAGED), values, "parameters")
    check(STAGED, shared, "appParameters")
    if call.options.carry_parameters:
        values, shared = _carried(row, values, shared)
    known = {block.spec.name: block for block in blocks}
    for name in values:
        if name not in known:
            raise invalid(f"parameters.{name}", "is not a block of this app")
    own = release.body["parameters"] or {}
    everything = join([*(block.definitions for block in blocks), own])
    for stage in STAGES:
        check_values(everything, stage, shared.get(stage) or {}, f"appParameters.{stage}")
    for name, block in known.items():
        _check_block(block, values.get(name) or {}, shared, f"parameters.{name}")
    return values, shared


def _carried(row: Row, values: Body, shared: Body) -> tuple[Body, Body]:
    before, shared_before = row.body.get("parameters") or {}, row.body.get("appParameters") or {}
    joined = {
        name: {s: {**(before.get(name, {}).get(s) or {}), **(values.get(name, {}).get(s) or {})}
               for s in STAGES}
        for name in {**before, **values}
    }  # fmt: skip
    app = {s: {**(shared_before.get(s) or {}), **(shared.get(s) or {})} for s in STAGES}
    return joined, app


def _check_block(block: Block, values: Body, shared: Body, at: str) -> None:
    for stage in STAGES:
        check_values(block.definitions, stage, values.get(stage) or {}, f"{at}.{stage}")
        effective = inherited(block.definitions, values, shared, stage)
        check_required(block.definitions, stage, effective, f"{at}.{stage}")


def inherited(definitions: Body, values: Body, shared: Body, stage: str) -> Body:
    """A block's values: the app's where it defines the same name, its own above them."""
    known = defined(definitions, stage)
    app = {name: value for name, value in (shared.get(stage) or {}).items() if name in known}
    return {**app, **(values.get(stage) or {})}


def deploy_blocks(call: Call, row: Row, blocks: list[Block], notes: str | None) -> None:
    """A deployment or a new revision per block; blocks that the app lost are removed."""
    existing = {child.body["spec"]["id"]: child for child in children_of(call.tx, row)}
    for block in blocks:
        child = existing.pop(block.spec.id, None) or _add_child(call, row, block)
        version = {"version": block.release.name}
        child.body["spec"] = {"id": block.spec.id, "release": version}
        child.body["parameters"] = child_values(block.definitions, row, child)
        start_revision(call.tx, call.options, child, notes)
    for lost in existing.values():
        drop(call.tx, lost)


def child_values(definitions: Body, row: Row, child: Row) -> Body:
    """What an app gives to one of its blocks."""
    values = (row.body["parameters"] or {}).get(child.body["block"]) or {}
    shared = row.body.get("appParameters") or {}
    return {stage: inherited(definitions, values, shared, stage) for stage in STAGES}


def _add_child(call: Call, row: Row, block: Block) -> Row:
    name = f"{row.name}-{block.spec.name}"
    if call.tx.named(FAMILIES, name):
        name = f"{name}-{row.id[:4]}"
    metadata = {**block.spec.body["metadata"], "name": name}
    child = call.tx.add(
        "block-deployment",
        {"kind": block.spec.body["kind"], "metadata": metadata, "block": block.spec.name},
        name=name,
        parent=row.id,
    )
    call.tx.link(child, "spec", block.spec.id)
    return child
