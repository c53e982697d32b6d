"""A live resource in the shape of a manifest."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import yaml

from peakctl.engine.tree import child, variant
from peakctl.model import Secret
from peakctl.present.text import clean
from peakctl.present.values import to_json

if TYPE_CHECKING:
    from peakctl.kinds.fields import Field, Kind
    from peakctl.model import Live, Value

API_VERSION = "peakctl/v1"


def manifest_document(live: Live, kind: Kind) -> dict[str, Any]:
    """The envelope with the live values; what the schema calls sensitive is masked."""
    values = to_json(_masked(kind.root, live.values))
    return {"apiVersion": API_VERSION, "kind": live.key.kind, **values}


def manifest_text(live: Live, kind: Kind) -> str:
    """The same as YAML, with what only the platform knows in comments above."""
    told = {"id": live.id, "status": live.status, "version": live.version}
    head = "".join(f"# {word}: {_comment(value)}\n" for word, value in told.items() if value)
    return head + clean(_dump(manifest_document(live, kind)))


def _masked(field: Field | None, value: Value) -> Value:
    """The value with each sensitive leaf as a `Secret`."""
    if isinstance(value, Mapping):
        chosen = variant(field, value) if field else None
        return {
            word: _masked(child(chosen, word) if chosen else None, each)
            for word, each in value.items()
        }
    if isinstance(value, list):
        return [_masked(field.items if field else None, each) for each in value]
    hidden = field is not None and field.sensitive and value is not None
    return Secret(value) if hidden else value


def _comment(value: object) -> str:
    return " ".join(clean(str(value)).split())


def _dump(document: dict[str, Any]) -> str:
    text: str = yaml.dump(document, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=100)
    return text


class _Dumper(yaml.SafeDumper):
    """Long text as blocks, lists indented below their key."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:  # noqa: FBT001, FBT002 - the signature is PyYAML's
        super().increase_indent(flow, indentless=False)


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = "|" if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _text)
