"""The nouns that walk through the rooms; data only, so every room may import them.

    Source -> Rendered -> Document -> Resource (+ Live) -> Plan -> Outcome

A value tree is JSON (dict, list, str, int, float, bool, None) whose leaves may also be `Secret`
(known, never shown) or `Unknown` (known only after another action).
"""

from peakctl.model.clock import Clock
from peakctl.model.ledger import (
    LEDGER_PREFIX,
    Actor,
    CiJob,
    Flaw,
    Intent,
    Lease,
    Ledger,
    LedgerStore,
    Owned,
    Owner,
    PastRun,
    ledger_name,
)
from peakctl.model.live import Listed, Live, State
from peakctl.model.manifests import (
    Archive,
    Document,
    Reference,
    Resource,
    Source,
)
from peakctl.model.plan import (
    STEP_VERBS,
    Action,
    Change,
    Event,
    Outcome,
    Phase,
    Plan,
    Skipped,
    Status,
    Step,
    Verb,
)
from peakctl.model.platform import Adapter, Order, Readiness, Receipt
from peakctl.model.policy import Guards, Threshold
from peakctl.model.values import (
    EMPTY,
    KNOWN_AFTER_APPLY,
    MASK,
    MISSING,
    UNSEEN,
    Key,
    Location,
    Path,
    Secret,
    Tree,
    Unknown,
    Value,
    dotted,
    is_masked,
    reveal,
)

__all__ = [
    "EMPTY",
    "KNOWN_AFTER_APPLY",
    "LEDGER_PREFIX",
    "MASK",
    "MISSING",
    "STEP_VERBS",
    "UNSEEN",
    "Action",
    "Actor",
    "Adapter",
    "Archive",
    "Change",
    "CiJob",
    "Clock",
    "Document",
    "Event",
    "Flaw",
    "Guards",
    "Intent",
    "Key",
    "Lease",
    "Ledger",
    "LedgerStore",
    "Listed",
    "Live",
    "Location",
    "Order",
    "Outcome",
    "Owned",
    "Owner",
    "PastRun",
    "Path",
    "Phase",
    "Plan",
    "Readiness",
    "Receipt",
    "Reference",
    "Resource",
    "Secret",
    "Skipped",
    "Source",
    "State",
    "Status",
    "Step",
    "Threshold",
    "Tree",
    "Unknown",
    "Value",
    "Verb",
    "dotted",
    "is_masked",
    "ledger_name",
    "reveal",
]
