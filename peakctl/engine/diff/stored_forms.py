"""Changes that no apply ends: the platform stores a text in another form, or ignores an edit.

The ledger keeps short digests of the texts that were sent and of the edits that were made. With
them a plan tells a text that was trimmed or normalised from one that somebody changed, and does not
make the same edit for ever in silence.
"""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from itertools import takewhile

from peakctl.engine.diff.compare import Diff
from peakctl.errors import Diagnostic, Severity, diagnose
from peakctl.ledger.digests import NO_DIGESTS, Digests, StoredDigests
from peakctl.model import MAPS, MISSING, Action, Change, Resource, Secret, Skipped, Tree, Value
from peakctl.model.values import dotted, holds_unseen, leaves, reveal, unknowns

STORED_OTHERWISE = "the platform stores it in another form than it was sent"
_TOUCHY = frozenset("\n&<>\"'")
"""Characters that HTML writes otherwise, and line ends."""
_SHOWN = 40
"""Characters of a text that a message shows on each side of the first difference."""


def normal_form(text: str) -> str:
    """The same for all forms that a platform may store a text in: without white space at the ends

    of lines and of the whole, one kind of line end, composed characters, one letter case, no
    escapes of HTML.
    """
    if "&" in text:
        import html

        text = html.unescape(text)
    text = unicodedata.normalize("NFC", text).casefold()
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    return "\n".join(line.rstrip() for line in lines).strip()


def is_other_form(change: Change) -> bool:
    """Whether both sides are the same but for the form of their texts."""
    before, after = reveal(change.before), reveal(change.after)
    return bool(before != after and _normal(before) == _normal(after))


def _normal(value: Value) -> Value:
    match value:
        case str():
            return normal_form(value)
        case list():
            return [_normal(each) for each in value]
        case _ if isinstance(value, MAPS):
            return {word: _normal(each) for word, each in value.items()}
        case _:
            return value


def settle(resource: Resource, diff: Diff, memory: StoredDigests) -> tuple[Diff, list[Diagnostic]]:
    """The diff without what the platform only stores in another form; what is to be said.

    A change is left out when the ledger has it that this very text was sent before. One that was
    made by the last apply already stays, with a warning; so does one of the form alone where no
    ledger tells whether it was ever sent, with a note.
    """
    left, told = [], []
    skipped = list(diff.skipped)
    items, changes = _with_items_paired(diff.changes)
    for removed, added in items:
        if not _was_sent(_as_one(removed, added), memory):
            changes += [removed, added]
            continue
        skipped += [Skipped(each.path, STORED_OTHERWISE) for each in (removed, added)]
        told.append(_stored_otherwise(resource, _as_one(removed, added)))
    for change in sorted(changes, key=lambda each: dotted(each.path)):
        if is_other_form(change) and _was_sent(change, memory):
            skipped.append(Skipped(change.path, STORED_OTHERWISE))
            told.append(_stored_otherwise(resource, change))
            continue
        left.append(change)
        if is_other_form(change) and not change.sensitive and memory is NO_DIGESTS:
            told.append(_form_alone(resource, change))
        elif (words := edit_words(change)) is not None and memory.was_edited(words):
            told.append(_made_before(resource, change))
    return replace(diff, changes=tuple(left), skipped=tuple(skipped)), told


def _with_items_paired(
    changes: Iterable[Change],
) -> tuple[list[tuple[Change, Change]], list[Change]]:
    """Items of lists that went under one form of their key and came under another; the rest."""
    rest = list(changes)
    pairs = []
    for added in [each for each in rest if each.before is MISSING]:
        removed = next((each for each in rest if _is_same_item(each, added)), None)
        if removed is not None:
            pairs.append((removed, added))
            rest = [each for each in rest if each is not removed and each is not added]
    return pairs, rest


def _is_same_item(removed: Change, added: Change) -> bool:
    return (
        removed.after is MISSING
        and removed.path[:-1] == added.path[:-1]
        and _normal(removed.path[-1]) == _normal(added.path[-1])
        and _normal(reveal(removed.before)) == _normal(reveal(added.after))
    )


def _as_one(removed: Change, added: Change) -> Change:
    """The two as a change of the item, its key with it."""
    before, after = [removed.path[-1], removed.before], [added.path[-1], added.after]
    sensitive = removed.sensitive or added.sensitive
    return replace(added, before=before, after=after, sensitive=sensitive)


def _was_sent(change: Change, memory: StoredDigests) -> bool:
    """Whether what differs in form is what was sent, as far as the ledger knows."""
    if isinstance(change.after, Secret):
        return memory.same(change.path, change.after) is True
    texts = set(_texts(change.after)) - set(_texts(reveal(change.before)))
    return bool(texts) and all(memory.was_sent(text) for text in texts)


def _texts(value: Value) -> Iterator[str]:
    """The plain texts in a value; not secrets."""
    return (leaf for leaf in leaves(value) if isinstance(leaf, str))


def edit_words(change: Change) -> list[Value] | None:
    """What tells one edit from another; None for one that is not to be remembered."""
    sides = (change.before, change.after)
    if change.sensitive or any(holds_unseen(s) or any(unknowns(s)) for s in sides):
        return None
    return [dotted(change.path), change.before, change.after]


def forms_sent(sent: Tree, digests_of: Digests) -> dict[str, str]:
    """Entries for the texts of `sent` that a platform might store in another form."""
    texts = sorted({text for text in _texts(sent) if _may_change(text)})
    return _numbered("sent", (digests_of.short(text) for text in texts))


def edits_made(action: Action, digests_of: Digests) -> dict[str, str]:
    """Entries for the edits that an action has made to what was there before."""
    changes = action.changes if action.live is not None else ()
    words = [words for change in changes if (words := edit_words(change)) is not None]
    return _numbered("edit", (digests_of.short(each) for each in words))


def remembered_forms(digests: Mapping[str, str]) -> dict[str, str]:
    """Those of the entries that are of texts and edits, not of places."""
    return {name: each for name, each in digests.items() if name.startswith(("sent:", "edit:"))}


def _numbered(word: str, digests: Iterable[str]) -> dict[str, str]:
    return {f"{word}:{number}": each for number, each in enumerate(digests)}


def _may_change(text: str) -> bool:
    """Whether a text has something in it that a platform might normalise."""
    return text != normal_form(text) or bool(_TOUCHY & {*text}) or not text.isascii()


def _stored_otherwise(resource: Resource, change: Change) -> Diagnostic:
    at = dotted(change.path)
    detail, fix = "its value is a secret, and not shown", "take white space at its ends away"
    if not change.sensitive:
        sent, stored = _first_difference(change.after, change.before)
        detail = f"sent: {sent}\nstored: {stored}"
        fix = f"write it in the form that is stored: {stored}"
    return _warning(
        resource,
        change,
        "plan/stored-otherwise",
        f"the platform stores {at} in another form than it was sent; it is left as it is",
        detail,
        fix,
    )


def _made_before(resource: Resource, change: Change) -> Diagnostic:
    at = dotted(change.path)
    return _warning(
        resource,
        change,
        "plan/edit-again",
        f"the last apply made this very change of {at}, and it is to be made again",
        "somebody changes it back, or the platform does not take it",
        f"see who changes it; lifecycle.ignoreChanges: [{at}] leaves it alone",
    )


def _form_alone(resource: Resource, change: Change) -> Diagnostic:
    at = dotted(change.path)
    sent, stored = _first_difference(change.after, change.before)
    told = _warning(
        resource,
        change,
        "plan/form-alone",
        f"{at} differs in its form alone: white space, line ends, letter case or the like",
        f"manifest: {sent}\nlive: {stored}",
        "if the same edit is planned again, the platform stores it so: write the live form",
    )
    return replace(told, severity=Severity.NOTE)


def _warning(
    resource: Resource, change: Change, code: str, summary: str, detail: str, fix: str
) -> Diagnostic:
    return diagnose(
        resource, change.path, code, summary, detail=detail, fix=fix, severity=Severity.WARNING
    )


def _first_difference(after: Value, before: Value) -> tuple[str, str]:
    """The first texts that differ, each cut around the first difference."""
    pairs = zip(_texts(after), _texts(before), strict=False)
    one, two = next(pair for pair in pairs if pair[0] != pair[1])
    same = takewhile(lambda pair: pair[0] == pair[1], zip(one, two, strict=False))
    at = len(list(same))
    return _cut(one, at), _cut(two, at)


def _cut(text: str, at: int) -> str:
    start, end = max(0, at - _SHOWN), at + _SHOWN
    word = json.dumps(text[start:end], ensure_ascii=False)
    return f"{'…' if start else ''}{word}{'…' if end < len(text) else ''}"
