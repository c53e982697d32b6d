"""`peakctl render`."""

from __future__ import annotations

from typing import TYPE_CHECKING

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


@options.command(epilog=EPILOG)
@options.manifests
@options.output("text", "json")
@options.display
def render(**flags: object) -> int:
    """Print manifests with their templates filled in.

    Values that come from the environment (os_env) are masked.
    """
    return options.run("render", flags, _render)


def _render(session: Session) -> Report:
    from peakctl.operations import load

    result = load.render(session.project)
    texts = result.texts
    return session.report(
        diagnostics=result.diagnostics,
        text="---\n".join(_commented(each, is_last=each is texts[-1]) for each in texts),
        extra={"files": [{"file": each.display, "text": each.text} for each in texts]},
    )


def _commented(rendered: RenderedText, *, is_last: bool) -> str:
    """The text below a comment with the name of its file, exact to the last line end.

    Where another file follows, a line end is added if there is none.
    """
    text = rendered.text.removeprefix("---\n")
    end = "" if is_last or text.endswith("\n") else "\n"
    return f"# {rendered.display}\n{text}{end}"
