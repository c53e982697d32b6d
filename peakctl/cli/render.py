"""`peakctl render`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from peakctl.cli import options

if TYPE_CHECKING:
    from peakctl.cli.session import Session
    from peakctl.manifests.load import RenderedText
    from peakctl.present.report import Report

EPILOG = """\b
Examples:
  peakctl render
  peakctl render -f manifests/service.yaml -p region=eu
  peakctl render -e prod | less
"""


@click.command(context_settings=options.CONTEXT, epilog=EPILOG)
@options.manifests
@options.output("text", "json")
@options.display
def render(**flags: Any) -> int:
    """Print manifests with their templates filled in.

    Values that come from the environment (os_env) are masked.
    """
    from peakctl.cli.session import run_command

    return run_command("render", options.Flags(**flags), _render)


def _render(session: Session) -> Report:
    from peakctl.cli.inputs import load_rendered

    texts = load_rendered(session)
    return session.report(
        text="---\n".join(_commented(each) for each in texts),
        extra={"files": [{"file": each.display, "text": each.text} for each in texts]},
    )


def _commented(rendered: RenderedText) -> str:
    from peakctl.present.text import clean

    text = clean(rendered.text).strip("\n").removeprefix("---\n")
    return f"# {rendered.display}\n{text}\n"
