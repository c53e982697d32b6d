"""A live resource in the shape of a manifest."""

from __future__ import annotations

from collections.abc import Mapping

import yaml

from peakctl.model import MISSING, JsonDict, Key, Live, Secret, Tree, Value, dotted, leaf_places
from peakctl.model.text import printable, spelled_text
from peakctl.present.values import to_json

API_VERSION = "peakctl/v1"


def manifest_document(key: Key, values: Tree) -> JsonDict:
    """The envelope with the live values, secrets left out: no mask stands where a value belongs."""
    return {"apiVersion": API_VERSION, "kind": key.kind, **to_json(_without_secrets(values))}


def sensitive_places(values: Tree) -> list[str]:
    """Where the secrets stand that the document leaves out."""
    return [dotted(path) for path, leaf in leaf_places(values) if isinstance(leaf, Secret)]


def manifest_text(live: Live, values: Tree) -> str:
    """The same as YAML; comments say what only the platform knows, and what was left out."""
    facts = {"id": live.id, "status": live.status, "version": live.version}
    head = "".join(f"# {word}: {_comment(value)}\n" for word, value in facts.items() if value)
    return head + _dump(manifest_document(live.key, values)) + _left_out(values)


def _left_out(values: Tree) -> str:
    """One comment for each secret. No template stands in it: comments are rendered too."""
    return "".join(
        f"# {_comment(at)}: secret, not shown; give it from the environment, as os_env.NAME\n"
        for at in sensitive_places(values)
    )


def _without_secrets(value: Value) -> Value:
    """The tree without its secrets, and without the maps that held nothing else; MISSING if none

    of it is left.
    """
    if isinstance(value, Secret):
        return MISSING
    if isinstance(value, Mapping):
        kept = {word: _without_secrets(each) for word, each in value.items()}
        left = {word: each for word, each in kept.items() if each is not MISSING}
        return left if left or not value else MISSING
    if isinstance(value, list):
        items: list[Value] = [
            each for item in value if (each := _without_secrets(item)) is not MISSING
        ]
        return items if items or not value else MISSING
    return value


def _comment(value: object) -> str:
    return " ".join(printable(str(value)).split())


def _dump(document: JsonDict) -> str:
    text: str = yaml.dump(document, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=100)
    return spelled_text(text)


class _Dumper(yaml.SafeDumper):
    """Long text as blocks, lists indented below their key.

    Text with characters that steer a terminal is in double quotes, where they can be spelled out.
    """

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:  # noqa: FBT001, FBT002 - the signature is PyYAML's
        super().increase_indent(flow, indentless=False)


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = '"' if spelled_text(text) != text else "|" if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _text)
