"""The one list of kinds: every schema file with the adapter module of the same name.

Takes an `Api`, gives each kind with its adapter. What schemas refer to without a schema of its own
(a lookup like that of instance types) is in the list too, with an empty kind.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Mapping

from peakctl.adapters.rest import Guarded
from peakctl.api.client import Api
from peakctl.kinds.fields import Absent, Field, Kind
from peakctl.kinds.schemas import load_kinds
from peakctl.model import Adapter

LOOKED_UP = ("InstanceType",)
"""The kinds that manifests can name but not declare: references mean them, and no schema file has
them."""


def load_catalog(api: Api) -> Mapping[str, tuple[Kind, Adapter]]:
    """Every kind by name, with an adapter bound to `api`."""
    kinds = {**load_kinds(), **{name: lookup_kind(name) for name in LOOKED_UP}}
    return {name: (kind, Guarded(load_adapter(kind, api), name)) for name, kind in kinds.items()}


def load_adapter(kind: Kind, api: Api) -> Adapter:
    """The adapter of `kind`: `BlockSpec` is in the module `block_spec`."""
    word = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", kind.name).lower()
    module = importlib.import_module(f"peakctl.adapters.{word}")
    adapter: Adapter = module.Adapter(api, kind)
    return adapter


def lookup_kind(name: str) -> Kind:
    """A kind that manifests can name but not declare."""
    return Kind(name, {}, lambda: Field(frozenset({"object"}), Absent.REQUIRED))
