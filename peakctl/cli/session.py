"""One command as it runs: its options, the project that it found, and its report."""

from __future__ import annotations

import contextlib
import shlex
import sys
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from peakctl.cli.answer import answer, debug, lost_diagnostics
from peakctl.cli.exits import Exit, diagnostics_of, exit_code
from peakctl.cli.options import STOOD, TYPED
from peakctl.errors import Diagnostic, ManifestsInvalid, OutputFailed, counted
from peakctl.model.records import dataclass
from peakctl.operations.project import (
    Project,
    ProjectOptions,
    find_project,
    place_of,
    require_owner,
    with_environment,
    with_policy,
)
from peakctl.present.forms import OF_HOSTS, STREAMED
from peakctl.present.places import Places, declared_places, in_repository, typed_again
from peakctl.present.policy_text import policy_lines
from peakctl.present.report import Report
from peakctl.present.terminal import Terminal, open_terminal
from peakctl.present.text import Line, line
from peakctl.settings import Settings, read_settings

if TYPE_CHECKING:
    from peakctl.cli.options import Flags
    from peakctl.model import JsonDict, Key, Location, Owned, Owner, Plan
    from peakctl.operations.ahead import Load
    from peakctl.operations.platform import Platform
    from peakctl.operations.target import Target
    from peakctl.present.events import EventStream

T = TypeVar("T")

STDIN = "<stdin>"
LISTING = frozenset(
    {
        "disown",
        "download",
        "drift",
        "emails describe",
        "emails list",
        "emails send",
        "emails templates",
        "gc",
        "execution",
        "executions",
        "get",
        "why",
        "graph",
        "history",
        "ledger rebuild",
        "ledger show",
        "ledger unlock",
        "logs",
        "pause",
        "protect",
        "redeploy",
        "status",
        "resume",
        "run",
        "test",
        "unprotect",
        "whoami",
    }
)
"""Commands whose results are the platform's own words: names, owners, texts of earlier runs."""


@dataclass(slots=True)
class Session:
    """One command under way. `opened` is its project, once it is known.

    `interrupted` is the exit code of the signal that asked the run to stop, if one did; `plan` what
    was shown before, should an error end the run; `undeclared` what no manifest names any more;
    `saved` the file that the plan was saved to; `stood` where the user is when -C leads elsewhere;
    `shown` what was shown before a question, `asked` the same for JSON; `streams` who listens;
    `arguments` are the words that the command was typed with, beside its flags;
    `consent_lines` are what somebody may write on the request of a CI job to consent to the plan,
    and `agreed` the resources whose changes were agreed to there.
    """

    command: str
    flags: Flags
    settings: Settings
    terminal: Terminal
    opened: Project | None = None
    warnings: list[Diagnostic] = field(default_factory=list)
    interrupted: Exit | None = None
    plan: Plan | None = None
    undeclared: tuple[Owned, ...] = ()
    saved: str | None = None
    stood: Path | None = None
    requests: int = 0
    shown: tuple[Line, ...] = ()
    streams: tuple[EventStream, ...] = ()
    consent_lines: tuple[str, ...] = ()
    agreed: frozenset[Key] = frozenset()
    arguments: tuple[str, ...] = ()
    asked: JsonDict = field(default_factory=dict)

    @property
    def project(self) -> Project:
        """The project, opened when it is first asked for. Raises UsageError."""
        if self.opened is None:
            flags = self.flags
            options = ProjectOptions(
                environment=flags.env,
                manifests=flags.filename,
                parameter_files=flags.params_file,
                policy_from=flags.policy_from,
                outputs=_outputs(flags),
                read_stdin=_read_stdin,
                unset_is_unknown=flags.unset_env == "unknown",
            )
            self.opened = find_project(options, self.settings)
            self.opened = with_environment(self.opened)
            self.opened = with_policy(self.opened)
            if flags.param:
                from peakctl.manifests.parameters import read_pairs

                options = replace(options, parameters=read_pairs(flags.param))
                self.opened = replace(self.opened, options=options)
        return self.opened

    def require_owner(self) -> Owner:
        """The owner of what the project applies. Raises UsageError where no ledger is kept."""
        return require_owner(self.project)

    def report(self, **parts: Any) -> Report:
        """A report of this command; warnings gathered on the way come first."""
        found = Report(
            command=self.command,
            project=self.opened.name if self.opened else None,
            environment=self.opened.environment_name if self.opened else None,
            name_prefix=self.opened.known_prefix if self.opened else "",
            policy=self.opened.policy if self.opened else None,
            undeclared=self.undeclared,
            again=self.again(),
            **parts,
        )
        return replace(found, diagnostics=(*self.warnings, *found.diagnostics))

    def result(
        self, word: str, data: JsonDict | list[JsonDict], lines: Iterable[Line], **more: Any
    ) -> Report:
        """The report of what a command found: by its word in JSON, as rows in YAML."""
        rows = data if isinstance(data, list) else [data]
        text = self.as_yaml(*rows)
        return self.report(lines=tuple(lines), text=text, extra={word: data}, **more)

    def as_yaml(self, *rows: JsonDict) -> str:
        """The rows as YAML where that is the form asked for, else "": the text of a report."""
        if self.flags.output not in ("yaml", "manifest"):
            return ""
        from peakctl.present.tenant import as_yaml

        return as_yaml(rows)

    @property
    def places(self) -> Places | None:
        """How places are told to a user who stands elsewhere."""
        return Places(self.project.root, self.stood) if self.opened and self.stood else None

    @property
    def typed_folder(self) -> str | None:
        """The folder of `-C`, as it was typed."""
        context = click.get_current_context(silent=True)
        folder: str | None = context.meta.get(TYPED) if context else None
        return folder

    def again(self, command: str | None = None, *arguments: str) -> str:
        """What to type to run this (or another command) again; values of -p may be secrets."""
        flags = self.flags
        typed = {
            "-f": flags.filename,
            "-e": (flags.env,) if flags.env else (),
            "-v": flags.params_file,
            "-p": [f"{pair.partition('=')[0]}=…" for pair in flags.param],
            "--select": flags.select,
            "--exclude": flags.exclude,
            "--take-over": flags.take_over,
            "--allow": flags.allow,
            "--policy-from": (flags.policy_from,) if flags.policy_from else (),
            "--base": (flags.base,) if flags.base else (),
            "--unset-env": (flags.unset_env,) if flags.unset_env != "error" else (),
        }
        words = [word for flag, values in typed.items() for each in values for word in (flag, each)]
        switches = {
            "--prune": flags.prune,
            "--prune-history": flags.prune_history,
            "--adopt": flags.adopt,
            "--retry-failed": flags.retry_failed,
            "--forward": flags.forward,
        }
        words += [flag for flag, given in switches.items() if given]
        if flags.allow_mass_change is not None:
            words += ["--allow-mass-change", str(flags.allow_mass_change)]
        go = ["-C", self.typed_folder] if self.typed_folder else []
        named = arguments if command else self.arguments
        return shlex.join(["peakctl", *go, *(command or self.command).split(), *named, *words])

    @asynccontextmanager
    async def connected(self) -> AsyncIterator[Platform]:
        """The platform of the project; the requests are counted for --verbose."""
        from peakctl.operations.platform import connect

        async with connect(self.project, self.flags.parallelism) as platform:
            try:
                yield platform
            finally:
                self.requests += platform.api.requests

    @asynccontextmanager
    async def connected_loading(self, load: Load[T]) -> AsyncIterator[tuple[Platform, T]]:
        """As `connected`, and what `load` gives, which reads the manifests meanwhile."""
        from peakctl.operations.ahead import connect_and_load

        async with connect_and_load(self.project, load, self.connected()) as found:
            yield found

    @asynccontextmanager
    async def connected_to(
        self, word: str, *, versioned: bool = False
    ) -> AsyncIterator[tuple[Platform, Target]]:
        """The platform, and what the word of a command names: `Kind/name`, `versioned` with `@`.

        Raises UsageError for another word; whether it is there is not looked at.
        """
        from peakctl.operations.target import parse_target

        async with self.connected() as platform:
            yield platform, parse_target(word, tuple(platform.kinds), versioned=versioned)

    def tell_place(self) -> None:
        """Say which tenant is asked, before it is."""
        opened = self.project
        name = f"environment {opened.environment_name}, " if opened.environment else ""
        self.terminal.tell([line((f"{name}looking at {place_of(opened)}", "dim")), ()])

    def tell_where(self, count: int) -> None:
        """Say which project meets which tenant, before anything is changed."""
        opened = self.project
        project = f"project {opened.name}, " if opened.name else ""
        name = f"environment {opened.environment_name}, " if opened.environment else ""
        name += f"names begin with {opened.prefix}, " if opened.prefix else ""
        name += "schedules paused, " if opened.environment and opened.environment.paused else ""
        words = f"{project}{name}{counted(count, 'resource')}; looking at {place_of(opened)}"
        self.terminal.tell([line((words, "dim")), ()])

    def show(self, lines: tuple[Line, ...], **asked: object) -> None:
        """What is to be read before it is agreed to; JSON and Markdown have it in the report.

        `asked` is the same for JSON, should nobody agree.
        """
        self.shown += lines
        self.asked |= asked
        if self.flags.output == "text":
            self.terminal.show(lines)

    def show_plan(self, plan: Plan, lines: tuple[Line, ...], **asked: object) -> None:
        """A plan that is to be agreed to, as `lines` and for whoever listens; `asked` as `show`."""
        self.plan = plan
        if self.streams:
            report = self.report(plan=plan, declared=declared_places(plan))
            report = self.places.report(report) if self.places else report
            for stream in self.streams:
                stream.plan(report.plan or plan, report)
        self.show(lines, **asked)


def run_command(
    command: str,
    flags: Flags,
    body: Callable[[Session], Report | Coroutine[object, object, Report]],
    then: Callable[[Session, Report], None] | None = None,
) -> int:
    """Run `body`, tell its report or its error in the form asked for, and give the exit code.

    `then` may tell of the report elsewhere, with places from the root of the repository; it changes
    nothing about the exit code.
    """
    settings = read_settings()
    color = "never" if flags.no_color else flags.color
    terminal = open_terminal(settings, sys.stdout, sys.stderr, sys.stdin, color=color)
    terminal.quiet = flags.quiet
    session = Session(command, flags, settings, terminal, stood=_stood())
    session.streams = tuple(_streams(session))
    report = _run(session, body)
    terminal.end()  # a thread that reads manifests goes on where a signal ended the run
    if command in LISTING and session.opened is not None:
        report = report.redacted(session.opened.redact)
    report = typed_again(report, folder=session.typed_folder, environment=flags.env)
    report = _notified(session, report)
    report = _with_excerpts(session, report)
    report = replace(report, shown=session.shown, declared=_declared(session, report))
    hosts = _for_hosts(session, report) if then or flags.wants(*OF_HOSTS) else None
    if session.places is not None:
        report = session.places.report(report)
    files = flags.output_files or ()
    code = answer(report, terminal, flags.form, files, session.streams, hosts)
    if flags.verbose and session.requests:
        terminal.tell([line((f"{counted(session.requests, 'request')} sent", "dim"))])
    if then is not None:
        then(session, hosts or report)
    return code


def _notified(session: Session, report: Report) -> Report:
    """The report, once whoever `notify` of peakctl.yaml names was told of it."""
    opened = session.opened
    if opened is None or opened.file is None or not opened.file.channels_for(opened.environment):
        return report
    from peakctl.cli.notifying import notified

    return notified(session, report)


def _run(
    session: Session, body: Callable[[Session], Report | Coroutine[object, object, Report]]
) -> Report:
    """The report of `body`, whatever happens to it."""
    try:
        report = body(session)
        if not isinstance(report, Report):
            with contextlib.closing(report) as work:  # an interrupt may keep it from its loop
                from peakctl.cli.loop import run_async

                report = run_async(session, work)
        return report
    except OutputFailed as lost:  # what was to be shown before anything is done
        told = lost_diagnostics(lost, changed=False)
        return session.report(exit_code=Exit.ERROR, diagnostics=told, plan=session.plan)
    except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001 - the last resort
        debug(error, session.settings, session.terminal)
        opened = session.opened
        return session.report(
            exit_code=session.interrupted or exit_code(error),
            diagnostics=_not_told(diagnostics_of(error), session.warnings),
            plan=session.plan,
            extra=session.asked,
            text=_asked_text(session),
            lines=() if session.plan or not opened else policy_lines(opened.policy),
        )


def _asked_text(session: Session) -> str:
    """What was shown before a question, where YAML was asked for; a plan is in the document."""
    if session.plan is not None:
        return ""
    each = session.asked.values()
    rows = [row for found in each for row in (found if isinstance(found, list) else [found])]
    return session.as_yaml(*rows) if rows else ""


def _for_hosts(session: Session, report: Report) -> Report:
    """The report with places from the root of the repository."""
    root = session.opened.root if session.opened else None
    return in_repository(report, root, session.settings.environment)


def _declared(session: Session, report: Report) -> Mapping[Key, Location]:
    """Where the resources of a plan are declared, where a form has it."""
    if report.plan is None or not session.flags.wants("json", "yaml", "jsonl", *OF_HOSTS):
        return report.declared
    return declared_places(report.plan)


def _streams(session: Session) -> Iterator[EventStream]:
    """Who gets the events of a run as they come."""
    flags = session.flags
    if not flags.wants(STREAMED):
        return
    from peakctl.present.events import EventStream, LineFile

    if flags.form == STREAMED:
        yield EventStream(session.command, session.terminal.show_text)
    for each in flags.output_files or ():
        if each.form == STREAMED:
            file = LineFile(each.file)
            yield EventStream(session.command, file.write, file.close)


def _stood() -> Path | None:
    context = click.get_current_context(silent=True)
    return Path(context.meta[STOOD]) if context and STOOD in context.meta else None


def _with_excerpts(session: Session, report: Report) -> Report:
    """The report with the lines of files that its diagnostics point at."""
    if session.opened is None or not any(d.locations for d in report.diagnostics):
        return report
    from peakctl.operations.excerpts import excerpts_of

    return replace(report, excerpts=excerpts_of(session.opened, report.diagnostics))


def _not_told(found: tuple[Diagnostic, ...], told: list[Diagnostic]) -> tuple[Diagnostic, ...]:
    return tuple(each for each in found if each not in told)


def _outputs(flags: Flags) -> tuple[str | int, ...]:
    """The files that the run itself writes or was given as its plan.

    Standard output counts where it goes to a file: `peakctl plan -o json > plan.json`.
    """
    streams = []
    for stream in (sys.stdout, sys.stderr):
        try:
            streams.append(stream.fileno())
        except (OSError, ValueError, AttributeError):  # no file of the system's
            continue
    files = (flags.out, flags.plan_file, *(each.file for each in flags.output_files or ()))
    return (*(name for name in files if name), *streams)


def _read_stdin() -> str:
    """The text on standard input, UTF-8 as every manifest is. Raises ManifestsInvalid."""
    from peakctl.cli.loop import interruptible
    from peakctl.files import Unreadable, decode_text
    from peakctl.model import Location

    try:
        with interruptible():
            return decode_text(sys.stdin.buffer.read())
    except OSError as error:  # it is closed
        told = Diagnostic("source/unreadable", f'"{STDIN}" cannot be read: {error.strerror}')
        raise ManifestsInvalid(told) from error
    except Unreadable as error:
        raise ManifestsInvalid(
            Diagnostic(
                code=f"source/{error.code}",
                summary=f'"{STDIN}" cannot be read: {error.reason}',
                locations=(Location(STDIN, error.line, error.column),),
                fix=error.fix,
            )
        ) from None
