"""Where a run would go and what it may do, as lines and as data."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from peakctl.present.text import Line, line, table_lines

if TYPE_CHECKING:
    from peakctl.model import JsonDict
    from peakctl.operations.whoami import WhoamiResult

_WIDE = 11
NO_USER = "not known: no call of the platform tells who a token is"


def whoami_lines(found: WhoamiResult) -> tuple[Line, ...]:
    """What is known of the caller and the tenant, then what the token may do."""
    facts = (line((f"{word:<{_WIDE}}  ", "dim"), text) for word, text in _facts(found))
    if not found.permissions:
        return (*facts, (), line("The platform names no feature that the token may use."))
    rows = [(each.feature, ", ".join(each.actions)) for each in found.permissions]
    return (*facts, (), *table_lines(("feature", "may"), rows))


def _facts(found: WhoamiResult) -> Iterator[tuple[str, str]]:
    if found.project:
        yield "project", found.project
    if found.environment:
        yield "environment", found.environment
    if found.stage:
        yield "stage", found.stage
    yield "endpoint", found.place
    yield "tenant", found.domain or "not named by the platform"
    yield "token", f"from {found.token_from}" if found.token_from else "none is needed"
    yield "user", NO_USER


def asked_line(feature: str, action: str, *, allowed: bool) -> Line:
    """The answer to one question."""
    word = ("yes", "good") if allowed else ("no", "error")
    return line(word, f": the token may {'' if allowed else 'not '}{action} {feature}")


def whoami_document(found: WhoamiResult) -> JsonDict:
    """The same as data; the user is null, since no call tells it."""
    return {
        "stage": found.stage,
        "endpoint": found.place,
        "tenant": found.domain,
        "token_from": found.token_from or None,
        "user": None,
        "permissions": [
            {"feature": each.feature, "actions": list(each.actions)} for each in found.permissions
        ],
        **({} if found.asked is None else {"allowed": found.asked}),
    }
