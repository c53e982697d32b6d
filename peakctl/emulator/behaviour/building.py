"""Image builds: what they print, how they end, what they redeploy (contract, section 3.2)."""

from __future__ import annotations

import io
import posixpath
import re
import zipfile
from typing import TYPE_CHECKING, Any

from peakctl.emulator.behaviour.usage import refresh_image, refresh_version, set_usage
from peakctl.emulator.times import stamp

if TYPE_CHECKING:
    from peakctl.emulator.options import Options
    from peakctl.emulator.rows import Body, Row, Transaction

FAILING = re.compile(r"^\s*RUN\s+(false|exit\s+[1-9]\d*)\s*$", re.IGNORECASE)


def find_dockerfile(archive: bytes | None, path: str, context: str) -> str | None:
    """The Dockerfile's text, looked for at the path and then at the path below the context."""
    if archive is None:
        return None
    with zipfile.ZipFile(io.BytesIO(archive)) as opened:
        names = {posixpath.normpath(n): n for n in opened.namelist() if not n.endswith("/")}
        for place in (path, posixpath.join(context, path)):
            name = names.get(posixpath.normpath(place).lstrip("/"))
            if name is not None:
                return opened.read(name).decode("utf-8", "replace")
    return None


def rehearse(dockerfile: str | None, path: str) -> tuple[list[str], bool]:
    """(log lines, whether the build succeeds); the failing line comes last."""
    if dockerfile is None:
        return ["Fetching build context", f"ERROR: no Dockerfile at {path}"], False
    steps = [s for s in dockerfile.splitlines() if s.strip() and not s.lstrip().startswith("#")]
    lines = ["Fetching build context", "Building the Docker image..."]
    for number, step in enumerate(steps, 1):
        lines.append(f"Step {number}/{len(steps)} : {step.strip()}")
        if FAILING.match(step):
            command = step.split(None, 1)[1].strip()
            code = "1" if command.lower() == "false" else command.split()[-1]
            told = f"ERROR: process {command!r} did not complete successfully: exit code {code}"
            lines.append(told)
            return lines, False
    return [*lines, "Pushing the image", "Successfully built"], True


def rehearse_details(details: Body, archive: bytes | None) -> tuple[list[str], bool]:
    """The same for the buildDetails of an image version."""
    path = details.get("dockerfilePath") or "Dockerfile"
    source = details.get("source")
    if source == "dockerfile":
        return rehearse(details.get("dockerfile"), path)
    if source == "github":
        clone = f"Cloning {details.get('repository')} at {details.get('branch')}"
        lines, succeeds = rehearse(f"FROM {path}", path)
        return [clone, *lines], succeeds
    return rehearse(find_dockerfile(archive, path, details.get("context") or "."), path)


def start_build(tx: Transaction, options: Options, version: Row, archive: bytes | None) -> Row:
    """Begin to build a version; a build of it that still runs is stopped."""
    lines, succeeds = rehearse_details(version.body["buildDetails"], archive)
    _stop(tx, version.body.get("buildId"))
    build = tx.add(
        "build",
        {
            "version": version.name,
            "lines": lines,
            "succeeds": succeeds,
            "ends": tx.now + options.build_seconds,
            "finishedAt": None,
        },
        key=str(tx.number("build")),
        parent=version.parent,
        name=version.id,
        status="building",
    )
    version.status, version.facet = "not-ready", "building"
    version.body.update(buildId=build.id, lastBuildAt=stamp(tx.now))
    tx.touch(version)
    refresh_image(tx, version.parent)
    tx.schedule(options.build_seconds, "build-done", build=build.id)
    return build


def _stop(tx: Transaction, build_id: str | None) -> None:
    build = tx.get("build", build_id) if build_id else None
    if build is not None and build.status == "building":
        build.status = "stopped"
        build.body["finishedAt"] = stamp(tx.now)
        tx.touch(build)


def finish_build(tx: Transaction, options: Options, data: Body) -> None:
    """The build's time is over."""
    build = tx.get("build", data["build"])
    if build is None or build.status != "building":
        return
    build.status = "success" if build.body["succeeds"] else "failed"
    build.body["finishedAt"] = stamp(tx.now)
    tx.touch(build)
    version = tx.get("image-version", build.name)
    if version is None or version.status != "not-ready" or version.body["buildId"] != build.id:
        return
    version.facet = build.status
    version.status = "ready" if build.body["succeeds"] else "not-ready"
    tx.touch(version)
    refresh_image(tx, version.parent)
    refresh_version(tx, version.id)
    if build.body["succeeds"]:
        for entity in version.body.get("autodeployResources") or ():
            _redeploy(tx, options, entity, version)


def _redeploy(tx: Transaction, options: Options, entity: dict[str, Any], version: Row) -> None:
    kind = "workflow" if entity["entityType"] == "workflow" else "service"
    row = tx.get(kind, entity["entityId"])
    if row is None:
        return
    if kind == "workflow":
        for step in row.body["steps"].values():
            if str(step.get("imageId")) == version.parent:
                step["imageVersionId"] = version.number
        tx.touch(row)
        set_usage(tx, row, {*tx.used_by(row.kind, row.id, "image-version"), version.id})
        return
    row.body["imageDetails"] = {"imageId": int(version.parent), "versionId": version.number}
    set_usage(tx, row, [version.id])
    redeploy_service(tx, options, row)


def redeploy_service(tx: Transaction, options: Options, row: Row) -> None:
    """AVAILABLE -> DEPLOYING -> AVAILABLE; the latest start decides when it ends."""
    row.status = "DEPLOYING"
    row.body["turn"] = row.body.get("turn", 0) + 1
    tx.touch(row)
    tx.schedule(options.service_seconds, "service-done", id=row.id, turn=row.body["turn"])
