"""Nothing changes unless somebody agreed."""

from __future__ import annotations

import io
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import click
import pytest

from peakctl.cli.consent import require_consent, was_asked
from peakctl.cli.options import Flags
from peakctl.cli.session import Session
from peakctl.errors import GuardRefused
from peakctl.operations.project import Project
from peakctl.present.terminal import Terminal
from peakctl.settings import Settings


def session(*, yes: bool = False, asks: bool = True, protect: bool | None = None) -> Session:
    terminal = Terminal(io.StringIO(), io.StringIO(), asks=asks)
    made = Session(
        "apply", Flags(yes=yes, env="prod", filename=("a b.yaml",)), Settings(), terminal
    )
    made.opened = Project(Path())
    if protect is not None:
        environment: Any = SimpleNamespace(name="prod", protect=protect)
        made.opened = Project(Path(), environment=environment)
    return made


def answers(monkeypatch: pytest.MonkeyPatch, word: str) -> list[str]:
    asked: list[str] = []

    def read(prompt: str = "", *_: Any, **__: Any) -> str:
        asked.append(prompt)
        return word

    monkeypatch.setattr("click.termui.visible_prompt_func", read)
    return asked


def refused(made: Session) -> str:
    with pytest.raises(GuardRefused) as caught:
        require_consent(made, "Apply these changes?")
    return caught.value.diagnostics[0].code


def test_yes_is_consent() -> None:
    require_consent(session(yes=True, asks=False, protect=True), "Apply these changes?")


def test_without_a_terminal_it_says_to_pass_yes() -> None:
    with pytest.raises(GuardRefused) as caught:
        require_consent(session(asks=False), "Apply these changes?")
    found = caught.value.diagnostics[0]
    assert found.code == "guard/consent"
    assert found.fix == "read the plan, then: peakctl apply -f 'a b.yaml' -e prod --yes"


@pytest.mark.parametrize("word", ["y", "yes"])
def test_a_yes_is_consent(monkeypatch: pytest.MonkeyPatch, word: str) -> None:
    answers(monkeypatch, word)
    require_consent(session(), "Apply these changes?")


@pytest.mark.parametrize("word", ["", "n"])
def test_anything_else_is_not(monkeypatch: pytest.MonkeyPatch, word: str) -> None:
    answers(monkeypatch, word)
    assert refused(session()) == "guard/declined"


def test_a_protected_environment_wants_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    answers(monkeypatch, "prod")
    require_consent(session(protect=True), "Apply these changes?")


def test_a_yes_is_not_the_name_of_a_protected_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    answers(monkeypatch, "y")
    assert refused(session(protect=True)) == "guard/declined"


def test_an_unprotected_environment_is_asked_about(monkeypatch: pytest.MonkeyPatch) -> None:
    answers(monkeypatch, "y")
    require_consent(session(protect=False), "Apply these changes?")


def test_ctrl_c_at_the_question_ends_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    def read(*_: Any, **__: Any) -> str:
        raise KeyboardInterrupt

    monkeypatch.setattr("click.termui.visible_prompt_func", read)
    with pytest.raises(click.Abort):
        require_consent(session(), "Apply these changes?")


def test_it_asks_outside_the_main_thread_too(monkeypatch: pytest.MonkeyPatch) -> None:
    answers(monkeypatch, "y")
    thread = threading.Thread(target=require_consent, args=(session(), "Apply?"))
    thread.start()
    thread.join()


@pytest.mark.parametrize(
    ("yes", "asks", "asked"), [(False, True, True), (True, True, False), (False, False, False)]
)
def test_who_was_asked_has_taken_time_to_think(yes: bool, asks: bool, asked: bool) -> None:
    assert was_asked(session(yes=yes, asks=asks)) is asked
