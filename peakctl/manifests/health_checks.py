"""`healthChecks` of peakctl.yaml: what services have to answer after an apply."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from peakctl.errors import Diagnostic, nearest_names
from peakctl.model import Document, HealthCheck, JsonDict, JsonObject, Value
from peakctl.model import Path as Place

WORD = "healthChecks"


def read_health_checks(
    checks: Iterable[Value], document: Document, environments: Iterable[str]
) -> tuple[tuple[HealthCheck, ...], tuple[Diagnostic, ...]]:
    """The checks that fit the schema, and what is wrong with them otherwise."""
    known, found, problems = list(environments), list[HealthCheck](), list[Diagnostic]()

    def tell(at: Place, summary: str, fix: str) -> None:
        place = (document.locate(at),)
        problems.append(
            Diagnostic("project/health-check", summary, path=at, locations=place, fix=fix)
        )

    for index, value in enumerate(checks):
        if isinstance(value, Mapping) and value.get("service"):
            at: Place = (WORD, index)
            check = _read(value)
            found.append(HealthCheck(**check, location=document.locate(at)))
            _check(found[-1], at, known, tell)
    return tuple(found), tuple(problems)


def _read(value: JsonObject) -> JsonDict:
    """The arguments of a check; what is absent is as by default."""
    names = {
        "service": "service",
        "method": "method",
        "path": "path",
        "payload": "payload",
        "status": "status",
        "contains": "contains",
        "within": "withinSeconds",
    }
    found = {name: value[word] for name, word in names.items() if value.get(word) is not None}
    return {**found, "environments": tuple(filter(None, value.get("environments") or ()))}


def _check(
    check: HealthCheck, at: Place, known: list[str], tell: Callable[[Place, str, str], None]
) -> None:
    """Tell of what no schema says."""
    if check.within and check.method != "get":
        words = f"a {check.method} is sent once: it may change something each time"
        tell((*at, "withinSeconds"), words, "take out withinSeconds, or use method: get")
    if check.path[:1] != "/":
        tell((*at, "path"), f'"{check.path}" is no path', f"begin it with a slash: /{check.path}")
    for index, name in enumerate(check.environments):
        if name not in known:
            near = nearest_names(name, known)
            fix = f"did you mean: {', '.join(near)}" if near else f"add {name} to environments"
            tell((*at, "environments", index), f'there is no environment "{name}"', fix)
