"""Names that are not there: an error, or a value that is not known, where so wanted."""

from __future__ import annotations

from jinja2 import StrictUndefined
from jinja2.exceptions import TemplateRuntimeError, UndefinedError
from jinja2.utils import missing

from peakctl.manifests.secret_tokens import OsEnv, SecretText


class NameMissing(UndefinedError):
    """A name that is not there: `name`, looked up in `owner` (None: among the parameters)."""

    def __init__(self, message: str | None, name: object, owner: object) -> None:
        super().__init__(message)
        self.name = name
        self.owner = owner


class MissingValue(StrictUndefined):
    """Raises NameMissing wherever jinja2 would raise UndefinedError."""

    __slots__ = ()

    def __init__(
        self,
        hint: str | None = None,
        obj: object = missing,
        name: str | None = None,
        exc: type[TemplateRuntimeError] = UndefinedError,
    ) -> None:
        super().__init__(hint, obj, name, exc)
        if exc is UndefinedError:
            owner = None if obj is missing else obj
            self._undefined_exception = lambda text=None: NameMissing(text, name, owner)  # type: ignore[assignment]


class Unset(MissingValue):
    """A variable of the environment that is not set, where such a one has an unknown value.

    It is not there for `default` and `is defined`; everything else finds the secret `known`.
    """

    __slots__ = ("known",)

    def __init__(self, name: str, owner: OsEnv, known: SecretText) -> None:
        super().__init__(obj=owner, name=name)
        self.known = known

    def __str__(self) -> str:  # type: ignore[override]
        return str(self.known)

    def __bool__(self) -> bool:  # type: ignore[override]
        return True


def known(value: object) -> object:
    """`value`, or the secret in place of a variable whose value is not known."""
    return value.known if isinstance(value, Unset) else value
