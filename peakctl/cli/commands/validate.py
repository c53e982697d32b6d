"""`peakctl validate`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from peakctl.cli import options

if TYPE_CHECKING:
    from peakctl.cli.session import Session
    from peakctl.model import JsonDict, Key, Location, Resource
    from peakctl.present.places import Places
    from peakctl.present.report import Report

EPILOG = """\b
Examples:
  peakctl validate
  peakctl validate -f manifests/service.yaml -p image_version=1.2.0
  peakctl validate -e prod -o json
"""


@options.command(epilog=EPILOG)
@options.manifests
@options.selection
@options.unset_env
@options.policy
@options.outputs
@options.display
def validate(**flags: object) -> int:
    """Check manifests: templates, YAML, fields, references, files. Contacts nothing.

    Tells of every problem at once, with its place and what to do.
    """
    from peakctl.model.collector import no_collector

    with no_collector():  # to its end, which is near: what was read is not walked once more
        return options.run("validate", flags, _validate)


def _validate(session: Session) -> Report:
    from peakctl.errors import counted
    from peakctl.operations import load
    from peakctl.present.policy_text import policy_lines
    from peakctl.present.text import line

    project, flags = session.project, session.flags
    result = load.validate(project, flags.select, flags.exclude)
    found = {key: each for key, each in result.resources.items() if key in result.chosen}
    files = {resource.document.display for resource in found.values()}
    words = f"Valid: {counted(len(found), 'resource')} in {counted(len(files), 'file')}."
    return session.report(
        diagnostics=result.diagnostics,
        lines=(*policy_lines(project.policy), line((words, "good"))),
        extra=_listed(found, session.places) if flags.wants("json", "yaml") else {},
        declared=_places(found) if flags.wants("junit") else {},
    )


def _places(found: Mapping[Key, Resource]) -> Mapping[Key, Location]:
    return {key: each.document.locate(("metadata", "name")) for key, each in sorted(found.items())}


def _listed(found: Mapping[Key, Resource], places: Places | None) -> JsonDict:
    """Every resource with its place. Places are computed one by one: not for a text nobody sees."""
    return {"resources": [_described(key, each, places) for key, each in sorted(found.items())]}


def _described(key: Key, resource: Resource, places: Places | None) -> JsonDict:
    place = resource.document.locate(("metadata", "name"))
    if places is not None:
        place = places.place(place)
    return {
        "key": str(key),
        "kind": key.kind,
        "name": key.name,
        "location": {"file": place.file, "line": place.line, "column": place.column},
        "references": [
            f"{'|'.join(reference.kinds)}/{reference.name}" for reference in resource.references
        ],
    }
