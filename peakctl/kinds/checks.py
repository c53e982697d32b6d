"""Rules that a schema cannot express, by the word that follows `x-peakctl-check`.

Each takes the value as the manifest has it, its path, the problems to add to and the references
found so far in the document.
"""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

from peakctl.errors import nearest_names
from peakctl.kinds.fields import PARAM, ignored_of, is_ignored
from peakctl.kinds.problems import Problems
from peakctl.model import Archive, JsonObject, Path, Reference, Secret, Value, reveal
from peakctl.model.values import leaf_places, list_at, value_at

Check = Callable[[Any, Path, "Problems", Sequence[Reference]], None]
CRON_FIELDS = 5
START = datetime(2020, 1, 1, tzinfo=UTC)
GROUPS = {"build", "run"}


def check_cron(value: str, path: Path, problems: Problems, _: Sequence[Reference]) -> None:
    """Five fields that cronsim understands; a sixth would be seconds, which the platform lacks."""
    if value.startswith(PARAM):
        return
    from cronsim import CronSim, CronSimError

    problem = "" if len(value.split()) == CRON_FIELDS else "it has not five fields"
    try:
        CronSim(value, START)
    except CronSimError as error:
        problem = problem or str(error).lower()
    if problem:
        problems.add(
            "cron",
            path,
            f'"{value}" is not a cron expression',
            detail=problem,
            fix="give minute, hour, day, month and weekday, like 0 2 * * *",
        )


def check_semver(value: str, path: Path, problems: Problems, _: Sequence[Reference]) -> None:
    """Semantic versions, suffixes allowed (docs/platform.md, 3.2)."""
    if value.startswith(PARAM):
        return
    from semver import Version

    if not Version.is_valid(value):
        problems.add(
            "version",
            path,
            f'"{value}" is not a semantic version',
            fix="give three numbers, like 1.4.0; a suffix may follow, like 1.4.0-rc1",
        )


def check_tenants(
    value: JsonObject, path: Path, problems: Problems, _: Sequence[Reference]
) -> None:
    """Scope shared needs tenants, and tenants go only with it (docs/platform.md, 3.4)."""
    tenants = value.get("tenants")
    scope: Value = reveal(value.get("scope", "private"))
    ignored = ignored_of(problems.document.value)
    if scope == "shared" and not tenants and not is_ignored((*path, "tenants"), ignored):
        fix = "list the tenants under tenants:"
        problems.add("tenants", (*path, "scope"), "scope shared without tenants", fix=fix)
    elif scope != "shared" and tenants:
        summary = f"tenants have no place beside scope: {scope}"
        fix = "write scope: shared, or remove tenants"
        problems.add("tenants", (*path, "tenants"), summary, fix=fix)


def check_values(value: JsonObject, path: Path, problems: Problems, _: Sequence[Reference]) -> None:
    """Values for a block stand under build and run, those for an app under the name of a block."""
    values = value.get("parameters") or {}
    if "blockSpec" in value:
        if "appParameters" in value:
            at = (*path, "appParameters")
            summary = "appParameters have no place beside blockSpec"
            problems.add("not-here", at, summary, fix="give the values under parameters")
        wrong = [word for word in values if word not in GROUPS]
        fix = "a block takes parameters: {build: {...}, run: {...}}"
    else:
        wrong = [word for word in GROUPS & values.keys() if not _is_block(values[word])]
        fix = "an app takes parameters: {<block>: {build: {...}, run: {...}}}"
    for word in sorted(wrong):
        at = (*path, "parameters", word)
        problems.add("not-here", at, f'parameters have no place for "{word}" here', fix=fix)


def check_name(value: str, path: Path, problems: Problems, _: Sequence[Reference]) -> None:
    """Ledgers and histories are artifacts too, and a manifest must not write over one."""
    from peakctl.model import record_word

    word = record_word(value)
    if word is not None:
        problems.add(
            "reserved-name",
            path,
            f'"{value}" is the name of a {word}',
            detail=f"names that begin with peakctl-{word}- are kept for peakctl's own records",
            fix="give the artifact another name",
        )


def _is_block(values: JsonObject) -> bool:
    """Whether these values of "build" or "run" can be those of a block that is called so."""
    return values.keys() <= GROUPS and all(isinstance(v, Mapping) for v in values.values())


TYPES: Mapping[str, tuple[type, ...]] = {
    "string": (str,),
    "boolean": (bool,),
    "number": (int, float),
    "object": (Mapping,),
}
ARRAY = "_array"


def check_definitions(
    value: JsonObject, path: Path, problems: Problems, _: Sequence[Reference]
) -> None:
    """Names once in each group; defaults and options of the right type; hideValue for text."""
    for group in ("build", "run"):
        seen: set[object] = set()
        for i, definition in enumerate(value.get(group) or ()):
            at = (*path, group, i)
            name = definition["name"]
            if name in seen:
                summary = f'{group} has the parameter "{name}" twice'
                problems.add("duplicate-name", (*at, "name"), summary, fix="rename one")
            seen.add(name)
            _check_definition(definition, at, problems)


def _check_definition(definition: JsonObject, at: Path, problems: Problems) -> None:
    type_ = definition["type"]
    for place, value in _values(definition):
        if not is_of_type(value, type_):
            summary = f"not a value of type {type_}"
            fix = f"give {_example(type_)}, or change type"
            problems.add("parameter-value", (*at, *place), summary, fix=fix)
    if definition.get("hideValue") and type_ != "string":
        summary = f"a parameter of type {type_} cannot be hidden"
        problems.add("not-here", (*at, "hideValue"), summary, fix="remove hideValue")
    options = [option["value"] for option in definition.get("options") or ()]
    default = definition.get("defaultValue")
    if (
        options
        and default is not None
        and default not in options
        and not _is_subset(default, options)
    ):
        shown = ", ".join(str(option) for option in options)
        problems.add(
            "parameter-value",
            (*at, "defaultValue"),
            "the default is none of the options",
            fix=f"give one of {shown}",
        )


def _values(definition: JsonObject) -> Iterator[tuple[Path, Value]]:
    """The default and the options; an option of a list parameter is one item of it."""
    if definition.get("defaultValue") is not None:
        yield ("defaultValue",), definition["defaultValue"]
    is_list = definition["type"].endswith(ARRAY)
    for i, option in enumerate(definition.get("options") or ()):
        value = option["value"]
        wrapped = [value] if is_list and not isinstance(value, list) else value
        yield ("options", i, "value"), wrapped


def _is_subset(default: object, options: Sequence[object]) -> bool:
    return isinstance(default, list) and all(item in options for item in default)


def is_of_type(value: object, type_: str) -> bool:
    """Whether `value` suits a parameter of `type_`; a secret or a parameter may always suit."""
    if isinstance(value, Secret) or (isinstance(value, str) and value.startswith(PARAM)):
        return True
    if type_.endswith(ARRAY):
        inner = type_.removesuffix(ARRAY)
        return isinstance(value, list) and all(is_of_type(item, inner) for item in value)
    if isinstance(value, bool):
        return type_ == "boolean"
    return isinstance(value, TYPES[type_])


def _example(type_: str) -> str:
    words = {
        "string": "a string",
        "boolean": "a boolean",
        "number": "a number",
        "object": "a mapping",
    }
    inner = words[type_.removesuffix(ARRAY)]
    return f"a list of {inner[2:]}s" if type_.endswith(ARRAY) else inner


def check_used(value: JsonObject, path: Path, problems: Problems, _: Sequence[Reference]) -> None:
    """Each `@param:NAME` in the config is a declared build parameter (docs/platform.md, 3.4)."""
    build = (value.get("parameters") or {}).get("build") or ()
    declared = [definition["name"] for definition in build]
    for at, name in params_in(value["config"], (*path, "config")):
        if name not in declared:
            near = nearest_names(name, [d for d in declared if isinstance(d, str)])
            fix = f"did you mean: {', '.join(near)}" if near else ""
            problems.add(
                "undeclared-param",
                at,
                f'there is no build parameter "{name}"',
                detail="values of @param:NAME are declared under spec.parameters.build",
                fix=fix or f"declare it there: - {{name: {name}, type: string, required: true}}",
            )


def params_in(value: Value, path: Path) -> Iterator[tuple[Path, str]]:
    """Every whole value `@param:NAME` below `value`, with its path."""
    for at, leaf in leaf_places(value, path):
        if isinstance(leaf, str) and leaf.startswith(PARAM):
            yield at, leaf.removeprefix(PARAM)


def check_private_images(
    value: JsonObject, path: Path, problems: Problems, _: Sequence[Reference]
) -> None:
    """An image that exists already needs scope private (docs/platform.md, 3.4)."""
    scope: Value = reveal(value.get("scope", "private"))
    if scope == "private":
        return
    for at in _uses(value["config"], "imageDetails"):
        problems.add(
            "needs-private",
            (*path, "config", *at),
            f"an existing image cannot go with scope {scope}",
            detail="other tenants have no access to this tenant's images",
            fix="write scope: private, or build the image from the block's artifact with image:",
        )


def check_inline_images(
    value: JsonObject, path: Path, problems: Problems, _: Sequence[Reference]
) -> None:
    """An image of the block's own is built from its artifact (fields of BlockSpec)."""
    at_artifact = (*path, "artifact")
    if "artifact" in value or is_ignored(at_artifact, ignored_of(problems.document.value)):
        return
    config = value["config"]
    uses = [*_uses(config, "image"), *(("images", name) for name in config.get("images") or ())]
    for at in uses:
        problems.add(
            "needs-artifact",
            (*path, "config", *at),
            "there is no artifact to build this image from",
            fix="give spec.artifact: {path: ...}, or use an existing image with imageDetails:",
        )


def check_dockerfiles(
    value: JsonObject, path: Path, problems: Problems, archives: Mapping[Path, Archive]
) -> None:
    """The Dockerfile of each image that is built from the archive beside it is among its files.

    Whether its path begins at the artifact or at the context is not documented: both will do.
    """
    archive = archives.get((*path, "artifact"))
    if archive is None or archive.paths is None:
        return
    for at, context, named in _builds(value):
        if not isinstance(named, str) or not isinstance(context, str) or named.startswith(PARAM):
            continue  # it is known when the block is deployed, or may not be shown
        places = [_normal(named), _normal(f"{context}/{named}")]
        if not archive.paths.intersection(places):
            problems.add(
                "dockerfile-missing",
                (*path, *at),
                f'there is no Dockerfile "{named}" in the folder to upload',
                detail="looked for: " + " and ".join(dict.fromkeys(places)),
                fix="add it, name another one, or see whether an ignore file leaves it out",
            )


def _builds(value: JsonObject) -> Iterator[tuple[Path, Value, Value]]:
    """Where an image says how it is built, its context and its Dockerfile."""
    if "config" not in value:
        details = value.get("buildDetails") or {}
        if reveal(details.get("source", "upload")) == "upload":
            at = (
                ("buildDetails", "dockerfilePath") if "dockerfilePath" in details else ("artifact",)
            )
            yield at, details.get("context", "."), details.get("dockerfilePath", "Dockerfile")
        return
    config = value["config"]
    uses = [*_uses(config, "image"), *(("images", name) for name in config.get("images") or ())]
    for use in uses:
        image = value_at(config, use)
        if isinstance(image, Mapping) and "dockerfile" in image:
            yield ("config", *use, "dockerfile"), image.get("context", "."), image["dockerfile"]


def _normal(place: str) -> str:
    return posixpath.normpath(place).lstrip("/")


def _uses(config: JsonObject, word: str) -> Iterator[Path]:
    """Where `word` stands in the config of a service block, or in the steps of a workflow block."""
    if word in config:
        yield (word,)
    for name, step in (config.get("steps") or {}).items():
        if word in step:
            yield ("steps", name, word)


Steps = Mapping[str, JsonObject]


def check_steps(value: JsonObject, path: Path, problems: Problems, _: Sequence[Reference]) -> None:
    """Parents, conditions and imageRefs name what is there, and the steps have an order."""
    steps: Steps = value.get("steps") or {}
    images = value.get("images") or {}
    for name, step in steps.items():
        at = (*path, "steps", name)
        for place, parent in _steps_named(step):
            _expect("unknown-step", parent, steps, (*at, *place), problems)
        if "imageRef" in step:
            _expect("unknown-image", step["imageRef"], images, (*at, "imageRef"), problems)
    for cycle in find_cycles(steps):
        problems.add(
            "step-cycle",
            (*path, "steps", cycle[0], "parents"),
            f"cycle of steps: {' -> '.join((*cycle, cycle[0]))}",
            fix="remove one of these parents",
        )


def _steps_named(step: JsonObject) -> Iterator[tuple[Path, Value]]:
    """Every place in a step that names another, with the name."""
    for i, name in enumerate(step.get("parents") or ()):
        yield ("parents", i), name
    at: Path = ("executionParameters", "conditional")
    for i, condition in enumerate(_list_at(step, at)):
        yield (*at, i, "stepName"), condition["stepName"]
    at = ("executionParameters", "parentStatus")
    for i, condition in enumerate(_list_at(step, at)):
        for j, name in enumerate(condition["parents"]):
            yield (*at, i, "parents", j), name


def _list_at(step: JsonObject, path: Path) -> list[Any]:
    return list_at(step, path)


def _expect(code: str, name: Value, known: JsonObject, path: Path, problems: Problems) -> None:
    """A problem unless `name` is known (a parameter or a secret cannot be)."""
    if not isinstance(name, str) or name in known or name.startswith(PARAM):
        return
    what = code.removeprefix("unknown-")
    near = nearest_names(name, known)
    there = ", ".join(known) or "none"
    fix = f"did you mean: {', '.join(near)}" if near else f"{what}s here: {there}"
    problems.add(code, path, f'there is no {what} "{name}"', fix=fix)


def find_cycles(steps: Steps) -> list[tuple[str, ...]]:
    """Cycles of steps, each once, from its first step in the manifest."""
    open_: dict[str, int] = dict.fromkeys(steps, 0)
    waiting = {name: _parents(steps, name) for name in steps}
    followers: dict[str, list[str]] = {name: [] for name in steps}
    for name, parents in waiting.items():
        open_[name] = len(parents)
        for parent in parents:
            followers[parent].append(name)
    free = [name for name, count in open_.items() if not count]
    while free:
        name = free.pop()
        del open_[name]
        for follower in followers[name]:
            open_[follower] -= 1
            if not open_[follower]:
                free.append(follower)
    return _rings(steps, waiting, open_)


def _rings(
    steps: Steps, waiting: Mapping[str, list[str]], stuck: Mapping[str, int]
) -> list[tuple[str, ...]]:
    """Follow a stuck parent of each stuck step until a step comes back."""
    found: list[tuple[str, ...]] = []
    seen: set[str] = set()
    for start in (name for name in steps if name in stuck):
        walk: list[str] = []
        name = start
        while name not in seen:
            seen.add(name)
            walk.append(name)
            name = next(parent for parent in waiting[name] if parent in stuck)
        if name in walk:
            found.append(tuple(walk[walk.index(name) :]))
    return found


def _parents(steps: Steps, name: str) -> list[str]:
    parents = steps[name].get("parents") or ()
    return [p for p in dict.fromkeys(parents) if isinstance(p, str) and p in steps]


CHECKS: Mapping[str, Check] = MappingProxyType(
    {
        "cron": check_cron,
        "semver": check_semver,
        "step-graph": check_steps,
        "definitions": check_definitions,
        "definitions-used": check_used,
        "tenants": check_tenants,
        "private-images": check_private_images,
        "inline-images": check_inline_images,
        "deployment-parameters": check_values,
        "not-a-ledger": check_name,
    }
)
