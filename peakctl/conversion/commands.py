"""The commands of the platform's own client: what each says of a resource, and what to use here."""

from __future__ import annotations

import enum
from collections.abc import Mapping

from peakctl.model.records import dataclass

BLOCK_DEPLOYMENT, APP_DEPLOYMENT = "BlockDeployment", "AppDeployment"
"""What the client has two families of commands for; here both are of the kind Deployment."""


class Mode(enum.Enum):
    """What the body of a command is a part of; the order is that in which bodies are folded."""

    CREATE = "create"
    CREATE_OR_UPDATE = "create-or-update"
    UPDATE = "update"
    METADATA = "update-metadata"
    VERSION = "create-version"
    PATCH = "patch"
    PARAMETERS = "patch-parameters"


@dataclass(frozen=True, slots=True)
class Command:
    """One command. `kind` and `mode` are set where its body is a part of a manifest.

    `instead` is what to use here in place of it. `new`: the newer releases of the client alone.
    """

    instead: str
    kind: str = ""
    mode: Mode | None = None
    new: bool = False


_APPLY = "a manifest and `peakctl apply`"
_DELETE = "take the manifest away and `peakctl apply --prune`, or `peakctl destroy`"
_DROP = "`peakctl gc {0}/NAME@VERSION`, or `--keep`, `--older-than`"
_NOTHING = "nothing here: stay with the platform's client"
_REDEPLOY = "`peakctl redeploy Deployment/NAME`; `peakctl apply` redeploys what failed, too"


def _made(kind: str, **modes: Mode) -> dict[str, Command]:
    """The commands of a family that take a body."""
    return {word.replace("_", "-"): Command(_APPLY, kind, mode) for word, mode in modes.items()}


def _family(prefix: str, commands: Mapping[str, Command | str]) -> dict[str, Command]:
    return {
        f"{prefix} {word}": each if isinstance(each, Command) else Command(each)
        for word, each in commands.items()
    }


_READS = {"describe": "`peakctl get KIND NAME`", "list": "`peakctl get KIND`"}
_DEPLOYMENT_READS = {
    **_READS,
    "delete": _DELETE,
    "describe-revision": "`peakctl get Deployment/NAME@REVISION`",
    "list-revisions": "`peakctl history Deployment/NAME`",
    "redeploy": _REDEPLOY,
}


def _spec(kind: str) -> dict[str, Command | str]:
    modes = _made(
        kind, create=Mode.CREATE, create_release=Mode.VERSION, update_metadata=Mode.METADATA
    )
    reads = {
        "delete": _DELETE,
        "describe-release": f"`peakctl get {kind}/NAME@RELEASE`",
        "list-releases": f"`peakctl history {kind}/NAME`",
    }
    return {**modes, **_READS, **reads}


def _deployment(kind: str) -> dict[str, Command | str]:
    modes = _made(
        kind, create=Mode.CREATE, create_revision=Mode.VERSION, update_metadata=Mode.METADATA
    )
    return {**modes, **_DEPLOYMENT_READS}


def _served(kind: str) -> dict[str, Command | str]:
    modes = _made(
        kind, create=Mode.CREATE, create_or_update=Mode.CREATE_OR_UPDATE, update=Mode.UPDATE
    )
    return {**modes, **_READS, "delete": _DELETE}


def _newer(prefix: str, words: str, instead: str) -> dict[str, Command]:
    return {f"{prefix} {word}": Command(instead, new=True) for word in words.split()}


COMMANDS: Mapping[str, Command] = {
    **_family("alerts emails", {
        "describe": "`peakctl emails describe ID`", "list": "`peakctl emails list`",
        "describe-template": "`peakctl emails templates NAME`",
        "list-templates": "`peakctl emails templates`", "send": "`peakctl emails send`",
    }),
    **_family("apps deployments", _deployment(APP_DEPLOYMENT)),
    **_family("apps specs", _spec("AppSpec")),
    **_family("artifacts", {
        **_made("Artifact", create=Mode.CREATE, create_version=Mode.VERSION,
                update_metadata=Mode.METADATA),
        **_READS, "delete": _DELETE, "delete-version": _DROP.format("Artifact"),
        "download": "`peakctl download Artifact/NAME@VERSION`",
    }),
    **_family("blocks deployments", {
        **_deployment(BLOCK_DEPLOYMENT),
        **_made(BLOCK_DEPLOYMENT, patch_parameters=Mode.PARAMETERS),
        "get-parameters": "`peakctl get Deployment NAME` shows them, hidden ones masked",
        "get-related-block-details": "`peakctl get deployments` shows what each is part of",
    }),
    **_family("blocks specs", _spec("BlockSpec")),
    "blocks specs validate": Command("`peakctl validate`, which asks nobody", new=True),
    **_family("deployments", {
        "list": "`peakctl get deployments`", "execute-resources": "`peakctl run Deployment/NAME`"}),
    "deployments patch-parameters": Command(_APPLY, "Deployment", Mode.PARAMETERS, new=True),
    "deployments patch-parameters-v2": Command(_APPLY, "Deployment", Mode.PARAMETERS, new=True),
    **_family("images", {
        **_made("Image", create=Mode.CREATE, create_or_update=Mode.CREATE_OR_UPDATE,
                create_version=Mode.VERSION, update_version=Mode.VERSION),
        **_READS, "delete": _DELETE, "delete-version": _DROP.format("Image"),
        "delete-versions": _DROP.format("Image"),
        "describe-version": "`peakctl get Image/NAME@VERSION`",
        "list-builds": "`peakctl history Image/NAME` shows each version with its build",
        "list-versions": "`peakctl history Image/NAME`",
        "get-build-logs": "`peakctl logs Image/NAME`, `--follow`",
    }),
    **_family("services", {**_served("Service"), "test": "`peakctl test Service/NAME`"}),
    **_family("specs", {
        "list": "`peakctl get blockspecs` and `peakctl get appspecs`",
        "list-release-deployments": "`peakctl graph --impact BlockSpec/NAME`"}),
    **_family("tenants", {
        "list-instance-options": "`peakctl get instance-types`"
    }),
    **_newer("tenants", "get-credentials list-warehouses", _NOTHING),
    **_family("users", {"check-permission": "`peakctl whoami --can FEATURE --action ACTION`"}),
    **_family("webapps", _served("Webapp")),
    **_family("workflows", {
        **_made("Workflow", create=Mode.CREATE, create_or_update=Mode.CREATE_OR_UPDATE,
                update=Mode.UPDATE, patch=Mode.PATCH),
        **_READS, "delete": _DELETE,
        "execute": "`peakctl run Workflow/NAME`",
        "get-execution-details": "`peakctl execution Workflow/NAME`, or `peakctl execution ID`",
        "get-execution-logs": "`peakctl logs Workflow/NAME`, `--step`, `--follow`",
        "list-executions": "`peakctl executions Workflow/NAME`",
        "list-resources": "`peakctl get instance-types`",
        "list-default-resources": "`peakctl get instance-types` marks the default",
    }),
    **_newer("workflows", "pause resume", "`peakctl pause`, `peakctl resume Workflow/NAME`"),
    **_newer("cache", "delete exists expire flush-pattern flush-tenant get mget mset ping set ttl",
             _NOTHING),
    **_newer("metrics", "create-collection delete delete-collection delete-namespace get-source"
             " get-warehouse-schema list list-collections list-namespaces publish query query-v3"
             " update-namespace", _NOTHING),
}  # fmt: skip
"""Every command, by its words."""


class Type(enum.Enum):
    """How the text of a flag becomes a value."""

    TEXT = "text"
    WHOLE = "whole number"
    ON = "true"
    OFF = "false"
    LIST = "list, also with commas"
    JSON = "json"
    PAIRS = "k=v, a mapping"
    NAMED = "k=v, a list of name and value"


@dataclass(frozen=True, slots=True)
class Flag:
    """Where in a body a flag stands."""

    path: tuple[str, ...]
    type: Type = Type.TEXT


def _switch(word: str, path: str) -> dict[str, Flag]:
    at = _path(path)
    return {f"--{word}": Flag(at, Type.ON), f"--no-{word}": Flag(at, Type.OFF)}


def _path(path: str) -> tuple[str, ...]:
    return tuple(path.split("."))


_IMAGE = {
    "--name": Flag(_path("body.name")),
    "--version": Flag(_path("body.version")),
    "--type": Flag(_path("body.type")),
    "--description": Flag(_path("body.description")),
    "--artifact-path": Flag(_path("artifact.path")),
    "--artifact-ignore-files": Flag(_path("artifact.ignore_files"), Type.LIST),
    "--build-details": Flag(_path("body.buildDetails"), Type.JSON),
    "--source": Flag(_path("body.buildDetails.source")),
    "--dockerfile": Flag(_path("body.buildDetails.dockerfile")),
    "--dockerfile-path": Flag(_path("body.buildDetails.dockerfilePath")),
    "--context": Flag(_path("body.buildDetails.context")),
    "--repository": Flag(_path("body.buildDetails.repository")),
    "--branch": Flag(_path("body.buildDetails.branch")),
    "--token": Flag(_path("body.buildDetails.token")),
    **_switch("use-cache", "body.buildDetails.useCache"),
    "--build-arguments": Flag(_path("body.buildDetails.buildArguments"), Type.NAMED),
    "--secrets": Flag(_path("body.buildDetails.secrets"), Type.LIST),
}
_SERVED = {
    "--name": Flag(_path("body.name")),
    "--title": Flag(_path("body.title")),
    "--description": Flag(_path("body.description")),
    "--image-id": Flag(_path("body.imageDetails.imageId"), Type.WHOLE),
    "--version-id": Flag(_path("body.imageDetails.versionId"), Type.WHOLE),
    "--instance-type-id": Flag(_path("body.resources.instanceTypeId"), Type.WHOLE),
    **_switch("session-stickiness", "body.sessionStickiness"),
}
_SERVICE = {
    **_SERVED,
    **_switch("scale-to-zero", "body.scaleToZero"),
    "--service-type": Flag(_path("body.serviceType")),
    "--env": Flag(_path("body.parameters.env"), Type.PAIRS),
    "--secrets": Flag(_path("body.parameters.secrets"), Type.LIST),
    "--entrypoint": Flag(_path("body.entrypoint")),
    "--health-check-url": Flag(_path("body.healthCheckURL")),
    "--min-instances": Flag(_path("body.minInstances"), Type.WHOLE),
}
STEP_NAMES = ("step_names",)
_PATCH = {
    "--name": Flag(_path("body.name")),
    "--repository": Flag(_path("step.repository.url")),
    "--branch": Flag(_path("step.repository.branch")),
    "--token": Flag(_path("step.repository.token")),
    "--image-id": Flag(_path("step.imageId"), Type.WHOLE),
    "--image-version-id": Flag(_path("step.imageVersionId"), Type.WHOLE),
    "--command": Flag(_path("step.command")),
    **_switch("clear-image-cache", "step.clearImageCache"),
    "--step-timeout": Flag(_path("step.stepTimeout"), Type.WHOLE),
    "--instance-type-id": Flag(_path("step.resources.instanceTypeId"), Type.WHOLE),
    "--storage": Flag(_path("step.resources.storage")),
    "--step-names": Flag(STEP_NAMES, Type.LIST),
}
_OF_FAMILY = {"images": _IMAGE, "services": _SERVICE, "webapps": _SERVED}
_NO_FLAGS: Mapping[str, Flag] = {}


def flags_of(command: str) -> Mapping[str, Flag]:
    """The flags of a command that say what a body says."""
    if command == "workflows patch":
        return _PATCH
    return _OF_FAMILY.get(command.partition(" ")[0], _NO_FLAGS)


ID_FLAGS = {"images update-version": ("--image-id", "--version-id")}
"""Flags that name a resource in place of an argument; the first is that of the resource."""
ARGUMENTS = {Mode.UPDATE, Mode.METADATA, Mode.VERSION, Mode.PATCH, Mode.PARAMETERS}
"""Modes whose commands name the resource by its id, before the file."""
FILES = {
    "-v": "params",
    "--params-file": "params",
    "-d": "description",
    "--desc-file": "description",
    "-n": "notes",
    "--release-notes-file": "notes",
    "--revision-notes-file": "notes",
}
"""Flags that name a file beside the body."""
PARAMS = ("-p", "--params")
SWITCHES = frozenset(("--dry-run", "--generate", "--paging", "--help"))
VALUES = frozenset(("-o", "--output"))
"""Flags of every command that say nothing of a resource: alone, and with a value."""
