"""A plan and its outcomes for people: one line an action, details below, the counts last."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from peakctl.model import STEP_VERBS, Action, Outcome, Owned, Plan, State, Status, Step, Verb
from peakctl.present.changes import MADE, change_lines, shown_changes
from peakctl.present.files import file_lines, replaces
from peakctl.present.reasons import aside_text, because_text, effects_summary
from peakctl.present.text import Line, counted, first_names, indent, line

SYMBOLS = {
    Verb.CREATE: "+",
    Verb.BUILD: "*",
    Verb.RELEASE: "^",
    Verb.REVISE: "^",
    Verb.EDIT: "~",
    Verb.REDEPLOY: ">",
    Verb.REPLACE: "-/+",
    Verb.DELETE: "-",
    Verb.KEEP: "=",
}
DONE = {
    Verb.CREATE: "created",
    Verb.BUILD: "built",
    Verb.RELEASE: "released",
    Verb.REVISE: "revised",
    Verb.EDIT: "edited",
    Verb.REDEPLOY: "redeployed",
    Verb.REPLACE: "replaced",
    Verb.DELETE: "deleted",
}
"""What an action has done, in the order in which the last line counts them."""
_MARGIN = 4
FIELD_LINES = 8
"""How many lines of the fields of what is created are shown unless all are asked for."""
CHANGE_LINES = 40
VERBOSE_LINES = 1_000
"""How many lines of the changes of one action are shown, and when all are asked for."""
MOST_FIELD_LINES = 400
"""The same for all resources of a plan together, which share them evenly."""
_LITTLE = 2


def plan_lines(
    plan: Plan,
    *,
    show_all: bool = False,
    show_ignored: bool = False,
    verbose: bool = False,
    because: bool = True,
) -> tuple[Line, ...]:
    """Every line but the last.

    Unchanged resources show with `show_all`, or where there is a note about one; `show_ignored`
    adds each difference that plans nothing and why; `verbose` adds the fields of what is created,
    and what there is an aside about.
    Without `because` the reasons are told elsewhere.
    """
    shown = [
        a
        for a in plan.actions
        if show_all or is_shown(a) or (show_ignored and a.skipped) or (verbose and a.asides)
    ]
    wide = max((len(_with_symbol(a.verb)) for a in shown), default=0)
    made = sum(action.verb in MADE for action in shown)
    room = min(FIELD_LINES, MOST_FIELD_LINES // max(made, 1))
    lines: list[Line] = []
    for action in shown:
        changes = _changes(action, verbose=verbose, room_if_made=room)
        reasons = _because(action) if because else ()
        details = (*reasons, *changes, *_remarks(action, show_ignored=show_ignored))
        if details and lines and lines[-1]:
            lines.append(())
        lines += [_headline(action, wide), *indent(details, _MARGIN)]
        if details:
            lines.append(())
    if lines and lines[-1]:
        lines.append(())
    if not (room or verbose):
        lines += [line(("--verbose shows the fields of what is created", "dim")), ()]
    return tuple(lines)


def plan_summary(plan: Plan) -> str:
    """The last line: the same words in the same order each time, counting resources."""
    counts = [f"{n} to {verb}" for verb in DONE if (n := plan.count(verb))]
    same = _unchanged(plan.count(Verb.KEEP))
    if counts:
        effects = effects_summary(plan)
        return " ".join(filter(None, (f"Plan: {', '.join((*counts, *same))}.", effects)))
    return " ".join(("No changes.", *(f"{words}." for words in same)))


def applied_summary(plan: Plan, outcomes: Sequence[Outcome], took: float) -> str:
    """The last line after an apply. `took` is in seconds."""
    ended = {outcome.key: outcome for outcome in outcomes}
    verbs = [o.verb for o in outcomes if o.status is Status.DONE]
    counts = [f"{n} {word}" for verb, word in DONE.items() if (n := verbs.count(verb))]
    same = _unchanged(sum(_is_unchanged(a, ended.get(a.key)) for a in plan.actions))
    return f"Applied: {', '.join((*(counts or ['nothing']), *same))} in {duration(took)}."


def _unchanged(number: int) -> tuple[str, ...]:
    return (f"{number} unchanged",) if number else ()


def duration(seconds: float) -> str:
    """`3.2s`, `3m12s` or `1h04m`."""
    if seconds < 60:
        return f"{seconds:.1f}s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}m{rest:02}s" if minutes < 60 else f"{minutes // 60}h{minutes % 60:02}m"


def verb_word(verb: Verb) -> str:
    """The verb of something under way: what is kept is only waited for."""
    return "wait" if verb is Verb.KEEP else str(verb)


def _is_unchanged(action: Action, outcome: Outcome | None) -> bool:
    if outcome is None:
        return action.verb is Verb.KEEP
    if action.verb is Verb.KEEP:
        return outcome.status.good
    return outcome.status is Status.ALREADY_RIGHT


def is_shown(action: Action) -> bool:
    """Whether an action says anything: it changes, it waits, or there is a note about it."""
    return action.verb is not Verb.KEEP or bool(action.steps or action.notes)


def _headline(action: Action, wide: int) -> Line:
    verb, aside = action.verb, aside_text(action)
    return line(
        (f"{_with_symbol(verb):<{wide}}", verb),
        "  ",
        (str(action.key), verb if action.deletes else "bold"),
        f"  {versions_text(action)}" if action.version else "",
        (_also(action), "dim"),
        (f"  ({aside})" if aside else "", "note" if action.consequences else "dim"),
    )


def _with_symbol(verb: Verb) -> str:
    return f"{SYMBOLS[verb]} {verb}"


def headline_text(action: Action) -> str:
    """The first line of an action, without roles."""
    return "".join(text for text, _ in _headline(action, 0))


def versions_text(action: Action) -> str:
    """`0.0.1 -> 0.0.2` where a version is made, else the one that there is; "" for none."""
    live = action.live.version if action.live else None
    makes = action.verb in (Verb.BUILD, Verb.RELEASE, Verb.REVISE)
    if live and makes and action.version and live != action.version:
        return f"{live} -> {action.version}"
    return action.version or ""


def _also(action: Action) -> str:
    """What the action does beside the verb that it counts under."""
    if Step.WAIT in action.steps:
        return f"  ({_awaited(action)})"
    if action.verb is Verb.REPLACE:
        return "  (delete, then create)"
    others = dict.fromkeys(str(STEP_VERBS[step]) for step in action.steps)
    others.pop(action.verb, None)
    return f"  (and {', '.join(others)})" if others else ""


def _awaited(action: Action) -> str:
    if Step.CREATE in action.steps:
        return "waits until the one before is gone"
    failed = action.live is not None and action.live.state is State.FAILED
    return "failed" if failed else "waits until it is ready"


def _changes(action: Action, *, verbose: bool, room_if_made: int) -> Iterator[Line]:
    fields = [
        change_lines(change, verbose=verbose)
        for change in shown_changes(action)
        if not replaces(action, change)
    ]
    yield from file_lines(action, verbose=verbose)
    is_made = action.verb in MADE
    room = VERBOSE_LINES if verbose else room_if_made if is_made else CHANGE_LINES
    if not room:
        return
    rest_of = "-o json has all" if verbose else "--verbose shows all"
    yield from _first_lines(fields, room, "field" if is_made else "change", rest_of)


def _first_lines(
    fields: Sequence[tuple[Line, ...]], room: int, word: str, rest_of: str
) -> Iterator[Line]:
    """The first fields, as many as there is room for; how many lines and fields are left out.

    All of them where little would be left out.
    """
    if sum(len(field) for field in fields) <= room + _LITTLE:
        yield from (row for field in fields for row in field)
        return
    for done, field in enumerate(fields):
        yield from field[:room]
        left = len(field) - room
        room = max(room - len(field), 0)
        rest = len(fields) - done - 1
        if left > 0 or (not room and rest):
            more = [counted(left, "more line")] if left > 0 else []
            more += [counted(rest, f"more {word}")] if rest else []
            yield line((f"… {', '.join(more)}; {rest_of}", "dim"))
            return


def _because(action: Action) -> Iterator[Line]:
    if reasons := because_text(action):
        yield line(("because: ", "dim"), reasons)


def _remarks(action: Action, *, show_ignored: bool) -> Iterator[Line]:
    role = action.verb if action.verb is Verb.DELETE else "note"
    for note in (*action.notes, *action.asides):
        yield line(("note: ", role), note)
    if show_ignored:
        for skipped in action.skipped:
            yield line(("ignored ", "dim"), skipped.shown, (f": {skipped.reason}", "dim"))


def undeclared_lines(undeclared: Sequence[Owned]) -> tuple[Line, ...]:
    """What the project owns and no manifest names any more, and what becomes of it."""
    if not undeclared:
        return ()
    names = first_names([str(owned.key) for owned in undeclared])
    them = "it" if len(undeclared) == 1 else "them"
    return (line("No longer declared: ", (names, "bold"), f" (kept; --prune deletes {them})"),)
