"""The changes of a plan as people read them: the manifest's own paths, its names and versions.

The ids of a reference are one change, under the field that names it; items of lists go by name;
equal changes at several places share a line. Nothing is decided by what is made here.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import field, replace

from peakctl.engine.diff.align import keys_of
from peakctl.engine.plan.names import (
    ByName,
    Names,
    Site,
    Told,
    ask_for_names,
    reference_text,
    refers,
    sites,
    written,
)
from peakctl.engine.plan.places import shown_path
from peakctl.kinds.fields import Field, Kind, child, variant
from peakctl.model import MAPS, MISSING, Adapter, Key, Path, Secret, Unknown, Value, dotted
from peakctl.model.plan import Action, Cause, Change, Plan, Reason, ShownChange, Verb
from peakctl.model.records import dataclass
from peakctl.model.values import holds_secret, list_at, map_texts, mapping_at, value_at

MADE = (Verb.CREATE, Verb.REPLACE)
_AGAIN = re.compile(r" \(\d+\)\Z")
"""What follows a key that stands twice."""

InWords = Mapping[Key, tuple[Action, Action]]
"""Actions as they were planned, and as people read them."""


async def show_with_versions(
    plan: Plan,
    kinds: Mapping[str, Kind],
    named: Callable[[Told], Names],
    adapters: Mapping[str, Adapter],
    told: Told,
    known: InWords | None = None,
    mask: Callable[[str], str] = str,
) -> tuple[Plan, Told]:
    """As `show_plan`, after asking for versions that `named` has no number of; what was told."""
    if all(action.says_nothing for action in plan.actions):
        return plan, told
    names = named(told)
    shown = show_plan(plan, kinds, names, mask, known)
    if not names.missing:
        return shown, told
    told = await ask_for_names(names.missing, adapters, told)
    return show_plan(plan, kinds, named(told), mask, known), told


def show_plan(
    plan: Plan,
    kinds: Mapping[str, Kind],
    names: Names,
    mask: Callable[[str], str] = str,
    known: InWords | None = None,
) -> Plan:
    """The plan with what its actions change in manifest form (`Action.shown`).

    An action that is as in `known` is shown as there. Somebody may have written a secret into a
    field that holds none: `mask` masks it.
    """

    def shown(action: Action) -> Action:
        then = known.get(action.key) if known else None
        return then[1] if then and then[0].is_same(action) else _shown(action, kinds, names, mask)

    return Plan(tuple(map(shown, plan.actions)))


def _shown(
    action: Action, kinds: Mapping[str, Kind], names: Names, mask: Callable[[str], str]
) -> Action:
    if action.says_nothing:
        return action
    view = _view(action, kinds[action.key.kind], names)
    changes = view.created() if action.verb in MADE else view.changes()
    kind = kinds[action.key.kind]
    told = {
        dotted(shown_path(c.path, action, kind)): dotted(view.told_at(c.path))
        for c in (action.changes if any(reason.paths for reason in action.reasons) else ())
    }
    reasons = tuple(_with_paths(reason, told) for reason in action.reasons)
    skipped = tuple(replace(each, shown=dotted(view.told_at(each.path))) for each in action.skipped)
    shown = tuple(_masked(change, mask) for change in changes)
    return replace(action, shown=shown, skipped=skipped, reasons=reasons)


def _masked(change: ShownChange, mask: Callable[[str], str]) -> ShownChange:
    wire = (
        replace(
            each,
            path=tuple(mask(part) if isinstance(part, str) else part for part in each.path),
            before=map_texts(each.before, mask),
            after=map_texts(each.after, mask),
        )
        for each in change.wire
    )
    return replace(
        change,
        path=mask(change.path),
        paths=tuple(map(mask, change.paths)),
        before=map_texts(change.before, mask),
        after=map_texts(change.after, mask),
        wire=tuple(wire),
    )


def _with_paths(reason: Reason, told: Mapping[str, str]) -> Reason:
    paths = dict.fromkeys(told.get(path, path) for path in reason.paths)
    return replace(reason, paths=tuple(paths))


def refused(
    changes: Iterable[Change], action: Action, kind: Kind, names: Names
) -> tuple[Change, ...]:
    """Changes that cannot be made, in the manifest's words: they are told, and nothing else."""
    view = _view(action, kind, names)
    return tuple(view.in_words(change) for change in changes)


def _view(action: Action, kind: Kind, names: Names) -> _View:
    live: Value = action.live.values if action.live else {}
    resource = action.resource
    document: Value = resource.document.value if resource else {}
    archives: dict[Path, Value] = {
        path: {**_written_archive(value_at(document, path)), "files": archive.size}
        for path, archive in (resource.archives if resource else {}).items()
    }
    return _View(action, kind.root, live, names, ByName(names, archives))


def _written_archive(value: Value) -> dict[str, Value]:
    """The folder and ignore files as the manifest names them."""
    return dict(value) if isinstance(value, MAPS) and not holds_secret(value) else {}


@dataclass(frozen=True, slots=True)
class _Stop:
    """One map on the way down a path: its rule, and what both sides have there."""

    rule: Field
    path: Path
    live: Value
    desired: Value


Placed = tuple["Path", ShownChange]
"""A change and the parts of its manifest path."""


@dataclass(slots=True)
class _View:
    """One action under way."""

    action: Action
    root: Field
    live: Value
    names: Names
    by_name: ByName
    keys: dict[int, dict[str, int]] = field(default_factory=dict)

    def changes(self) -> Iterator[ShownChange]:
        """What differs, each reference once, equal changes together."""
        of_sites: dict[Path, tuple[Site, list[Change]]] = {}
        of_sets: dict[Path, list[Change]] = {}
        of_keys: dict[tuple[Path, str, frozenset[Cause]], list[ShownChange]] = {}
        found: list[Placed] = []
        for change in self.action.changes:
            stops = self._way(change.path)
            site = self._site(change, stops)
            if site is not None and not change.sensitive:
                of_sites.setdefault(site.at, (site, []))[1].append(change)
            elif self._is_of_set(change, stops):
                of_sets.setdefault(change.path[:-1], []).append(change)
            else:
                path, shown = self._plain(change, stops)
                key = _bare_key(shown, stops) if len(stops) > len(change.path) > 1 else None
                if key is None:
                    found.append((path, shown))
                else:
                    place = (path[:-1], key, self._causes(change))
                    of_keys.setdefault(place, []).append(replace(shown, paths=(dotted(path),)))
        found += [(place[0], each) for place, all_ in of_keys.items() for each in _as_one(all_)]
        found += [self._reference(*each) for each in of_sites.values()]
        found += [self._set(path, changes) for path, changes in of_sets.items()]
        return merged(sorted(found, key=lambda each: dotted(each[0])))

    def _causes(self, change: Change) -> frozenset[Cause]:
        """Who made a change, as far as that is known: what two have made is not one change."""
        path = dotted(change.path)
        return frozenset(each.cause for each in self.action.reasons if path in each.paths)

    # --- the way to a place ------------------------------------------------------------------

    def _way(self, path: Path) -> list[_Stop]:
        """The fields down to `path`, the last one that of its value; it ends where no rule is."""
        rule: Field | None = self.root
        live: Value = self.live
        desired: Value = self.action.desired
        out: list[_Stop] = []
        for number in range(len(path) + 1):
            if rule is None:
                break
            sides: list[Value] = [desired, live]
            rule = variant(rule, *sides)
            out.append(_Stop(rule, path[:number], live, desired))
            if number < len(path):
                part = path[number]
                live, desired = (self._down(rule, side, part) for side in (live, desired))
                rule = child(rule, part)
        return out

    def _down(self, rule: Field, value: Value, part: str | int) -> Value:
        """One entry of a side; items of lists that are compared by key go by it."""
        if isinstance(value, list) and isinstance(part, str):
            if id(value) not in self.keys:
                keys = keys_of(rule, value)
                self.keys[id(value)] = {key: number for number, key in enumerate(keys)}
            number = self.keys[id(value)].get(part)
            return MISSING if number is None else value[number]
        return value_at(value, (part,))

    def told_at(self, path: Path) -> Path:
        """Where a manifest has what is at `path`: for an id, the reference that it is a part of."""
        site = self._site(Change(path, MISSING, MISSING, ""), self._way(path))
        return self.manifest_path(path if site is None else self._named_at(site))

    def manifest_path(self, path: Path) -> Path:
        """`path` with the names of items that the comparison tells apart by their ids."""
        stops = self._way(path)
        return tuple(
            part if number >= len(stops) else self._part(stops[number], part)
            for number, part in enumerate(path)
        )

    def _part(self, stop: _Stop, part: str | int) -> str | int:
        items = stop.rule.items
        rule = items.ref if items and isinstance(part, str) else None
        if rule is None or rule.id_to not in stop.rule.list_key:
            return part
        again = _AGAIN.search(str(part))
        key = str(part)[: again.start()] if again else part
        name = self.names.name(rule.kinds, key)
        return part if name is None else f"{name}{again[0] if again else ''}"

    # --- references --------------------------------------------------------------------------

    def _site(self, change: Change, stops: list[_Stop]) -> Site | None:
        """The reference that a change is of, and of nothing else."""
        for number, stop in enumerate(stops):
            if not refers(stop.rule):
                continue
            for site in sites(stop.rule, stop.path, _above(stops[: number + 1])):
                is_it = site.at == change.path and site.is_whole(change.before, change.after)
                if (is_it or site.concerns(change.path)) and not self._is_secret(site):
                    return site
        return None

    def in_words(self, change: Change) -> Change:
        """A change under the manifest's path; that of a reference with texts for both sides."""
        site = self._site(change, self._way(change.path))
        if site is None or change.sensitive:
            return replace(change, path=self.manifest_path(change.path))
        _, shown = self._reference(site, [change])
        before, after = (reference_text(side) for side in (shown.before, shown.after))
        path = self.manifest_path(self._named_at(site))
        return replace(change, path=path, before=before, after=after)

    def _is_secret(self, site: Site) -> bool:
        """Whether an id is a secret, so that its name is one, too."""
        ends = [self._end(part) for part in site.parts]
        return any(isinstance(side, Secret) for end in ends for side in end)

    def _end(self, path: Path) -> tuple[Value, Value]:
        """What both sides have at `path`, the live one first."""
        stops = self._way(path)
        last = stops[-1]
        return (last.live, last.desired) if len(stops) > len(path) else (MISSING, MISSING)

    def _reference(self, site: Site, changes: list[Change]) -> Placed:
        before, after = (self._written(site, changes, side) for side in (0, 1))
        if before == after:
            before, after = (self._written(site, changes, side, ids=True) for side in (0, 1))
        shown = _change(before, after, changes)
        return self.manifest_path(self._named_at(site)), replace(shown, reference=True)

    def _named_at(self, site: Site) -> Path:
        """Where the manifest has the reference: it may give an id that is not inside a map."""
        gives_id = not site.inside and self._manifest_at(site.id_at) is not MISSING
        return site.id_at if gives_id else site.at

    def _written(self, site: Site, changes: list[Change], side: int, *, ids: bool = False) -> Value:
        """One side of a reference by name; with `ids` also its id, where two have one name."""
        id_ = self._side_at(site.id_at, changes, side)
        version = self._side_at(site.version_at, changes, side) if site.version_at else MISSING
        found = written(site, self.names, id_, version, sure=False)
        if not ids or isinstance(id_, Unknown):
            return found
        if isinstance(found, dict):
            return {**found, "name": f"{found['name']} (id {id_})"}
        return f"{found} (id {id_})" if isinstance(found, str) else found

    def _side_at(self, path: Path, changes: list[Change], side: int) -> Value:
        """What one side has at `path`: as a change has it, else as the tree does."""
        for change in changes:
            length = len(change.path)
            if change.path == path[:length]:
                return value_at((change.before, change.after)[side], path[length:])
        return self._end(path)[side]

    # --- everything else ---------------------------------------------------------------------

    def _plain(self, change: Change, stops: list[_Stop]) -> Placed:
        """What is added is shown as the manifest has it, without defaults that it leaves out."""
        before, after = change.before, change.after
        if len(stops) > len(change.path):
            rule, desired = stops[-1].rule, stops[-1].desired
            if before is MISSING and not change.sensitive and desired is not MISSING:
                after = desired
            if before is MISSING or not rule.archive:
                before, after = self._tree(rule, change.path, stops, before, after)
                after = in_order(after, self._manifest_at(change.path))
        return self.manifest_path(change.path), _change(before, after, [change])

    def _manifest_at(self, path: Path) -> Value:
        values: Value = self.action.resource.values if self.action.resource else MISSING
        return value_at(values, path)

    def _tree(
        self, rule: Field, path: Path, stops: list[_Stop], *values: Value
    ) -> tuple[Value, Value]:
        above = _above(stops[:-1])
        before, after = (self.by_name.tree(rule, each, path, above) for each in values)
        return before, after

    def _is_of_set(self, change: Change, stops: list[_Stop]) -> bool:
        """Whether a change is that of one plain item of a set."""
        if change.sensitive or len(stops) <= len(change.path) or len(stops) < 2:
            return False
        holder, value = stops[-2], change.after if change.before is MISSING else change.before
        sides = (holder.live, holder.desired)
        return (
            holder.rule.unordered
            and not isinstance(value, MAPS)
            and not any(holds_secret(side) for side in sides)
        )

    def _set(self, path: Path, changes: list[Change]) -> Placed:
        """The changes of the items of a set as one of the whole, in the order of each side."""
        stop = self._way(path)[-1]
        live, desired = list_at(stop.live), list_at(stop.desired)
        words = {*keys_of(stop.rule, desired), *(change.path[-1] for change in changes)}
        keys = keys_of(stop.rule, live)
        before = [item for key, item in zip(keys, live, strict=True) if key in words]
        return self.manifest_path(path), _change(before or MISSING, desired or MISSING, changes)

    def created(self) -> Iterator[ShownChange]:
        """The top fields of `metadata` and `spec`; the name is in the headline already."""
        whole = self.by_name.tree(self.root, self.action.desired)
        whole = in_order(whole, self._manifest_at(()))
        for room in ("metadata", "spec"):
            rule = self.root.properties[room]
            for word, value in mapping_at(whole, (room,)).items():
                if (room, word) == ("metadata", "name"):
                    continue
                sent = value_at(self.action.desired, (room, word))
                wire = Change((room, word), MISSING, sent, "create", holds_secret(sent))
                path = dotted((room, word))
                named = _is_reference(rule.properties.get(word), value)
                yield ShownChange(
                    path, MISSING, value, (path,), (wire,), wire.sensitive, reference=named
                )


def in_order(value: Value, like: Value) -> Value:
    """`value` with the keys of its maps in the order in which `like` has them."""
    if isinstance(value, MAPS) and isinstance(like, MAPS):
        words = dict.fromkeys((*(word for word in like if word in value), *value))
        return {word: in_order(value[word], like.get(word, MISSING)) for word in words}
    if isinstance(value, list) and isinstance(like, list) and len(value) == len(like):
        return [in_order(*pair) for pair in zip(value, like, strict=True)]
    return value


def _above(stops: Iterable[_Stop]) -> tuple[tuple[Field, Value], ...]:
    """Rules with the values that may state a scope: the manifest's, else the live ones."""
    return tuple(
        (stop.rule, stop.live if stop.desired is MISSING else stop.desired) for stop in stops
    )


def _change(before: Value, after: Value, wire: Sequence[Change]) -> ShownChange:
    """What `wire` comes to, without its place."""
    return ShownChange(
        path="",
        before=before,
        after=after,
        wire=tuple(wire),
        sensitive=any(change.sensitive for change in wire),
        restarts=any(change.redeploys for change in wire),
    )


def _bare_key(shown: ShownChange, stops: Sequence[_Stop]) -> str | None:
    """The key of an item of a list that says nothing else (`cron` of a trigger), if it is one.

    Its path has the key's value already: with the value beside it that would be told twice.
    """
    item = shown.after if shown.before is MISSING else shown.before
    is_whole = MISSING in (shown.before, shown.after)
    if not is_whole or shown.sensitive or not isinstance(item, MAPS) or len(item) != 1:
        return None
    ((word, value),) = item.items()
    is_key = (word,) in stops[-2].rule.list_key and isinstance(value, str | int)
    return word if is_key else None


def _as_one(found: list[ShownChange]) -> list[ShownChange]:
    """An item that goes and one that comes instead are one change; more of them stay apart."""
    gone = [each for each in found if each.after is MISSING]
    come = [each for each in found if each.before is MISSING]
    if len(gone) != 1 or len(come) != 1:
        return found
    both = _change(gone[0].before, come[0].after, (*gone[0].wire, *come[0].wire))
    return [replace(both, paths=(*gone[0].paths, *come[0].paths))]


def _is_reference(rule: Field | None, value: Value) -> bool:
    """Whether a value in manifest form names something and says nothing else."""
    if rule is None or rule.ref is None or not isinstance(value, MAPS) or "name" not in value:
        return False
    return set(value) <= {"kind", "name", *(rule.ref.version or ())[:1]}


# --- equal changes together ----------------------------------------------------------------------

MOST_NAMES = 8
"""Of places that share a line."""


def merged(found: Sequence[Placed]) -> Iterator[ShownChange]:
    """The changes in order; those that are equal but for one name on the way share one."""
    beside: dict[tuple[object, ...], list[int]] = defaultdict(list)
    for number, placed in enumerate(found):
        for place in _places_beside(*placed):
            beside[place].append(number)
    done: set[int] = set()
    for number, (path, shown) in enumerate(found):
        if number in done:
            continue
        equal = ([n for n in beside[each] if n not in done] for each in _places_beside(path, shown))
        together = max(equal, key=len, default=[number])
        done.update(together)
        paths = [found[each][0] for each in together]
        yield replace(
            shown,
            path=path_text(paths),
            paths=tuple(dict.fromkeys(p for each in together for p in _paths(*found[each]))),
            wire=tuple(change for each in together for change in found[each][1].wire),
        )


def _paths(path: Path, shown: ShownChange) -> tuple[str, ...]:
    return shown.paths or (dotted(path),)


def _places_beside(path: Path, shown: ShownChange) -> Iterator[tuple[object, ...]]:
    """What the change has in common with equal ones under another name, for each such name.

    Names of rooms and of the field itself stay, and which secrets are equal is not told.
    """
    if shown.sensitive:
        return
    what = (shown.reference, shown.restarts, repr(shown.before), repr(shown.after))
    for at in range(1, len(path) - 1):
        yield (*what, path[:at], path[at + 1 :])


def path_text(paths: list[Path]) -> str:
    """`spec.steps.{alert,train}.imageDetails` of paths that differ in one name."""
    first, paths = paths[0], list(dict.fromkeys(paths))
    if len(paths) == 1:
        return dotted(first)
    at = next(i for i, parts in enumerate(zip(*paths, strict=True)) if len({*parts}) > 1)
    names = [dotted((path[at],)) for path in paths]
    if len(names) > MOST_NAMES:
        names = [*names[: MOST_NAMES - 1], f"… {len(names) - MOST_NAMES + 1} more"]
    head, rest = dotted(first[:at]), dotted(first[at + 1 :])
    return f"{head}.{{{','.join(names)}}}{'' if rest.startswith('[') else '.'}{rest}"
