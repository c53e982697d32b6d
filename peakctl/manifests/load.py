"""Files to documents in one go: every problem of every file, before any kind is looked at."""

from __future__ import annotations

import gc
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from peakctl.errors import Diagnostic, ManifestsInvalid
from peakctl.manifests.parse import parse
from peakctl.manifests.render import Renderer, check_reserved, masked_text
from peakctl.manifests.sources import NO_PLACES, NOT_READ, find_sources
from peakctl.model import Document, Value

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from peakctl.manifests.rendered import Rendered
    from peakctl.model import Location
    from peakctl.model import Path as Place

Loaded = tuple[tuple[Document, ...], tuple[Diagnostic, ...]]


@dataclass(frozen=True, slots=True)
class RenderedText:
    """One file as `render` shows it, secrets masked."""

    display: str
    text: str


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
) -> Loaded:
    """The documents of all manifests that `patterns` name, and all problems on the way there.

    `environment` is what `os_env` shows in templates; `root` is the project's folder, which
    includes may not leave; relative patterns start at `base` (default: `root`).
    `places` says where a pattern was written.
    """
    rendered, problems = _render(
        patterns,
        root,
        parameters,
        environment,
        stdin=stdin,
        base=base,
        exclude=exclude,
        places=places,
    )
    documents: list[Document] = []
    with _no_collector():
        for text in rendered:
            found, wrong = parse(text)
            documents += found
            problems += wrong
    return tuple(documents), tuple(problems)


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
    secrets: Callable[[Sequence[Document]], Iterable[tuple[Document, Place]]] = lambda _: (),
) -> tuple[tuple[RenderedText, ...], tuple[Diagnostic, ...]]:
    """The text of each manifest after its template ran, as for `load_documents`; secrets masked.

    `secrets` says which places of which documents are secret, wherever their values come from.
    """
    rendered, problems = _render(
        patterns,
        root,
        parameters,
        environment,
        stdin=stdin,
        base=base,
        exclude=exclude,
        places=places,
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
    patterns: Sequence[str],
    root: Path,
    parameters: Mapping[str, Value],
    environment: Mapping[str, str],
    *,
    stdin: str | None,
    base: Path | None,
    exclude: Collection[Path],
    places: Mapping[str, Location],
) -> tuple[list[Rendered], list[Diagnostic]]:
    sources, wrong = find_sources(
        patterns, root, base=base, stdin=stdin, exclude=exclude, places=places
    )
    problems = list(wrong)
    rendered = []
    renderer = Renderer(parameters, environment, root)
    try:
        check_reserved(parameters)
    except ManifestsInvalid as error:
        return [], [*problems, *error.diagnostics]
    for source in sources:
        try:
            rendered.append(renderer.render(source))
        except ManifestsInvalid as error:
            problems += error.diagnostics
    included = renderer.included()
    return rendered, [p for p in problems if not _was_included(p, included)]


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
