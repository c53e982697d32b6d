"""What identifies a tenant: taken when a plan is saved, compared when it is applied.

A token is no part of it: plan and apply may use two. Small numbers are no proof either, since every
tenant counts its workflows from 1.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from peakctl.engine.observe.live_state import LiveState
    from peakctl.model import Listed

_SHORTEST_ID = 16
"""Characters of an id that no two tenants give to different things, such as a UUID."""


@dataclass(frozen=True, slots=True)
class Tenant:
    """Signs by which a tenant is known again; none of them need be there.

    `domain` is that of its spoke, `ledger` the id of the project's own ledger, `ids` those of what
    was read (`Workflow/<uuid>`), ledgers of other projects among them. `local` is a digest of the
    address and the token of a server on this machine, None for any other: the same is the same
    tenant, another proves nothing.
    """

    domain: str | None = None
    ledger: str | None = None
    ids: frozenset[str] = frozenset()
    local: str | None = None

    @property
    def is_known(self) -> bool:
        """Whether there is any sign at all."""
        return bool(self.domain or self.ledger or self.ids)

    def is_same(self, now: Tenant) -> bool:
        """Whether a sign of this one is found in `now`; False proves nothing."""
        pairs = (self.ledger, now.ledger), (self.domain, now.domain), (self.local, now.local)
        return any(mine is not None and mine == theirs for mine, theirs in pairs) or self._seen(now)

    def why_other(self, now: Tenant) -> str:
        """How `now` is certainly another tenant than this one; "" where that is not certain."""
        if self.domain and now.domain and self.domain != now.domain:
            return f'it was made for the tenant on "{self.domain}"; this one is on "{now.domain}"'
        if self.ledger is not None and self.ledger != now.ledger:
            here = f"here it has the id {now.ledger}" if now.ledger else "here there is none"
            return f"it was made where the project's ledger has the id {self.ledger}; {here}"
        if self.ledger is None and self.ids and not self._seen(now):
            return "nothing that it was made from is here: not one id is the same"
        return ""

    def _seen(self, now: Tenant) -> bool:
        return bool(self.ids & now.ids)


def read_tenant(
    observed: LiveState,
    ledgers: Iterable[Listed],
    *,
    domain: str | None,
    ledger: str | None,
    local: str | None = None,
) -> Tenant:
    """The signs of the tenant in `observed`; `ledgers` are those of all projects."""
    ids = (*_live_ids(observed), *(("Ledger", each.id) for each in ledgers))
    telling = {f"{kind}/{id_}" for kind, id_ in ids if len(str(id_)) >= _SHORTEST_ID}
    return Tenant(domain, ledger, frozenset(telling), local)


def _live_ids(observed: LiveState) -> Iterator[tuple[str, str | int]]:
    """What is not ours to change may be there in every tenant."""
    for live in observed.live.values():
        if not live.foreign:
            yield live.key.kind, live.id
