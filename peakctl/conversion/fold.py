"""Several bodies of one resource as one draft: what came last is what is wanted now."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from peakctl.conversion.commands import Mode
from peakctl.conversion.drafts import Draft, value_at
from peakctl.conversion.tree import Map, Piece, told
from peakctl.errors import Diagnostic, Severity
from peakctl.model.values import list_at

_ORDER = list(Mode)
_WHOLES = (Mode.CREATE, Mode.CREATE_OR_UPDATE)
_WHOLE = {
    "Image": ("buildDetails", "artifact", "version", "autodeployResources"),
    "Artifact": ("artifact", "scan", "validate"),
    "BlockSpec": ("release", "config", "parameters", "artifact"),
    "AppSpec": ("release", "config", "parameters"),
    "BlockDeployment": ("parameters", "revision"),
    "AppDeployment": ("parameters", "appParameters", "revision"),
}
"""What a new version, release or revision states as a whole."""
_AS_A_WHOLE = frozenset(("env",))
"""Mappings that a patch replaces, as the client does."""


def fold(
    drafts: Iterable[Draft], names: dict[tuple[str, str], str]
) -> tuple[list[Draft], list[Diagnostic]]:
    """One draft for each resource. `names` are those of resources by kind and id.

    Bodies of scripts come in the order of their lines, others after them by what they do, a higher
    version after a lower one. An error tells of each body whose resource cannot be told.
    """
    found: list[Draft] = []
    problems: list[Diagnostic] = []
    waiting: list[Draft] = []
    for draft in sorted(drafts, key=_rank):
        if draft.mode in _WHOLES:
            problems += _add_whole(draft, found)
        elif not _add_part(draft, found, names, problems):
            waiting.append(draft)
    for draft in waiting:  # what creates their resource came later, or is not here
        if _add_part(draft, found, names, problems):
            continue
        if draft.name or (draft.kind, draft.target) in names:
            draft.metadata.setdefault("name", names.get((draft.kind, draft.target), ""))
            found.append(draft)
        else:
            problems.append(_no_owner(draft, found))
    return found, problems


def _add_whole(draft: Draft, found: list[Draft]) -> list[Diagnostic]:
    """Add a draft that creates something, or fold it into one of the same name."""
    other = next((o for o in found if _group(o) == _group(draft) and o.name == draft.name), None)
    if other is None or not draft.name:
        found.append(draft)
    elif draft.mode is Mode.CREATE_OR_UPDATE or _same(other, draft):
        _fold(other, draft)
    else:
        return [_twice(other, draft)]
    return []


def _add_part(
    draft: Draft,
    found: Sequence[Draft],
    names: dict[tuple[str, str], str],
    problems: list[Diagnostic],
) -> bool:
    """Fold a draft into what it is a part of; false where that is not among `found`."""
    owner = _owner(draft, found, names)
    if owner is None:
        return False
    problems += _alone(owner, draft, names)
    _fold(owner, draft)
    return True


def _group(draft: Draft) -> str:
    """Services and webapps share their names, and so do deployments of both sorts."""
    if draft.kind in ("Service", "Webapp"):
        return "Service"
    return "Deployment" if draft.kind.endswith("Deployment") else draft.kind


def _same(one: Draft, two: Draft) -> bool:
    """Whether two creates are of one file (a script runs it in several branches), or alike."""
    return one.sources[:1] == two.sources[:1] or (one.metadata, one.spec) == (
        two.metadata,
        two.spec,
    )


def _twice(one: Draft, two: Draft) -> Diagnostic:
    return told(
        "convert/duplicate-name",
        f'two bodies create {two.kind} "{two.name}"',
        two.place,
        one.place,
        fix="leave one of them out, or convert them into different folders",
        severity=Severity.ERROR,
    )


def _rank(draft: Draft) -> tuple[int, int, tuple[int, ...]]:
    if draft.line:
        return 0, draft.line, ()
    return 1, _ORDER.index(draft.mode), _numbers(draft)


def _numbers(draft: Draft) -> tuple[int, ...]:
    path = ("version",) if draft.kind == "Image" else ("release", "version")
    version = value_at(draft.spec, path)
    return tuple(int(n) for n in re.findall(r"\d+", str(version or ""))[:3])


def _owner(draft: Draft, found: Sequence[Draft], names: dict[tuple[str, str], str]) -> Draft | None:
    """The resource that a body is a part of: by variable, id, name, or since there is one alone."""
    mine = [each for each in found if _fits(each, draft)]
    by_variable = [each for each in mine if each.captured and each.captured == draft.target]
    name = names.get((draft.kind, draft.target)) or draft.name
    by_name = [each for each in mine if name and each.name == name]
    near = [each for each in mine if _folder(each) == _folder(draft)]
    alone = near if len(near) == 1 else mine
    if by_variable or by_name:
        return (by_variable or by_name)[-1]
    return alone[0] if len(alone) == 1 and draft.target not in _known(names) else None


def _alone(whole: Draft, part: Draft, names: dict[tuple[str, str], str]) -> list[Diagnostic]:
    """A note where a body says nothing of what it is a part of, and there was no choice."""
    known = part.name == whole.name or (part.kind, part.target) in names
    if known or (whole.captured and whole.captured == part.target):
        return []
    return [
        told(
            "convert/folded",
            f"taken as a part of {whole.kind} {whole.name}, the only one here",
            part.place,
            severity=Severity.NOTE,
        )
    ]


def _known(names: dict[tuple[str, str], str]) -> set[str]:
    return {target for _, target in names}


def _fits(whole: Draft, part: Draft) -> bool:
    return whole.kind == part.kind or (
        part.kind == "Deployment" and whole.kind.endswith("Deployment")
    )


def _folder(draft: Draft) -> str:
    return draft.place.file.rpartition("/")[0]


def _no_owner(draft: Draft, found: Sequence[Draft]) -> Diagnostic:
    others = [each.name for each in found if _fits(each, draft)]
    of = f" ({', '.join(others)})" if others else ""
    detail = f'its id is "{draft.target}"' if draft.target.isalnum() else ""
    return told(
        "convert/no-name",
        f"which {draft.kind}{of} it is a part of cannot be told",
        draft.place,
        detail=detail,
        fix="give the body that creates it too, or name a tenant with -e, which knows ids",
        severity=Severity.ERROR,
    )


def _fold(whole: Draft, part: Draft) -> None:
    whole.sources += [each for each in part.sources if each not in whole.sources]
    whole.comments += part.comments
    whole.head = whole.head if part.head in whole.head else f"{whole.head}\n{part.head}".strip()
    whole.captured = whole.captured or part.captured
    whole.params |= part.params
    whole.known |= part.known
    _fold_metadata(whole, part)
    if part.steps is not None:
        _patch_steps(whole, part)
    if part.mode is Mode.UPDATE and whole.kind == "Workflow":
        whole.spec = part.spec
        return
    for key in _WHOLE.get(whole.kind, ()) if part.mode is Mode.VERSION else ():
        if key in part.spec:
            whole.spec.pop(key, None)
    if part.mode is Mode.PATCH:
        _drop_empty_triggers(part)
        for key in (key for key in part.spec if key != "steps"):
            whole.spec.pop(key, None)
    merge(whole.spec, part.spec, deep=part.mode not in (Mode.UPDATE, Mode.CREATE_OR_UPDATE))
    if part.mode is Mode.METADATA and part.spec.get("scope", whole.spec.get("scope")) != "shared":
        whole.spec.pop("tenants", None)


def _fold_metadata(whole: Draft, part: Draft) -> None:
    old = whole.metadata.get("name")
    merge(whole.metadata, part.metadata, deep=False)
    new = whole.metadata.get("name")
    if old and new != old and not isinstance(old, Piece):
        names = [each for each in list_at(whole.metadata, ("previousNames",)) if each != new]
        whole.metadata.put("previousNames", [*names, old])


def merge(whole: Map, part: Map, *, deep: bool) -> None:
    """Put the keys of `part` over those of `whole`; `deep`: mappings within them, too."""
    for key in list(part):
        inner, other = whole.get(key), part[key]
        if deep and isinstance(inner, Map) and isinstance(other, Map) and key not in _AS_A_WHOLE:
            merge(inner, other, deep=True)
            part.pop(key)
        else:
            whole.take(key, part)


def _drop_empty_triggers(part: Draft) -> None:
    triggers = part.spec.get("triggers")
    if isinstance(triggers, list):
        part.spec["triggers"] = [each for each in triggers if each]


def _patch_steps(whole: Draft, part: Draft) -> None:
    """What flags of `workflows patch` say of the named steps, or of all of them."""
    steps = whole.spec.get("steps")
    assert part.steps is not None  # noqa: S101 - asked by the caller
    for name, step in steps.items() if isinstance(steps, Map) else ():
        if isinstance(step, Map) and (not part.step_names or name in part.step_names):
            merge(step, copied(part.steps), deep=True)


def copied(tree: Map) -> Map:
    """A copy of a mapping and all mappings in it."""
    out = Map()
    for key, value in tree.items():
        out.put(key, copied(value) if isinstance(value, Map) else value, tree.places.get(key))
    out.notes = dict(tree.notes)
    return out
