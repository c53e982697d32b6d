"""Files to documents in one go: every problem of every file, before any kind is looked at."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Required, TypedDict, Unpack

from peakctl.errors import Diagnostic, ManifestsInvalid, Severity
from peakctl.manifests.parameters import Given, Mentioned, check_given
from peakctl.manifests.parse import parse
from peakctl.manifests.render import Rendered, Renderer, check_reserved, masked_text
from peakctl.manifests.sources import NO_PLACES, NOT_READ, find_sources
from peakctl.model import Document, Location, Source, Value
from peakctl.model import Path as Place
from peakctl.model.collector import no_collector
from peakctl.model.records import dataclass

Loaded = tuple[tuple[Document, ...], tuple[Diagnostic, ...]]


@dataclass(frozen=True, slots=True)
class Manifests:
    """What could be read of the manifests of a run, and what could not.

    `unread` are the texts of files with a fault; `lost` says that some are not known at all.
    """

    documents: tuple[Document, ...]
    problems: tuple[Diagnostic, ...] = ()
    unread: tuple[str, ...] = ()
    lost: bool = False

    def may_declare(self, name: str) -> bool:
        """Whether what could not be read may declare a resource of that name."""
        return self.lost or any(mentions_name(text, name) for text in self.unread)


_KIND = re.compile(r"^kind:[ \t]+[\"']?(\w+)", re.MULTILINE)
_COMPUTED_NAME = re.compile(r"\bname[\"']?\s*:[^#\n]*\{[{%]")


def mentions_name(text: str, name: str) -> bool:
    """Whether the name stands in a text, or a template there computes names."""
    word = rf"(?<![\w-]){re.escape(name)}(?![\w-])"
    return bool(re.search(word, text) or _COMPUTED_NAME.search(text))


@dataclass(frozen=True, slots=True)
class RenderedText:
    """One file as `render` shows it, secrets masked."""

    display: str
    text: str


class Inputs(TypedDict, total=False):
    """What manifests are read with, beside the patterns that name them.

    `root` is the project's folder, which includes and links may not leave; relative patterns start
    at `base` (default: `root`). `environment` is the process environment, of which `os_env` in
    templates has what `os_env` lists (None: all but credentials). `exclude` are files that are no
    manifests, `places` says where a pattern was written. `given` says where parameters come from;
    without it nobody is told of those that nothing uses. With `unset_is_unknown` a variable that is
    not set has a value that is not known, instead of being an error. `tell_kinds` hears which kinds
    the manifests name, before they are parsed; of files with a fault it may never.
    """

    root: Required[Path]
    parameters: Required[Mapping[str, Value]]
    environment: Required[Mapping[str, str]]
    stdin: str | None
    base: Path | None
    exclude: Collection[Path]
    places: Mapping[str, Location]
    os_env: Sequence[str] | None
    unset_is_unknown: bool
    given: Given | None
    tell_kinds: Callable[[frozenset[str]], None] | None


def load_documents(patterns: Sequence[str], **inputs: Unpack[Inputs]) -> Loaded:
    """The documents of all manifests that `patterns` name, and all problems on the way there."""
    found = load_manifests(patterns, **inputs)
    return found.documents, found.problems


def load_manifests(patterns: Sequence[str], **inputs: Unpack[Inputs]) -> Manifests:
    """The documents of all manifests that `patterns` name; a fault in one hides no other."""
    read = _render(patterns, inputs)
    unread = [source.text for source in read.failed]
    documents: list[Document] = []
    problems = list(read.problems)
    if (tell_kinds := inputs.get("tell_kinds")) and not read.failed:
        tell_kinds(frozenset(kind for text in read.texts for kind in _KIND.findall(text.text)))
    with no_collector():
        for text in read.texts:
            found, faults = parse(text)
            documents += found
            problems += faults
            unread += [text.text] if any(f.severity is Severity.ERROR for f in faults) else []
    return Manifests(tuple(documents), tuple(problems), tuple(unread), lost=read.lost)


def render_sources(
    patterns: Sequence[str],
    secrets: Callable[[Sequence[Document]], Iterable[tuple[Document, Place]]] = lambda _: (),
    **inputs: Unpack[Inputs],
) -> tuple[tuple[RenderedText, ...], tuple[Diagnostic, ...]]:
    """The text of each manifest after its template ran, as for `load_documents`; secrets masked.

    `secrets` says which places of which documents are secret, wherever their values come from.
    """
    read = _render(patterns, inputs)
    parsed = [parse(text)[0] for text in read.texts]
    spans: dict[int, list[tuple[int, int]]] = {}
    for document, path in secrets([document for documents in parsed for document in documents]):
        span = document.span(path)
        spans.setdefault(id(document), []).extend([span] if span else [])
    texts = []
    for text, documents in zip(read.texts, parsed, strict=True):
        shown = masked_text(text, [span for d in documents for span in spans.get(id(d), ())])
        texts.append(RenderedText(text.source.display, shown.removesuffix("\n")))
    return tuple(texts), tuple(read.problems)


@dataclass(frozen=True, slots=True)
class _Read:
    """Rendered texts, the sources whose templates failed, and all problems.

    `lost` says that a file could not be read at all, and no template included it either.
    """

    texts: Sequence[Rendered]
    failed: Sequence[Source]
    problems: Sequence[Diagnostic]
    lost: bool


def _render(patterns: Sequence[str], inputs: Inputs) -> _Read:
    root, parameters, given = inputs["root"], inputs["parameters"], inputs.get("given")
    sources, wrong = find_sources(
        patterns,
        root,
        base=inputs.get("base"),
        stdin=inputs.get("stdin"),
        exclude=inputs.get("exclude", ()),
        places=inputs.get("places", NO_PLACES),
    )
    problems = list(wrong)
    try:
        check_reserved(parameters)
    except ManifestsInvalid as error:
        return _Read([], sources, [*problems, *error.diagnostics], lost=bool(wrong))
    rendered: list[Rendered] = []
    failed: list[Source] = []
    renderer = Renderer(
        parameters,
        inputs["environment"],
        root,
        inputs.get("os_env"),
        unset_is_unknown=inputs.get("unset_is_unknown", False),
    )
    for source in sources:
        try:
            rendered.append(renderer.render(source))
        except ManifestsInvalid as error:
            failed.append(source)
            problems += error.diagnostics
    if given is not None and not (wrong or given.problems):
        problems += _unused(given, renderer, failed)
    included = renderer.included()
    problems = [p for p in problems if not _was_included(p, included)]
    return _Read(rendered, failed, problems, lost=any(problem in problems for problem in wrong))


def _unused(given: Given, renderer: Renderer, failed: Sequence[Source]) -> list[Diagnostic]:
    """What is wrong with parameters that no template mentions; nothing where that is not known."""
    names = renderer.mentioned()
    unread = tuple(source.text for source in failed)
    return [] if names is None else check_given(given, Mentioned(names, unread))


def _was_included(problem: Diagnostic, included: Collection[str]) -> bool:
    """Whether a file that no pattern reads was read after all, as a part of a manifest."""
    return problem.code == NOT_READ and problem.locations[0].file in included
