"""What an execution is started with: values, steps, or a payload as the platform takes it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import field, replace

from peakctl.errors import Diagnostic, UsageError
from peakctl.model import JsonDict, JsonObject, Source, Tree, Value, mapping_at
from peakctl.model.records import dataclass

LAST_LINES = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOptions:
    """What to run and how far to follow it.

    `payload` is the body of the platform's call, and what else is given is laid over it: `inputs`
    are values for all steps, `step_inputs` those of single steps; `steps` are those to run (none:
    all), with those that depend on them where `with_dependents` is true. With `detach` it is
    started and no more; after `timeout` seconds it is followed no further. Of a step that fails the
    last `tail` lines of the log are told.
    """

    payload: JsonObject = field(default_factory=dict)
    inputs: Mapping[str, str] = field(default_factory=dict)
    step_inputs: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    steps: tuple[str, ...] = ()
    with_dependents: bool = False
    detach: bool = False
    timeout: float | None = None
    tail: int = LAST_LINES


def run_body(options: RunOptions) -> JsonDict:
    """The body of the call that starts a workflow; empty for a plain run."""
    given = mapping_at(options.payload, ("params",))
    shared = {**mapping_at(given, ("global",)), **options.inputs}
    single = {name: dict(mapping_at(each)) for name, each in _stepwise(given).items()}
    for name, values in options.step_inputs.items():
        single[name] = {**single.get(name, {}), **values}
    chosen: list[Value] = list(options.payload.get("stepsToRun") or [])
    if options.steps:
        chosen = [{"stepName": s, "runDAG": options.with_dependents} for s in options.steps]
    every = {"global": shared, "stepWise": single}
    params = {word: values for word, values in every.items() if values}
    return {**({"params": params} if params else {}), **({"stepsToRun": chosen} if chosen else {})}


def _stepwise(params: Tree) -> Tree:
    return mapping_at(params, ("stepWise",))


def steps_in(body: JsonObject) -> list[str]:
    """The steps that a body names."""
    chosen = [str(each["stepName"]) for each in body.get("stepsToRun") or ()]
    return [*chosen, *_stepwise(mapping_at(body, ("params",)))]


def read_payload(options: RunOptions, text: str, name: str) -> RunOptions:
    """The options with a payload of a file: YAML or JSON, as the platform's own client takes it.

    Raises UsageError with all that is wrong.
    """
    from peakctl.manifests.parse import parse_value
    from peakctl.manifests.render import Rendered

    value, _, problems = parse_value(Rendered(Source(name, name, text), text))
    wrong = list(problems)
    tree = mapping_at(value)
    if set(tree) == {"body"}:
        tree = mapping_at(tree, ("body",))
    if not problems and value is not None and not isinstance(value, Mapping):
        wrong.append(_wrong_payload(name, "it is no mapping"))
    wrong += [_wrong_payload(name, words) for words in _flaws_of(tree)]
    if wrong:
        raise UsageError(*wrong)
    return replace(options, payload=tree)


def _flaws_of(tree: Tree) -> Iterator[str]:
    """What a payload has that the platform's call does not take."""
    yield from _unknown_words(tree, ("params", "stepsToRun"), "")
    params, chosen = tree.get("params"), tree.get("stepsToRun")
    if params is not None and not isinstance(params, Mapping):
        yield "params is no mapping"
    params = mapping_at(params)
    yield from _unknown_words(params, ("global", "stepWise"), "params.")
    values = {"params.global": params.get("global"), "params.stepWise": params.get("stepWise")}
    values |= {f"params.stepWise.{step}": each for step, each in _stepwise(params).items()}
    yield from (
        f"{word} is no mapping"
        for word, each in values.items()
        if each is not None and not isinstance(each, Mapping)
    )
    if chosen is not None and not isinstance(chosen, list):
        yield "stepsToRun is no list"
    elif any(not isinstance(mapping_at(each).get("stepName"), str) for each in chosen or ()):
        yield "each of stepsToRun needs a stepName"


def _unknown_words(tree: Tree, known: Sequence[str], at: str) -> Iterator[str]:
    return (f'"{at}{word}" is no part of it' for word in tree if word not in known)


def _wrong_payload(name: str, words: str) -> Diagnostic:
    return Diagnostic(
        code="usage/payload",
        summary=f'"{name}" is no payload of a run: {words}',
        fix="params: {global: {NAME: VALUE}, stepWise: {STEP: {NAME: VALUE}}},"
        " stepsToRun: [{stepName: STEP, runDAG: true}]",
    )


def with_inputs(
    options: RunOptions, inputs: Sequence[str], step_inputs: Sequence[str]
) -> RunOptions:
    """The options with values as they are typed: `K=V`, `STEP:K=V`. Raises UsageError."""
    shared = dict(_pair(text, "--input", "K=V") for text in inputs)
    single: dict[str, dict[str, str]] = {}
    for text in step_inputs:
        step, colon, rest = text.partition(":")
        if not (step and colon):
            raise UsageError(_no_pair(text, "--step-input", "STEP:K=V"))
        name, value = _pair(rest, "--step-input", "STEP:K=V")
        single.setdefault(step, {})[name] = value
    return replace(options, inputs=shared, step_inputs=single)


def _pair(text: str, flag: str, form: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not (name and equals):
        raise UsageError(_no_pair(text, flag, form))
    return name, value


def _no_pair(text: str, flag: str, form: str) -> Diagnostic:
    return Diagnostic(
        code="usage/input", summary=f'{flag} "{text}" has no name and value', fix=f"{flag} {form}"
    )
