"""The templates of one run: sandboxes, secrets, and the way from an error to its place."""

from __future__ import annotations

import contextlib
import functools
from typing import TYPE_CHECKING, Any

from jinja2.exceptions import TemplateSyntaxError

from peakctl.errors import Diagnostic, ManifestsInvalid
from peakctl.manifests.collect import STOPS, Collector
from peakctl.manifests.includes import Includes
from peakctl.manifests.marks import LINE_MARK
from peakctl.manifests.mishaps import MISHAPS, Teller
from peakctl.manifests.os_env import os_env_value
from peakctl.manifests.rendered import OPEN, Rendered
from peakctl.manifests.sandbox import Sandbox
from peakctl.manifests.secret_text import SecretTexts, Tokens
from peakctl.manifests.trace import Tracer

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from peakctl.model import Source, Value

OS_ENV = "os_env"


class Engine:
    """Renders templates with one set of values.

    `listed` are the names and globs of variables that `os_env` has; None for all but credentials.
    """

    def __init__(
        self,
        parameters: Mapping[str, Value],
        environment: Mapping[str, str],
        root: Path,
        listed: Sequence[str] | None = None,
    ) -> None:
        self._tokens = Tokens()
        self._secrets = SecretTexts(self._tokens)
        self._includes = Includes(root)
        self._values: dict[str, Any] = {
            **parameters,
            OS_ENV: os_env_value(environment, listed, self._secrets),
        }
        self._sandbox = Sandbox(self._tokens, self._includes)
        self._teller = Teller(self._includes, self._values)

    def render(self, source: Source) -> Rendered:
        """The text that a template makes. Raises ManifestsInvalid."""
        self._includes.add(source)
        try:
            text = self._run(self._sandbox, source)
        except MISHAPS as error:
            raise ManifestsInvalid(*self._all_faults(error, source)) from None
        trace = Tracer(
            functools.partial(self._run_marked, source, text),
            self._includes.numbered,
            source.display,
        )
        return Rendered(source, text, self._secrets if OPEN in text else None, trace)

    def included(self) -> frozenset[str]:
        """The files that were read besides the manifests, as users are shown them."""
        return self._includes.read()

    def mentioned(self) -> frozenset[str] | None:
        """As `Renderer.mentioned`: branches that were not taken count, and what they include."""
        sandbox = self._sandbox
        sandbox.budget.reset()
        while sandbox.referenced:
            name, parent = sandbox.referenced.pop()
            if name is None:
                return None
            with contextlib.suppress(*MISHAPS):
                sandbox.get_template(name, parent)
        return frozenset(sandbox.names)

    def _run(self, sandbox: Sandbox, source: Source) -> str:
        sandbox.budget.reset()
        text = str.__str__(str(sandbox.get_template(source.path).render(self._values)))
        sandbox.budget.check_output(text, text.count(OPEN))
        return f"{text}\n"  # jinja2 takes the last line end off

    def _all_faults(self, error: Exception, source: Source) -> tuple[Diagnostic, ...]:
        """What is wrong in the template that raised `error`, expression by expression."""
        first = self._teller.tell(error, source.path)
        if isinstance(error, (*STOPS, TemplateSyntaxError)):
            return (first,)
        collector = Collector(self._tokens, self._includes, MISHAPS)
        with contextlib.suppress(*MISHAPS):
            self._run(collector, source)
        found = dict.fromkeys(self._teller.tell(fault, source.path) for fault in collector.faults)
        return tuple(found) if first in found else (first, *found)

    def _run_marked(self, source: Source, text: str) -> str | None:
        """The text again, with marks; None where the marks changed what the template does."""
        try:
            marked = self._run(self._marking, source)
        except MISHAPS:
            return None
        return marked if LINE_MARK.sub("", marked) == text else None

    @functools.cached_property
    def _marking(self) -> Sandbox:
        return Sandbox(self._tokens, self._includes, marking=True)
