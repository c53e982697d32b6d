"""Definitions and values of block and app parameters."""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from typing import Any

from peakctl.emulator import schemas as s
from peakctl.emulator.problems import invalid
from peakctl.emulator.rows import Body
from peakctl.model import JsonObject

MASK = "********"
STAGES = ("build", "run")


TYPES = ("boolean", "string", "string_array", "number", "number_array", "object", "object_array")
DEFINITION = s.record(
    {"name": s.LINE, "type": s.text(*TYPES), "required": s.FLAG},
    {
        **s.texts("description", "title"), "hideValue": s.FLAG, "conditions": s.items(s.MAP),
        "options": s.items(s.record({"title": s.TEXT, "value": s.ANYTHING}), low=1),
    },
)  # fmt: skip
DEFINITIONS = s.optional(**dict.fromkeys(STAGES, s.items(DEFINITION)))
STAGED = s.optional(**dict.fromkeys(STAGES, s.MAP))
"""Values by stage and name."""


def _is_of_type(value: object, name: str) -> bool:
    is_item = s.TYPES[name.removesuffix("_array")][0]
    if name.endswith("_array"):
        return isinstance(value, list) and all(map(is_item, value))
    return is_item(value)


def check_definitions(definitions: JsonObject, at: str = "parameters") -> None:
    """What a release declares: each name once per stage, defaults of the right type."""
    s.check(DEFINITIONS, definitions, at)
    for stage in STAGES:
        names: set[str] = set()
        for index, definition in enumerate(definitions.get(stage) or ()):
            here = f"{at}.{stage}[{index}]"
            if definition["name"] in names:
                raise invalid(f"{here}.name", f"{definition['name']} is defined twice")
            names.add(definition["name"])
            _check_definition(definition, here)


def _check_definition(definition: Body, at: str) -> None:
    if definition.get("hideValue") and definition["type"] != "string":
        raise invalid(f"{at}.hideValue", "is only for type string")
    default = definition.get("defaultValue")
    if default is not None and not _is_of_type(default, definition["type"]):
        raise invalid(f"{at}.defaultValue", f"is not a {definition['type']}")


def names_used(config: object) -> set[str]:
    """All NAMEs of `@param:NAME` in a config."""
    return {found[1] for text in s.texts_in(config) if (found := s.PARAMETER.fullmatch(text))}


def put_values(value: object, values: JsonObject) -> Any:
    """A config with the values of the build parameters in their places."""
    if isinstance(value, str):
        found = s.PARAMETER.fullmatch(value)
        return values.get(found[1]) if found else value
    if isinstance(value, dict):
        return {key: put_values(item, values) for key, item in value.items()}
    if isinstance(value, list):
        return [put_values(item, values) for item in value]
    return value


def merged(below: JsonObject | None, above: JsonObject | None) -> Body:
    """The values of both, either of which may be absent."""
    return {**(below or {}), **(above or {})}


def merged_stages(below: Body | None, above: Body | None) -> Body:
    """The same for values by stage."""
    below, above = below or {}, above or {}
    return {stage: merged(below.get(stage), above.get(stage)) for stage in STAGES}


class Definitions:
    """The parameters that one or several releases define; the later ones win where names meet."""

    def __init__(self, *sources: Body | None) -> None:
        self._known: dict[str, dict[str, Body]] = {
            stage: {d["name"]: d for source in sources for d in (source or {}).get(stage) or ()}
            for stage in STAGES
        }

    def names(self, stage: str) -> AbstractSet[str]:
        return self._known[stage].keys()

    def check(self, values: Body, at: str, in_effect: Body | None = None) -> None:
        """Values of all stages; of those `in_effect` none that is required may be missing."""
        for stage in STAGES:
            self.check_stage(stage, values.get(stage) or {}, f"{at}.{stage}")
            if in_effect is not None:
                self._check_required(stage, in_effect[stage], f"{at}.{stage}")

    def check_stage(self, stage: str, values: object, at: str) -> None:
        """Every value is declared, of its type and one of its options."""
        if not isinstance(values, dict):
            raise invalid(at, "must be a mapping")
        for name, value in values.items():
            if name not in self._known[stage]:
                raise invalid(f"{at}.{name}", f"the spec has no {stage} parameter {name}")
            _check_value(self._known[stage][name], value, f"{at}.{name}")

    def _check_required(self, stage: str, values: Body, at: str) -> None:
        """Required parameters have a value or a default; those with conditions may be disabled."""
        known = self.with_defaults(stage, values)
        for name, definition in self._known[stage].items():
            if definition["required"] and not definition.get("conditions") and name not in known:
                raise invalid(f"{at}.{name}", "is required")

    def with_defaults(self, stage: str, values: Body | None) -> Body:
        """Values in effect."""
        defaults = {name: d.get("defaultValue") for name, d in self._known[stage].items()}
        return merged({name: v for name, v in defaults.items() if v is not None}, values)

    def masked(self, stage: str, values: Body) -> Body:
        """Values as reads show them: hidden ones are replaced."""
        hidden = {name for name, d in self._known[stage].items() if d.get("hideValue")}
        return {name: MASK if name in hidden else value for name, value in values.items()}


def _check_value(definition: Body, value: object, at: str) -> None:
    if not _is_of_type(value, definition["type"]):
        raise invalid(at, f"must be a {definition['type']}")
    allowed = [option["value"] for option in definition.get("options") or ()]
    values = value if isinstance(value, list) else [value]
    for item in values if allowed else ():
        if item not in allowed and value not in allowed:
            raise invalid(at, f"{item!r} is not one of the options")
