"""What answers say, and their values in the shape of manifests (docs/platform.md, 3.7)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from peakctl.api.client import Api
from peakctl.errors import ApiError, Diagnostic
from peakctl.kinds.fields import PARAM
from peakctl.model import ArchiveFile, JsonDict, JsonObject, Live, Tree, Value, mapping_at
from peakctl.model.resources import Edit, LastRun
from peakctl.model.text import printable

LONGEST_NAME = 200
"""Characters of who changed something; a longer one is no name."""
READ_ONLY_IMAGE = ("imageName", "imageVersion")
REASONS = (
    "statusMessage", "statusReason", "failureReason", "errorMessage", "error", "reason", "message",
)  # fmt: skip
"""Where an answer may say why: no read is documented to, so whatever says something is taken."""


def mapping(value: object) -> JsonObject:
    """`value` if it is a mapping, else an empty one."""
    return value if isinstance(value, Mapping) else {}


def items(value: object) -> list[JsonObject]:
    """The mappings of a list."""
    return [each for each in value if isinstance(each, Mapping)] if isinstance(value, list) else []


def pick(answer: JsonObject, *names: str) -> JsonDict:
    """Those of the named fields that the answer has; a null is a field that it does not have."""
    return {name: without_nulls(answer[name]) for name in names if answer.get(name) is not None}


def pick_shown(answer: JsonObject, *names: str) -> JsonDict:
    """As `pick`, but keeps a null: it shows that the read returns the field, and that it is unset.

    For fields that the reference does not promise in reads, where "absent" says neither.
    """
    return {name: without_nulls(answer[name]) for name in names if name in answer}


def edit_of(*answers: JsonObject | None, made: bool = True) -> Edit | None:
    """The last change that the first of `answers` tells of which tells of one at all.

    With `made` it may be how the thing was made: for what never changes afterwards.
    """
    for answer in answers:
        for word in ("updated", "created") if made else ("updated",):
            at, by = ((answer or {}).get(f"{word}{end}") for end in ("At", "By"))
            if isinstance(at, str) or isinstance(by, str):
                name = by if isinstance(by, str) and len(by) <= LONGEST_NAME else ""
                return Edit(_seconds(at), name)
    return None


def last_run_of(answer: JsonObject) -> LastRun | None:
    """The newest execution that an answer tells of (docs/platform.md, 2.4)."""
    run = answer.get("lastExecution")
    if not isinstance(run, Mapping) or not isinstance(run.get("status"), str):
        return None
    return LastRun(
        str(run.get("executionId") or ""), run["status"], _seconds(run.get("executedAt"))
    )


def _seconds(text: object) -> float | None:
    """Seconds since 1970 of a time as the platform writes it; None for anything else."""
    try:
        moment = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def reason_in(answer: JsonObject) -> str:
    """The platform's own words on why something failed, as far as an answer has any."""
    holders = (answer, *(mapping(answer.get(name)) for name in ("latestRevision", "metadata")))
    texts = (holder.get(name) for holder in holders for name in REASONS)
    found = next((text for text in texts if isinstance(text, str) and text.strip()), "")
    return " ".join(printable(found).split())


def failed_blocks(answer: JsonObject) -> str:
    """The blocks of an app that failed, where its own answer tells of them."""
    blocks = items(mapping(answer.get("latestRevision")).get("blocks"))
    failed = [each for each in blocks if is_failure(str(each.get("status")))]
    named = (f"block {each.get('name')} is {each.get('status')}" for each in failed)
    return printable(", ".join(named))


def is_failure(word: str) -> bool:
    """Whether a status word of any kind tells of a failure."""
    lower = word.lower()
    return any(part in lower for part in ("fail", "error", "rollback", "rolled"))


def manifest(metadata: Tree, spec: Tree) -> JsonDict:
    """Live values in manifest shape."""
    return {"metadata": dict(metadata), "spec": dict(spec)}


def without_nulls(value: object) -> Any:
    """The tree without the null entries of its maps, as the platform fills unset fields in."""
    if isinstance(value, dict):
        return {
            k: without_nulls(v) if isinstance(v, (dict, list)) else v
            for k, v in value.items()
            if v is not None
        }
    if isinstance(value, list):
        return [without_nulls(v) for v in value]
    return value


def one_map(value: Value) -> Value:
    """A list of one-key maps as one map; anything else as it is."""
    if not isinstance(value, list):
        return value
    return {k: v for item in value if isinstance(item, Mapping) for k, v in item.items()}


def read_env(holder: Tree) -> JsonDict:
    """A step or a service configuration with its environment as one map."""
    parameters = holder.get("parameters")
    if not isinstance(parameters, Mapping) or "env" not in parameters:
        return dict(holder)
    return {**holder, "parameters": {**parameters, "env": one_map(parameters["env"])}}


def read_step(step: Value) -> Value:
    """One workflow step: no image names, no token, which comes back empty or not at all."""
    if not isinstance(step, Mapping):
        return step
    shaped = read_env({k: v for k, v in step.items() if k not in READ_ONLY_IMAGE})
    if isinstance(shaped.get("repository"), Mapping):
        shaped["repository"] = {k: v for k, v in shaped["repository"].items() if k != "token"}
    return shaped


def read_trigger(trigger: Value) -> Value:
    """`{cron, scheduled}` as `{cron}`; `{webhook: id}` as `{webhook: true}`.

    In a block a build parameter may stand for the webhook: that is no id.
    """
    if not isinstance(trigger, Mapping):
        return trigger
    shaped = {k: v for k, v in trigger.items() if k != "scheduled"}
    hook = shaped.get("webhook")
    if isinstance(hook, str) and not hook.startswith(PARAM):
        shaped["webhook"] = True
    return shaped


def read_config(config: object) -> Any:
    """The configuration of a workflow, a workflow block or a service block."""
    if not isinstance(config, Mapping):
        return without_nulls(config)
    shaped = read_env(without_nulls(config))
    if isinstance(shaped.get("steps"), Mapping):
        shaped["steps"] = {name: read_step(step) for name, step in shaped["steps"].items()}
    if isinstance(shaped.get("triggers"), list):
        shaped["triggers"] = [read_trigger(trigger) for trigger in shaped["triggers"]]
    return shaped


def require(answer: object, name: str) -> Any:
    """`answer[name]`. Raises a doubtful ApiError: the write took effect, but who knows as what."""
    if isinstance(answer, Mapping) and answer.get(name) is not None:
        return answer[name]
    diagnostic = Diagnostic(
        code="api/no-id",
        summary=f'the platform accepted the request and answered without "{name}"',
        fix="run the same command again: it looks at what is there first",
    )
    raise ApiError(diagnostic, doubtful=True)


def name_of(live: Live) -> str:
    """What the platform calls a live resource: its key may be what it is about to be called."""
    return str(metadata_of(live.values).get("name", live.key.name))


def metadata_of(tree: Value) -> Tree:
    return mapping_at(tree, ("metadata",))


def spec_of(tree: Value) -> Tree:
    return mapping_at(tree, ("spec",))


async def files_at(api: Api, path: str, *, lenient: bool = False) -> tuple[ArchiveFile, ...] | None:
    """The files of the zip that a download gives; None when there is none (404).

    `lenient` as `files_of_zip` has it: for a list that is only shown.
    """
    from peakctl.archives.zips import files_of_zip

    try:
        return files_of_zip(await api.download(path), lenient=lenient)
    except ApiError as error:
        if error.status == 404:
            return None
        raise
