"""Listing and deleting versions, builds and their logs (contract, rows 14, 18-22)."""

from __future__ import annotations

import re
from typing import Any

from peakctl.emulator.behaviour.usage import VERSION
from peakctl.emulator.calls import Answer, Call, Endpoint
from peakctl.emulator.image_versions import (
    create_version,
    describe_version,
    find_version,
    list_shown,
    update_version,
)
from peakctl.emulator.images import (
    BUILD_STATUSES,
    ROOT,
    STATUSES,
    begin_delete,
    refuse_used,
    tagged,
)
from peakctl.emulator.listing import Listing, answer_page, containing, one_of
from peakctl.emulator.problems import invalid, not_found
from peakctl.emulator.rows import Row, Where
from peakctl.emulator.times import parse_stamp, stamp

VERSIONS = Listing((VERSION,), "versions", "versionCount", order="seq DESC")
BUILDS = Listing(("build",), "builds", "buildCount", order="seq DESC")
TOKEN = re.compile(r"[fb]/(\d{1,9})/s")


def list_versions(call: Call) -> dict[str, Any]:
    """Row 14."""
    image = call.tx.require("image", call.params["image"])
    where = [
        Where("parent = ?", (image.id,)),
        *containing(call, "searchTerm", "name"),
        *one_of(call, "status", "status", STATUSES),
        *one_of(call, "lastBuildStatus", "facet", BUILD_STATUSES),
        *tagged(call, "body, '$.tags'"),
    ]
    return answer_page(call, VERSIONS, where, list_shown)


def delete_version(call: Call) -> dict[str, Any]:
    """Row 18."""
    version = find_version(call)
    refuse_used(call.tx, [version])
    begin_delete(call, [version])
    return {}


def delete_versions(call: Call) -> dict[str, Any]:
    """Row 19."""
    image = call.tx.require("image", call.params["image"])
    wanted = call.asks("versionIds")
    mine = {row.id: row for row in call.tx.children(VERSION, image.id)}
    if not wanted:
        raise invalid("versionIds", "is required")
    for key in wanted:
        if key not in mine:
            raise not_found("version", key)
    versions = [mine[key] for key in dict.fromkeys(wanted)]
    refuse_used(call.tx, versions)
    begin_delete(call, versions)
    return {}


def _build_shown(row: Row) -> dict[str, Any]:
    return {
        "buildId": row.id,
        "versionId": int(row.name),
        "version": row.body["version"],
        "status": row.status,
        "startedAt": stamp(row.created),
        "finishedAt": row.body["finishedAt"],
    }


def since(call: Call, column: str) -> list[Where]:
    """The filters dateFrom and dateTo."""
    first, last = call.ask("dateFrom"), call.ask("dateTo")
    found = [Where(f"{column} >= ?", (parse_stamp(first, "dateFrom"),))] if first else []
    return found + ([Where(f"{column} <= ?", (parse_stamp(last, "dateTo"),))] if last else [])


def list_builds(call: Call) -> dict[str, Any]:
    """Row 20. `count` above 0 bounds how many are shown."""
    image = call.tx.require("image", call.params["image"])
    where = [
        Where("parent = ?", (image.id,)),
        *one_of(call, "versions", "name"),
        *one_of(call, "buildStatus", "status", BUILD_STATUSES),
        *since(call, "created"),
    ]
    return _first(call, answer_page(call, BUILDS, where, _build_shown), "builds")


def _first(call: Call, page: dict[str, Any], items: str) -> dict[str, Any]:
    count = call.ask("count") or ""
    return {**page, items: page[items][: int(count)]} if count.isdecimal() else page


def _find_build(call: Call) -> Row:
    call.tx.require("image", call.params["image"])
    row = call.tx.get("build", call.params["build"])
    if row is None or row.parent != call.params["image"]:
        raise not_found("build", call.params["build"])
    return row


def lines_so_far(row: Row, now: float) -> list[dict[str, Any]]:
    """Log lines appear one after the other until the build ends.

    Their times are text, as in the reference's example, of milliseconds since 1970: the client
    that follows a log reads them as a number (contract, section 5).
    """
    lines: list[str] = row.body["lines"]
    took = max(row.body["ends"] - row.created, 1e-9)
    moments = [row.created + took * index / len(lines) for index in range(len(lines))]
    if row.status == "building":
        moments = [moment for moment in moments if moment <= now]
    return [
        {"timestamp": _ms(moment), "message": line, "ingestionTime": _ms(moment)}
        for moment, line in zip(moments, lines, strict=False)
    ]


def _ms(moment: float) -> str:
    return str(int(moment * 1000))


def page_of(call: Call, lines: list[dict[str, Any]]) -> dict[str, Any]:
    """`logs` and `nextToken`. There always is a token, at the end one that leads to an empty page:
    a client that follows a log stops there, and would begin again without one."""
    first = page_token(call)
    last = min(first + call.options.log_page, len(lines))
    return {"logs": lines[first:last], "nextToken": f"f/{max(first, last)}/s"}


def page_token(call: Call) -> int:
    """`nextToken` -> how many lines were read before."""
    token = call.ask("nextToken")
    found = TOKEN.fullmatch(token) if token else None
    if token and found is None:
        raise invalid("nextToken", f"{token!r} was not given by this server")
    return int(found[1]) if found else 0


def logs(call: Call) -> dict[str, Any]:
    """Row 21."""
    row = _find_build(call)
    return {
        "buildStatus": row.status,
        "startTime": stamp(row.created),
        "finishTime": row.body["finishedAt"],
        **page_of(call, lines_so_far(row, call.tx.now)),
    }


def download_logs(call: Call) -> dict[str, Any]:
    """Row 22."""
    row = _find_build(call)
    return {"downloadUrl": f"{call.base}/files/builds/{row.tenant}/{row.id}.log"}


def read_log_file(call: Call) -> Answer:
    """What a downloadUrl leads to; needs no token."""
    tx = call.tx.at(call.params["tenant"], call.tx.now)
    row = tx.require("build", call.params["build"])
    text = "".join(f"{line['message']}\n" for line in lines_so_far(row, tx.now))
    return Answer(text.encode(), headers=(("Content-Type", "text/plain; charset=utf-8"),))


ONE = ROOT + "{image}/versions/{version}"
BUILD = ROOT + "{image}/builds"
ENDPOINTS = (
    Endpoint("GET", ROOT + "{image}/versions", list_versions),
    Endpoint("POST", ROOT + "{image}/versions", create_version, 201),
    Endpoint("DELETE", ROOT + "{image}/versions", delete_versions),
    Endpoint("GET", ONE, describe_version),
    Endpoint("PATCH", ONE, update_version),
    Endpoint("DELETE", ONE, delete_version),
    Endpoint("GET", BUILD, list_builds),
    Endpoint("GET", BUILD + "/{build}/logs", logs),
    Endpoint("GET", BUILD + "/{build}/logs/download", download_logs),
    Endpoint("GET", "/files/builds/{tenant}/{build}.log", read_log_file, is_open=True),
)
