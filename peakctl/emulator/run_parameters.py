"""Run parameters of deployments, changed without a revision.

Running blocks read their values here, so hidden ones are answered as they are; only `describe` and
`describe-revision` mask them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from peakctl.emulator.app_blocks import child_values
from peakctl.emulator.behaviour.deploying import children_of, release_of
from peakctl.emulator.deployment_reads import app_definitions, block_definitions, real_values
from peakctl.emulator.deployments import find_deployment
from peakctl.emulator.parameters import check_values
from peakctl.emulator.problems import invalid
from peakctl.emulator.shapes import check, mapping, record

if TYPE_CHECKING:
    from peakctl.emulator.calls import Call
    from peakctl.emulator.rows import Body, Row

RUN = "run"


def read(call: Call) -> Body:
    """Row 81: a flat map for blocks, both levels for apps."""
    row = find_deployment(call)
    return _app_shown(call, row) if row.kind == "app-deployment" else _block_shown(call, row)


def _block_shown(call: Call, row: Row) -> Body:
    definitions = release_of(call.tx, row).body["parameters"]
    return real_values(call, definitions, RUN, row.body["parameters"].get(RUN))


def _app_shown(call: Call, row: Row) -> Body:
    values = row.body["parameters"] or {}
    blocks = {
        name: real_values(call, definitions, RUN, (values.get(name) or {}).get(RUN))
        for name, definitions in block_definitions(call.tx, row).items()
    }
    shared = (row.body.get("appParameters") or {}).get(RUN)
    own = app_definitions(call.tx, row)
    return {"appParameters": real_values(call, own, RUN, shared), "parameters": blocks}


def patch(call: Call) -> Body:
    """Row 82: blocks only."""
    row = find_deployment(call)
    if row.kind == "app-deployment":
        raise invalid("id", f"deployment {row.name} is an app; use v2")
    _patch_block(call, row, call.record(), "body")
    return _block_shown(call, row)


def _patch_block(call: Call, row: Row, values: Any, at: str) -> None:
    check_values(release_of(call.tx, row).body["parameters"], RUN, values, at)
    row.body["parameters"][RUN] = {**(row.body["parameters"].get(RUN) or {}), **values}
    call.tx.touch(row)


def patch_both(call: Call) -> Body:
    """Row 83: `{parameters}` for blocks, `{appParameters, parameters{block}}` for apps."""
    row = find_deployment(call)
    body = call.record()
    if row.kind == "block-deployment":
        _patch_block(call, row, body.get("parameters") or {}, "parameters")
        return {"parameters": _block_shown(call, row)}
    _patch_app(call, row, body.get("parameters") or {}, body.get("appParameters") or {})
    return _app_shown(call, row)


def _patch_app(call: Call, row: Row, blocks: Any, shared: Any) -> None:
    check(mapping(record({})), blocks, "parameters")
    check_values(app_definitions(call.tx, row), RUN, shared, "appParameters")
    definitions = block_definitions(call.tx, row)
    stored = row.body["parameters"]
    for name, values in blocks.items():
        if name not in definitions:
            raise invalid(f"parameters.{name}", "is not a block of this app")
        check_values(definitions[name], RUN, values, f"parameters.{name}")
        mine = stored.setdefault(name, {})
        mine[RUN] = {**(mine.get(RUN) or {}), **values}
    own = row.body.setdefault("appParameters", {})
    own[RUN] = {**(own.get(RUN) or {}), **shared}
    call.tx.touch(row)
    for child in children_of(call.tx, row):
        values = child_values(definitions[child.body["block"]] or {}, row, child)
        child.body["parameters"][RUN] = values[RUN]
        call.tx.touch(child)
