"""Asking before something changes; never where nobody can answer."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from peakctl.errors import Diagnostic, GuardRefused
from peakctl.operations.apply import unbound
from peakctl.operations.project import place_of

if TYPE_CHECKING:
    from peakctl.cli.session import Session


def require_consent(
    session: Session, question: str, *, what: str = "there are changes", read: str = "the plan"
) -> None:
    """Return when the user agrees or has agreed with --yes. Raises GuardRefused otherwise.

    A protected environment is agreed to by typing its name. `what` is to be agreed to and `read`
    is to be read before, for those who cannot be asked.
    """
    if session.flags.yes:
        return
    if not session.terminal.asks:
        raise GuardRefused(
            Diagnostic(
                code="guard/consent",
                summary=f"{what}, and no terminal to ask on",
                fix=f"read {read}, then: {session.again()} --yes",
            )
        )
    session.terminal.warn([()])
    if not _agrees(session, question):
        raise GuardRefused(
            Diagnostic("guard/declined", "not agreed to; nothing was changed", fix="nothing to do")
        )


def require_tenant(session: Session) -> None:
    """Return when a person says that the tenant is the one that the plan was made for.

    Raises GuardRefused otherwise, and where nobody can be asked: --yes agrees to a plan, and does
    not know the tenant.
    """
    if not session.terminal.asks:
        raise GuardRefused(unbound(session.project))
    place = place_of(session.project)
    session.terminal.warn([()])
    if not _agrees(session, f"It is not known whose tenant this is. Is {place} the right one?"):
        raise GuardRefused(
            Diagnostic("guard/declined", "not agreed to; nothing was changed", fix="nothing to do")
        )


def was_asked(session: Session) -> bool:
    """Whether somebody at the terminal has agreed to what was shown."""
    return session.terminal.asks and not session.flags.yes and not session.flags.plan_file


def _agrees(session: Session, question: str) -> bool:
    environment = session.project.environment
    with _interruptible():
        if environment is not None and environment.protect:
            words = f'The environment "{environment.name}" is protected. Type its name to go on'
            typed: str = click.prompt(words, default="", show_default=False, err=True)
            return bool(typed.strip() == environment.name)
        agreed: bool = click.confirm(question, default=False, err=True)
        return agreed


@contextlib.contextmanager
def _interruptible() -> Iterator[None]:
    """Let signals end the question: the loop's own handlers would wait for the answer."""
    wanted: dict[int, Any] = {
        signal.SIGINT: signal.default_int_handler,
        signal.SIGTERM: signal.SIG_DFL,
    }
    try:
        before = {number: signal.signal(number, act) for number, act in wanted.items()}
    except ValueError:  # not in the main thread
        yield
        return
    try:
        yield
    finally:
        for number, act in before.items():
            signal.signal(number, act)
