"""What the config of a release may hold."""

from __future__ import annotations

from typing import Any

from peakctl.emulator import schemas as s
from peakctl.emulator.artifacts import check_zip
from peakctl.emulator.image_usage import find_image
from peakctl.emulator.instance_types import check_instance_type, of_service
from peakctl.emulator.parameters import names_used
from peakctl.emulator.problems import invalid
from peakctl.emulator.rows import Body, Row, Transaction, Where
from peakctl.emulator.services import FIELDS as SERVICE_FIELDS
from peakctl.emulator.steps import check_steps, check_triggers, check_watchers, mapped
from peakctl.emulator.versions import read_version

INLINE = s.record(
    {},
    {
        "version": s.LINE,
        "dockerfile": s.TEXT,
        "context": s.TEXT,
        "useCache": s.FLAG,
        "buildArguments": s.mapping(s.TEXT),
        "secrets": s.items(s.LINE),
    },
)
DETAILS = s.record({"id": s.WHOLE}, {"versionId": s.WHOLE})
STEP = s.record({"command": s.LINE}, {"image": INLINE, "imageRef": s.LINE, "imageDetails": DETAILS})
SERVICE = s.record(
    {},
    {
        **{
            name: schema
            for name, schema in SERVICE_FIELDS.items()
            if name not in ("title", "description")
        },
        "serviceType": s.text("web-app", "api"),
        "image": INLINE,
        "imageDetails": DETAILS,
    },
)
BLOCKS = s.items(
    s.record({"id": s.LINE, "release": s.record({"version": s.LINE})}, {"autoRunOnDeploy": s.FLAG}),
    low=1,
)
AT = "config"


def check_block_config(
    tx: Transaction, kind: str, config: Any, scope: str, data: bytes | None
) -> None:
    """Config of a workflow or service block; images exist and the artifact is there."""
    if kind == "workflow":
        _check_workflow(tx, config)
    else:
        _check_service(tx, config)
    for at, details in existing_images(kind, config):
        if scope != "private":
            raise invalid(f"{at}.imageDetails", "an existing image needs scope private")
        _check_exists(tx, details, f"{at}.imageDetails")
    if inline_images(kind, config) and data is None:
        raise invalid("artifact", "is required when images are built from it")
    if data is not None:
        check_zip(data)


def _check_workflow(tx: Transaction, config: Any) -> None:
    s.check(s.record({"steps": s.mapping(s.MAP)}, {"images": s.mapping(s.MAP)}), config, AT)
    s.check(s.record({}, {"images": s.mapping(INLINE)}), config, AT, lenient=True)
    check_steps(tx, config["steps"], f"{AT}.steps", STEP, lenient=True)
    check_triggers(config.get("triggers") or [], f"{AT}.triggers", lenient=True)
    check_watchers(config.get("watchers") or [], f"{AT}.watchers", lenient=True)
    for name, step in config["steps"].items():
        if (step.get("type") or "standard") == "standard":
            _check_one(step, ("image", "imageRef", "imageDetails"), f"{AT}.steps.{name}")
            _check_reference(config, step.get("imageRef"), f"{AT}.steps.{name}.imageRef")


def _check_reference(config: Body, reference: str | None, at: str) -> None:
    if reference is not None and reference not in mapped(config.get("images")):
        raise invalid(at, f"config.images has no {reference}")


def _check_service(tx: Transaction, config: Any) -> None:
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
    holders = [(AT, config)] if kind == "service" else _steps(config)
    found = [(at, mapped(holder.get("imageDetails"))) for at, holder in holders]
    return [(at, details) for at, details in found if details]


def inline_images(kind: str, config: Body) -> list[Body]:
    """Every image that the block builds from its artifact."""
    holders = [(AT, config)] if kind == "service" else _steps(config)
    named = list((config.get("images") or {}).values()) if kind == "workflow" else []
    direct = [holder["image"] for _, holder in holders if holder.get("image") is not None]
    return [mapped(image) for image in (*named, *direct)]


def _steps(config: Body) -> list[tuple[str, Body]]:
    return [(f"{AT}.steps.{name}", step) for name, step in config["steps"].items()]


def _check_exists(tx: Transaction, details: Body, at: str) -> None:
    wanted = details.get("versionId")
    if isinstance(details.get("id"), int):
        version = wanted if isinstance(wanted, int) else None
        find_image(tx, details["id"], version, (f"{at}.id", f"{at}.versionId"))


def check_names(config: Any, parameters: Body | None) -> None:
    """Each @param:NAME of a config is a build parameter."""
    known = {d["name"] for d in (parameters or {}).get("build") or ()}
    for name in sorted(names_used(config)):
        if name not in known:
            raise invalid(AT, f"@param:{name} is not a build parameter")


def check_app_config(tx: Transaction, config: Any, spec: Body) -> None:
    """The blocks of an app exist in these releases, and can be shared as far as the app."""
    s.check(BLOCKS, config, AT)
    for index, block in enumerate(config):
        at = f"{AT}[{index}]"
        row = tx.get("block-spec", block["id"]) or foreign(tx, "block-spec", block["id"])
        if row is None:
            raise invalid(f"{at}.id", f"block spec {block['id']} does not exist")
        read_version(block["release"]["version"], f"{at}.release.version")
        owner = tx.at(row.tenant, tx.now)
        if owner.get("release", f"{row.id}/{block['release']['version']}") is None:
            why = f"block spec {row.name} has no release {block['release']['version']}"
            raise invalid(f"{at}.release.version", why)
        tenants = set(row.body.get("tenants") or ())
        if spec["scope"] == "shared" and row.facet != "public":
            missing = sorted(set(spec.get("tenants") or ()) - tenants)
            if missing:
                raise invalid(f"{at}.id", f"{row.name} is not shared with {', '.join(missing)}")


def foreign(tx: Transaction, kind: str, key: str) -> Row | None:
    """A public spec of another tenant."""
    public = Where("facet = 'public'")
    return next(iter(tx.select((kind,), (Where("id = ?", (key,)),), anyone=public)), None)
