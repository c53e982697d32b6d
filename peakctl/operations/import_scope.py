"""What an import is asked for, where it is to go, and what is declared there already."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from pathlib import Path as FilePath

from peakctl.errors import Diagnostic, PeakctlError, UsageError
from peakctl.model import Key, Listed, Tree, mapping_at
from peakctl.operations.import_files import ENV_EXAMPLE
from peakctl.operations.load import read_declared
from peakctl.operations.project import Project, ProjectOptions
from peakctl.operations.target import find_kind, not_found

_VARIABLE = re.compile(r"os_env\s*(?:\.\s*|\[\s*['\"])(\w+)")

# --- what was typed --------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Word:
    """What one word means: resources of some kinds, all of them or those of a name or pattern."""

    text: str
    kinds: tuple[str, ...]
    name: str | None = None

    def fits(self, kind: str, name: str) -> bool:
        """Whether a resource is meant."""
        if kind not in self.kinds:
            return False
        return self.name is None or self.name == name or fnmatchcase(name, self.name)


def read_words(typed: Sequence[str], kinds: Sequence[str], *, everything: bool) -> tuple[Word, ...]:
    """What was typed. Raises UsageError for an unknown kind, or when nothing was named."""
    words = [part.strip() for each in typed for part in each.split(",") if part.strip()]
    if not words and not everything:
        raise UsageError(
            Diagnostic(
                code="import/nothing-named",
                summary="it is not said what to import",
                fix="name a kind (Service), a resource (Service/price-api), or give --all",
            )
        )
    found = [_word(word, kinds) for word in words]
    return tuple(found) or (Word("--all", tuple(kinds)),)


def _word(text: str, kinds: Sequence[str]) -> Word:
    kind, slash, name = text.partition("/")
    return Word(text, (find_kind(kind, kinds),), name if slash else None)


def refuse_unmatched(words: Sequence[Word], listed: Mapping[str, Sequence[Listed]]) -> None:
    """Raise PeakctlError with every name that nothing live has."""
    problems = []
    for word in words:
        names = [item.name for kind in word.kinds for item in listed[kind]]
        if word.name is None or any(word.fits(word.kinds[0], name) for name in names):
            continue
        problems.append(not_found(Key(word.kinds[0], word.name), names))
    if problems:
        raise PeakctlError(*problems)


# --- where it goes, and what is there --------------------------------------------------------


def find_places(project: Project, into: str | None) -> tuple[FilePath, str]:
    """The folder that paths in manifests may not leave, and that of the manifests, below it.

    The top of a project itself is no folder of manifests: what they pack would lie among them.
    Raises UsageError for a folder outside of the project.
    """
    root = project.root.resolve()
    if into is None:
        named = project.file.manifests if project.file else ()
        plain = (each for each in named if not set(each) & set("*?[") and "." not in each)
        into = str(root / next(plain, "manifests"))
    folder = (project.folder / into).resolve()
    if not folder.is_relative_to(root):
        if project.file is not None:
            raise UsageError(
                Diagnostic(
                    code="import/outside-project",
                    summary=f'"{into}" is outside of the project',
                    fix=f"name a folder below {root}",
                )
            )
        root = folder
    below = folder.relative_to(root).as_posix()
    return root, "manifests" if below == "." else below


@dataclass(frozen=True, slots=True)
class Declared:
    """What the project declares already: where, and the variables that its manifests read."""

    places: Mapping[Key, str] = field(default_factory=dict)
    variables: frozenset[str] = frozenset()

    @classmethod
    def read(cls, project: Project, folder: FilePath) -> Declared:
        """What is in the project's manifests and in `folder`. Raises ManifestsInvalid."""
        projects = [] if project.file is None else [replace(project, options=_open(project, ()))]
        if folder.is_dir():
            projects.append(replace(project, options=_open(project, (str(folder),))))
        places: dict[Key, str] = {}
        texts: list[str] = [_env_example(project.root)]
        for each in projects:
            documents, sources = read_declared(each)
            texts += [source.text for source in sources]
            for document in documents:
                for key in _keys(document.value):
                    places.setdefault(key, document.display)
        return cls(places, frozenset(_names(texts)))


def _open(project: Project, manifests: tuple[str, ...]) -> ProjectOptions:
    return replace(project.options, manifests=manifests, unset_is_unknown=True)


def _keys(manifest: Tree) -> Iterable[Key]:
    kind, metadata = manifest.get("kind"), mapping_at(manifest, ("metadata",))
    before = metadata.get("previousNames")
    names = [metadata.get("name"), *(before if isinstance(before, list) else ())]
    return [Key(kind, name) for name in names if isinstance(kind, str) and isinstance(name, str)]


def _env_example(root: FilePath) -> str:
    try:
        text = (root / ENV_EXAMPLE).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    return "\n".join(f"os_env.{line.partition('=')[0].strip()}" for line in text.splitlines())


def _names(texts: Iterable[str]) -> Iterable[str]:
    return (found[1] for text in texts for found in _VARIABLE.finditer(text))
