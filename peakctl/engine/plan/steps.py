"""The step table: which calls a difference asks for, which version they make, what is refused."""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

from peakctl.engine.diff.compare import IGNORED, Diff
from peakctl.engine.diff.ignored import keep_live
from peakctl.errors import Diagnostic, Severity, diagnose
from peakctl.kinds.fields import Field, Kind, Versions, variant
from peakctl.model import STEP_VERBS, Action, Change, Live, Resource, State, Step, Verb
from peakctl.model.records import dataclass
from peakctl.model.text import status_word
from peakctl.model.values import MISSING, Tree, dotted, value_at

if TYPE_CHECKING:
    import semver

CALL_STEPS = {
    "build": Step.CREATE_VERSION,
    "release": Step.CREATE_RELEASE,
    "revise": Step.CREATE_REVISION,
    "patch": Step.PATCH_PARAMETERS,
    "update": Step.UPDATE,
    "edit": Step.UPDATE_METADATA,
}
UPLOADING = frozenset((Step.CREATE, Step.CREATE_VERSION, Step.UPDATE_VERSION, Step.CREATE_RELEASE))
"""The calls that send the archive of a folder, where there is one."""
SEVERITY = list(Verb)
STEP_ORDER = list(CALL_STEPS.values())


RECREATE = "choose a new metadata.name, and delete the old resource when nothing uses it"
RENAME = (
    "take the old name out of previousNames: one of the new name is created then, and --prune "
    "deletes the old one (an image: with --prune-history)"
)


@dataclass(frozen=True, slots=True)
class Chosen:
    """An action, or the problems that forbid it; warnings may come along with an action."""

    action: Action | None
    problems: tuple[Diagnostic, ...] = ()


def verb_of(steps: Iterable[Step]) -> Verb:
    """The most severe verb of some steps; an action without steps keeps."""
    return min((STEP_VERBS[s] for s in steps), key=SEVERITY.index, default=Verb.KEEP)


def fixed_version(versions: Versions, desired: Tree) -> str | None:
    """The number that the manifest states; None for `auto`."""
    stated = value_at(desired, versions.at)
    return None if stated in (MISSING, None, "auto") else str(stated)


def plan_create(resource: Resource, kind: Kind, desired: Tree) -> Action:
    """The action for a resource that is not there."""
    steps = [Step.CREATE]
    late = [
        (path, rule)
        for path, rule in stated_fields(kind.root, desired)
        if rule.after_create and value_at(desired, path) is not None
    ]
    steps += dict.fromkeys(CALL_STEPS[rule.call] for _, rule in late)
    version = None
    if kind.versions is not None:
        version = fixed_version(kind.versions, desired) or kind.versions.first
    changes = tuple(
        Change(path, MISSING, value_at(desired, path), rule.call) for path, rule in late
    )
    return Action(
        resource.key,
        Verb.CREATE,
        tuple(steps),
        changes,
        version=version,
        desired=desired,
        resource=resource,
    )


def stated_fields(
    rule: Field, value: Tree, path: tuple[str | int, ...] = ()
) -> list[tuple[tuple[str | int, ...], Field]]:
    """Every property of the schema that `value` states, free maps and lists not entered."""
    out: list[tuple[tuple[str | int, ...], Field]] = []
    for word, inner in variant(rule, value).properties.items():
        here = value_at(value, (word,))
        if here is MISSING:
            continue
        out.append(((*path, word), inner))
        if isinstance(here, dict):
            out += stated_fields(inner, here, (*path, word))
    return out


def choose_steps(
    resource: Resource,
    kind: Kind,
    desired: Tree,
    live: Live,
    diff: Diff,
    *,
    retry_failed: bool = False,
    told: Told = tuple,
) -> Chosen:
    """The action for a resource that is there."""
    problems = refusals(resource, live, diff, told)
    decision = _decide(kind, desired, live, diff)
    problems += version_problems(resource, kind, decision, diff, told)
    if any(p.severity is Severity.ERROR for p in problems):
        return Chosen(None, tuple(problems))
    steps = _called(kind, diff, decision)
    steps, notes = _after_failure(kind, live, steps, decision, retry_failed=retry_failed)
    for skipped in diff.skipped:
        if skipped.reason == IGNORED:
            keep_live(kind.root, desired, live.values, skipped.path)
    action = Action(
        resource.key,
        verb_of(steps),
        tuple(steps),
        diff.changes,
        diff.skipped,
        (*notes, *live.notes),
        version=_number(kind, live, decision, steps),
        desired=desired,
        live=live,
        resource=resource,
    )
    return Chosen(action, tuple(problems))


def _number(kind: Kind, live: Live, decision: Decision, steps: list[Step]) -> str | None:
    """The number that the action makes, or keeps; None for a kind whose versions have none."""
    if kind.versions is None:
        return None
    made = decision.version if {Step.CREATE_VERSION, Step.CREATE_RELEASE} & set(steps) else None
    return made or live.version


def _decide(kind: Kind, desired: Tree, live: Live, diff: Diff) -> Decision:
    versions = kind.versions
    if versions is None:
        return Decision(Verdict.KEEP, None)
    differs = any(c.call == versions.call for c in diff.changes)
    fixed = fixed_version(versions, desired)
    repairable = kind.lifecycle.on_failed == Step.UPDATE_VERSION and live.state is State.FAILED
    if repairable and fixed in (None, live.version):
        return Decision(Verdict.KEEP, live.version)
    return decide(
        fixed,
        live.version,
        live.latest,
        differs=differs,
        first=versions.first,
        flavours=versions.flavours,
    )


def _called(kind: Kind, diff: Diff, decision: Decision) -> list[Step]:
    """The calls that carry the changes, in the order in which they are made."""
    calls = {c.call for c in diff.changes if c.call}  # none: live has another shape than the schema
    for change in diff.changes:
        instead = kind.removals.get(change.call)
        if instead and change.after is MISSING:
            calls.add(instead)
    for call in list(calls):
        calls -= set(kind.carries.get(call, ()))
    if kind.versions is not None:
        calls.discard(kind.versions.call)
        if decision.makes:
            calls.add(kind.versions.call)
    return sorted((CALL_STEPS[c] for c in calls), key=STEP_ORDER.index)


def _after_failure(
    kind: Kind, live: Live, steps: list[Step], decision: Decision, *, retry_failed: bool
) -> tuple[list[Step], list[str]]:
    """What the live state adds: waiting for what is under way, repairing what failed."""
    if live.state is State.PENDING:
        return [Step.WAIT, *steps], [f"{status_word(live.status)} now; waited for first"]
    if live.state is State.WARNING:
        return steps, [f"live status is {status_word(live.status)}"]
    if live.state is State.FAILED and not decision.makes:
        repair = Step(kind.lifecycle.on_failed)
        if not {Step.CREATE_REVISION, repair} & set(steps):
            return [*steps, repair], [f"live status is {status_word(live.status)}"]
    if live.state is State.STUCK:
        return _unstick(kind, live, steps, retry_failed=retry_failed)
    return steps, []


def _unstick(
    kind: Kind, live: Live, steps: list[Step], *, retry_failed: bool
) -> tuple[list[Step], list[str]]:
    """A state that only new content ends: a revision, where the kind has revisions."""
    if "revise" not in kind.carries or Step.CREATE_REVISION in steps:
        return steps, [f"live status is {status_word(live.status)}"]
    carried = {CALL_STEPS[call] for call in kind.carries["revise"]}
    if retry_failed or carried & set(steps):
        rest = [step for step in steps if step not in carried]
        return [Step.CREATE_REVISION, *rest], [
            f"live status is {status_word(live.status)}; tried again"
        ]
    return steps, [
        f"live status is {status_word(live.status)}; --retry-failed makes a new revision"
    ]


Told = Callable[[Sequence[Change]], Iterable[Change]]
"""Puts changes that are refused into the words of the manifest."""


def refusals(resource: Resource, live: Live, diff: Diff, told: Told) -> list[Diagnostic]:
    """Why the live resource may not be changed at all, or not in these fields."""
    problems: list[Diagnostic] = []
    if live.foreign:
        problems.append(
            diagnose(
                resource,
                ("metadata", "name"),
                "live/not-ours",
                f'"{resource.key.name}" is not this project\'s to change: {live.foreign}',
                fix="choose another name, or manage what it belongs to instead",
            )
        )
    refused = [change for change in diff.changes if change.immutable]
    return problems + [_immutable(resource, change) for change in told(refused)]


def _immutable(resource: Resource, change: Change) -> Diagnostic:
    before, after = (_in_words(value) for value in (change.before, change.after))
    renamed = change.path == ("metadata", "name")
    return diagnose(
        resource,
        change.path,
        "plan/immutable",
        f"{dotted(change.path)} cannot change once the resource is there",
        detail=f"live: {before}, manifest: {after}; {change.immutable}",
        fix=RENAME if renamed else RECREATE,
    )


def _in_words(value: object) -> str:
    return "nothing" if value is MISSING else str(value)


def version_problems(
    resource: Resource,
    kind: Kind,
    decision: Decision,
    diff: Diff,
    told: Told,
) -> list[Diagnostic]:
    """Why the manifest's fixed number cannot be made, or what to know of it, as a warning."""
    versions = kind.versions
    if versions is None or decision.verdict in (Verdict.KEEP, Verdict.MAKE):
        return []
    severity = Severity.ERROR
    if decision.verdict is Verdict.REUSED:
        differing = told([c for c in diff.changes if c.call == versions.call])
        fields = sorted({dotted(change.path) for change in differing})
        summary = f'version "{decision.version}" is there with other content, and never changes'
        detail = f"these fields differ: {', '.join(fields)}"
    elif decision.verdict is Verdict.LOWER:
        summary = f'version "{decision.version}" does not rise above those that exist'
        detail = "it is built; what names no version of this image may go on using a higher one"
        severity = Severity.WARNING
    else:
        summary = f'version "{decision.version}" is not there, and numbers must rise'
        detail = ""
    return [
        diagnose(
            resource,
            versions.at,
            f"plan/version-{decision.verdict}",
            summary,
            detail=detail,
            fix=f"use {decision.proposal}, or leave the number out to let peakctl choose",
            severity=severity,
        )
    ]


class Verdict(enum.StrEnum):
    """What the manifest's number and the live ones ask for."""

    KEEP = "keep"
    MAKE = "make"
    LOWER = "lower"  # made as well: a fixed number that does not rise, where that is allowed
    REUSED = "reused"  # a fixed number whose content differs from what is live
    TOO_LOW = "too-low"  # a fixed number that is not there and does not rise


@dataclass(frozen=True, slots=True)
class Decision:
    """The verdict, the number that it is about, and the number to propose when refused."""

    verdict: Verdict
    version: str | None
    proposal: str = ""

    @property
    def makes(self) -> bool:
        """Whether there will be a new version."""
        return self.verdict in (Verdict.MAKE, Verdict.LOWER)


def parse_version(text: str) -> semver.Version | None:
    """The semantic version that `text` spells, or None."""
    import semver

    try:
        return semver.Version.parse(text)
    except ValueError:
        return None


def next_patch(version: str, *, flavours: bool = False) -> str:
    """The next patch number: `1.2.3` -> `1.2.4`.

    What follows the three numbers goes, unless it is a flavour: `0.0.1-python3.9` ->
    `0.0.2-python3.9`. A number that is not semantic gets `.1` appended, which at least differs.
    """
    parsed = parse_version(version)
    if parsed is None:
        return f"{version}.1"
    suffix = {"prerelease": parsed.prerelease, "build": parsed.build} if flavours else {}
    return str(parsed.finalize_version().bump_patch().replace(**suffix))


def is_newer(version: str, than: str) -> bool:
    """Semantic versioning order; numbers that are not semantic count as newer when they differ."""
    left, right = parse_version(version), parse_version(than)
    if left is None or right is None:
        return version != than
    return left > right


def newest(versions: Iterable[str]) -> str | None:
    """The greatest of some numbers, or None of none."""
    best: str | None = None
    for version in versions:
        if best is None or is_newer(version, best):
            best = version
    return best


def decide(
    fixed: str | None,
    compared: str | None,
    latest: str | None,
    *,
    differs: bool,
    first: str = "0.0.1",
    flavours: bool = False,
) -> Decision:
    """What to do about a resource that exists.

    `fixed` is the manifest's number (None: auto), `compared` the live number that was compared,
    `latest` the newest live one, `differs` whether the content does, `first` the number to begin
    with where there is none at all. With `flavours` a number need not rise, and the next one keeps
    its suffix.
    """
    top = latest or compared
    if fixed is None:
        if top is None:
            return Decision(Verdict.MAKE, first)
        if not differs:
            return Decision(Verdict.KEEP, compared)
        return Decision(Verdict.MAKE, next_patch(top, flavours=flavours))
    if fixed == compared:
        if differs:
            return Decision(Verdict.REUSED, fixed, next_patch(top or fixed, flavours=flavours))
        return Decision(Verdict.KEEP, fixed)
    if top is not None and not is_newer(fixed, top):
        verdict = Verdict.LOWER if flavours else Verdict.TOO_LOW
        return Decision(verdict, fixed, next_patch(top, flavours=flavours))
    return Decision(Verdict.MAKE, fixed)
