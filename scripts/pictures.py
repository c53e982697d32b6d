"""Draw the pictures of docs/pictures: what peakctl prints in a terminal, told as one small story.

Everything runs in this process, on the embedded emulator and a clock of its own, so that the same
code draws the same pictures. `python scripts/pictures.py [FOLDER] [WIDTH]` draws them elsewhere or
wider.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import sys
import tempfile
import textwrap
from collections.abc import Iterator, Mapping
from pathlib import Path
from unittest.mock import patch

from chaos.clock import FakeClock
from rich.console import Console
from rich.terminal_theme import DEFAULT_TERMINAL_THEME, SVG_EXPORT_THEME
from rich.text import Text

from peakctl.cli import cli, loop
from peakctl.emulator import Emulator, Options
from peakctl.ledger import digests
from peakctl.operations import platform, project
from peakctl.present.progress import PlainProgress

FOLDER = Path(__file__).resolve().parent.parent / "docs" / "pictures"
WIDTH = 100
LIGHT = ("plan",)
"""What is drawn on a light ground too."""
LARGEST = 60_000
"""Bytes of a picture: it is kept in the repository."""

BEFORE = {
    "peakctl.yaml": """\
        project: retail
        manifests: [manifests]
        environments: {local: {emulator: true}}
        """,
    "src/Dockerfile": "FROM python:3.12\n",
    "src/train.py": "print('train')\n",
    "src/old.py": "print('old')\n",
    "manifests/forecast.yaml": """\
        apiVersion: peakctl/v1
        kind: Image
        metadata: {name: forecast, description: Trains the demand model}
        spec: {type: workflow, artifact: {path: ../src}}
        ---
        apiVersion: peakctl/v1
        kind: BlockSpec
        metadata: {name: forecast-block, title: Forecast, summary: Demand forecast}
        spec:
          kind: workflow
          scope: private
          config:
            steps:
              train: {imageDetails: {name: forecast}, command: python train.py}
              alert: {imageDetails: {name: forecast}, command: python alert.py, parents: [train]}
        """,
    "manifests/price.yaml": """\
        apiVersion: peakctl/v1
        kind: Image
        metadata: {name: price}
        spec: {type: api, buildDetails: {source: dockerfile, dockerfile: "FROM python:3.12"}}
        ---
        apiVersion: peakctl/v1
        kind: Service
        metadata: {name: price-api, title: Prices}
        spec:
          serviceType: api
          imageDetails: {name: price}
          healthCheckURL: /health
          minInstances: 1
          parameters: {env: {MODE: fast}}
        """,
    "manifests/old.yaml": """\
        apiVersion: peakctl/v1
        kind: Workflow
        metadata: {name: old-report}
        spec:
          triggers: [{cron: "0 2 * * *"}]
          steps: {report: {type: http, method: post, url: "https://example.com/report"}}
        """,
}
AFTER: Mapping[str, str | None] = {
    "src/train.py": "print('train better')\n",
    "src/util.py": "pass\n",
    "src/old.py": None,
    "manifests/old.yaml": None,
    "manifests/price.yaml": BEFORE["manifests/price.yaml"]
    .replace("minInstances: 1", "minInstances: 2")
    .replace("MODE: fast", "MODE: exact"),
}
WRONG: Mapping[str, str | None] = {
    "manifests/price.yaml": BEFORE["manifests/price.yaml"]
    .replace("name: price}\n          health", "name: prcie}\n          health")
    .replace("minInstances: 1", 'minInstances: "two"')
    .replace("healthCheckURL", "healthCheckUrl"),
}


class Screen(io.StringIO):
    """A terminal that keeps what is written to it."""

    encoding = "utf-8"  # type: ignore[assignment]

    def isatty(self) -> bool:
        return True


def write(files: Mapping[str, str | None]) -> None:
    """Lay files into the working folder; None takes one away."""
    for name, text in files.items():
        path = Path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        if text is None:
            path.unlink()
        else:
            path.write_text(textwrap.dedent(text), "utf-8")


@contextlib.contextmanager
def stage() -> Iterator[Emulator]:
    """An empty folder to work in, an emulator, and a clock that passes by itself."""
    clock, before = FakeClock(), Path.cwd()
    with contextlib.ExitStack() as stack:
        os.chdir(stack.enter_context(tempfile.TemporaryDirectory()))
        stack.callback(os.chdir, before)
        emulator = Emulator(clock=clock.now, options=Options(provided_images=True))
        stack.callback(emulator.close)
        known = {"LOGNAME": "alice", "PATH": os.environ["PATH"], "FORCE_COLOR": "1"}
        stack.enter_context(patch.dict(os.environ, known, clear=True))
        for target, name, value in (
            (project.SystemClock, "now", lambda _: clock.now()),
            (project.SystemClock, "sleep", lambda _, seconds: clock.sleep(seconds)),
            (platform, "open_emulator", lambda *_, **__: emulator),
            (emulator, "close", lambda: None),
            (digests, "COST", digests.LIGHT),
            (loop, "open_progress", _as_in_a_log),
        ):
            stack.enter_context(patch.object(target, name, value))
        yield emulator


def _as_in_a_log(terminal, started, now, total):  # type: ignore[no-untyped-def]
    """Moving rows make no picture: what ended is what a log has of them."""
    from peakctl.present.progress import Count

    return PlainProgress(terminal, started, Count(total))


def run(words: str, width: int) -> str:
    """What a command line prints on a terminal, both streams as they come."""
    screen = Screen()
    told = (contextlib.redirect_stdout(screen), contextlib.redirect_stderr(screen))
    with (
        told[0],
        told[1],
        patch.dict(os.environ, COLUMNS=str(width)),
        contextlib.suppress(SystemExit),
    ):
        cli.main(words.split())
    return screen.getvalue()


def story(width: int) -> Iterator[tuple[str, str, str]]:
    """The name of each picture, the command line, and what it prints."""
    with stage():
        write(BEFORE)
        yield "apply", "apply --yes", run("apply --yes", width)
        write(WRONG)
        yield "validate", "validate", run("validate", width)
        write({"manifests/price.yaml": BEFORE["manifests/price.yaml"]})
        write(AFTER)
        yield "plan", "plan", run("plan", width)
        yield "get", "get Service", run("get Service", width)
        yield "ledger", "ledger show", run("ledger show", width)


def same_ids(text: str) -> str:
    """The text with ids that are the same each time."""
    known: dict[str, str] = {}
    return re.sub(
        r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}",
        lambda found: known.setdefault(
            found[0], f"{len(known) + 1:08x}-91c6-4d1f-8a5b-{len(known) + 1:012x}"
        ),
        text,
    )


def draw(name: str, words: str, text: str, width: int, *, light: bool = False) -> str:
    """The SVG of a terminal in which a command ran."""
    console = Console(record=True, width=width, file=io.StringIO(), force_terminal=True)
    console.print(Text.assemble(("$ ", "bold green"), (f"peakctl {words}", "bold")))
    console.print(Text.from_ansi(same_ids(text).strip("\n")), soft_wrap=True)
    svg = console.export_svg(
        title=f"peakctl {words}",
        theme=DEFAULT_TERMINAL_THEME if light else SVG_EXPORT_THEME,
        unique_id=f"peakctl-{name}",
    )
    svg = re.sub(r"\s*@font-face \{.*?\}\n", "\n", svg, flags=re.DOTALL)  # nothing is loaded
    return svg.replace("Fira Code, monospace", "ui-monospace, Menlo, Consolas, monospace")


def main(folder: Path, width: int) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, words, text in story(width):
        _write(folder / f"{name}.svg", draw(name, words, text, width))
        if name in LIGHT:
            _write(folder / f"{name}-light.svg", draw(name, words, text, width, light=True))


def _write(path: Path, svg: str) -> None:
    size = len(svg.encode())
    if size > LARGEST:
        raise SystemExit(f"{path.name}: {size} bytes are too many for a picture")
    path.write_text(svg, "utf-8")
    print(f"{path.name}: {size:,} bytes")


if __name__ == "__main__":
    numbers = [int(word) for word in sys.argv[1:] if word.isdigit()]
    folders = [Path(word) for word in sys.argv[1:] if not word.isdigit()]
    main([*folders, FOLDER][0], [*numbers, WIDTH][0])
