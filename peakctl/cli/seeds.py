"""Files for the emulator, YAML or JSON: seeds, with their archives read in, and others."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

from peakctl.errors import Diagnostic, UsageError, raise_if_any

if TYPE_CHECKING:
    from pathlib import Path


def read_seed(file: Path) -> Any:
    """The seed as the emulator takes it: `artifact` is a zip in base64 instead of a path.

    Raises UsageError for a file that cannot be read, ManifestsInvalid for one that is not YAML.
    """
    document = read_document(file, "usage/seed")
    found = document.get("resources") if isinstance(document, dict) else document
    for resource in found if isinstance(found, list) else ():
        if isinstance(resource, dict) and isinstance(resource.get("artifact"), str):
            resource["artifact"] = _archive(file.parent / resource["artifact"])
    return document


def read_document(file: Path, code: str) -> Any:
    """The one document of a YAML or JSON file.

    Raises UsageError with `code` for a file that cannot be read, ManifestsInvalid for one that is
    not YAML.
    """
    from peakctl.manifests.parse import parse_value
    from peakctl.manifests.render import Rendered
    from peakctl.model import Source

    try:
        text = file.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(Diagnostic(code, f"{file} cannot be read: {error}")) from error
    source = Source(str(file.absolute()), str(file), text)
    document, _, problems = parse_value(Rendered(source, text))
    raise_if_any(problems)
    return document


def _archive(path: Path) -> str:
    from peakctl.archives import pack

    if path.is_dir():
        data = pack(path, None, path.parent).encode()
    else:
        try:
            data = path.read_bytes()
        except OSError as error:
            raise UsageError(Diagnostic("usage/seed", f"artifact: {error}")) from error
    return base64.b64encode(data).decode()
