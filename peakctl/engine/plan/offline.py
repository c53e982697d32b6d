"""A plan without a tenant: as if the manifests of another commit, and nothing else, were applied.

Those manifests are planned for an empty tenant, and what that would make stands for what is live:
ids are names there, and what they refer to beside themselves is taken to be there. So the planner
compares as ever; what only a tenant can tell (numbers of versions, states, owners) is left out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace

from peakctl import model
from peakctl.engine.observe.file_changes import compare_archives
from peakctl.engine.observe.live_state import LiveState, Pin, outside_references
from peakctl.engine.plan.names import Names
from peakctl.engine.plan.planner import make_plan
from peakctl.engine.plan.shown import show_plan
from peakctl.engine.plan.steps import fixed_version
from peakctl.engine.record import record, uses_of
from peakctl.errors import Diagnostic, Severity
from peakctl.kinds.fields import Kind
from peakctl.ledger.ownership import find_owners
from peakctl.model.records import dataclass
from peakctl.model.values import mapping_at

Resources = Mapping[model.Key, model.Resource]
_LATEST = "latest"
_SALT = "offline"


@dataclass(frozen=True, slots=True)
class Compared:
    """What the manifests change of those of another commit.

    `plan` is for readers: it has nothing live, and cannot be carried out. `removed` are the
    resources that the manifests name no more. `problems` are those of the comparison,
    `base_problems` those for which the other manifests cannot be compared with at all.
    """

    plan: model.Plan
    removed: tuple[model.Key, ...] = ()
    problems: tuple[Diagnostic, ...] = ()
    base_problems: tuple[Diagnostic, ...] = ()


def compare_resources(
    base: Resources,
    resources: Resources,
    kinds: Mapping[str, Kind],
    owner: model.Owner,
    redact: Callable[[str], str] = str,
) -> Compared:
    """What `resources` change of `base`, as actions with their reasons and consequences."""
    made = make_plan(base, LiveState(pins=_pins(base, {})), kinds)
    errors = tuple(d for d in made.diagnostics if d.severity is Severity.ERROR)
    if errors:
        return Compared(model.Plan(()), base_problems=errors)
    applied = _Applied(base, made.plan, kinds)
    observed = applied.state(resources, owner)
    planned = make_plan(resources, observed, kinds)
    shown = show_plan(planned.plan, kinds, Names(planned.plan.actions, observed, kinds, {}, redact))
    invented = _invented((made.plan, planned.plan), observed.pins, kinds)
    actions = (_without_tenant(a, kinds[a.key.kind], applied, invented) for a in shown.actions)
    names = {
        model.Key(k.kind, n) for k, r in resources.items() for n in (k.name, *r.previous_names)
    }
    removed = tuple(sorted(key for key in base if key not in names))
    return Compared(model.Plan(tuple(actions)), removed, planned.diagnostics)


def _pins(resources: Resources, versions: Mapping[model.Key, str]) -> dict[Pin, model.Tree | None]:
    """What is referred to and not declared, as if it were there; `versions` are known ones."""
    return {
        (kind, each.name, each.version, each.scope): _attributes(each, kind, versions)
        for each in outside_references(resources)
        for kind in each.kinds
    }


def _attributes(
    reference: model.Reference, kind: str, versions: Mapping[model.Key, str]
) -> model.Tree:
    known = versions.get(model.Key(kind, reference.name), _LATEST)
    version = reference.version or known
    return {"id": reference.name, "version": version, "number": version}


@dataclass(frozen=True, slots=True)
class _Applied:
    """The manifests of the base, as if they had been applied: `plan` makes all of them."""

    base: Resources
    plan: model.Plan
    kinds: Mapping[str, Kind]

    def state(self, resources: Resources, owner: model.Owner) -> LiveState:
        """A tenant that has the base, as a plan of `resources` would see it."""
        live = {action.key: self._live(action) for action in self.plan.actions}
        ledger = self._ledger(live, owner)
        versions = {key: each.version for key, each in live.items() if each.version}
        listed: dict[str, tuple[model.Listed, ...]] = dict.fromkeys(self.kinds, ())
        for key in live:
            listed[key.kind] += (model.Listed(key.name, key.name),)
        found = dict(self._found(resources, live))
        pins = {**_pins(self.base, versions), **_pins(resources, versions)}
        owners = find_owners(owner, ledger, ())
        return LiveState(listed, found, pins, ledger=ledger, owners=owners)

    def _found(
        self, resources: Resources, live: Mapping[model.Key, model.Live]
    ) -> Iterator[tuple[model.Key, model.Live]]:
        for key, resource in resources.items():
            names = (key.name, *resource.previous_names)
            same = (live[k] for name in names if (k := model.Key(key.kind, name)) in live)
            if (first := next(same, None)) is not None:
                yield key, replace(first, key=key)

    def _live(self, action: model.Action) -> model.Live:
        version, key = action.version, action.key
        values = mapping_at(self._known(action.desired))
        attributes = {"id": key.name, "version": version, "number": version}
        return model.Live(
            key, key.name, values, version=version, latest=version, attributes=attributes
        )

    def _known(self, value: model.Value) -> model.Value:
        """`value` with the names of what it uses for their ids, and the numbers of versions."""
        if isinstance(value, model.Unknown):
            return value.of.name if value.attribute == "id" else self._number(value.of)
        if isinstance(value, model.MAPS):
            return {word: self._known(each) for word, each in value.items()}
        return [self._known(each) for each in value] if isinstance(value, list) else value

    def _number(self, key: model.Key) -> str:
        return next(a.version or _LATEST for a in self.plan.actions if a.key == key)

    def _ledger(self, live: Mapping[model.Key, model.Live], owner: model.Owner) -> model.Ledger:
        """What an apply of the base would have written down: digests of what reads do not show."""
        outcomes = [
            model.Outcome(
                key, model.Verb.CREATE, model.Status.DONE, id=each.id, applied=each.values
            )
            for key, each in live.items()
        ]
        empty = model.Ledger(owner, _SALT)
        owned = record(self.plan, outcomes, empty, self.kinds, uses=uses_of(self.base))
        return replace(empty, owned=owned)

    def before(self, action: model.Action) -> model.Resource | None:
        """The base's resource that an action changes."""
        return (
            self.base.get(model.Key(action.key.kind, str(action.live.id))) if action.live else None
        )


def _without_tenant(
    action: model.Action, kind: Kind, applied: _Applied, invented: Invented
) -> model.Action:
    """The action with its files, and without what only a tenant knows."""
    follows = {path for r in action.reasons if r.cause is model.Cause.FOLLOWS for path in r.paths}
    reasons = () if action.verb is model.Verb.CREATE else action.reasons
    files = compare_archives(action, applied.before(action))
    at = files.at if files else None
    return replace(
        action,
        live=None,
        version=_fixed(action, kind),
        reasons=tuple(replace(reason, version=None) for reason in reasons),
        shown=tuple(
            _shown(each, invented, at) for each in action.shown if not {*each.paths} <= follows
        ),
        files=files,
    )


def _shown(
    change: model.ShownChange, invented: Invented, files_at: model.Path | None
) -> model.ShownChange:
    """The change in manifest form alone; of the wire only digests of files are not made up."""
    return replace(
        change,
        before=_without_numbers(change.before, invented),
        after=_without_numbers(change.after, invented),
        wire=tuple(each for each in change.wire if each.path == files_at),
    )


def _fixed(action: model.Action, kind: Kind) -> str | None:
    """The number that the manifest states."""
    if kind.versions is None or action.resource is None:
        return None
    return fixed_version(kind.versions, action.resource.values)


Invented = frozenset[tuple[model.Value, model.Value]]
"""Names with numbers of versions that no manifest states: they stand for whatever is live."""


def _invented(
    plans: Iterable[model.Plan], pins: Iterable[Pin], kinds: Mapping[str, Kind]
) -> Invented:
    of_plans = {
        (a.key.name, a.version)
        for plan in plans
        for a in plan.actions
        if a.version is not None and _fixed(a, kinds[a.key.kind]) is None
    }
    return frozenset(of_plans | {(name, _LATEST) for _, name, *_ in pins})


def _without_numbers(value: model.Value, invented: Invented) -> model.Value:
    """`value` without the numbers of references that stand for whatever is live."""
    if isinstance(value, model.MAPS):
        name = value.get("name")
        return {
            word: _without_numbers(each, invented)
            for word, each in value.items()
            if not (isinstance(name, str) and isinstance(each, str) and (name, each) in invented)
        }
    return (
        [_without_numbers(each, invented) for each in value] if isinstance(value, list) else value
    )
