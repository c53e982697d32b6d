"""What steps, triggers and watchers may hold, of workflows and of workflow blocks alike."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from peakctl.emulator import schemas as s
from peakctl.emulator.instance_types import check_instance_type
from peakctl.emulator.problems import invalid

if TYPE_CHECKING:
    from peakctl.emulator.rows import Transaction

RETRY = s.record(
    {},
    {
        "duration": s.whole(0, 120),
        "exitCodes": s.items(s.WHOLE),
        "exponentialBackoff": s.FLAG,
        "numberOfRetries": s.whole(0, 5),
    },
)
CONDITION = s.record(
    {
        "condition": s.text("equals", "not-equals"),
        "paramName": s.LINE,
        "stepName": s.LINE,
        "value": s.TEXT,
    }
)
PARENT_STATUS = s.record(
    {
        "condition": s.text("all-of", "one-of"),
        "parents": s.items(s.LINE),
        "status": s.items(s.text("success", "failure")),
    }
)
REPOSITORY = s.record({"branch": s.LINE, "url": s.LINE}, {"token": s.TEXT, "filePath": s.TEXT})
SHARED: dict[str, s.Schema] = {
    "type": s.text("standard", "http", "sql", "export"),
    "clearImageCache": s.FLAG,
    "stepTimeout": s.whole(0),
    "parents": s.items(s.LINE),
    "repository": REPOSITORY,
    # The field table requires a storage, but the client's sample of a patch adds a step without.
    "resources": s.record({"instanceTypeId": s.WHOLE}, {"storage": s.text(pattern=r"\d+ ?GB")}),
    "parameters": s.record(
        {}, {"env": s.mapping(s.TEXT), "secrets": s.items(s.LINE), "inherit": s.mapping(s.LINE)}
    ),
    "outputParameters": s.mapping(s.LINE),
    "executionParameters": s.record(
        {}, {"conditional": s.items(CONDITION), "parentStatus": s.items(PARENT_STATUS)}
    ),
    "runConfiguration": s.record(
        {},
        {
            "retryOptions": RETRY,
            "skipConfiguration": s.record({}, {"skip": s.FLAG, "skipDAG": s.FLAG}),
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
HTTP = s.record(
    {"method": s.text("get", "post", "put", "patch", "delete"), "url": s.LINE},
    {
        "payload": s.TEXT,
        "headers": s.record({}, {"absolute": s.mapping(s.TEXT), "secrets": s.mapping(s.LINE)}),
        "auth": s.record({"type": s.text(*AUTH_NEEDS)}),
    },
)
EXPORT = s.record(
    {"schema": s.LINE, "table": s.LINE, "sortBy": s.LINE},
    {"sortOrder": s.text("asc", "desc"), "compression": s.FLAG},
)
CRON_FIELD = re.compile(r"[\d*/,\-?LW#A-Z]+", re.IGNORECASE)
EVENTS = s.record({}, {"success": s.FLAG, "fail": s.FLAG, "runtimeExceeded": s.whole(0)})
WATCHERS = s.items(
    s.record(
        {"events": EVENTS},
        {
            "user": s.LINE,
            "webhook": s.record({"name": s.LINE, "url": s.LINE, "payload": s.TEXT}),
            "email": s.record(
                {"name": s.LINE, "recipients": s.record({"to": s.items(s.LINE, low=1)})}
            ),
        },
    )
)
TRIGGERS = s.items(
    s.record(
        {},
        {
            "cron": s.LINE,
            "webhook": s.ANYTHING,
            "webhookPolicy": s.text("generate", "preserve"),
            "webhookId": s.TEXT,
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
    tx: Transaction, steps: dict[str, Any], at: str, standard: s.Schema, *, lenient: bool
) -> None:
    """All steps of a workflow; `standard` adds what a standard step needs."""
    s.check(s.mapping(s.MAP), steps, at)
    s.check(s.mapping(s.record({}, SHARED)), steps, at, lenient=lenient)
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


def _check_step(step: dict[str, Any], at: str, standard: s.Schema, *, lenient: bool) -> None:
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
