"""What workflows and the configs of blocks and apps may hold."""

from __future__ import annotations

import re
from typing import Any

from peakctl.emulator import schemas as s
from peakctl.emulator.artifacts import check_zip
from peakctl.emulator.image_usage import find_image
from peakctl.emulator.parameters import Definitions, names_used
from peakctl.emulator.problems import invalid
from peakctl.emulator.rows import Body, Row, Transaction, Where
from peakctl.emulator.services import FIELDS as SERVICE_FIELDS
from peakctl.emulator.tenants import check_instance_type, of_service
from peakctl.emulator.versions import read_version
from peakctl.model import JsonDict

RETRY = s.optional(
    duration=s.whole(0, 120), exitCodes=s.items(s.WHOLE), exponentialBackoff=s.FLAG,
    numberOfRetries=s.whole(0, 5),
)  # fmt: skip
CONDITION = s.record({
    "condition": s.text("equals", "not-equals"), "paramName": s.LINE, "stepName": s.LINE,
    "value": s.TEXT,
})  # fmt: skip
PARENT_STATUS = s.record({
    "condition": s.text("all-of", "one-of"), "parents": s.items(s.LINE),
    "status": s.items(s.text("success", "failure")),
})  # fmt: skip
REPOSITORY = s.record({"branch": s.LINE, "url": s.LINE}, {"token": s.TEXT, "filePath": s.TEXT})
SHARED: dict[str, s.Schema] = {
    "type": s.text("standard", "http", "sql", "export"), "clearImageCache": s.FLAG,
    "stepTimeout": s.whole(0), "parents": s.items(s.LINE), "repository": REPOSITORY,
    # The field table requires a storage, but the client's sample of a patch adds a step without.
    "resources": s.record({"instanceTypeId": s.WHOLE}, {"storage": s.text(pattern=r"\d+ ?GB")}),
    "parameters": s.optional(
        env=s.mapping(s.TEXT), secrets=s.items(s.LINE), inherit=s.mapping(s.LINE)
    ),
    "outputParameters": s.mapping(s.LINE),
    "executionParameters": s.optional(
        conditional=s.items(CONDITION), parentStatus=s.items(PARENT_STATUS)
    ),
    "runConfiguration": s.optional(
        retryOptions=RETRY, skipConfiguration=s.optional(skip=s.FLAG, skipDAG=s.FLAG)
    ),
}  # fmt: skip
AUTH_NEEDS = {
    "no-auth": (), "oauth": ("clientId", "clientSecret", "authUrl"),
    "basic": ("username", "password"), "api-key": ("apiKey",), "bearer-token": ("bearerToken",),
}  # fmt: skip
# The reference requires a method, though some samples of the client send none.
HTTP = s.record(
    {"method": s.text("get", "post", "put", "patch", "delete"), "url": s.LINE},
    {
        "payload": s.TEXT, "auth": s.record({"type": s.text(*AUTH_NEEDS)}),
        "headers": s.optional(absolute=s.mapping(s.TEXT), secrets=s.mapping(s.LINE)),
    },
)  # fmt: skip
EXPORT = s.record(
    {"schema": s.LINE, "table": s.LINE, "sortBy": s.LINE},
    {"sortOrder": s.text("asc", "desc"), "compression": s.FLAG},
)
CRON_FIELD = re.compile(r"[\d*/,\-?LW#A-Z]+", re.IGNORECASE)
EVENTS = s.optional(success=s.FLAG, fail=s.FLAG, runtimeExceeded=s.whole(0))
RECIPIENTS = s.record({"to": s.items(s.LINE, low=1)})
WATCHERS = s.items(s.record({"events": EVENTS}, {
    "user": s.LINE,
    "webhook": s.record({"name": s.LINE, "url": s.LINE, "payload": s.TEXT}),
    "email": s.record({"name": s.LINE, "recipients": RECIPIENTS}),
}))  # fmt: skip
TRIGGERS = s.items(s.optional(
    cron=s.LINE, webhook=s.ANYTHING, webhookPolicy=s.text("generate", "preserve"), webhookId=s.TEXT
))  # fmt: skip
INLINE = s.optional(
    version=s.LINE, dockerfile=s.TEXT, context=s.TEXT, useCache=s.FLAG,
    buildArguments=s.mapping(s.TEXT), secrets=s.items(s.LINE),
)  # fmt: skip
DETAILS = s.record({"id": s.WHOLE}, {"versionId": s.WHOLE})
STEP = s.record({"command": s.LINE}, {"image": INLINE, "imageRef": s.LINE, "imageDetails": DETAILS})
SERVICE = s.optional(**{
    **{k: schema for k, schema in SERVICE_FIELDS.items() if k not in ("title", "description")},
    "serviceType": s.text("web-app", "api"), "image": INLINE, "imageDetails": DETAILS,
})  # fmt: skip
BLOCKS = s.items(
    s.record({"id": s.LINE, "release": s.record({"version": s.LINE})}, {"autoRunOnDeploy": s.FLAG}),
    low=1,
)
AT = "config"


def listed(value: object) -> list[object]:
    """A list, or nothing when a parameter stands for it."""
    return value if isinstance(value, list) else []


def mapped(value: object) -> JsonDict:
    """A map, or nothing when a parameter stands for it."""
    return value if isinstance(value, dict) else {}


def check_steps(
    tx: Transaction, steps: JsonDict, at: str, standard: s.Schema, *, lenient: bool
) -> None:
    """All steps of a workflow; `standard` adds what a standard step needs."""
    s.check(s.mapping(s.MAP), steps, at)
    s.check(s.mapping(s.optional(**SHARED)), steps, at, lenient=lenient)
    if not steps:
        raise invalid(at, "must have at least one step")
    for name, step in steps.items():
        _check_step(step, f"{at}.{name}", standard, lenient=lenient)
        where = f"{at}.{name}.resources"
        check_instance_type(tx, "workflow", step.get("resources"), where)
        for parent in listed(step.get("parents")):
            if parent not in steps:
                raise invalid(f"{at}.{name}.parents", f"there is no step {parent}")
    _refuse_cycle(steps, at)


def _check_step(step: JsonDict, at: str, standard: s.Schema, *, lenient: bool) -> None:
    kind = step.get("type") or "standard"
    shapes = {"standard": standard, "http": HTTP, "export": EXPORT, "sql": s.ANYTHING}
    s.check(shapes.get(kind, standard), step, at, lenient=lenient)
    if kind == "sql" and bool(step.get("sqlQueryPath")) == bool(step.get("repository")):
        raise invalid(f"{at}.sqlQueryPath", "give exactly one of sqlQueryPath and repository")
    repository = step.get("repository")
    if kind == "sql" and isinstance(repository, dict) and not repository.get("filePath"):
        raise invalid(f"{at}.repository.filePath", "is required in sql steps")
    if kind == "http":
        _check_http(step, at)


def _check_http(step: JsonDict, at: str) -> None:
    auth = mapped(step.get("auth"))
    for field in AUTH_NEEDS.get(auth.get("type", ""), ()):
        if not auth.get(field):
            raise invalid(f"{at}.auth.{field}", f"is required for type {auth['type']}")
    for name, file in mapped(step.get("outputParameters")).items():
        if file != "response.txt":
            raise invalid(f"{at}.outputParameters.{name}", "must be response.txt in http steps")


def _refuse_cycle(steps: JsonDict, at: str) -> None:
    left = {name: set(listed(step.get("parents"))) for name, step in steps.items()}
    while left:
        free = {name for name, parents in left.items() if not parents}
        if not free:
            raise invalid(f"{at}.{min(left)}.parents", "the steps form a cycle")
        left = {name: parents - free for name, parents in left.items() if name not in free}


def check_triggers(triggers: Any, at: str, *, lenient: bool = False) -> None:
    """Each trigger is one of cron and webhook; the client's sample of a patch has an empty one."""
    s.check(s.items(s.MAP), triggers, at)
    s.check(TRIGGERS, triggers, at, lenient=lenient)
    for index, trigger in enumerate(triggers):
        if not trigger:
            continue
        here = f"{at}[{index}]"
        has_cron = trigger.get("cron") is not None
        if has_cron == bool(trigger.get("webhook") or trigger.get("webhookId")):
            raise invalid(here, "give exactly one of cron and webhook")
        if has_cron:
            _check_cron(trigger["cron"], f"{here}.cron", lenient=lenient)
        elif not lenient and not isinstance(trigger.get("webhook", True), bool):
            raise invalid(f"{here}.webhook", "must be true; only reads give an id")


def _check_cron(cron: str, at: str, *, lenient: bool) -> None:
    if lenient and s.PARAMETER.fullmatch(cron):
        return
    words = cron.split()
    if len(words) != 5 or not all(CRON_FIELD.fullmatch(word) for word in words):
        raise invalid(at, f"{cron!r} is not a cron expression")


def check_watchers(watchers: Any, at: str, *, lenient: bool = False) -> None:
    """Each watcher has exactly one of user, webhook and email."""
    s.check(s.items(s.MAP), watchers, at)
    s.check(WATCHERS, watchers, at, lenient=lenient)
    for index, watcher in enumerate(watchers):
        if sum(watcher.get(key) is not None for key in ("user", "webhook", "email")) != 1:
            raise invalid(f"{at}[{index}]", "give exactly one of user, webhook and email")


# --- configs of blocks and apps --------------------------------------------------------------


def check_block_config(
    tx: Transaction, kind: str, config: JsonDict, scope: str, data: bytes | None
) -> None:
    """Config of a workflow or service block; images exist and the artifact is there."""
    check = _check_workflow if kind == "workflow" else _check_service
    check(tx, config)
    for at, details in existing_images(kind, config):
        if scope != "private":
            raise invalid(f"{at}.imageDetails", "an existing image needs scope private")
        if isinstance(details.get("id"), int):
            wanted = details.get("versionId")
            fields = (f"{at}.imageDetails.id", f"{at}.imageDetails.versionId")
            find_image(tx, details["id"], wanted if isinstance(wanted, int) else None, fields)
    if inline_images(kind, config) and data is None:
        raise invalid("artifact", "is required when images are built from it")
    if data is not None:
        check_zip(data)


def _check_workflow(tx: Transaction, config: JsonDict) -> None:
    s.check(s.record({"steps": s.mapping(s.MAP)}, {"images": s.mapping(s.MAP)}), config, AT)
    s.check(s.optional(images=s.mapping(INLINE)), config, AT, lenient=True)
    check_steps(tx, config["steps"], f"{AT}.steps", STEP, lenient=True)
    check_triggers(config.get("triggers") or [], f"{AT}.triggers", lenient=True)
    check_watchers(config.get("watchers") or [], f"{AT}.watchers", lenient=True)
    for name, step in config["steps"].items():
        if (step.get("type") or "standard") == "standard":
            _check_one(step, ("image", "imageRef", "imageDetails"), f"{AT}.steps.{name}")
            if step.get("imageRef") not in (None, *mapped(config.get("images"))):
                at = f"{AT}.steps.{name}.imageRef"
                raise invalid(at, f"config.images has no {step['imageRef']}")


def _check_service(tx: Transaction, config: JsonDict) -> None:
    s.check(s.MAP, config, AT)
    s.check(SERVICE, config, AT, lenient=True)
    _check_one(config, ("image", "imageDetails"), AT)
    kind = config.get("serviceType") or "web-app"
    check_instance_type(tx, of_service(kind), config.get("resources"), f"{AT}.resources")
    for field in ("sessionStickiness", "scaleToZero"):
        if config.get(field) is True and kind != "web-app":
            raise invalid(f"{AT}.{field}", "is only for services of type web-app")


def _check_one(holder: Body, fields: tuple[str, ...], at: str) -> None:
    if sum(holder.get(field) is not None for field in fields) != 1:
        raise invalid(f"{at}.{fields[0]}", f"give exactly one of {', '.join(fields)}")


def existing_images(kind: str, config: Body) -> list[tuple[str, Body]]:
    """(where, imageDetails) of every image that is not built by the block."""
    found = [(at, mapped(holder.get("imageDetails"))) for at, holder in _holders(kind, config)]
    return [(at, details) for at, details in found if details]


def inline_images(kind: str, config: Body) -> list[Body]:
    """Every image that the block builds from its artifact."""
    named = (config.get("images") or {}).values() if kind == "workflow" else ()
    direct = [holder.get("image") for _, holder in _holders(kind, config)]
    return [mapped(image) for image in (*named, *direct) if image is not None]


def _holders(kind: str, config: Body) -> list[tuple[str, Body]]:
    """Where images may be stated: in a service itself, or in the steps of a workflow."""
    if kind == "service":
        return [(AT, config)]
    return [(f"{AT}.steps.{name}", step) for name, step in config["steps"].items()]


def check_names(config: object, parameters: Body | None) -> None:
    """Each @param:NAME of a config is a build parameter."""
    for name in sorted(names_used(config) - Definitions(parameters).names("build")):
        raise invalid(AT, f"@param:{name} is not a build parameter")


def check_app_config(tx: Transaction, config: Any, spec: Body) -> None:
    """The blocks of an app exist in these releases, and can be shared as far as the app."""
    s.check(BLOCKS, config, AT)
    for index, block in enumerate(config):
        at = f"{AT}[{index}]"
        row = find_spec(tx, "block-spec", block["id"])
        if row is None:
            raise invalid(f"{at}.id", f"block spec {block['id']} does not exist")
        read_version(block["release"]["version"], f"{at}.release.version")
        require_release(tx, row, block["release"], f"{at}.release.version")
        tenants = set(row.body.get("tenants") or ())
        if spec["scope"] == "shared" and row.facet != "public":
            missing = sorted(set(spec.get("tenants") or ()) - tenants)
            if missing:
                raise invalid(f"{at}.id", f"{row.name} is not shared with {', '.join(missing)}")


def require_release(tx: Transaction, spec: Row, sent: Body | None, at: str) -> Row:
    """The release that was asked for, else the latest, of any tenant's spec; or a 422."""
    version = (sent or {}).get("version") or spec.body["latest"]
    found = tx.at(spec.tenant, tx.now).get("release", f"{spec.id}/{version}")
    if found is None:
        raise invalid(at, f"spec {spec.name} has no release {version}")
    return found


def find_spec(tx: Transaction, kind: str, key: str) -> Row | None:
    """An own spec, or a public one of another tenant."""
    this, public = Where("id = ?", (key,)), Where("facet = 'public'")
    return tx.get(kind, key) or next(iter(tx.select((kind,), (this,), anyone=public)), None)
