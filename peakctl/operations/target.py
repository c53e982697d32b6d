"""Live resources by the words that people type for them.

One by `Kind/name` or `Kind/name@version`; several by kinds, names and patterns.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase

from peakctl.errors import Diagnostic, PeakctlError, UsageError, nearest_names
from peakctl.model import Key, Listed, LiveId
from peakctl.model.records import dataclass
from peakctl.operations.platform import Platform, connect
from peakctl.operations.project import Project


@dataclass(frozen=True, slots=True)
class Target:
    """What was typed. `version` is what stands after the last `@`, None where there is none."""

    key: Key
    version: str | None = None

    def __str__(self) -> str:
        return str(self.key) if self.version is None else f"{self.key}@{self.version}"


def parse_target(text: str, kinds: Sequence[str], *, versioned: bool = False) -> Target:
    """The resource that `text` names; with `versioned`, `@` divides name and version.

    Kinds may be typed as for `get`: `image/base`, `Images/base`. Raises UsageError.
    """
    kind, _, name = text.partition("/")
    version = None
    if versioned and "@" in name:
        name, _, version = name.rpartition("@")
    if not kind or not name or version == "":
        known = known_kind(kind, kinds)
        form = "Kind/name@version" if versioned and "@" in text else "Kind/name"
        raise UsageError(
            Diagnostic(
                code="usage/target",
                summary=f'"{text}" names no resource',
                detail=f"expected {form}, such as {known or 'Image'}/price-model",
                fix=f"see the names: peakctl get {known or 'KIND'}",
            )
        )
    return Target(Key(find_kind(kind, kinds), name), version)


def find_kind(word: str, kinds: Iterable[str]) -> str:
    """The kind that `word` means, without regard to case, hyphens and plural. Raises UsageError."""
    names = list(kinds)
    found = known_kind(word, names)
    if found is not None:
        return found
    near = nearest_names(word, names)
    raise UsageError(
        Diagnostic(
            code="usage/unknown-kind",
            summary=f'there is no kind "{word}"',
            detail=f"kinds: {', '.join(names)}",
            fix=f"did you mean: {', '.join(near)}"
            if near
            else "use one of the kinds above; a resource is named Kind/name",
        )
    )


def known_kind(word: str, kinds: Iterable[str]) -> str | None:
    """The kind that `word` means, None where there is none."""
    by_folded = {_folded(name): name for name in kinds}
    folded = _folded(word)
    return by_folded.get(folded) or by_folded.get(folded.removesuffix("s"))


def _folded(word: str) -> str:
    return word.lower().replace("-", "").replace("_", "")


async def find_target(platform: Platform, key: Key) -> Listed:
    """The listing's item of the live resource that `key` names in the project's environment.

    The name is that of a manifest, which has the environment's prefix live, or a live one. Of
    several with one name it is the one that the project's ledger owns. Raises PeakctlError when
    nothing has the name (with the nearest ones), or several have and none is owned; and ApiError.
    """
    listed = await platform.adapters[key.kind].index()
    found = _named(listed, key.name, platform.project.prefix)
    if not found:
        raise PeakctlError(not_found(key, (item.name for item in listed)))
    if len(found) > 1:
        found = await _owned(platform, key, found)
    return found[0]


def not_found(key: Key, names: Iterable[str]) -> Diagnostic:
    """Nothing live is called so; `names` are those of the kind that are live."""
    near = nearest_names(key.name, sorted(set(names)))
    return Diagnostic(
        code="live/not-found",
        summary=f'there is no {key.kind} named "{key.name}"',
        fix=f"did you mean: {', '.join(near)}" if near else f"see peakctl get {key.kind}",
    )


def _named(listed: Iterable[Listed], name: str, prefix: str) -> list[Listed]:
    """What has the name: with the prefix first, then ours before what the platform provides."""
    items = list(listed)
    for wanted in dict.fromkeys((f"{prefix}{name}", name)):
        same = [item for item in items if item.name == wanted]
        if same:
            return [item for item in same if item.ours] or same
    return []


async def _owned(platform: Platform, key: Key, found: Sequence[Listed]) -> list[Listed]:
    from peakctl.ledger.revisions import find_revision

    store, owner = platform.ledgers, platform.project.owner
    revision = await find_revision(store, await store.list(), owner) if owner else None
    ids = {each.live_id for each in revision.ledger.owned.values()} if revision else set()
    owned = [item for item in found if LiveId.of(key.kind, item.id) in ids]
    if len(owned) == 1:
        return owned
    listed = ", ".join(sorted(str(item.id) for item in found))
    raise PeakctlError(
        Diagnostic(
            code="live/ambiguous",
            summary=f'{len(found)} live resources of kind {key.kind} are named "{key.name}"',
            detail=f"their ids: {listed}",
            fix="rename or delete one of them, or apply a manifest of the one that is meant",
        )
    )


async def target_names_async(project: Project, kind: str) -> tuple[str, ...]:
    """The live names of a kind that a manifest may refer to, for completion.

    Raises UsageError, NotAuthenticated, ApiError.
    """
    async with connect(project) as platform:
        adapter = platform.adapters[find_kind(kind, platform.kinds)]
        return tuple(sorted({item.name for item in await adapter.index() if item.ours}))


# --- several ------------------------------------------------------------------------------------


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
