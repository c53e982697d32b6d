"""A live resource in the shape of a manifest."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import yaml

from peakctl.present.text import clean
from peakctl.present.values import to_json

if TYPE_CHECKING:
    from peakctl.model import Live

API_VERSION = "peakctl/v1"


def manifest_document(live: Live) -> dict[str, Any]:
    """The envelope with the live values; secrets are masked."""
    return {"apiVersion": API_VERSION, "kind": live.key.kind, **to_json(live.values)}


def manifest_text(live: Live) -> str:
    """The same as YAML, with what only the platform knows in comments above."""
    told = {"id": live.id, "status": live.status, "version": live.version}
    head = "".join(f"# {word}: {_comment(value)}\n" for word, value in told.items() if value)
    return head + clean(_dump(manifest_document(live)))


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
