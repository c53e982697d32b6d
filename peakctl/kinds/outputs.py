"""What a resource gives to people and other systems, by the rules of its kind: its address, say."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from peakctl.kinds.fields import Kind
from peakctl.model import JsonDict, JsonObject, Path, Secret, Tree


def outputs_in(kind: Kind, answer: JsonObject) -> JsonDict:
    """The texts that a describe answer has where the rules say, by name, without those it lacks.

    Of a credential an address is a `Secret`: whoever has it can call it. An id alone is not.
    """
    found: JsonDict = {}
    for rule in kind.outputs:
        texts = [text for text in _values_at(answer, rule.at) if isinstance(text, str) and text]
        values = [Secret(t) if rule.credential and "://" in t else t for t in texts]
        if values:
            found[rule.name] = values if "*" in rule.at else values[0]
    return found


def has_outputs(kind: Kind, desired: Tree) -> bool:
    """Whether a resource with these values has any."""
    return any(not rule.where or any(_values_at(desired, rule.where)) for rule in kind.outputs)


def redacted_outputs(outputs: Tree, redact: Callable[[str], str]) -> JsonDict:
    """The same, without a known secret in a text."""

    def shown(value: object) -> object:
        if isinstance(value, list):
            return [shown(each) for each in value]
        return redact(value) if isinstance(value, str) else value

    return {name: shown(value) for name, value in outputs.items()}


def _values_at(value: object, path: Path) -> Iterator[object]:
    """What is at `path`, in which `*` stands for every item of a list."""
    if not path:
        yield value
    elif path[0] == "*":
        for item in value if isinstance(value, list | tuple) else ():
            yield from _values_at(item, path[1:])
    elif isinstance(value, Mapping) and path[0] in value:
        yield from _values_at(value[path[0]], path[1:])
