"""The templates of one run: sandboxes, secrets, and the way from an error to its place."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

from peakctl.errors import ManifestsInvalid
from peakctl.manifests.includes import Includes
from peakctl.manifests.mishaps import MISHAPS, Teller
from peakctl.manifests.rendered import OPEN, Rendered
from peakctl.manifests.sandbox import Sandbox, hidden_environment
from peakctl.manifests.trace import Tracer
from peakctl.manifests.vault import LINE_MARK, Vault

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from peakctl.model import Source, Value

OS_ENV = "os_env"


class Engine:
    """Renders templates with one set of values."""

    def __init__(
        self, parameters: Mapping[str, Value], environment: Mapping[str, str], root: Path
    ) -> None:
        self._vault = Vault()
        self._includes = Includes(root)
        self._values: dict[str, Any] = {
            **parameters,
            OS_ENV: hidden_environment(environment, self._vault),
        }
        self._sandbox = Sandbox(self._vault, self._includes)
        self._teller = Teller(self._includes, self._values)

    def render(self, source: Source) -> Rendered:
        """The text that a template makes. Raises ManifestsInvalid."""
        self._includes.add(source)
        try:
            text = self._run(self._sandbox, source)
        except MISHAPS as error:
            raise ManifestsInvalid(self._teller.tell(error, source.path)) from None
        trace = Tracer(
            functools.partial(self._run_marked, source, text),
            self._includes.numbered,
            source.display,
        )
        secrets = tuple(self._vault.texts) if OPEN in text else ()
        return Rendered(source, text, secrets, trace)

    def included(self) -> frozenset[str]:
        """The files that were read besides the manifests, as users are shown them."""
        return self._includes.read()

    def _run(self, sandbox: Sandbox, source: Source) -> str:
        sandbox.budget.reset()
        text = str.__str__(sandbox.get_template(source.path).render(self._values))
        return f"{text}\n"  # jinja2 takes the last line end off

    def _run_marked(self, source: Source, text: str) -> str | None:
        """The text again, with marks; None where the marks changed what the template does."""
        try:
            marked = self._run(self._marking, source)
        except MISHAPS:
            return None
        return marked if LINE_MARK.sub("", marked) == text else None

    @functools.cached_property
    def _marking(self) -> Sandbox:
        return Sandbox(self._vault, self._includes, marking=True)
