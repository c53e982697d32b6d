"""Image builds: what they print, how they end, what they redeploy, their logs."""

from __future__ import annotations

import io
import posixpath
import re
import zipfile

from peakctl.emulator import schemas as s
from peakctl.emulator.calls import Answer, Call, Operations
from peakctl.emulator.image_usage import VERSION, refresh_image, refresh_version, set_usage
from peakctl.emulator.listing import DATES, Listing, one_of
from peakctl.emulator.problems import Problem, invalid
from peakctl.emulator.rows import Body, Row, Transaction, due, stamp
from peakctl.emulator.services import redeploy
from peakctl.emulator.views import ID, NULLABLE, STATUS, Field, View, stored, time
from peakctl.model import JsonDict
from peakctl.model.records import dataclass

BUILDS = Operations({"image": "/service/image-management/api/v2/images/{image}/builds"})
FILES = Operations({"build": "/files/builds/"}, is_open=True)
BUILD_STATUSES = ("building", "failed", "success", "stopped", "stopping")
BUILDS.lists("", "List builds", Listing(
    "builds", "buildCount",
    View(
        buildId=ID, versionId=Field(s.WHOLE, lambda row: int(row.name)), version=stored("version"),
        status=STATUS, startedAt=time("created"), finishedAt=stored("finishedAt", NULLABLE),
    ),
    ("build",), order="seq DESC", parent="image", bounded=True,
    filters=(one_of("versions", "name"), one_of("buildStatus", "status", BUILD_STATUSES), *DATES),
))  # fmt: skip
FAILING = re.compile(r"^\s*RUN\s+(false|exit\s+[1-9]\d*)\s*$", re.IGNORECASE)
PRINTING = re.compile(r"^\s*RUN\s+((?:echo|seq)\b.*)$", re.IGNORECASE)
LONGEST = 10_000  # lines that one command prints
TOKEN = re.compile(r"[fb]/(\d{1,9})/s")


def _find_dockerfile(archive: bytes | None, path: str, context: str) -> str | None:
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


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """What a command would do: its lines, each with the seconds that it sleeps before; its end."""

    lines: tuple[tuple[float, str], ...]
    code: int = 0
    sleeps: float = 0.0


def rehearse_command(command: str) -> Rehearsal:
    """Of a shell command: `echo`, `seq`, `sleep`, `false` and `exit`, joined by `&&` or `;`.

    Anything else does nothing, and well.
    """
    lines: list[tuple[float, str]] = []
    sleeps, code = 0.0, 0
    for part in re.split(r"\s*(?:&&|;)\s*", command.strip()):
        word, _, rest = part.partition(" ")
        number = float(rest) if re.fullmatch(r"\d{1,6}(\.\d+)?", rest) else 0.0
        if word == "echo":
            lines.append((sleeps, rest.strip("\"'")))
        elif word == "seq":
            lines += [(sleeps, str(n)) for n in range(1, min(int(number), LONGEST) + 1)]
        elif word == "sleep":
            sleeps += number
        elif word == "false" or (word == "exit" and number):
            code = 1 if word == "false" else int(number)
            break
    return Rehearsal(tuple(lines), code, sleeps)


def rehearse(dockerfile: str | None, path: str) -> tuple[list[str], bool]:
    """(log lines, whether the build succeeds); the failing line comes last."""
    if dockerfile is None:
        return ["Fetching build context", f"ERROR: no Dockerfile at {path}"], False
    steps = [s for s in dockerfile.splitlines() if s.strip() and not s.lstrip().startswith("#")]
    lines = ["Fetching build context", "Building the Docker image..."]
    for number, step in enumerate(steps, 1):
        lines.append(f"Step {number}/{len(steps)} : {step.strip()}")
        if printing := PRINTING.match(step):
            lines += [line for _, line in rehearse_command(printing[1]).lines]
        if FAILING.match(step):
            command = step.split(None, 1)[1].strip()
            code = "1" if command.lower() == "false" else command.split()[-1]
            failure = f"ERROR: process {command!r} did not complete successfully: exit code {code}"
            return [*lines, failure], False
    return [*lines, "Pushing the image", "Successfully built"], True


def _rehearse_details(details: Body, archive: bytes | None) -> tuple[list[str], bool]:
    """The same for the buildDetails of an image version."""
    path = details.get("dockerfilePath") or "Dockerfile"
    source = details.get("source")
    if source == "dockerfile":
        return rehearse(details.get("dockerfile"), path)
    if source == "github":
        clone = f"Cloning {details.get('repository')} at {details.get('branch')}"
        lines, succeeds = rehearse(f"FROM {path}", path)
        return [clone, *lines], succeeds
    return rehearse_upload(archive, path, details.get("context"))


def rehearse_upload(
    archive: bytes | None, path: str | None, context: str | None
) -> tuple[list[str], bool]:
    """The same for the Dockerfile in an archive."""
    path, context = path or "Dockerfile", context or "."
    return rehearse(_find_dockerfile(archive, path, context), path)


def start_build(tx: Transaction, version: Row, archive: bytes | None) -> Row:
    """Begin to build a version; a build of it that still runs is stopped."""
    lines, succeeds = _rehearse_details(version.body["buildDetails"], archive)
    before = tx.get("build", version.body.get("buildId"))
    if before is not None and before.status == "building":
        _end(tx, before, "stopped")
    begins = tx.now + tx.options.queue_seconds
    ends = begins + tx.options.build_seconds
    body = {
        "version": version.name, "lines": lines, "succeeds": succeeds, "begins": begins,
        "ends": ends, "finishedAt": None,
    }  # fmt: skip
    key = str(tx.number("build"))
    build = tx.add(
        "build", body, key=key, parent=version.parent, name=version.id, status="building"
    )
    version.status, version.facet = "not-ready", "building"
    version.body.update(buildId=build.id, lastBuildAt=stamp(tx.now))
    tx.touch(version)
    refresh_image(tx, version.parent)
    tx.schedule(ends - tx.now, "build-done", build=build.id)
    return build


def _end(tx: Transaction, build: Row, status: str) -> None:
    build.body["finishedAt"] = stamp(tx.now)
    tx.set_status(build, status)


@due("build-done", "build", "build")
def finish(tx: Transaction, build: Row) -> None:
    """The build's time is over."""
    if build.status != "building":
        return
    succeeds = build.body["succeeds"]
    _end(tx, build, "success" if succeeds else "failed")
    version = tx.get(VERSION, build.name)
    if version is None or version.status != "not-ready" or version.body["buildId"] != build.id:
        return
    version.facet = build.status
    tx.set_status(version, "ready" if succeeds else "not-ready")
    refresh_image(tx, version.parent)
    refresh_version(tx, version.id)
    for entity in version.body.get("autodeployResources") or () if succeeds else ():
        _redeploy(tx, entity, version)


def _redeploy(tx: Transaction, entity: Body, version: Row) -> None:
    kind = "workflow" if entity["entityType"] == "workflow" else "service"
    row = tx.get(kind, entity["entityId"])
    if row is None:
        return
    if kind == "workflow":
        for step in row.body["steps"].values():
            if str(step.get("imageId")) == version.parent:
                step["imageVersionId"] = version.number
        tx.touch(row)
        set_usage(tx, row, {*tx.used_by(row.kind, row.id, VERSION), version.id})
        return
    row.body["imageDetails"] = {"imageId": int(version.parent), "versionId": version.number}
    set_usage(tx, row, [version.id])
    redeploy(tx, row)


def _lines_so_far(row: Row, now: float) -> list[Body]:
    """Log lines appear one after the other until the build ends.

    Their times are text, as in the reference's example, of milliseconds since 1970: the client
    that follows a log reads them as a number.
    """
    lines: list[str] = row.body["lines"]
    begins = row.body.get("begins", row.created)
    took = max(row.body["ends"] - begins, 1e-9)
    moments = [begins + took * index / len(lines) for index in range(len(lines))]
    if row.status == "building":
        moments = [moment for moment in moments if moment <= now]
    times = [str(int(moment * 1000)) for moment in moments]
    return [
        {"timestamp": at, "message": line, "ingestionTime": at}
        for at, line in zip(times, lines, strict=False)
    ]


def check_kept(call: Call, ended: float | None) -> None:
    """Raise a 404 where a log is no longer kept, of what ended so long ago."""
    if ended is not None and call.tx.now > ended + call.options.log_seconds:
        raise Problem(404, "the log is no longer kept")


def log_page(call: Call, lines: list[JsonDict]) -> Body:
    """`logs` and `nextToken`. There always is a token, at the end one that leads to an empty page:
    a client that follows a log stops there, and would begin again without one."""
    token = call.ask("nextToken")
    found = TOKEN.fullmatch(token) if token else None
    if token and found is None:
        raise invalid("nextToken", f"{token!r} was not given by this server")
    first = int(found[1]) if found else 0
    last = min(first + call.options.log_page, len(lines))
    return {"logs": lines[first:last], "nextToken": f"f/{max(first, last)}/s"}


def log_file(lines: list[JsonDict]) -> Answer:
    """The messages of a log as a text."""
    text = "".join(f"{line['message']}\n" for line in lines)
    return Answer(text.encode(), headers=(("Content-Type", "text/plain; charset=utf-8"),))


@BUILDS(
    "GET", "/{build}/logs", "Read the log of a build", query={"nextToken": s.TEXT},
    answer=s.record({
        "buildStatus": s.TEXT, "startTime": s.TEXT, "finishTime": s.nullable(s.TEXT),
        "logs": s.items(s.record(dict.fromkeys(("timestamp", "message", "ingestionTime"), s.TEXT))),
        "nextToken": s.TEXT,
    }),
)  # fmt: skip
def read_log(call: Call) -> Body:
    row = call.find_child("build", "build", "image")
    check_kept(call, row.updated if row.body["finishedAt"] else None)
    status = {"buildStatus": row.status, "startTime": stamp(row.created)}
    log = log_page(call, _lines_so_far(row, call.tx.now))
    return {**status, "finishTime": row.body["finishedAt"], **log}


@BUILDS(
    "GET", "/{build}/logs/download", "Where the log of a build can be fetched",
    answer=s.record({"downloadUrl": s.TEXT}),
)  # fmt: skip
def locate_log(call: Call) -> Body:
    row = call.find_child("build", "build", "image")
    return {"downloadUrl": f"{call.base}/files/builds/{row.tenant}/{row.id}.log"}


@FILES("GET", "{tenant}/{build}.log", "The log of a build as a file; needs no token", answer=None)
def read_log_file(call: Call) -> Answer:
    tx = call.tx.at(call.params["tenant"], call.tx.now)
    return log_file(_lines_so_far(tx.require("build", call.params["build"]), tx.now))
