"""docs/interop.md is what `make interop` wrote of the present story; no client is needed here."""

from __future__ import annotations

import re
from pathlib import Path

from interop.story import RELEASES, load_story, read_answers

ROOT = Path(__file__).parent.parent

PAGE = (ROOT / "docs" / "interop.md").read_text()
ROWS = {
    name: cells
    for name, *cells in re.findall(r"^\| `([^`]+)` \| ([^|]+) \| ([^|]+) \|$", PAGE, re.MULTILINE)
}
ANEW = "run `make interop`, then commit docs/interop.md"
REFERENCE = read_answers("answers.yaml")
NEWER = read_answers("newer.yaml")


def test_the_story_has_every_command_of_the_reference_and_the_newer_ones() -> None:
    told = {step.command for step in load_story()}
    assert told == {*REFERENCE, *NEWER}
    assert len(REFERENCE) == 95


def test_the_table_lists_every_command_of_the_story_and_both_releases() -> None:
    assert f"| command | {' | '.join(RELEASES)} |" in PAGE
    assert set(ROWS) == {step.command for step in load_story()}, ANEW
    assert f"one story of {len(load_story())} steps" in PAGE, ANEW


def test_what_a_release_has_passes_or_is_listed_with_a_reason() -> None:
    reasons = PAGE.partition("## What does not pass")[2].partition("##")[0]
    for name, cells in ROWS.items():
        for release, cell in zip(RELEASES, cells, strict=True):
            assert cell in {"pass", "n.a.", "fails"}
            assert (cell == "fails") == (f"- `{name}`, {release}: " in reasons)
            assert (cell == "n.a.") == (name in NEWER and release == "1.8.0")


def test_every_flag_of_a_step_is_known_before_it_runs() -> None:
    """Names that a step uses were kept by an earlier step of the same emulator."""
    given = {"project", "downloads", "bodies"}
    for step in load_story():
        used = set(re.findall(r"\$(\w+)", f"{step.peak} {step.expect} {step.body} {step.env}"))
        assert used <= given | step.keep.keys(), f"{step.where} uses {used - given}"
        given |= step.keep.keys()
