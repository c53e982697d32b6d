"""How the emulated platform behaves where the reference leaves room."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, field, fields, replace
from typing import Any

from peakctl.emulator import schemas as s
from peakctl.emulator.problems import invalid
from peakctl.emulator.tenants import read_instance_types
from peakctl.model import JsonDict, JsonObject
from peakctl.model.records import dataclass

DURATIONS = (
    "build_seconds", "deploy_seconds", "service_seconds", "delete_seconds", "execution_seconds"
)  # fmt: skip
SCHEMAS = {bool: s.FLAG, str: s.TEXT, int: s.WHOLE, float: s.NUMBER}
AT_START = ("newer_calls", "provided_images", "spoke_domain")


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """Durations are seconds of the emulator's clock; `latency` is real time before each answer.

    execution_seconds: the longest chain of steps of an execution, without what they `sleep`.
    queue_seconds: a build waits so long, with an empty log, before it begins.
    log_seconds: logs are kept so long after the end of what wrote them.
    full_reads: reads return all that was stored; off, only what the reference's examples show.
    strict_names: names of specs, deployments and services are unique.
    patch_merges: a PATCH of a service merges nested maps instead of replacing them.
    carry_parameters: a revision keeps parameters that it leaves out.
    default_parameters: reads of deployment parameters include the defaults of the definitions.
    newer_calls: calls of 1.29 exist; off, they answer 404.
    provided_images: every tenant has the platform's own images (`images.PROVIDED`).
    record_bodies: the log of requests keeps bodies whole, for tests that look at them.
    rising_versions: a version of an image must be greater than those that exist, as a release must.
    spoke_domain: the tenants live on this spoke (`spoke1.peak.ai`), which keeps the logs of steps.
    instance_types: what there is instead of the built-in lists (`{webapp: [51, {id: 52, ...}]}`);
        kept with the data until other lists are given.
    """

    build_seconds: float = 0.4
    deploy_seconds: float = 0.4
    service_seconds: float = 0.4
    delete_seconds: float = 0.4
    execution_seconds: float = 0.4
    queue_seconds: float = 0.0
    log_seconds: float = 1e8
    latency: float = 0.0
    full_reads: bool = True
    strict_names: bool = True
    patch_merges: bool = False
    carry_parameters: bool = False
    default_parameters: bool = False
    newer_calls: bool = True
    provided_images: bool = False
    record_bodies: bool = False
    rising_versions: bool = False
    log_page: int = 10
    spoke_domain: str = ""
    instance_types: JsonObject = field(default_factory=dict)


def camel(name: str) -> str:
    """`build_seconds` -> `buildSeconds`."""
    first, *rest = name.split("_")
    return first + "".join(word.title() for word in rest)


NAMES = {camel(each.name): each.name for each in fields(Options)}


def options_shown(options: Options) -> JsonDict:
    """The options as JSON has them."""
    return {camel(name): value for name, value in asdict(options).items()}


def change_options(options: Options, change: object) -> Options:
    """The options with some changed, while the emulator runs; raises a 422 that names the field."""
    if not isinstance(change, dict):
        raise invalid("body", "must be a mapping")
    changed: JsonDict = {}
    for word, value in change.items():
        if word not in NAMES or NAMES[word] in AT_START:
            raise invalid(word, "is not an option that can change while the emulator runs")
        changed[NAMES[word]] = read_option(word, value)
    return replace(options, **changed)


def read_option(word: str, value: Any) -> object:
    """The value as the option's own type, whatever it is set to now; raises a 422."""
    usual = getattr(Options(), NAMES[word])
    if isinstance(usual, Mapping):
        return read_instance_types(value)
    s.check(SCHEMAS[type(usual)], value, word)
    low = 1 if word == "logPage" else 0
    if not isinstance(usual, bool | str) and not low <= value < 1e9:
        raise invalid(word, f"must lie between {low} and 1e9")
    return type(usual)(value)
