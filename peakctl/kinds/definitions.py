"""Parameters that a spec declares: sane in themselves, and declared where they are used."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from peakctl.errors import nearest_names
from peakctl.kinds.fields import PARAM
from peakctl.model import Path, Reference, Secret

if TYPE_CHECKING:
    from peakctl.kinds.complaints import Complaints

TYPES: Mapping[str, tuple[type, ...]] = {
    "string": (str,),
    "boolean": (bool,),
    "number": (int, float),
    "object": (Mapping,),
}
ARRAY = "_array"


def check_definitions(
    value: Any, path: Path, complaints: Complaints, _: Sequence[Reference]
) -> None:
    """Names once in each group; defaults and options of the right type; hideValue for text."""
    for group in ("build", "run"):
        seen: set[Any] = set()
        for i, definition in enumerate(value.get(group) or ()):
            at = (*path, group, i)
            name = definition["name"]
            if name in seen:
                summary = f'{group} has the parameter "{name}" twice'
                complaints.add("duplicate-name", (*at, "name"), summary, fix="rename one")
            seen.add(name)
            _check_definition(definition, at, complaints)


def _check_definition(definition: Mapping[str, Any], at: Path, complaints: Complaints) -> None:
    type_ = definition["type"]
    for place, value in _values(definition):
        if not is_of_type(value, type_):
            summary = f"not a value of type {type_}"
            fix = f"give {_example(type_)}, or change type"
            complaints.add("parameter-value", (*at, *place), summary, fix=fix)
    if definition.get("hideValue") and type_ != "string":
        summary = f"a parameter of type {type_} cannot be hidden"
        complaints.add("not-here", (*at, "hideValue"), summary, fix="remove hideValue")
    options = [option["value"] for option in definition.get("options") or ()]
    default = definition.get("defaultValue")
    if (
        options
        and default is not None
        and default not in options
        and not _is_subset(default, options)
    ):
        shown = ", ".join(str(option) for option in options)
        complaints.add(
            "parameter-value",
            (*at, "defaultValue"),
            "the default is none of the options",
            fix=f"give one of {shown}",
        )


def _values(definition: Mapping[str, Any]) -> Iterator[tuple[Path, Any]]:
    """The default and the options; an option of a list parameter is one item of it."""
    if definition.get("defaultValue") is not None:
        yield ("defaultValue",), definition["defaultValue"]
    is_list = definition["type"].endswith(ARRAY)
    for i, option in enumerate(definition.get("options") or ()):
        value = option["value"]
        wrapped = [value] if is_list and not isinstance(value, list) else value
        yield ("options", i, "value"), wrapped


def _is_subset(default: Any, options: Sequence[Any]) -> bool:
    return isinstance(default, list) and all(item in options for item in default)


def is_of_type(value: Any, type_: str) -> bool:
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


def check_used(value: Any, path: Path, complaints: Complaints, _: Sequence[Reference]) -> None:
    """Each `@param:NAME` in the config is a declared build parameter (docs/platform.md, 3.4)."""
    build = (value.get("parameters") or {}).get("build") or ()
    declared = [definition["name"] for definition in build]
    for at, name in params_in(value["config"], (*path, "config")):
        if name not in declared:
            near = nearest_names(name, [d for d in declared if isinstance(d, str)])
            fix = f"did you mean: {', '.join(near)}" if near else ""
            complaints.add(
                "undeclared-param",
                at,
                f'there is no build parameter "{name}"',
                detail="values of @param:NAME are declared under spec.parameters.build",
                fix=fix or f"declare it there: - {{name: {name}, type: string, required: true}}",
            )


def params_in(value: Any, path: Path) -> Iterator[tuple[Path, str]]:
    """Every whole value `@param:NAME` below `value`, with its path."""
    open_: list[tuple[Path, Any]] = [(path, value)]
    while open_:
        at, value = open_.pop()
        if isinstance(value, str):
            if value.startswith(PARAM):
                yield at, value.removeprefix(PARAM)
        elif isinstance(value, Mapping):
            open_ += [((*at, word), inner) for word, inner in reversed(list(value.items()))]
        elif isinstance(value, list):
            open_ += [((*at, i), value[i]) for i in range(len(value) - 1, -1, -1)]
