"""The optional sections of peakctl.yaml: what a schema cannot say of them, and what they mean.

`requires`: for which versions of peakctl a project is. `namePrefix` of an environment: a small
template, filled in with the parameters of the run; what comes of it begins the name of everything
that the run makes, so that several people have one tenant. `healthChecks`: what services have to
answer after an apply. `notify`: who is told of applies, failures and drift, and how.
"""

from __future__ import annotations

import contextlib
import enum
import operator
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import field, replace
from typing import TYPE_CHECKING, Any

from peakctl import __version__
from peakctl.errors import Diagnostic, ManifestsInvalid, UsageError, nearest_names
from peakctl.manifests.render import Renderer, is_template
from peakctl.model import Document, HealthCheck, JsonDict, JsonObject, Source, Value
from peakctl.model import Path as Place
from peakctl.model.records import dataclass
from peakctl.model.values import mapping_at

if TYPE_CHECKING:
    from peakctl.manifests.project import Environment, Project


# --- requires ------------------------------------------------------------------------------------

_COMPARISON = re.compile(r" *(>=|<=|==|!=|>|<) *(\d+(?:\.\d+){0,2}) *")
_COMPARED: Mapping[str, Callable[[Any, Any], bool]] = {
    ">=": operator.ge,
    "<=": operator.le,
    "==": operator.eq,
    "!=": operator.ne,
    ">": operator.gt,
    "<": operator.lt,
}


def check_version(document: Document) -> None:
    """Raise UsageError where the project is for other versions of peakctl than this one.

    Before all else: a field that this version does not know may be the reason.
    """
    wanted = mapping_at(document.value).get("requires")
    if not isinstance(wanted, str):
        return
    fits = is_version_among(__version__, wanted)
    if fits:
        return
    summary = f"this is peakctl {__version__}, and the project is for {wanted}"
    fix = f"pip install 'peakctl{wanted.replace(' ', '')}'"
    if fits is None:
        summary, fix = f'"{wanted}" compares no versions', 'write requires: ">=1.2", for one'
    place = document.locate(("requires",))
    raise UsageError(
        Diagnostic("project/requires", summary, path=("requires",), locations=(place,), fix=fix)
    )


def is_version_among(version: str, wanted: str) -> bool | None:
    """Whether `version` is one of `wanted` (`>=1.2,<2`); None where that compares no versions.

    A missing part of a number is 0.
    """
    from semver import Version

    ours = Version.parse(version)
    found = [_COMPARISON.fullmatch(part) for part in wanted.split(",")]
    fit = [
        _COMPARED[each[1]](ours, Version.parse(each[2], optional_minor_and_patch=True))
        for each in found
        if each is not None
    ]
    return all(fit) if len(fit) == len(found) else None


# --- namePrefix ----------------------------------------------------------------------------------

LONGEST = 40
OS_ENV = "os_env"
_PREFIX = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*\Z")


def prefix_flaw(prefix: str) -> str:
    """What is wrong with a prefix, for people; "" where nothing is.

    It must never be nothing: that would be the names of whoever has no prefix.
    """
    if not prefix:
        return "it is empty, so these would be the names without it"
    if len(prefix) > LONGEST:
        return f"it has {len(prefix)} characters, and at most {LONGEST} are allowed"
    fits = _PREFIX.match(prefix)
    return "" if fits else "it takes letters, digits, dashes, dots and underscores"


def render_prefix(
    project: Project, environment: Environment, parameters: Mapping[str, Value]
) -> str:
    """The prefix with its parameters filled in; "" for an environment without one.

    Raises UsageError, at its place in peakctl.yaml, for a parameter that is missing or empty, and
    for what cannot begin a name.
    """
    text = environment.name_prefix
    if text is None or not is_template(text):
        return text or ""
    renderer = Renderer(parameters, {}, project.root, ())  # nothing of os_env can be read
    try:
        prefix = renderer.render(_prefix_source(project, text)).text.removesuffix("\n")
    except ManifestsInvalid as error:
        if OS_ENV in (renderer.mentioned() or ()):
            why = "a value of os_env is a secret, and a name is none"
            raise UsageError(_prefix_problem(environment, why, ["name"])) from None
        raise UsageError(*(_at_prefix(each, environment) for each in error.diagnostics)) from None
    names = sorted(renderer.mentioned() or ())
    empty = [name for name in names if parameters.get(name, name) in (None, "")]
    flaw = prefix_flaw(prefix)
    if empty:
        raise UsageError(
            _prefix_problem(environment, f'the parameter "{empty[0]}" is empty', empty)
        )
    if flaw:
        summary = f'"{prefix}" cannot begin a name: {flaw}'
        raise UsageError(_prefix_problem(environment, summary, names))
    return prefix


def names_in(project: Project, environment: Environment) -> frozenset[str]:
    """The parameters that the prefix of an environment mentions."""
    text = environment.name_prefix or ""
    renderer = Renderer({}, {}, project.root, ())
    if is_template(text):
        with contextlib.suppress(ManifestsInvalid):
            renderer.render(_prefix_source(project, text))
    return renderer.mentioned() or frozenset()


def _prefix_source(project: Project, text: str) -> Source:
    return Source(str(project.file), project.file.name, text)


def _at_prefix(problem: Diagnostic, environment: Environment) -> Diagnostic:
    return replace(problem, path=_prefix_path(environment), locations=environment.prefix_places)


def _prefix_problem(environment: Environment, why: str, names: Sequence[str]) -> Diagnostic:
    given = " ".join(f"-p {name}=..." for name in names)
    return Diagnostic(
        code="project/name-prefix",
        summary=why,
        path=_prefix_path(environment),
        locations=environment.prefix_places,
        fix=f"give it a value on the command line: {given}",
    )


def _prefix_path(environment: Environment) -> tuple[str, ...]:
    return ("environments", environment.name, "namePrefix")


# --- healthChecks --------------------------------------------------------------------------------


def read_health_checks(
    checks: Iterable[Value], document: Document, environments: Iterable[str]
) -> tuple[tuple[HealthCheck, ...], tuple[Diagnostic, ...]]:
    """The checks that fit the schema, and what is wrong with them otherwise."""
    known, found, problems = list(environments), list[HealthCheck](), list[Diagnostic]()

    def tell(at: Place, summary: str, fix: str) -> None:
        place = (document.locate(at),)
        problems.append(
            Diagnostic("project/health-check", summary, path=at, locations=place, fix=fix)
        )

    for index, value in enumerate(checks):
        if isinstance(value, Mapping) and value.get("service"):
            at: Place = ("healthChecks", index)
            check = _arguments(value)
            found.append(HealthCheck(**check, location=document.locate(at)))
            _check_health_check(found[-1], at, known, tell)
    return tuple(found), tuple(problems)


def _arguments(value: JsonObject) -> JsonDict:
    """The arguments of a check; what is absent is as by default."""
    names = {
        "service": "service",
        "method": "method",
        "path": "path",
        "payload": "payload",
        "status": "status",
        "contains": "contains",
        "within": "withinSeconds",
    }
    found = {name: value[word] for name, word in names.items() if value.get(word) is not None}
    return {**found, "environments": tuple(filter(None, value.get("environments") or ()))}


def _check_health_check(
    check: HealthCheck, at: Place, known: list[str], tell: Callable[[Place, str, str], None]
) -> None:
    """Tell of what no schema says."""
    if check.within and check.method != "get":
        words = f"a {check.method} is sent once: it may change something each time"
        tell((*at, "withinSeconds"), words, "take out withinSeconds, or use method: get")
    if check.path[:1] != "/":
        tell((*at, "path"), f'"{check.path}" is no path', f"begin it with a slash: /{check.path}")
    for index, name in enumerate(check.environments):
        if name not in known:
            near = nearest_names(name, known)
            fix = f"did you mean: {', '.join(near)}" if near else f"add {name} to environments"
            tell((*at, "environments", index), f'there is no environment "{name}"', fix)


# --- notify --------------------------------------------------------------------------------------


class Occasion(enum.StrEnum):
    """What a notification may tell of."""

    APPLY = "apply"
    FAILURE = "failure"
    DRIFT = "drift"


class Shape(enum.StrEnum):
    """What the receiver of a webhook reads."""

    JSON = "json"
    SLACK = "slack"
    TEAMS = "teams"


@dataclass(frozen=True, slots=True)
class Webhook:
    """A message to the address in the environment variable `url_from`."""

    url_from: str
    shape: Shape = Shape.JSON

    def __str__(self) -> str:
        return f"webhook {self.url_from} ({self.shape})"


@dataclass(frozen=True, slots=True)
class Mail:
    """An e-mail: a template of the platform, filled in. Without a `subject` it says what it is."""

    to: tuple[str, ...]
    template: str
    cc: tuple[str, ...] = ()
    bcc: tuple[str, ...] = ()
    subject: str | None = None
    parameters: Mapping[str, Value] = field(default_factory=dict)

    def __str__(self) -> str:
        copies = {"cc": " ".join(self.cc), "bcc": " ".join(self.bcc)}
        more = {**copies, "subject": self.subject, **self.parameters}
        told = "".join(f" {word}={value}" for word, value in more.items() if value)
        return f"e-mail {self.template} to {' '.join(self.to)}{told}"


@dataclass(frozen=True, slots=True)
class Channel:
    """One way of telling, and of what."""

    after: tuple[Occasion, ...]
    way: Mail | Webhook

    def __str__(self) -> str:
        return f"after {'/'.join(self.after) or 'nothing'}: {self.way}"


def read_channels(value: Sequence[JsonObject | None] | None) -> tuple[Channel, ...] | None:
    """The channels of a list that fits the schema; None where there is none, () turns them off.

    What the schema refused is None, and passed over, as is what `channel_flaws` tells.
    """
    if value is None:
        return None
    return tuple(Channel(_after(each), way) for each in value if each and (way := _way(each)))


def channel_flaws(value: Sequence[JsonObject | None] | None) -> Iterator[tuple[Place, str, str]]:
    """Where, what and how to mend: what the schema cannot say."""
    for index, each in enumerate(value or ()):
        if each is not None and bool(each.get("email")) == bool(each.get("webhook")):
            many = "both email and webhook" if each.get("email") else "neither email nor webhook"
            yield (index,), f"a notification has {many}", "give each one of the two"


def webhook_variables(lists: Iterable[tuple[Channel, ...] | None]) -> frozenset[str]:
    """The variables that hold addresses: secrets, which templates do not get."""
    ways = (channel.way for each in lists for channel in each or ())
    return frozenset(way.url_from for way in ways if isinstance(way, Webhook))


def _after(value: JsonObject) -> tuple[Occasion, ...]:
    words = value.get("after")
    return tuple(Occasion) if words is None else tuple(Occasion(word) for word in words if word)


def _way(value: JsonObject) -> Mail | Webhook | None:
    mail, hook = value.get("email") or {}, value.get("webhook") or {}
    if mail.get("to") and mail.get("template"):
        return Mail(
            to=_texts(mail["to"]),
            template=mail["template"],
            cc=_texts(mail.get("cc")),
            bcc=_texts(mail.get("bcc")),
            subject=mail.get("subject"),
            parameters=mail.get("parameters") or {},
        )
    if hook.get("urlFrom"):
        return Webhook(hook["urlFrom"], Shape(hook.get("shape") or Shape.JSON))
    return None


def _texts(value: Sequence[str | None] | None) -> tuple[str, ...]:
    return tuple(filter(None, value or ()))
