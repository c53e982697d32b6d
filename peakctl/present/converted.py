"""What a conversion made, and what is left to do."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from peakctl.model import JsonDict
from peakctl.present.text import Line, counted, line

if TYPE_CHECKING:
    from peakctl.operations.convert import ConvertResult


def converted_text(found: ConvertResult) -> str:
    """All manifests in one stream."""
    return "---\n".join(found.files.values())


def converted_lines(found: ConvertResult, into: str | None) -> Iterator[Line]:
    """The files that were written, and the next steps."""
    if into is not None:
        yield from (line(("+ ", "create"), f"{into}/{name}") for name in found.written)
        yield from (line(("= ", "unchanged"), f"{into}/{name}") for name in found.same)
        yield ()
    yield from _needed(found)
    count = counted(len(found.files), "manifest")
    yield line((f"Converted: {count}.", "good"))
    if into is not None:
        yield line(f"Next: peakctl validate -f {into}")


def _needed(found: ConvertResult) -> Iterator[Line]:
    """What has to be set before the manifests can be applied."""
    if found.variables:
        yield line("Set these variables where manifests are applied; they hold secrets:")
        for name, what in found.variables.items():
            yield line(f"  {name}", (f"  {what}" if what else "", "dim"))
        yield ()
    if found.params_files:
        yield line("Files of parameters, for `params:` of an environment in peakctl.yaml:")
        yield from (line(f"  {name}") for name in found.params_files)
        yield ()
    if found.parameters:
        yield line("Names that the manifests read, for `parameters:` of an environment, or -p:")
        for each in found.parameters:
            where = f"{each.place.file}:{each.place.line}" if each.place.file else ""
            said = f": {each.value}" if each.value else ""
            yield line(f"  {each.name}{said}", (f"  {where}" if where else "", "dim"))
        yield ()


def converted_document(found: ConvertResult) -> JsonDict:
    """The same for programs."""
    return {
        "files": [{"file": name, "text": text} for name, text in found.files.items()],
        "written": list(found.written),
        "same": list(found.same),
        "variables": dict(found.variables),
        "parameters": {each.name: each.value for each in found.parameters},
        "params_files": list(found.params_files),
    }
