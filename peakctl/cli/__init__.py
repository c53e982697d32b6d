"""The command line: commands, options, and the only place that chooses exit codes.

Takes argv; composes all other rooms (`session`) and hands what they give to `present`. A command
is imported when it runs: the table below has what `--help` and completion need, so that neither
imports one. Only click at the top of a command's module; everything heavy inside its functions.
Rejected: click's own exit codes (2 means pending changes here, wrong usage is 64).
"""

from __future__ import annotations

import importlib
import keyword
from collections.abc import Sequence
from typing import Any

import click
from click.shell_completion import CompletionItem

from peakctl import __version__
from peakctl.cli.help import Context
from peakctl.cli.options import directory

SECTIONS = {
    "Getting started": {
        "init": "Make a new project from a template.",
        "import": "Write manifests of what is live, and plan them.",
        "convert": "Turn files of the platform's own client into manifests.",
    },
    "Manifests": {
        "validate": "Check manifests; contacts nothing.",
        "fmt": "Put the keys of manifests in the order of the schema.",
        "render": "Print manifests with their templates filled in.",
        "schema": "Print the JSON Schema of a kind for editors.",
        "explain": "Explain a field of a kind, or the code of a message.",
    },
    "Plan and apply": {
        "plan": "Show what apply would change, and change nothing.",
        "show": "Print what was approved in a saved plan.",
        "apply": "Make the tenant look like the manifests.",
        "destroy": "Delete what the manifests name and the project owns.",
        "rollback": "Go back to an earlier version of a resource, or to the manifests of a run.",
    },
    "What there is and why": {
        "status": "Show how everything is: state, version, drift, last run, last change.",
        "get": "List live resources, or print one as a manifest.",
        "diff": "The same as plan; with Kind/name A B, what differs between two versions.",
        "drift": "Show what was changed, deleted or added outside since the last apply.",
        "history": "Show what runs did, or the versions of a resource and how two differ.",
        "why": "Tell where the value of a field comes from, which run brought it, what was before.",
        "graph": "Show what refers to what, and whom a change reaches.",
        "whoami": "Show which tenant a run goes to, and what the token may do.",
    },
    "Run and watch": {
        "run": "Run a workflow now, or what a deployment runs, and follow it.",
        "logs": "Print the log of a build, of an execution, or of what a deployment has made.",
        "executions": "List the executions of a workflow.",
        "execution": "Show one execution, step by step.",
        "pause": "Pause a workflow.",
        "resume": "Let a paused workflow run again.",
        "redeploy": "Try a failed deployment again.",
        "test": "Ask a service, and check its answer.",
        "emails": "Send e-mails through the platform, and see what was sent.",
    },
    "Housekeeping": {
        "protect": "Keep resources from being deleted.",
        "unprotect": "Let resources be deleted again.",
        "disown": "Let go of resources: they stay, and belong to no project.",
        "ledger": "Show, unlock or rebuild a project's ledger; what its runs did.",
        "gc": "Delete old versions that nothing uses.",
        "download": "Save the archive of a version as a file.",
    },
    "Other": {
        "ci": "Plan and apply as one line of a CI job; write the files of a CI.",
        "emulator": "Run the platform offline.",
        "completion": "Print a completion script for bash, zsh or fish.",
        "version": "Print the version of peakctl.",
    },
}
"""Each command, a function in a module of `commands`, and its line of help."""

COMMANDS = {name: text for section in SECTIONS.values() for name, text in section.items()}

EPILOG = """\b
Examples:
  peakctl validate                      check everything that peakctl.yaml names
  peakctl plan -e dev                   see what would change
  peakctl apply -e dev                  change it, after asking
  peakctl plan -e local                 the same against the offline emulator

Credentials: PEAK_AUTH_TOKEN (or API_KEY); stage: PEAK__STAGE (or STAGE).
Every flag may also be set as PEAKCTL_<FLAG>, PEAKCTL_ENV=dev for one.
"""


SHARED = {
    **dict.fromkeys(("execution", "pause", "resume"), "executions"),
    **dict.fromkeys(("protect", "unprotect", "disown"), "ownership"),
    "diff": "plan",
}
"""Commands that stand in a module with others of their family, and not in one of their name."""


class LazyGroup(click.Group):
    """A group that answers from `COMMANDS` and imports a command only to run it."""

    context_class = Context

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        word = f"{cmd_name}_" if keyword.iskeyword(cmd_name) else cmd_name
        module = importlib.import_module(f"peakctl.cli.commands.{SHARED.get(cmd_name, word)}")
        command: click.Command = getattr(module, word)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        width = max(map(len, COMMANDS))
        for title, commands in SECTIONS.items():
            with formatter.section(title):
                rows = [(name.ljust(width), text) for name, text in commands.items()]
                formatter.write_dl(rows)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        found = [
            CompletionItem(name, help=text)
            for name, text in COMMANDS.items()
            if name.startswith(incomplete)
        ]
        return found + click.Command.shell_complete(self, ctx, incomplete)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and not args[0].startswith("-") and self.get_command(ctx, args[0]) is None:
            from peakctl.cli.exits import unknown_command

            raise unknown_command(args[0], COMMANDS, ctx)
        return super().resolve_command(ctx, args)

    def main(self, args: Sequence[str] | None = None, *rest: Any, **extra: Any) -> Any:
        """Run, and leave with the exit code that `exits` gives to whatever happened."""
        from peakctl.cli.exits import run_guarded

        extra["standalone_mode"] = False
        run = super().main
        raise SystemExit(run_guarded(lambda: run(args, *rest, **extra), args))


@click.group(
    name="peakctl",
    cls=LazyGroup,
    invoke_without_command=True,
    epilog=EPILOG,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@directory
@click.version_option(__version__, "-V", "--version", message="peakctl %(version)s")
@click.pass_context
def cli(ctx: click.Context) -> None:
    """Make a Peak tenant look like a folder of YAML: plan, then apply."""
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help())
