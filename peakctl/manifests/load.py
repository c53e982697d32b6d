"""Files to documents in one go: every problem of every file, before any kind is looked at."""

from __future__ import annotations

import gc
import re
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from peakctl.errors import Diagnostic, ManifestsInvalid, Severity
from peakctl.manifests.parameters import Given, Mentioned, check_given
from peakctl.manifests.parse import parse
from peakctl.manifests.render import Renderer, check_reserved, masked_text
from peakctl.manifests.sources import NO_PLACES, NOT_READ, find_sources
from peakctl.model import Document, Value

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from peakctl.manifests.render import Rendered
    from peakctl.model import Location, Source
    from peakctl.model import Path as Place

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


@dataclass(frozen=True, slots=True)
class Values:
    """What templates are given. `os_env` lists the variables that they may read; None: all.

    `given` says where parameters come from; without it nobody is told of those that nothing uses.
    """

    parameters: Mapping[str, Value]
    environment: Mapping[str, str] = field(repr=False)
    os_env: Sequence[str] | None = None
    given: Given | None = None


def load_documents(
    patterns: Sequence[str],
    *,
    root: Path,
    parameters: Mapping[str, Value],
    environment: Mapping[str, str],
    stdin: str | None = None,
    base: Path | None = None,
    exclude: Collection[Path] = (),
    places: Mapping[str, Location] = NO_PLACES,
    os_env: Sequence[str] | None = None,
    given: Given | None = None,
) -> Loaded:
    """The documents of all manifests that `patterns` name, and all problems on the way there.

    As `load_manifests`.
    """
    found = load_manifests(
        patterns,
        root=root,
        parameters=parameters,
        environment=environment,
        stdin=stdin,
        base=base,
        exclude=exclude,
        places=places,
        os_env=os_env,
        given=given,
    )
    return found.documents, found.problems


def load_manifests(
    patterns: Sequence[str],
    *,
    root: Path,
    parameters: Mapping[str, Value],
    environment: Mapping[str, str],
    stdin: str | None = None,
    base: Path | None = None,
    exclude: Collection[Path] = (),
    places: Mapping[str, Location] = NO_PLACES,
    os_env: Sequence[str] | None = None,
    given: Given | None = None,
) -> Manifests:
    """The documents of all manifests that `patterns` name; a fault in one hides no other.

    `environment` is the process environment, of which `os_env` in templates has what the argument
    `os_env` lists (None: all but credentials); `root` is the project's folder, which includes may
    not leave; relative patterns start at `base` (default: `root`). `places` says where a pattern
    was written. With `given` parameters that nothing uses are told.
    """
    sources, wrong = find_sources(
        patterns, root, base=base, stdin=stdin, exclude=exclude, places=places
    )
    rendered, failed, problems = _render(
        sources, wrong, root, Values(parameters, environment, os_env, given)
    )
    unread = [source.text for source in failed]
    documents: list[Document] = []
    with _no_collector():
        for text in rendered:
            found, faults = parse(text)
            documents += found
            problems += faults
            unread += [text.text] if any(f.severity is Severity.ERROR for f in faults) else []
    lost = any(problem in problems for problem in wrong)
    return Manifests(tuple(documents), tuple(problems), tuple(unread), lost=lost)


def render_sources(
    patterns: Sequence[str],
    *,
    root: Path,
    parameters: Mapping[str, Value],
    environment: Mapping[str, str],
    stdin: str | None = None,
    base: Path | None = None,
    exclude: Collection[Path] = (),
    places: Mapping[str, Location] = NO_PLACES,
    os_env: Sequence[str] | None = None,
    given: Given | None = None,
    secrets: Callable[[Sequence[Document]], Iterable[tuple[Document, Place]]] = lambda _: (),
) -> tuple[tuple[RenderedText, ...], tuple[Diagnostic, ...]]:
    """The text of each manifest after its template ran, as for `load_documents`; secrets masked.

    `secrets` says which places of which documents are secret, wherever their values come from.
    """
    sources, wrong = find_sources(
        patterns, root, base=base, stdin=stdin, exclude=exclude, places=places
    )
    rendered, _, problems = _render(
        sources, wrong, root, Values(parameters, environment, os_env, given)
    )
    parsed = [parse(text)[0] for text in rendered]
    spans: dict[int, list[tuple[int, int]]] = {}
    for document, path in secrets([document for documents in parsed for document in documents]):
        span = document.span(path)
        spans.setdefault(id(document), []).extend([span] if span else [])
    texts = tuple(
        RenderedText(
            text.source.display,
            masked_text(
                text, [span for d in documents for span in spans.get(id(d), ())]
            ).removesuffix("\n"),
        )
        for text, documents in zip(rendered, parsed, strict=True)
    )
    return texts, tuple(problems)


def _render(
    sources: Sequence[Source],
    wrong: Sequence[Diagnostic],
    root: Path,
    values: Values,
) -> tuple[list[Rendered], list[Source], list[Diagnostic]]:
    """The texts, the sources whose templates failed, and all problems, `wrong` first."""
    problems = list(wrong)
    rendered: list[Rendered] = []
    failed: list[Source] = []
    renderer = Renderer(values.parameters, values.environment, root, values.os_env)
    try:
        check_reserved(values.parameters)
    except ManifestsInvalid as error:
        return [], list(sources), [*problems, *error.diagnostics]
    for source in sources:
        try:
            rendered.append(renderer.render(source))
        except ManifestsInvalid as error:
            failed.append(source)
            problems += error.diagnostics
    if values.given is not None and not (wrong or values.given.problems):
        problems += _unused(values.given, renderer, failed)
    included = renderer.included()
    return rendered, failed, [p for p in problems if not _was_included(p, included)]


def _unused(given: Given, renderer: Renderer, failed: Sequence[Source]) -> list[Diagnostic]:
    """What is wrong with parameters that no template mentions; nothing where that is not known."""
    names = renderer.mentioned()
    unread = tuple(source.text for source in failed)
    return [] if names is None else check_given(given, Mentioned(names, unread))


def _was_included(problem: Diagnostic, included: Collection[str]) -> bool:
    """Whether a file that no pattern reads was read after all, as a part of a manifest."""
    return problem.code == NOT_READ and problem.locations[0].file in included


@contextmanager
def _no_collector() -> Iterator[None]:
    """Bulk loading makes millions of objects and no cycles; collections would only walk them."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()
