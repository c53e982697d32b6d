"""`peakctl explain`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from peakctl.cli import options

if TYPE_CHECKING:
    from peakctl.cli.session import Session
    from peakctl.model import JsonDict
    from peakctl.present.report import Report

EPILOG = """\b
Examples:
  peakctl explain                                 the kinds there are
  peakctl explain Workflow                        its fields, and an example
  peakctl explain Workflow.steps.train.command    one field, in full
  peakctl explain 'Workflow.steps.train[type=sql].repository'
  peakctl explain peakctl.yaml.environments.dev.guards
  peakctl explain plan/stale                      the code of a message

Contacts nothing. `plan --explain` is something else: the stages of an apply.
"""


def complete_word(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[str]:
    """Codes once there is a slash, fields once there is a dot, else kinds; never an error."""
    from peakctl.errors import UsageError
    from peakctl.kinds.schemas import load_kinds
    from peakctl.operations.explain import PROJECT, fields_below, load_codes

    if "/" in incomplete:
        return [code for code in load_codes() if code.startswith(incomplete)]
    kinds = [*load_kinds(), PROJECT]
    above, dot, last = incomplete.rpartition(".")
    if not dot or PROJECT.startswith(incomplete):
        groups = {f"{code.partition('/')[0]}/" for code in load_codes()}
        found = [each for each in kinds if each.lower().startswith(incomplete.lower())]
        return found + sorted(each for each in groups if incomplete and each.startswith(incomplete))
    try:
        return [f"{above}.{name}" for name in fields_below(above) if name.startswith(last)]
    except UsageError:
        return []


@options.command(epilog=EPILOG)
@click.argument("what", required=False, metavar="[KIND[.FIELD]|CODE]", shell_complete=complete_word)
@options.output("text", "json", "yaml")
@options.display
def explain(what: str | None, **flags: object) -> int:
    """Explain a field of a kind, or the code of a message.

    Of a field: its type and default, what its absence means, which call carries a change of it,
    whether that restarts anything, and an example. `spec` and `metadata` may be left out.
    """
    return options.run("explain", flags, _explain, what)


def _explain(session: Session, what: str | None) -> Report:
    from peakctl.kinds.schemas import load_kinds
    from peakctl.operations.explain import explain_code, explain_field
    from peakctl.present import explain as shown

    if what is None:
        kinds = [(k.name, str(k.schema.get("description", ""))) for k in load_kinds().values()]
        rows: list[JsonDict] = [{"kind": name, "description": text} for name, text in kinds]
        return session.result("kinds", rows, shown.kind_lines(kinds))
    if "/" in what:
        codes = explain_code(what)
        return session.result("codes", shown.code_rows(codes), shown.code_lines(codes))
    fields = explain_field(what)
    return session.result("fields", shown.field_rows(fields), shown.field_lines(fields))
