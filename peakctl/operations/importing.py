"""Live resources become manifests of the project: what is taken, what is not and why."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import field, replace
from pathlib import Path as FilePath

from peakctl import errors, model
from peakctl.archives.pack import pack
from peakctl.archives.unpack import MAX_BYTES, Unpacked, refused, unpack
from peakctl.archives.zips import digest_of_zip
from peakctl.engine.export import Exported, Variable
from peakctl.engine.observe.live_state import find_makers
from peakctl.kinds.fields import NOT_RETURNED, Absent, Field, Kind, said, variant
from peakctl.kinds.validate import read_manifests
from peakctl.ledger.ownership import find_owners
from peakctl.model.records import dataclass
from peakctl.model.values import reveal
from peakctl.operations import import_files
from peakctl.operations.exporting import export_live
from peakctl.operations.get import (
    FoundLedgers,
    find_ledgers,
    seal_found,
    seal_repeated,
    unpacked_folders,
)
from peakctl.operations.import_update import Updated, find_drift, write_back
from peakctl.operations.new_files import write_files
from peakctl.operations.plan import PlanOptions, PlanResult, load_for_plan, make_plan
from peakctl.operations.platform import PARALLELISM, Platform, connect
from peakctl.operations.project import Project, telling
from peakctl.operations.target import Word, read_words, refuse_unmatched

MAX_UNPACKED = 2**29
"""Bytes of all archives of one import: its files are held in memory until all of them are known."""
AT_ONCE = 4
"""Archives that are downloaded side by side; each may have its share of what is left."""
PUBLIC, SHARED = "public", "shared"
ARTIFACT, TENANTS = "spec.artifact", "spec.tenants"
NOT_GIVEN_BACK = "the platform does not give its files back; what is live counts"
Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportOptions:
    """What is imported, and where its manifests go.

    `words` are `KIND`, `KIND/NAME` or `KIND/PATTERN`; `everything` stands for all kinds. `into` is
    the folder of the manifests, in the project (default: the first of its manifest folders).
    `layout` is one of `import_files.LAYOUTS`. `pick` are ids: of resources with one name the one
    that is meant, of a public spec that it is yours. With `update` what differs from a manifest
    that an import wrote is written back into it.
    """

    words: tuple[str, ...] = ()
    everything: bool = False
    into: str | None = None
    layout: str = "resource"
    pick: tuple[str, ...] = ()
    update: bool = False
    parallelism: int = PARALLELISM


@dataclass(frozen=True, slots=True)
class Left:
    """A live resource that was not imported, and why."""

    key: model.Key
    id: str
    why: str


@dataclass(frozen=True, slots=True)
class ImportResult:
    """What an import did. Files are relative to `root`.

    `manifests` are those of what was imported, `updated` are resources that were declared before
    and differed. `written` are new files, `changed` had lines added to them, or were updated;
    `same` were there as they are. `credentials` are files that may hold credentials. `planned` is
    the plan of what was imported; None where there is nothing to plan, or where none could be made:
    `diagnostics` tells.
    """

    root: FilePath
    imported: tuple[model.Key, ...] = ()
    updated: tuple[model.Key, ...] = ()
    left: tuple[Left, ...] = ()
    manifests: tuple[str, ...] = ()
    written: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    same: tuple[str, ...] = ()
    variables: tuple[Variable, ...] = ()
    credentials: tuple[str, ...] = ()
    planned: PlanResult | None = None
    diagnostics: tuple[errors.Diagnostic, ...] = ()


async def import_async(
    project: Project, options: ImportOptions, progress: Progress = lambda _: None
) -> ImportResult:
    """Write manifests of live resources; changes nothing on the platform.

    All files are written, or none. Raises UsageError (nothing was named, a folder outside of the
    project, files in the way), PeakctlError when nothing has a name, ManifestsInvalid when what is
    declared already cannot be read, NotAuthenticated, ApiError, LedgerUnusable.
    """
    async with connect(project, options.parallelism) as platform:
        return await import_live(platform, options, progress)


async def import_live(
    platform: Platform, options: ImportOptions, progress: Progress = lambda _: None
) -> ImportResult:
    """As `import_async`, on a platform that is connected. `progress` hears what is under way."""
    project = platform.project
    without = replace(project.options, unset_is_unknown=True)
    platform = replace(platform, project=replace(project, options=without))
    with telling() as told:
        return await _Import(platform, options, progress, told).run()


@dataclass(slots=True)
class _Import:
    """One import under way; `left` and `told` collect what is to be said about it."""

    platform: Platform
    options: ImportOptions
    progress: Progress
    told: list[errors.Diagnostic]
    left: list[Left] = field(default_factory=list)
    listed: dict[str, tuple[model.Listed, ...]] = field(default_factory=dict)
    known: dict[model.Key, model.Listed] = field(default_factory=dict)

    async def run(self) -> ImportResult:
        words = read_words(self.options.words, self._kinds(), everything=self.options.everything)
        root, folder = import_files.find_places(self.platform.project, self.options.into)
        declared = import_files.Declared.read(self.platform.project, root / folder)
        chosen = await self._choose(words, declared)
        self.progress(f"reading {errors.counted(len(chosen), 'resource')}")
        reads = await asyncio.gather(
            *(self.platform.adapters[kind].read(item, None) for kind, item in chosen)
        )
        lives, ledgers = await self._own([live for live in reads if live is not None])
        values = seal_found(self.platform, lives, ledgers, self.told)
        values = tuple(seal_repeated(tree, self.platform.project.redact) for tree in values)
        both = list(zip(lives, values, strict=True))
        exported = await export_live(self.platform, both, self.listed, declared.variables)
        found = self._valid(root, await self._with_files(lives, exported))
        updated = await self._updated(declared)
        return await self._written(root, folder, found, updated)

    def _kinds(self) -> list[str]:
        return [name for name, kind in self.platform.kinds.items() if kind.schema]

    # --- what is taken -----------------------------------------------------------------------

    async def _choose(
        self, words: Sequence[Word], declared: import_files.Declared
    ) -> list[tuple[str, model.Listed]]:
        """What the words mean and nothing speaks against before it is read."""
        kinds = sorted({kind for word in words for kind in word.kinds})
        self.progress(f"listing {errors.counted(len(kinds), 'kind')}")
        found = await asyncio.gather(*(self.platform.adapters[kind].index() for kind in kinds))
        self.listed = dict(zip(kinds, found, strict=True))
        refuse_unmatched(words, self.listed)
        chosen = []
        for kind, items in self.listed.items():
            for item in items:
                named = [word for word in words if word.fits(kind, item.name)]
                key = model.Key(kind, item.name)
                why = self._why_not(item, key, declared) if named else ""
                if named and item.ours and key in declared.places and self.options.update:
                    self.known[key] = item
                elif why:
                    self._leave(key, item.id, why)
                elif named:
                    chosen.append((kind, item))
        return chosen

    def _why_not(self, item: model.Listed, key: model.Key, declared: import_files.Declared) -> str:
        if not item.ours:
            is_record = model.record_word(item.name) is not None
            return "a record that peakctl keeps" if is_record else "the platform provides it"
        prefix = self.platform.project.prefix
        if not key.name.startswith(prefix):
            return f"its name does not begin with {prefix}, as all names of this environment do"
        place = declared.places.get(model.Key(key.kind, key.name.removeprefix(prefix)))
        return f"declared already in {place}" if place else ""

    def _leave(self, key: model.Key, id_: str | int, why: str) -> None:
        self.left.append(Left(key, str(id_), self.platform.project.redact(why)))

    async def _own(self, lives: Sequence[model.Live]) -> tuple[list[model.Live], FoundLedgers]:
        """Those that are this project's or nobody's; and the ledgers that tell."""
        self.progress("looking at what made them, and who owns them")
        asked = [live for live in lives if not live.foreign]
        ids = {live.live_id for live in lives}
        ledgers, makers = await asyncio.gather(
            find_ledgers(self.platform, ids, self.told),
            find_makers(asked, lives, self.platform.adapters),
        )
        us = self.platform.project.owner
        owners = find_owners(us, ledgers.ours, ledgers.others)
        kept = []
        for live in lives:
            owner, maker = owners.owner(live), makers.found.get(live.live_id)
            is_ours = us is not None and owner == us
            why = live.foreign or (f"part of {maker}" if maker and not is_ours else "")
            if not why and owner is not None and not is_ours:
                why = f"it belongs to {owner}"
            if not why and live.live_id in makers.unsure:
                why = f"it is not certain what made it: {makers.unsure[live.live_id]}"
            if not why and not is_ours and self._may_be_foreign(live):
                why = f"public, so it may be another tenant's: --pick {live.id} if it is yours"
            if why:
                self._leave(live.key, live.id, why)
            else:
                kept.append(live)
        return self._with_names_of_their_own(kept, ledgers), ledgers

    def _may_be_foreign(self, live: model.Live) -> bool:
        is_public = model.mapping_at(live.values, ("spec",)).get("scope") == PUBLIC
        return is_public and str(live.id) not in self.options.pick

    def _with_names_of_their_own(
        self, lives: Sequence[model.Live], ledgers: FoundLedgers
    ) -> list[model.Live]:
        """One of each name: the one that our ledger has, or that was picked; else none of them."""
        groups: dict[tuple[str, str], list[model.Live]] = {}
        for live in lives:
            kind = self.platform.kinds[live.key.kind]
            groups.setdefault((kind.name_group or kind.name, live.key.name), []).append(live)
        owned = {o.live_id for o in ledgers.ours.owned.values()} if ledgers.ours else set()
        return [live for group in groups.values() for live in self._one_of(group, owned)]

    def _one_of(
        self, group: Sequence[model.Live], owned: set[model.LiveId]
    ) -> Sequence[model.Live]:
        if len(group) == 1:
            return group
        picked = [live for live in group if str(live.id) in self.options.pick]
        meant = picked or [live for live in group if live.live_id in owned]
        ids = ", ".join(str(live.id) for live in group)
        for live in group:
            if len(meant) != 1:
                why = f"{len(group)} have this name (ids {ids}): choose one with --pick ID"
                self._leave(live.key, live.id, why)
            elif live is not meant[0]:
                self._leave(live.key, live.id, f"id {meant[0].id} of this name was taken")
        return meant if len(meant) == 1 else ()

    # --- their folders -----------------------------------------------------------------------

    async def _with_files(
        self, lives: Sequence[model.Live], exported: Sequence[Exported]
    ) -> list[import_files.Found]:
        """Each with the files of its archive; a few of them are downloaded at a time."""
        both, left = list(zip(lives, exported, strict=True)), MAX_UNPACKED
        found: list[import_files.Found] = []
        for start in range(0, len(both), AT_ONCE):
            part = both[start : start + AT_ONCE]
            most = left // AT_ONCE
            found += await asyncio.gather(*(self._with_own(*each, most) for each in part))
            sizes = (len(f) for e in found[start:] if e.unpacked for f in e.unpacked.files.values())
            left -= sum(sizes)
        return found

    async def _with_own(
        self, live: model.Live, exported: Exported, most: int
    ) -> import_files.Found:
        kind = self.platform.kinds[live.key.kind]
        found = import_files.Found(exported, kind, self._origin(live))
        spec = model.mapping_at(exported.values, ("spec",))
        if spec.get("scope") == SHARED and not spec.get("tenants"):
            found = found.ignoring(TENANTS, "the platform does not tell whom it is shared with")
        rule = archive_field(kind, exported.values)
        return found if rule is None else await self._with_archive(found, live, rule, most)

    def _origin(self, live: model.Live) -> str:
        environment = self.platform.project.environment_name
        place = f" from {environment}" if environment else ""
        version = f", version {live.version}" if live.version else ""
        return f"Imported by peakctl{place}: id {live.id}{version}"

    async def _with_archive(
        self, found: import_files.Found, live: model.Live, rule: Field, most: int
    ) -> import_files.Found:
        digest = found.exported.archives.get(("spec", "artifact"))
        if rule.archive == NOT_RETURNED:
            return found.ignoring(ARTIFACT, NOT_GIVEN_BACK)
        self.progress(f"downloading the files of {live.key}")
        try:
            data = await self.platform.adapters[live.key.kind].archive(live)
            if data is None:
                needed = digest is not None or rule.absent is Absent.REQUIRED
                return found.ignoring(ARTIFACT, NOT_GIVEN_BACK) if needed else found
            return self._unpacked(found, data, digest, most)
        except errors.PeakctlError as error:
            if any(d.code != "artifact/unsafe-archive" for d in error.diagnostics):
                raise
            why = "; ".join(d.summary for d in error.diagnostics)
            self.told += [_warned(d, live.key) for d in error.diagnostics]
            return found.ignoring(ARTIFACT, f"{why}, so its files were left there")

    def _unpacked(
        self, found: import_files.Found, data: bytes, digest: str | None, most: int
    ) -> import_files.Found:
        unpacked = unpack(data, min(MAX_BYTES, most))
        wanted = digest or digest_of_zip(data)
        if not unpacked.files:
            raise refused("holds no file")
        for ignore_files in ((), (import_files.KEEP_ALL,)):
            if digest_when_packed(unpacked, ignore_files) == wanted:
                return replace(found, unpacked=unpacked, ignore_files=ignore_files)
        raise refused("would be another one if its files were packed again")

    # --- what was written before ---------------------------------------------------------------

    async def _updated(self, declared: import_files.Declared) -> Updated:
        """What differs from manifests that an import wrote, with their new texts."""
        if not self.known:
            return Updated()
        self.progress(f"comparing {errors.counted(len(self.known), 'declared resource')}")
        drift = await find_drift(self.platform, self.known)
        lives = [each.live for each in drift]
        ledgers = await find_ledgers(self.platform, {live.live_id for live in lives}, self.told)
        values = seal_found(self.platform, lives, ledgers, self.told)
        both = list(zip(lives, values, strict=True))
        exported = await export_live(self.platform, both, self.listed, declared.variables)
        updated = write_back(drift, exported)
        for key, item in self.known.items():
            if key not in updated.keys:
                as_declared = f"declared already in {declared.places[key]}"
                self._leave(key, item.id, updated.left.get(key, as_declared))
        return updated

    # --- writing and planning ----------------------------------------------------------------

    def _valid(
        self, root: FilePath, found: Iterable[import_files.Found]
    ) -> list[import_files.Found]:
        """Those whose manifest is valid; the others are left, with what is wrong."""
        kept = []
        for each in found:
            document = model.Document(
                import_files.imported_tree(each), "", str(root), lambda _: model.Location("", 1, 1)
            )
            read = read_manifests(
                [document], self.platform.kinds, project_root=root, pack=unpacked_folders
            )
            wrong = [d for d in read.problems if d.severity is errors.Severity.ERROR]
            if wrong:
                self._leave(each.key, "", f"its manifest would be invalid: {wrong[0].summary}")
            else:
                kept.append(each)
        return kept

    async def _written(
        self,
        root: FilePath,
        folder: str,
        found: Sequence[import_files.Found],
        updated: Updated,
    ) -> ImportResult:
        files = import_files.FileSet(root)
        import_files.lay_out(found, files, folder, self.options.layout)
        files.update(updated.texts)
        variables = tuple(variable for each in found for variable in each.exported.variables)
        variables += tuple(updated.variables)
        import_files.add_env_example(files, variables)
        import_files.add_gitignore(files, env=bool(variables))
        extended = [
            name
            for name in (import_files.ENV_EXAMPLE, import_files.GITIGNORE)
            if (root / name).exists()
        ]
        extended += files.updated
        try:
            done = write_files(
                root, files.files, replace=extended, executable=sorted(files.executable)
            )
        except OSError as error:
            raise errors.UsageError(_unwritable(root, error)) from error
        manifests = sorted([*files.manifests, *files.updated])
        planned = await self._plan(root, manifests) if manifests else None
        return ImportResult(
            root,
            tuple(sorted(each.key for each in found)),
            tuple(sorted(updated.keys)),
            tuple(sorted(self.left, key=lambda left: (left.key, left.id))),
            tuple(sorted(files.manifests)),
            tuple(sorted(name for name in done.written if name not in extended)),
            tuple(sorted(name for name in done.written if name in extended)),
            tuple(sorted(done.same)),
            variables,
            tuple(sorted(files.credentials)),
            planned,
            tuple(dict.fromkeys(self.told)),
        )

    async def _plan(self, root: FilePath, manifests: Sequence[str]) -> PlanResult | None:
        """The plan of what was written; variables that are not set count as what is live."""
        self.progress("planning what was imported")
        project = self.platform.project
        paths = tuple(str(root / name) for name in manifests)
        options = replace(project.options, manifests=paths, unset_is_unknown=True)
        project = replace(project, options=options, folder=root)
        try:
            loaded = load_for_plan(project, PlanOptions())
            planned = await make_plan(
                replace(self.platform, project=project), loaded, PlanOptions()
            )
        except errors.PeakctlError as error:
            self.told += [replace(d, severity=errors.Severity.WARNING) for d in error.diagnostics]
            self.told.append(_NOT_PLANNED)
            return None
        self.told += [*loaded.diagnostics, *planned.diagnostics]
        return planned


_NOT_PLANNED = errors.Diagnostic(
    code="import/not-planned",
    summary="the files were written, and no plan of them could be made: see above",
    fix="correct what is named, then: peakctl plan --unset-env unknown",
    severity=errors.Severity.WARNING,
)


def _warned(problem: errors.Diagnostic, key: model.Key) -> errors.Diagnostic:
    return replace(problem, key=key, severity=errors.Severity.WARNING)


def _unwritable(root: FilePath, error: OSError) -> errors.Diagnostic:
    return errors.Diagnostic(
        code="import/unwritable",
        summary=f'files cannot be written in "{root}": {error.strerror}',
        fix="choose another folder; nothing was written",
    )


def archive_field(kind: Kind, values: model.Tree) -> Field | None:
    """The field of the folder that a resource packs; None where it has no place for one."""
    spec = model.mapping_at(values, ("spec",))
    rule = variant(kind.root.properties["spec"], spec)
    found = rule.properties.get("artifact")
    if found is None or not found.archive:
        return None
    fits = all(
        reveal(said(rule, spec, tuple(other.split(".")))) in allowed
        for other, allowed in found.only_if.items()
    )
    return found if fits else None


def digest_when_packed(unpacked: Unpacked, ignore_files: Sequence[str]) -> str:
    """The digest of the files when they lie in a folder and are packed from there."""
    with tempfile.TemporaryDirectory(prefix="peakctl-") as root:
        folder = FilePath(root) / "files"
        contents = dict(unpacked.files)
        if import_files.KEEP_ALL in ignore_files:
            contents.setdefault(import_files.KEEP_ALL, f"{import_files.KEEP_ALL}\n".encode())
        write_files(folder, contents, executable=unpacked.executable)
        try:
            return pack(folder, ignore_files, FilePath(root)).digest
        except errors.ManifestsInvalid:
            return ""
