"""What refers to what in a project, and whom a change of one resource reaches, in it and beyond."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from peakctl.engine.graph import Reached, reached_by
from peakctl.engine.observe.version_uses import observe_users
from peakctl.errors import Diagnostic, PeakctlError, Severity
from peakctl.ledger.ownership import find_owners
from peakctl.model import Key, LiveId, Location, Owner, Resource, dotted
from peakctl.model.records import dataclass
from peakctl.operations.get import declared_resources, find_ledgers, parts_of
from peakctl.operations.load import validate
from peakctl.operations.platform import Platform, connect
from peakctl.operations.project import Project, telling
from peakctl.operations.target import find_target

NOT_FOUND = "live/not-found"


@dataclass(frozen=True, slots=True)
class GraphNode:
    """One resource. `place` is where a manifest declares it; None: it is outside of the project."""

    key: Key
    place: Location | None = None


@dataclass(frozen=True, slots=True)
class GraphEdge:
    """`source` refers to `target` in the field `path`, maybe to one version of it."""

    source: Key
    target: Key
    path: str
    version: str | None = None


@dataclass(frozen=True, slots=True)
class ResourceGraph:
    """The resources of the manifests with what they refer to, by key."""

    nodes: tuple[GraphNode, ...]
    edges: tuple[GraphEdge, ...]
    diagnostics: tuple[Diagnostic, ...] = ()


@dataclass(frozen=True, slots=True)
class LiveUse:
    """Something live that refers to the resource: which, at which versions, and whose it is.

    `owner` is the project whose ledger has it, or what it is a part of (`part_of`); None for
    nobody's. `declared` says that a manifest of this project names it, or what it is a part of.
    `label` has its release or revision.
    """

    key: Key
    id: str | int
    label: str
    versions: tuple[str, ...] = ()
    owner: Owner | None = None
    part_of: str = ""
    declared: bool = False


@dataclass(frozen=True, slots=True)
class Impact:
    """Whom a change of one resource reaches: by the manifests, and as the platform has it now.

    `project` are those of the manifests, the nearest first. `live` is None where it is not live.
    """

    key: Key
    owner: Owner | None
    project: tuple[Reached, ...]
    live: tuple[LiveUse, ...] | None
    diagnostics: tuple[Diagnostic, ...] = ()

    @property
    def others(self) -> tuple[LiveUse, ...]:
        """Users that another project owns."""
        return tuple(e for e in self.live or () if e.owner not in (None, self.owner))

    @property
    def ours(self) -> tuple[LiveUse, ...]:
        """Users that this project owns, and no manifest of it names any more."""
        found = (e for e in self.live or () if e.owner is not None and e.owner == self.owner)
        return tuple(each for each in found if not each.declared)

    @property
    def nobodys(self) -> tuple[LiveUse, ...]:
        """Users that no project owns and no manifest of this one names."""
        return tuple(e for e in self.live or () if e.owner is None and not e.declared)


def resource_graph(
    project: Project, select: Sequence[str] = (), exclude: Sequence[str] = ()
) -> ResourceGraph:
    """The graph of the manifests. Nothing is asked of the platform. Raises as `validate`."""
    loaded = validate(project, select, exclude)
    return graph_of(
        {key: loaded.resources[key] for key in sorted(loaded.chosen)},
        loaded.resources,
        loaded.diagnostics,
    )


def graph_of(
    chosen: Mapping[Key, Resource],
    resources: Mapping[Key, Resource],
    diagnostics: tuple[Diagnostic, ...] = (),
) -> ResourceGraph:
    """The graph of `chosen`; what they refer to may be among `resources`, or outside."""
    edges = [edge for key, each in chosen.items() for edge in _edges(key, each, resources)]
    keys = {*chosen, *(edge.target for edge in edges)}
    nodes = (GraphNode(key, _place(resources.get(key))) for key in sorted(keys))
    return ResourceGraph(tuple(nodes), tuple(edges), diagnostics)


def _edges(
    key: Key, resource: Resource, resources: Mapping[Key, Resource]
) -> tuple[GraphEdge, ...]:
    found = []
    for reference in resource.references:
        if reference.edge:
            keys = [Key(kind, reference.name) for kind in reference.kinds]
            target = next((each for each in keys if each in resources), keys[0])
            found.append(GraphEdge(key, target, dotted(reference.at), reference.version))
    waits = [
        GraphEdge(key, target, f"dependsOn[{n}]") for n, target in enumerate(resource.depends_on)
    ]
    return (*found, *waits)


def _place(resource: Resource | None) -> Location | None:
    return None if resource is None else resource.document.locate(("metadata", "name"))


# --- whom a change reaches -----------------------------------------------------------------------


async def impact_async(project: Project, key: Key) -> Impact:
    """Whom a change of one resource reaches. Changes nothing.

    Everything live that may refer to it is read completely. Raises PeakctlError where neither a
    manifest nor the platform has it, ManifestsInvalid, LedgerUnusable, NotAuthenticated, ApiError.
    """
    async with connect(project) as platform:
        return await find_impact(platform, key)


async def find_impact(platform: Platform, key: Key) -> Impact:
    """As `impact_async`, on a platform that is connected."""
    project = platform.project
    with telling() as told:
        resources = declared_resources(project, platform.kinds) if project.file else {}
        prefixed = Key(key.kind, f"{project.prefix}{key.name}")
        named = prefixed if prefixed in resources else key
        live = await _live_id(platform, key, resources, named, told)
        reached = reached_by(named, resources)
        if live is None:
            return Impact(named, project.owner, reached, None, tuple(told))
        uses = await _uses(platform, live, resources, told)
        return Impact(named, project.owner, reached, uses, tuple(told))


async def _live_id(
    platform: Platform,
    key: Key,
    resources: Mapping[Key, Resource],
    named: Key,
    told: list[Diagnostic],
) -> LiveId | None:
    """What it is live; None, with a note, for what only a manifest has."""
    try:
        return LiveId.of(key.kind, (await find_target(platform, key)).id)
    except PeakctlError as error:
        if named not in resources or [d.code for d in error.diagnostics] != [NOT_FOUND]:
            raise
    summary = "it is not live yet: only manifests can refer to it"
    told.append(Diagnostic("graph/not-live", summary, key=named, severity=Severity.NOTE))
    return None


async def _uses(
    platform: Platform, target: LiveId, resources: Mapping[Key, Resource], told: list[Diagnostic]
) -> tuple[LiveUse, ...]:
    found = await observe_users(target, platform.kinds, platform.adapters)
    lives = [live for live, _ in found]
    ledgers = await find_ledgers(platform, {live.live_id for live in lives}, told)
    owners = find_owners(platform.project.owner, ledgers.ours, ledgers.others).ids
    of_keys = {str(key): ledger.owner for ledger in ledgers.all for key in ledger.owned}
    known = {str(o.id): str(k) for ledger in ledgers.all for k, o in ledger.owned.items()}
    known |= {str(live.id): str(live.key) for live in lives}
    part_of = await parts_of(platform, lives, told)
    numbers = await _numbers(platform, target)
    declared = {str(key) for key in resources}
    return tuple(
        LiveUse(
            live.key,
            live.id,
            str(live.key) if live.number is None else f"{live.key}@{live.number}",
            tuple(sorted(numbers.get(each, each) for each in versions)),
            owners.get(live.live_id) or of_keys.get(whole),
            whole,
            not declared.isdisjoint((str(live.key), whole)),
        )
        for live, versions in found
        for whole in (_named(part_of.get(live.live_id, ""), known),)
    )


def _named(whole: str, known: Mapping[str, str]) -> str:
    """What something is a part of by its key, where the platform tells its id alone."""
    return known.get(whole.rpartition(" ")[2], whole)


async def _numbers(platform: Platform, target: LiveId) -> dict[str, str]:
    """The numbers of its versions by their ids, where they have any."""
    adapter = platform.adapters[target.kind]
    listed = await adapter.look_up(target.id, {})
    if listed is None or not adapter.numbered:
        return {}
    versions = await adapter.versions(listed)
    return {str(each.id): each.number for each in versions if each.id is not None}
