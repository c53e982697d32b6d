"""Templates to text: `Renderer` is made once a run; jinja2 is loaded at its first template."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import field
from pathlib import Path, PurePath
from typing import TYPE_CHECKING

from peakctl.errors import Diagnostic, ManifestsInvalid
from peakctl.model import MASK, JsonObject, Location, Source, Value
from peakctl.model.records import dataclass

if TYPE_CHECKING:
    from peakctl.manifests.secret_tokens import SecretTexts
    from peakctl.manifests.templates import Templates


OPEN, CLOSE = "\ue000", "\ue001"
"""Around the token of a secret in rendered text."""

Trace = Callable[[int, int], Location]


@dataclass(frozen=True, slots=True)
class Rendered:
    """Text for the YAML parser.

    `secrets` says what its tokens stand for; None when there are none in it. `trace`, when the text
    came out of a template, finds the source of a line and column of it (both from 0).
    """

    source: Source
    text: str = field(repr=False)
    secrets: SecretTexts | None = field(default=None, repr=False, compare=False)
    trace: Trace | None = field(default=None, repr=False, compare=False)

    def place(self, line: int, column: int) -> Location:
        """Where the character at `line` and `column` (from 0) of the text was written."""
        if self.trace is not None:
            return self.trace(line, column)
        return Location(self.source.display, line + 1, column + 1)

    @property
    def folder(self) -> str:
        return str(PurePath(self.source.path).parent)


DELIMITERS = ("{{", "{%", "{#")
_TOKEN = re.compile(f"{OPEN}[^{CLOSE}]*{CLOSE}")


class Renderer:
    """Renders the sources of a run with one set of parameters.

    `environment` is the process environment, of which `os_env` has what `listed` names (None: all
    but credentials); `root` is the folder that includes may not leave. With `unset_is_unknown` a
    variable that is not set has a value that is not known.
    """

    def __init__(
        self,
        parameters: Mapping[str, Value],
        environment: Mapping[str, str],
        root: Path,
        listed: Sequence[str] | None = None,
        *,
        unset_is_unknown: bool = False,
    ) -> None:
        self._parameters = parameters
        self._environment = environment
        self._root = root
        self._listed = listed
        self._unset_is_unknown = unset_is_unknown

    def render(self, source: Source) -> Rendered:
        """The text of a source. Raises ManifestsInvalid with the place of the mistake.

        It ends with a line end, as every line does, whether the file has one or not: a block text
        is the same at the end of a file and before a comment. (The platform's own client drops the
        last line end, and with it that of the text.)
        """
        if not is_template(source.text):
            text = source.text
            return Rendered(source, text if text.endswith("\n") else f"{text}\n")
        return self._templates.render(source)

    def included(self) -> frozenset[str]:
        """The files that templates included, as users are shown them."""
        return self._templates.included() if "_templates" in self.__dict__ else frozenset()

    def mentioned(self) -> frozenset[str] | None:
        """The names that templates mention, those of includes among them.

        None where that is not known: an include whose name is computed was not read.
        """
        return self._templates.mentioned() if "_templates" in self.__dict__ else frozenset()

    @functools.cached_property
    def _templates(self) -> Templates:
        from peakctl.manifests.templates import Templates

        return Templates(
            self._parameters,
            self._environment,
            self._root,
            self._listed,
            unset_is_unknown=self._unset_is_unknown,
        )


def is_template(text: str) -> bool:
    return any(delimiter in text for delimiter in DELIMITERS)


def masked_text(rendered: Rendered, spans: Iterable[tuple[int, int]] = ()) -> str:
    """What `render` shows: the text with every secret masked, and what is in `spans`."""
    text = rendered.text
    for start, end in sorted(set(spans), reverse=True):
        rest = text[start:end]
        text = text[:start] + f'"{MASK}"' + rest[len(rest.rstrip()) :] + text[end:]
    return _TOKEN.sub(MASK, text) if OPEN in text else text


def check_reserved(parameters: JsonObject) -> None:
    """Raise ManifestsInvalid when a parameter holds characters that stand for secrets."""
    for name, value in parameters.items():
        if _reserved(value):
            raise ManifestsInvalid(
                Diagnostic(
                    code="parameters/character",
                    summary=f'the parameter "{name}" holds a character from U+E000 to U+E003',
                    detail="templates use these to keep secrets apart",
                    fix="remove it",
                )
            )


def _reserved(value: object) -> bool:
    match value:
        case str():
            return any("\ue000" <= character <= "\ue003" for character in value)
        case list():
            return any(map(_reserved, value))
        case dict():
            return any(map(_reserved, value)) or any(map(_reserved, value.values()))
        case _:
            return False


__all__ = ["DELIMITERS", "Renderer", "check_reserved", "is_template", "masked_text"]
