"""Small readings of an order and of the answer to it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from peakctl.errors import ApiError, Diagnostic
from peakctl.model import EMPTY

if TYPE_CHECKING:
    from peakctl.model import CallRequest, Live, Tree


def live_of(order: CallRequest) -> Live:
    """The live resource that the order is about. Raises ValueError for an order without one."""
    if order.live is None:
        raise ValueError(f"{order.key}: {order.step} needs a live resource")
    return order.live


def given(answer: Any, name: str) -> Any:
    """`answer[name]`. Raises a doubtful ApiError: the write took effect, but who knows as what."""
    if isinstance(answer, Mapping) and answer.get(name) is not None:
        return answer[name]
    diagnostic = Diagnostic(
        code="api/no-id",
        summary=f'the platform accepted the request and answered without "{name}"',
        fix="run the same command again: it looks at what is there first",
    )
    raise ApiError(diagnostic, doubtful=True)


def name_of(live: Live) -> str:
    """What the platform calls a live resource: its key may be what it is about to be called."""
    return str(metadata_of(live.values).get("name", live.key.name))


def metadata_of(tree: Tree) -> Tree:
    return tree.get("metadata") or EMPTY


def spec_of(tree: Tree) -> Tree:
    return tree.get("spec") or EMPTY


def stated(tree: Tree, *names: str) -> dict[str, Any]:
    """Those of the named fields that the manifest states, explicit nulls included."""
    return {name: tree[name] for name in names if name in tree}
