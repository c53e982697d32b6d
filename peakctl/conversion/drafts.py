"""Bodies as drafts of manifests: which kind one is, where each field belongs, and its text."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import field

from peakctl.conversion.commands import APP_DEPLOYMENT, BLOCK_DEPLOYMENT, Mode
from peakctl.conversion.tree import NOWHERE, Map, Piece, Pieces, told
from peakctl.errors import Diagnostic, Severity
from peakctl.kinds.fields import Kind
from peakctl.manifests.writer import ManifestText, write_documents
from peakctl.model import Location, Path, Value
from peakctl.model.records import dataclass

_PIECE = re.compile(r"peakctlPiece(\d{5})x")
_ENTRY = re.compile(r"^(?P<margin> *)(?P<dash>- )?(?P<word>peakctlPiece\d{5}x): (?P=word)$")
_INDENT = 2
_METADATA = {
    "Artifact": ("name", "description"),
    "Image": ("name", "description"),
    "Service": ("name", "title", "description"),
    "Webapp": ("name", "title", "description"),
    "Workflow": ("name", "tags"),
}
_WORDS = frozenset(
    ("name", "title", "summary", "description", "descriptionContentType", "imageUrl", "tags")
)
_OF_SERVICES = ("serviceType", "entrypoint", "healthCheckURL", "minInstances", "parameters")
_OF_BOTH = ("imageDetails", "resources", "sessionStickiness", "scaleToZero")
_TOP = ("artifact", "parameters", "featured", "scope", "tenants", "autoRunOnDeploy", "source",
        "scan", "validate")  # fmt: skip
_CAMEL = {"auto_run_on_deploy": "autoRunOnDeploy"}
_NO_COUNTERPART = (
    ("recipients", "a mail to send"),
    ("stepsToRun", "a run of a workflow"),
    ("params", "a run of a workflow"),
    ("httpMethod", "a request that tests a service"),
    ("measures", "a query of metrics"),
    ("collectionId", "a collection of metrics"),
)
KINDS = ("Artifact", "Image", "Service", "Webapp", "Workflow", "BlockSpec", "AppSpec",
         BLOCK_DEPLOYMENT, APP_DEPLOYMENT)  # fmt: skip
"""What a body can be."""


@dataclass(slots=True)
class Draft:
    """A part of one manifest, or all of it, once the others are folded in.

    `kind` is one of `KINDS`. `target` is the id or variable that names the resource where the body
    does not. `sources` are files and lines that it comes from; `folder` is the working directory of
    the client, to which paths are relative. `line` counts the commands of scripts, 0 for others.
    """

    kind: str
    mode: Mode
    place: Location
    metadata: Map = field(default_factory=Map)
    spec: Map = field(default_factory=Map)
    target: str = ""
    captured: str = ""
    steps: Map | None = None
    step_names: tuple[str, ...] = ()
    head: str = ""
    comments: list[str] = field(default_factory=list)
    sources: list[str] = field(default_factory=list)
    folder: str = ""
    line: int = 0
    params: dict[str, str] = field(default_factory=dict)
    known: frozenset[str] = frozenset()

    @property
    def name(self) -> str:
        """The name, as it is written; empty where the body has none."""
        found = self.metadata.get("name")
        return found.text if isinstance(found, Piece) else str(found or "")


@dataclass(frozen=True, slots=True)
class Told:
    """What a body says that it is: one of `kinds`; `what` is said of a body that is nothing here.

    More than one kind: it cannot be told which.
    """

    kinds: tuple[str, ...] = ()
    mode: Mode = Mode.CREATE
    what: str = ""


def tell_kind(tree: Map) -> Told:
    """What a body is, by its fields alone."""
    body = tree.get("body")
    if not isinstance(body, Map):
        if "artifact" in tree:
            return Told(("Artifact",), Mode.CREATE if "name" in tree else Mode.VERSION)
        return Told()
    keys = _keys(body)
    if "steps" in keys:
        return Told(("Workflow",), Mode.CREATE)
    if "buildDetails" in keys or _is_version_of_image(tree, keys):
        return Told(("Image",), Mode.CREATE if "name" in keys else Mode.VERSION)
    found = _told_of_specs(body, tree, keys) or _told_of_deployment(body, keys)
    return found or _told_of_services(body, keys) or _told_of_words(keys)


def _told_of_services(body: Map, keys: set[str]) -> Told | None:
    mode = Mode.CREATE if "name" in keys else Mode.UPDATE
    if keys & {*_OF_SERVICES[:-1]} or _has_environment(body):
        return Told(("Service",), mode)
    return Told(("Service", "Webapp"), mode) if keys & {*_OF_BOTH} else None


def _told_of_words(keys: set[str]) -> Told:
    """What a body is that describes something, or that no manifest can say."""
    if keys and keys <= _WORDS:
        plain = keys <= {"name", "description"}
        kinds = (BLOCK_DEPLOYMENT, APP_DEPLOYMENT)
        return Told(("Artifact", *kinds) if plain else kinds, Mode.METADATA)
    what = next((text for key, text in _NO_COUNTERPART if key in keys), "")
    return Told(what=what)


def _keys(body: Map) -> set[str]:
    """The keys of a body, those within statements of a template too."""
    keys = {key for key in body if not isinstance(key, Piece)}
    return keys.union(*(key.names for key in body if isinstance(key, Piece)))


def _is_version_of_image(tree: Map, keys: set[str]) -> bool:
    words = {"name", "version", "description", "type", "autodeployResources"}
    return "artifact" in tree and keys <= words and bool(keys & {"version", "type"})


def _has_environment(body: Map) -> bool:
    parameters = body.get("parameters")
    return isinstance(parameters, Map) and bool({"env", "secrets"} & set(parameters))


def _told_of_specs(body: Map, tree: Map, keys: set[str]) -> Told | None:
    mode = Mode.CREATE if "metadata" in keys else Mode.VERSION
    if body.get("kind") == "app" or isinstance(body.get("config"), list):
        return Told(("AppSpec",), mode)
    if "config" in keys:
        is_block = "artifact" in tree or isinstance(body.get("config"), Map)
        return Told(("BlockSpec",) if is_block else ("AppSpec", "BlockSpec"), mode)
    if "metadata" in keys and not keys & {"spec", "parameters", "appParameters"}:
        return Told(("BlockSpec", "AppSpec"), Mode.METADATA)
    return None


def _told_of_deployment(body: Map, keys: set[str]) -> Told | None:
    parameters = body.get("parameters")
    if not keys & {"spec", "revision", "release", "blocksConfig", "appParameters"}:
        return None
    mode = Mode.CREATE if "spec" in keys else Mode.VERSION
    if keys <= {"appParameters", "parameters"}:
        mode = Mode.PARAMETERS
    spec = body.get("spec")
    is_app = bool(keys & {"appParameters", "blocksConfig"})
    is_app |= isinstance(spec, Map) and bool({"includes", "excludes"} & set(spec))
    if isinstance(parameters, Map):
        is_app |= bool(set(parameters) - {"build", "run"})
    if is_app:
        return Told((APP_DEPLOYMENT,), mode)
    if isinstance(parameters, Map):
        return Told((BLOCK_DEPLOYMENT,), mode)
    return Told((BLOCK_DEPLOYMENT, APP_DEPLOYMENT), mode)


def draft_of(tree: Map, kind: str, mode: Mode, place: Location) -> tuple[Draft, list[Diagnostic]]:
    """A body as a draft of a manifest, and what of it has no place there. `tree` is emptied."""
    draft = Draft(kind, mode, place)
    problems: list[Diagnostic] = []
    body = tree.pop("body", None)
    top = tree
    if not isinstance(body, Map):
        body = Map()
        if kind != "Artifact":
            body, top = tree, Map()
    if mode is Mode.PARAMETERS:
        _take_parameters(draft, body)
    elif kind in (BLOCK_DEPLOYMENT, APP_DEPLOYMENT):
        _take_deployment(draft, body, problems)
    else:
        if kind in ("BlockSpec", "AppSpec"):
            _take_metadata(draft, body)
        _divide(draft, body, _METADATA.get(kind, ()), problems)
    if kind == "Artifact":
        _divide(draft, top, _METADATA[kind], problems)
    for key in list(top):
        draft.spec.take(key, top, _CAMEL.get(key, key))
    return draft, problems


def _take_all(to: Map, source: Map) -> None:
    for key in list(source):
        to.take(key, source)


def _take_metadata(draft: Draft, body: Map) -> None:
    found = body.get("metadata")
    if isinstance(found, Map):
        body.pop("metadata")
        _take_all(draft.metadata, found)


def _divide(draft: Draft, body: Map, words: Iterable[str], problems: list[Diagnostic]) -> None:
    """Move the fields of a body to metadata and spec."""
    words = frozenset(words)
    for key in list(body):
        names = frozenset(key.names) if isinstance(key, Piece) else frozenset((str(key),))
        if names & words and names - words:
            problems.append(
                told(
                    "convert/template",
                    "these lines of a template belong to different parts of a manifest",
                    body.places.get(key, NOWHERE),
                    detail=f"to metadata: {', '.join(sorted(names & words))}",
                    fix="write them into the manifest by hand",
                )
            )
            continue
        (draft.metadata if names & words else draft.spec).take(key, body)


def _spec_word(kind: str) -> str:
    return "appSpec" if kind == APP_DEPLOYMENT else "blockSpec"


def _take_deployment(draft: Draft, body: Map, problems: list[Diagnostic]) -> None:
    of = _spec_word(draft.kind)
    _take_metadata(draft, body)
    if "spec" in body:
        draft.spec.take("spec", body, of)
    if "release" in body:
        draft.spec.map_at(of).take("release", body)
    config = body.pop("blocksConfig", None)
    if isinstance(config, Map):
        _take_all(draft.spec.map_at(of), config)
    words = _WORDS if draft.mode is Mode.METADATA else ()
    _divide(draft, body, words, problems)


def _take_parameters(draft: Draft, body: Map) -> None:
    """Run parameters: flat, or of an app and of each of its blocks."""
    both = {"appParameters", "parameters"}
    if not body or not set(body) <= both or not all(isinstance(v, Map) for v in body.values()):
        where = "appParameters" if draft.kind == APP_DEPLOYMENT else "parameters"
        _take_all(draft.spec.map_at(where).map_at("run"), body)
        return
    of_app = body.pop("appParameters", None)
    if isinstance(of_app, Map):
        _take_all(draft.spec.map_at("appParameters").map_at("run"), of_app)
    values = body.pop("parameters", None)
    if not isinstance(values, Map):
        return
    by_block = draft.kind == "Deployment" and all(isinstance(v, Map) for v in values.values())
    if draft.kind == APP_DEPLOYMENT or by_block:
        for block, own in values.items():
            if isinstance(own, Map):
                _take_all(draft.spec.map_at("parameters").map_at(block).map_at("run"), own)
    else:
        _take_all(draft.spec.map_at("parameters").map_at("run"), values)


def unknown_kind(what: Told, place: Location) -> Diagnostic:
    """The error of a body of which it cannot be told what it is."""
    if what.kinds:
        choices = " or ".join(what.kinds)
        return told(
            "convert/kind",
            f"it may be {choices}",
            place,
            fix=f"say which: --kind {place.file}={what.kinds[0]}, or give the script that uses it",
            severity=Severity.ERROR,
        )
    if what.what:
        return told(
            "convert/no-counterpart",
            f"it is {what.what}, which no manifest can say",
            place,
            fix="leave it to the platform's client",
        )
    return told(
        "convert/no-body",
        "it is no body of the platform's client: it has no `body:` that this knows",
        place,
        detail="it may be a body of patch-parameters, which only its command tells",
        fix="give the script that uses it, say what it is with --kind, or leave it out",
        severity=Severity.ERROR,
    )


def value_at(tree: Value, path: Path) -> Value:
    """The value at a path of mappings; None where there is none."""
    for part in path:
        if not isinstance(tree, dict) or part not in tree:
            return None
        tree = tree[part]
    return tree


# --- a draft as text ---------------------------------------------------------------------------


def manifest_text(draft: Draft, kind: Kind, pieces: Pieces) -> str:
    """The manifest of a finished draft."""
    values = {"metadata": draft.metadata, "spec": draft.spec}
    comments = dict(_notes(values["metadata"], ("metadata",)))
    comments |= dict(_notes(values["spec"], ("spec",)))
    head = "\n".join([f"Converted from {', '.join(draft.sources)}.", *draft.comments])
    text = write_documents([ManifestText(kind, values, comments, head)])
    text = "\n".join(_row(row, pieces) for row in text.split("\n"))
    return f"{draft.head}\n{text}" if draft.head else text


def _notes(value: Value, path: Path) -> list[tuple[Path, str]]:
    found: list[tuple[Path, str]] = []
    if isinstance(value, Map):
        found += [((*path, str(key)), text) for key, text in value.notes.items() if key in value]
        for key, inner in value.items():
            found += _notes(inner, (*path, str(key)))
    elif isinstance(value, list):
        for number, item in enumerate(value):
            found += _notes(item, (*path, number))
    return found


def _row(row: str, pieces: Pieces) -> str:
    """A line with what stands for kept parts replaced by them."""
    entry = _ENTRY.match(row)
    if entry:
        piece = _of(entry["word"], pieces)
        margin = len(entry["margin"]) + len(entry["dash"] or "")
        body = _indented(piece.text, margin, _margin(piece.text))
        return f"{entry['margin']}-\n{body}" if entry["dash"] else body
    while found := _PIECE.search(row):
        piece = _of(found[0], pieces)
        margin = len(row) - len(row.lstrip(" "))
        if piece.is_block:
            body = _indented(piece.text, margin + _INDENT, _margin(piece.text))
            row = f"{row[: found.start()].rstrip()}\n{body}"
        else:
            text = _scalar(piece, margin + _INDENT)
            row = f"{row[: found.start()]}{text}{row[found.end() :]}"
    return row


def _of(word: str, pieces: Pieces) -> Piece:
    return pieces.made[int(word[len("peakctlPiece") : -1])]


def _margin(text: str) -> int:
    """The least indentation of lines with something on them."""
    rows = [row for row in text.split("\n") if row.strip() and not row.lstrip().startswith("{%")]
    return min((len(row) - len(row.lstrip(" ")) for row in rows), default=0)


def _indented(text: str, margin: int, old: int) -> str:
    """Whole lines, moved from one indentation to another."""
    rows = []
    for row in text.split("\n"):
        cut = min(old, len(row) - len(row.lstrip(" ")))
        rows.append(" " * margin + row[cut:] if row.strip() else "")
    return "\n".join(rows)


def _scalar(piece: Piece, margin: int) -> str:
    """A scalar as it was written; lines after its first are indented by `margin`."""
    first, newline, rest = piece.text.partition("\n")
    if not newline:
        return first
    lines = rest.split("\n")
    least = min((len(row) - len(row.lstrip(" ")) for row in lines if row.strip()), default=0)
    return f"{first}\n{_indented(rest, margin, least)}"
