"""Options that several commands share: one definition each, named as comparable tools do.

`run` runs the body of a command with what was typed of them.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, TypeVar

import click

from peakctl.cli import option_types as types
from peakctl.cli.help import Command, Group
from peakctl.model.records import dataclass
from peakctl.present.forms import FORMS

if TYPE_CHECKING:
    from peakctl.cli.session import Session
    from peakctl.model import JsonDict, JsonObject
    from peakctl.present.report import Report

P = ParamSpec("P")
F = TypeVar("F", bound=Callable[..., object])
CONTEXT: JsonDict = {
    "help_option_names": ["-h", "--help"],
    "auto_envvar_prefix": "PEAKCTL",
    "max_content_width": 100,
}
PARALLELISM = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Flags:
    """What was typed; each command fills in the flags that it has. Durations are in seconds.

    `output` is the form on standard output; `output_files` are those that go to files,
    None where a command has no such forms.
    """

    filename: tuple[str, ...] = ()
    env: str | None = None
    select: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    param: tuple[str, ...] = ()
    params_file: tuple[str, ...] = ()
    output: str = "text"
    output_files: tuple[types.OutputFile, ...] | None = None
    yes: bool = False
    detailed_exitcode: bool = False
    show_all: bool = False
    show_ignored: bool = False
    retry_failed: bool = False
    policy_from: str | None = None
    prune: bool = False
    prune_history: bool = False
    adopt: bool = False
    take_over: tuple[str, ...] = ()
    allow_mass_change: int | None = None
    forward: bool = False
    allow: tuple[str, ...] = ()
    show_webhooks: bool = False
    explain: bool = False
    server_validate: bool = False
    out: str | None = None
    plan_file: str | None = None
    unset_env: str = "error"
    offline: bool = False
    base: str | None = None
    dry_run: bool = False
    parallelism: int = PARALLELISM
    timeout: float | None = None
    build_timeout: float | None = None
    deploy_timeout: float | None = None
    service_timeout: float | None = None
    wait_for_lease: float | None = None
    color: str = "auto"
    no_color: bool = False
    quiet: bool = False
    verbose: bool = False

    @classmethod
    def of(cls, typed: JsonObject) -> Flags:
        """The flags of a command as click gives them, by the name of each."""
        return cls(**typed)

    @property
    def form(self) -> str:
        """The form to write to standard output; a command makes texts of its own by itself."""
        is_own = self.output_files is None and self.output != "json"
        return "text" if is_own else self.output

    @property
    def allowed(self) -> tuple[str, ...] | None:
        """The classes of actions that --allow names, None where it was not given."""
        return tuple(c for each in self.allow for c in each.split(",")) if self.allow else None

    def wants(self, *forms: str) -> bool:
        """Whether the result is asked for in one of these forms, wherever it goes."""
        return bool({self.output, *(each.form for each in self.output_files or ())} & set(forms))


def run(
    command: str,
    typed: JsonObject,
    body: Callable[Concatenate[Session, P], Report | Coroutine[object, object, Report]],
    /,
    *args: P.args,
    **more: P.kwargs,
) -> int:
    """Run the body of a command in a session of the flags that were typed; gives the exit code.

    What a run needs is imported here, so that `--help` does not.
    """
    from peakctl.cli.session import run_command

    return run_command(command, Flags.of(typed), lambda session: body(session, *args, **more))


def stack(*decorators: Callable[[F], F]) -> Callable[[F], F]:
    """One decorator from several, shown by `--help` in the order given."""

    def decorate(function: F) -> F:
        for decorator in reversed(decorators):
            function = decorator(function)
        return function

    return decorate


def _go(ctx: click.Context, _: click.Parameter, value: str | None) -> str | None:
    """Work in another folder until the command line is done; `ctx.meta` has where it began."""
    if value is not None:
        import os

        here = os.getcwd()  # noqa: PTH109 - as it is spelled
        try:
            os.chdir(value)
        except OSError as error:
            reason = error.strerror or "it is no folder"
            raise click.UsageError(f'cannot work in "{value}": {reason}', ctx) from error
        ctx.meta.setdefault(STOOD, here)
        ctx.meta[TYPED] = os.path.join(ctx.meta.get(TYPED, ""), value)  # noqa: PTH118
        ctx.find_root().call_on_close(lambda: os.chdir(here))
    return value


STOOD, TYPED = "peakctl.stood", "peakctl.typed"
"""In `Context.meta`: the folder in which the user stands, and what -C was given."""
directory = click.option(
    "-C",
    "directory",
    metavar="DIR",
    type=click.Path(),  # `_go` tells of files, in the same words
    is_eager=True,
    expose_value=False,
    allow_from_autoenv=False,
    callback=_go,
    help="Work as if started in DIR; before the command or after it.",
)


def command(name: str | None = None, *, epilog: str | None = None) -> Callable[..., Command]:
    """A command of its own, with examples below its help."""
    return click.command(name, cls=Command, context_settings=CONTEXT, epilog=epilog)


def group(*, epilog: str) -> Callable[..., Group]:
    """A group of commands, the same."""
    return click.group(cls=Group, context_settings=CONTEXT, epilog=epilog)


def _words(*names: str, metavar: str, help: str) -> Callable[[F], F]:  # noqa: A002
    """An option that is given as often as there are words for it."""
    return click.option(*names, type=types.Word(), multiple=True, metavar=metavar, help=help)


def target(metavar: str, name: str = "what", **more: Any) -> Callable[[F], F]:
    """An argument that names resources; shells complete it with what is live."""
    return click.argument(name, metavar=metavar, shell_complete=types.complete_target, **more)


kind = click.argument("kind", required=False, shell_complete=types.complete_kind)
environment = click.option(
    "-e",
    "--env",
    type=types.Word(),
    metavar="NAME",
    help="Environment of peakctl.yaml. Default: defaultEnvironment.",
)
parameters = stack(
    click.option(
        "-p",
        "--param",
        type=types.Text(),
        multiple=True,
        metavar="K=V",
        help="Parameter for templates. Repeatable.",
    ),
    _words(
        "-v",
        "--params-file",
        metavar="FILE",
        help="YAML file of parameters. Repeatable; later files win, -p wins over all.",
    ),
)
manifests = stack(
    _words(
        "-f",
        "--filename",
        metavar="PATH",
        help="File, folder, glob or - (stdin) instead of the project's manifests. Repeatable.",
    ),
    environment,
    parameters,
)
unset_env = click.option(
    "--unset-env",
    type=click.Choice(["error", "unknown"]),
    default="error",
    show_default=True,
    help="What a variable of os_env that is not set is: an error, or a value that is not known.",
)
selection = stack(
    _words(
        "--select",
        metavar="WHAT",
        help="Only these: Kind/name, Kind, or label=value. Repeatable, comma-separated.",
    ),
    _words("--exclude", metavar="WHAT", help="Not these; same words as --select."),
)
imported = stack(
    _words(
        "--select",
        metavar="WHAT",
        help="The same as an argument: Kind, or Kind/name. Repeatable, comma-separated.",
    ),
    click.option(
        "--into",
        type=types.Word(),
        metavar="FOLDER",
        help="Folder of the manifests, in the project. Default: the first that peakctl.yaml names.",
    ),
    click.option(
        "--layout",
        type=click.Choice(["resource", "kind", "one-file"]),
        default="resource",
        show_default=True,
        help="A file for each resource in folders by kind, one for each kind, or one for all.",
    ),
    _words("--pick", metavar="ID", help="Of several of one name, this one. Repeatable."),
    click.option(
        "--update",
        is_flag=True,
        help="Write what differs back into manifests that an import wrote.",
    ),
)
display = stack(
    directory,
    click.option(
        "--color",
        type=click.Choice(["auto", "always", "never"]),
        default="auto",
        show_default=True,
        help="Colours; NO_COLOR and FORCE_COLOR are honoured.",
    ),
    click.option("--no-color", is_flag=True, help="The same as --color never."),
    click.option("-q", "--quiet", is_flag=True, help="No progress, no notes."),
    click.option("--verbose", is_flag=True, help="More: fields of what is created, requests sent."),
)
connection = click.option(
    "--parallelism",
    type=click.IntRange(min=1, max=64),
    default=PARALLELISM,
    show_default=True,
    metavar="N",
    help="Requests in flight at most.",
)
shown = stack(
    click.option(
        "--all",
        "show_all",
        is_flag=True,
        envvar="PEAKCTL_ALL",
        help="Show unchanged resources too.",
    ),
    click.option(
        "--show-ignored", is_flag=True, help="Show differences that plan nothing, and why."
    ),
)
retry_failed = click.option(
    "--retry-failed",
    is_flag=True,
    help="Also retry deployments that were rolled back or lack resources.",
)


def _with_prune(ctx: click.Context, _: click.Parameter, value: bool) -> bool:  # noqa: FBT001
    """--prune is eager: its value is known here. Raises UsageError when it was not given."""
    if value and not ctx.params.get("prune"):
        raise click.UsageError("--prune-history does nothing without --prune", ctx)
    return value


pruning = stack(
    click.option(
        "--prune",
        is_flag=True,
        is_eager=True,
        help="Also delete what the project owns and no manifest names any more.",
    ),
    click.option(
        "--prune-history",
        is_flag=True,
        callback=_with_prune,
        help="With --prune: also artifacts, images and specs; every version goes with them.",
    ),
)
ownership = stack(
    click.option(
        "--adopt",
        is_flag=True,
        help="Also change what is live, belongs to no project and differs from its manifest.",
    ),
    click.option(
        "--take-over",
        type=types.OwnerName(),
        multiple=True,
        metavar="OWNER",
        help="Take resources from another owner: project or project/environment. Repeatable.",
    ),
)
policy = click.option(
    "--policy-from",
    metavar="REV",
    help="Take the rules of peakctl.yaml (protect, guards, namePrefix ...) from this commit.",
)
mass_change = click.option(
    "--allow-mass-change",
    type=click.IntRange(min=1),
    metavar="N",
    help="Change or delete exactly N of what exists, though that is unusually many.",
)
forward = click.option(
    "--forward",
    is_flag=True,
    help="Go forward again where a rollback stands that the manifests do not have.",
)
allow = click.option(
    "--allow",
    type=types.Classes(),
    multiple=True,
    metavar="CLASS,...",
    help="Refuse what is of another class: read, build, create, edit, restart, delete, share.",
)
history = stack(
    click.option(
        "--since",
        type=types.Since(),
        metavar="TIME",
        help="Runs that ended since then: 7d, 36h, 2026-11-01 (UTC).",
    ),
    click.option(
        "--resource",
        type=types.Word(),
        metavar="KIND/NAME",
        help="Runs that changed it, or meant to. The name may have * and ?.",
    ),
    click.option(
        "--limit",
        type=click.IntRange(min=1),
        metavar="N",
        help="The newest N. Default: 20 as text, all in other forms.",
    ),
)
webhooks = click.option(
    "--show-webhooks",
    is_flag=True,
    help="Show addresses of webhooks, which let anybody call them; else only their ids.",
)
dry_run = click.option(
    "--dry-run", is_flag=True, help="Show the plan and stop; exit codes are those of plan."
)
consent = click.option("-y", "--yes", "--auto-approve", "yes", is_flag=True, help="Do not ask.")
waiting = stack(
    *(
        click.option(f"--{word}", type=types.Duration(), metavar="TIME", help=text)
        for word, text in (
            ("timeout", "Limit of the whole run, such as 90s, 15m, 1h."),
            ("build-timeout", "Limit of one image build."),
            ("deploy-timeout", "Limit of one deployment."),
            ("service-timeout", "Limit of one service or web app."),
        )
    )
)

wait_for_lease = click.option(
    "--wait-for-lease",
    type=types.Duration(),
    metavar="TIME",
    help="Wait so long for another run of the project to end, instead of exit code 13 at once.",
)
ci_job = stack(
    click.option(
        "--ci",
        type=click.Choice(["github", "gitlab", "azure", "generic"]),
        help="Which CI this is. Default: found by the variables that each documents.",
    ),
    click.option(
        "--comment/--no-comment",
        default=True,
        help="Tell of the result on the pull or merge request. Default: where there is one.",
    ),
    click.option(
        "--summary-file",
        type=types.Word(),
        metavar="FILE",
        help="Add the result as Markdown to this file. Default on GitHub: the step's summary.",
    ),
    click.option(
        "--outputs-file",
        type=types.Word(),
        metavar="FILE",
        help="Add name=value lines for later steps to this file. Default on GitHub: the outputs.",
    ),
)


plan_from = click.option(
    "--plan-from",
    type=types.Word(),
    metavar="NAME",
    help="What makes the plans of requests: a workflow file on GitHub, a job on GitLab. Default: "
    "this workflow; this job, with plan for apply at the end of its name.",
)


REPORT_FORMS = tuple(FORMS)
"""The forms of everything that finds problems, plans or changes."""


def output(*forms: str) -> Callable[[F], F]:
    """`-o` with the given forms, the first being the default."""
    return click.option(
        "-o",
        "--output",
        type=types.OneForm(forms, REPORT_FORMS),
        default=forms[0],
        show_default=True,
        help="Form of the result.",
    )


_NAMES = ", ".join(form for form in REPORT_FORMS if ":" not in form)


def _split_outputs(
    ctx: click.Context, _: click.Parameter, value: tuple[types.OutputFile, ...]
) -> str:
    """The form on standard output; those with a file go to `output_files`. Raises UsageError."""
    shown = [each.form for each in value if not each.file]
    files = tuple(each for each in value if each.file)
    if len(shown) > 1:
        words = f"{' and '.join(shown)} cannot both go to standard output"
        raise click.UsageError(f"{words}; give one a file: -o {shown[-1]}=FILE", ctx)
    names = [each.file for each in files]
    for name in names:
        if names.count(name) > 1:
            raise click.UsageError(f'two forms cannot both go to "{name}"', ctx)
    ctx.params["output_files"] = files
    return shown[0] if shown else "text"


outputs = click.option(
    "-o",
    "--output",
    type=types.OutputForm(REPORT_FORMS),
    multiple=True,
    callback=_split_outputs,
    metavar="FORM[=FILE]",
    help=f"Form of the result: {_NAMES}. Repeatable, with files. Default: text.",
)
asking = stack(environment, parameters, output("text", "json", "yaml"), connection, display)
"""What a command has that asks the platform about a thing, and tells of it in one form."""
