"""A live resource in the shape of a manifest."""

from __future__ import annotations

from typing import TYPE_CHECKING

from peakctl.manifests.writer import API_VERSION, ManifestText, write_documents
from peakctl.model import JsonDict, Live, Tree, Value, dotted
from peakctl.present.values import to_json

if TYPE_CHECKING:
    from peakctl.engine.export import Exported
    from peakctl.kinds.fields import Kind

ON_PLATFORM = "its files are on the platform alone; peakctl import downloads what can be had"


def manifest_document(exported: Exported) -> JsonDict:
    """The envelope with the values of the manifest; variables stand where secrets do."""
    return {"apiVersion": API_VERSION, "kind": exported.key.kind, **to_json(_whole(exported))}


def manifest_text(live: Live, exported: Exported, kind: Kind) -> str:
    """The same as YAML; comments say what only the platform knows, and which variables to set."""
    facts = {"id": live.id, "status": live.status, "version": live.version}
    head = [f"{word}: {value}" for word, value in facts.items() if value]
    head += [
        f"{each.name}: set it, {each.why} ({dotted(each.path)})" for each in exported.variables
    ]
    comments = dict(exported.comments)
    if exported.archives:
        comments["lifecycle",] = ON_PLATFORM
    return write_documents([ManifestText(kind, _whole(exported), comments, "\n".join(head))])


def _whole(exported: Exported) -> Tree:
    """The values; folders that nobody has here are left as the platform has them."""
    ignored: list[Value] = [dotted(path) for path in sorted(exported.archives)]
    return {**exported.values, **({"lifecycle": {"ignoreChanges": ignored}} if ignored else {})}
