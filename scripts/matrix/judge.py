"""What one step of a walk shows of its field."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from matrix.rows import Leaves, differing
from matrix.schema import EACH, ITEM, Variant
from matrix.values import is_open, scalars, tokens
from peakctl.kinds.fields import Absent

if TYPE_CHECKING:
    from matrix.schema import SettableField, Step
    from peakctl.kinds.fields import Field
    from peakctl.model import Path

Parts = tuple[str | None, ...]


@dataclass(frozen=True)
class Pattern:
    """A path in a plan; None stands for whatever an item is called there.

    An `exact` one is that of a map or list which the platform does not show: it is told whole, but
    nothing beside the field in it may be told by itself.
    """

    path: tuple[str | None, ...]
    exact: bool = False


class Verdict(enum.StrEnum):
    """How a field fares, from the worst to the best."""

    REFUSED = "REFUSED"  # peakctl or the platform refuses the change, and says so
    COLLATERAL_CHANGE = "COLLATERAL_CHANGE"  # something else changes too, or in its place
    UPDATE_IGNORED = "UPDATE_IGNORED"  # planned and applied, but what is live is not the value
    DRIFT_AFTER_APPLY = "DRIFT_AFTER_APPLY"  # the plan after the apply is not empty
    NO_PLAN = "NO_PLAN"  # the change is not planned
    OK = "OK"


@dataclass(frozen=True)
class Finding:
    """A verdict other than OK, of one step."""

    verdict: Verdict
    step: str
    detail: str


@dataclass(frozen=True)
class Seen:
    """All that one step showed: the plan before, the outcome, the plan after, what is stored."""

    action: dict[str, Any]
    outcome: dict[str, Any]
    again: dict[str, Any]
    before: Leaves
    after: Leaves


def judge(
    field: SettableField, patterns: list[Pattern], live: Any, wanted: Any, seen: Seen
) -> list[tuple[Verdict, str]]:
    """What was wrong with a step from `live` to `wanted` (both settled meanings)."""
    changes = seen.action["changes"]
    paths = [change["path"] for change in changes]
    outside = [change["path"] for change in changes if not _is_near(change, patterns)]
    surely = not (is_open(live) or is_open(wanted))
    found: list[tuple[Verdict, str]] = []
    if surely and live != wanted and seen.action["verb"] == "unchanged":
        found.append((Verdict.NO_PLAN, "nothing is planned"))
    if surely and live == wanted and paths:
        found.append((Verdict.COLLATERAL_CHANGE, f"planned though nothing changes: {paths}"))
    elif outside:
        found.append((Verdict.COLLATERAL_CHANGE, f"planned elsewhere: {outside}"))
    if seen.outcome["status"] not in ("done", "already right"):
        found.append((Verdict.REFUSED, f"{seen.outcome['message']} {seen.outcome['detail']}"))
    elif seen.again["verb"] != "unchanged":
        left = [change["path"] for change in seen.again["changes"]] or seen.again["verb"]
        found.append((Verdict.DRIFT_AFTER_APPLY, f"planned again: {left}"))
    return found + _stored(field, live, wanted, seen, changed=bool(paths) and surely)


def _stored(
    field: SettableField, live: Any, wanted: Any, seen: Seen, *, changed: bool
) -> list[tuple[Verdict, str]]:
    """What the store says of it."""
    if is_number(field):
        return []
    places = differing(seen.before, seen.after)
    words = wire_words(field)
    outside = [".".join(at) for at in places if not words & set(at)]
    if outside:
        return [(Verdict.COLLATERAL_CHANGE, f"stored elsewhere: {outside}")]
    if changed and live != wanted and not places:
        return [(Verdict.UPDATE_IGNORED, "what is stored is as before")]
    return []


def missing_of(field: SettableField, value: Any, after: Leaves) -> list[Any]:
    """The leaves of a value that are not stored at the field's place."""
    if field.rule.ref or field.rule.file_for or field.rule.archive or field.word in TRANSLATED:
        return []
    words = wire_words(field)
    held = {str(leaf) for at, leaf in after.items() if words & set(at)}
    keys = {part for at in after for part in at}
    silent = {str(each) for each in (*defaults_of(field.rule).values(), field.rule.default, False)}
    return [leaf for leaf in scalars(value) if str(leaf) not in held | keys | silent]


def defaults_of(rule: Field) -> dict[str, Any]:
    """Defaults in and below a field, by property: whether they are sent makes no difference."""
    found: dict[str, Any] = {}
    parts = [*rule.properties.items(), ("", rule.extra), ("", rule.items)]
    for word, inner in [*parts, *((v, each) for v, each in rule.variants.items())]:
        if inner is None:
            continue
        if inner.absent is Absent.DEFAULT and word in rule.properties:
            found[word] = inner.default
        found |= defaults_of(inner)
    return found


def is_number(field: SettableField) -> bool:
    """Whether the field numbers a version: the store counts versions beside what they hold."""
    return field.name.endswith("release.version") or (field.kind, field.name) == VERSION


VERSION = ("Image", "spec.version")
TRANSLATED = frozenset(
    [
        "name",
        "id",
        "imageId",
        "version",
        "versionId",
        "imageVersionId",
        "release",
        "releaseVersion",
        "kind",
        "path",
        "ignore_files",
        "instanceType",
        "webhook",
        "webhookId",
        "webhookPolicy",
        "triggers",
        "entityId",
        "entityType",
        "labels",
        "previousNames",
        "resources",
        "imageDetails",
        "blockSpec",
        "appSpec",
        "config",
        "includes",
        "excludes",
        "steps",
    ]
)
"""Fields whose value the platform holds in another form: ids for names, a webhook for true."""
WIRE: dict[str, set[str]] = {
    "name": {"imageId", "imageVersionId", "versionId", "id", "config", "includes", "excludes"},
    "version": {"imageVersionId", "versionId", "release"},
    "imageDetails": {"imageId", "imageVersionId"},
    "imageId": {"imageVersionId", "versionId"},
    "id": {"versionId"},
    "instanceType": {"instanceTypeId"},
    "path": {"digest", "notes", "artifact-version", "description"},
    "ignore_files": {"digest", "notes", "artifact-version", "description"},
    "artifact": {"digest", "notes", "description"},
    "descriptionFile": {"description"},
    "notesFile": {"notes"},
    "release": {"releaseVersion"},
    "blockSpec": {"spec"},
    "appSpec": {"spec"},
    "scope": {"facet"},
    "type": {"facet"},
    "serviceType": {"facet"},
    "webhookPolicy": {"webhook", "triggers"},
    "cron": {"triggers"},
    "webhookId": {"triggers"},
    "imageRef": set(),
}


def wire_words(field: SettableField) -> set[str]:
    """The keys under which the platform may hold the field."""
    return {field.word, *WIRE.get(field.word, ())}


def patterns_of(field: SettableField) -> list[Pattern]:
    """The paths under which a plan may show a change of the field."""
    own = _pattern(field.steps)
    found = [Pattern(own)]
    unseen = False
    for steps, rule in (*field.above, (field.steps, field.rule)):
        unseen |= rule.unseen
        found += [Pattern(path) for path in _ids(steps, rule)]
        if rule.archive or rule.ref or rule.short_for:
            found.append(Pattern(_pattern(steps)))
        if unseen:
            found.append(Pattern(_pattern(steps), exact=True))
    if field.rule.file_for:
        found.append(Pattern((*own[:-1], field.rule.file_for)))
    return found + _of_reference(field, own)


def _of_reference(field: SettableField, own: Parts) -> list[Pattern]:
    """The ids of a reference that the field is one of: a plan tells of both in one line."""
    steps, holder = field.above[-1]
    every = (_ids((*steps, word), rule) for word, rule in holder.properties.items())
    return [Pattern(path) for ids in every if own in ids for path in ids]


def _pattern(steps: tuple[Step, ...]) -> Parts:
    plain = [step for step in steps if not isinstance(step, Variant)]
    return tuple(None if step in (EACH, ITEM) else step for step in plain)


def _ids(steps: tuple[Step, ...], rule: Field) -> list[Parts]:
    """Where ids stand for the name that a field gives."""
    if rule.ref is None:
        return []
    holder = _pattern(steps)
    if "string" in rule.types:
        holder = holder[:-1]
    targets = (rule.ref.id_to, rule.ref.version_to, rule.ref.kind_to)
    return [_joined(holder, path) for path in targets if path]


def _joined(holder: Parts, path: Path) -> Parts:
    for step in path:
        holder = holder[:-1] if step == ".." else (*holder, str(step))
    return holder


def _is_near(change: dict[str, Any], patterns: list[Pattern]) -> bool:
    """Whether a change is at the field, or at the list around it with its places in the field."""
    own, places = [change["path"]], change["paths"]
    return any(all(any(is_near(w, p) for p in patterns) for w in each) for each in (own, places))


def is_near(path: str, pattern: Pattern) -> bool:
    """Whether a path of a plan is the field, lies in it, or is the very item that holds it."""
    told, wanted = tokens(path), pattern.path
    if any(want is not None and want != part for want, part in zip(wanted, told, strict=False)):
        return False
    if pattern.exact:
        return len(told) == len(wanted)
    last = max((i + 1 for i, want in enumerate(wanted) if want is None), default=len(wanted))
    return len(told) >= last
