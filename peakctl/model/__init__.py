"""The types that every room shares: data only, so that every room may import them.

    Source -> Rendered -> Document -> Resource (+ Live) -> Plan -> Outcome

A value tree is JSON (dict, list, str, int, float, bool, None) whose leaves may also be `Secret`
(known, never shown) or `Unknown` (known only after another action).
"""

from peakctl.model.history import *
from peakctl.model.ledger import *
from peakctl.model.plan import *
from peakctl.model.platform import *
from peakctl.model.resources import *
from peakctl.model.values import *
