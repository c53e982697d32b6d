"""What steps, triggers and watchers may hold; shared by workflows and workflow blocks.

Contract, section 3.7, and the kinds Workflow and BlockSpec-workflow of the field table.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from peakctl.emulator.instance_types import check_instance_type
from peakctl.emulator.problems import invalid
from peakctl.emulator.shapes import (
    LINE,
    PARAMETER,
    TEXT,
    Shape,
    anything,
    check,
    flag,
    items,
    mapping,
    record,
    text,
    whole,
)

if TYPE_CHECKING:
    from peakctl.emulator.rows import Transaction

RETRY = record(
    {},
    {
        "duration": whole(0, 120),
        "exitCodes": items(whole()),
        "exponentialBackoff": flag,
        "numberOfRetries": whole(0, 5),
    },
)
CONDITION = record(
    {
        "condition": text("equals", "not-equals"),
        "paramName": LINE,
        "stepName": LINE,
        "value": TEXT,
    }
)
PARENT_STATUS = record(
    {
        "condition": text("all-of", "one-of"),
        "parents": items(LINE),
        "status": items(text("success", "failure")),
    }
)
REPOSITORY = record({"branch": LINE, "url": LINE}, {"token": TEXT, "filePath": TEXT})
SHARED: dict[str, Shape] = {
    "type": text("standard", "http", "sql", "export"),
    "clearImageCache": flag,
    "stepTimeout": whole(0),
    "parents": items(LINE),
    "repository": REPOSITORY,
    # The field table requires a storage, but the client's sample of a patch adds a step without.
    "resources": record({"instanceTypeId": whole()}, {"storage": text(pattern=r"\d+ ?GB")}),
    "parameters": record(
        {}, {"env": mapping(TEXT), "secrets": items(LINE), "inherit": mapping(LINE)}
    ),
    "outputParameters": mapping(LINE),
    "executionParameters": record(
        {}, {"conditional": items(CONDITION), "parentStatus": items(PARENT_STATUS)}
    ),
    "runConfiguration": record(
        {},
        {
            "retryOptions": RETRY,
            "skipConfiguration": record({}, {"skip": flag, "skipDAG": flag}),
        },
    ),
}
AUTH_NEEDS = {
    "no-auth": (),
    "oauth": ("clientId", "clientSecret", "authUrl"),
    "basic": ("username", "password"),
    "api-key": ("apiKey",),
    "bearer-token": ("bearerToken",),
}
# The reference requires a method, though some samples of the client send none.
HTTP = record(
    {"method": text("get", "post", "put", "patch", "delete"), "url": LINE},
    {
        "payload": TEXT,
        "headers": record({}, {"absolute": mapping(TEXT), "secrets": mapping(LINE)}),
        "auth": record({"type": text(*AUTH_NEEDS)}),
    },
)
EXPORT = record(
    {"schema": LINE, "table": LINE, "sortBy": LINE},
    {"sortOrder": text("asc", "desc"), "compression": flag},
)
CRON_FIELD = re.compile(r"[\d*/,\-?LW#A-Z]+", re.IGNORECASE)
EVENTS = record({}, {"success": flag, "fail": flag, "runtimeExceeded": whole(0)})
WATCHERS = items(
    record(
        {"events": EVENTS},
        {
            "user": LINE,
            "webhook": record({"name": LINE, "url": LINE, "payload": TEXT}),
            "email": record({"name": LINE, "recipients": record({"to": items(LINE, low=1)})}),
        },
    )
)
TRIGGERS = items(
    record(
        {},
        {
            "cron": LINE,
            "webhook": anything,
            "webhookPolicy": text("generate", "preserve"),
            "webhookId": TEXT,
        },
    )
)


def listed(value: Any) -> list[Any]:
    """A list, or nothing when a parameter stands for it."""
    return value if isinstance(value, list) else []


def mapped(value: Any) -> dict[str, Any]:
    """A map, or nothing when a parameter stands for it."""
    return value if isinstance(value, dict) else {}


def check_steps(
    tx: Transaction, steps: dict[str, Any], at: str, standard: Shape, *, lenient: bool
) -> None:
    """All steps of a workflow; `standard` adds what a standard step needs."""
    check(mapping(record({})), steps, at)
    check(mapping(record({}, SHARED)), steps, at, lenient=lenient)
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


def _check_step(step: dict[str, Any], at: str, standard: Shape, *, lenient: bool) -> None:
    kind = step.get("type") or "standard"
    shapes = {"standard": standard, "http": HTTP, "export": EXPORT, "sql": anything}
    check(shapes.get(kind, standard), step, at, lenient=lenient)
    if kind == "sql" and bool(step.get("sqlQueryPath")) == bool(step.get("repository")):
        raise invalid(f"{at}.sqlQueryPath", "give exactly one of sqlQueryPath and repository")
    repository = step.get("repository")
    if kind == "sql" and isinstance(repository, dict) and not repository.get("filePath"):
        raise invalid(f"{at}.repository.filePath", "is required in sql steps")
    if kind == "http":
        _check_http(step, at)


def _check_http(step: dict[str, Any], at: str) -> None:
    auth = mapped(step.get("auth"))
    for field in AUTH_NEEDS.get(auth.get("type", ""), ()):
        if not auth.get(field):
            raise invalid(f"{at}.auth.{field}", f"is required for type {auth['type']}")
    for name, file in mapped(step.get("outputParameters")).items():
        if file != "response.txt":
            raise invalid(f"{at}.outputParameters.{name}", "must be response.txt in http steps")


def _refuse_cycle(steps: dict[str, Any], at: str) -> None:
    left = {name: set(listed(step.get("parents"))) for name, step in steps.items()}
    while left:
        free = {name for name, parents in left.items() if not parents}
        if not free:
            raise invalid(f"{at}.{min(left)}.parents", "the steps form a cycle")
        left = {name: parents - free for name, parents in left.items() if name not in free}


def check_triggers(triggers: Any, at: str, *, lenient: bool = False) -> None:
    """Each trigger is one of cron and webhook; the client's sample of a patch has an empty one."""
    check(items(record({})), triggers, at)
    check(TRIGGERS, triggers, at, lenient=lenient)
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
    if lenient and PARAMETER.fullmatch(cron):
        return
    words = cron.split()
    if len(words) != 5 or not all(CRON_FIELD.fullmatch(word) for word in words):
        raise invalid(at, f"{cron!r} is not a cron expression")


def check_watchers(watchers: Any, at: str, *, lenient: bool = False) -> None:
    """Each watcher has exactly one of user, webhook and email."""
    check(items(record({})), watchers, at)
    check(WATCHERS, watchers, at, lenient=lenient)
    for index, watcher in enumerate(watchers):
        if sum(watcher.get(key) is not None for key in ("user", "webhook", "email")) != 1:
            raise invalid(f"{at}[{index}]", "give exactly one of user, webhook and email")
