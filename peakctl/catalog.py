"""The one list of kinds: every schema file with the adapter module of the same name.

Takes an `Api`, gives each kind with its adapter. What schemas refer to without a schema of its own
(a lookup like that of instance types) is in the list too, with an empty kind.
"""

from __future__ import annotations

import importlib
import re
from typing import TYPE_CHECKING

from peakctl.adapters.rest import Guarded
from peakctl.kinds.fields import Absent, Field, Kind
from peakctl.kinds.store import load_kinds

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from peakctl.api.client import Api
    from peakctl.model import Adapter


def load_catalog(api: Api) -> Mapping[str, tuple[Kind, Adapter]]:
    """Every kind by name, with an adapter bound to `api`."""
    kinds = dict(load_kinds())
    for name in sorted(referred_kinds(kinds)):
        kinds.setdefault(name, lookup_kind(name))
    return {name: (kind, Guarded(load_adapter(kind, api), name)) for name, kind in kinds.items()}


def load_adapter(kind: Kind, api: Api) -> Adapter:
    """The adapter of `kind`: `BlockSpec` is in the module `block_spec`."""
    word = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", kind.name).lower()
    module = importlib.import_module(f"peakctl.adapters.{word}")
    adapter: Adapter = module.Adapter(api, kind)
    return adapter


def lookup_kind(name: str) -> Kind:
    """A kind that manifests can name but not declare."""
    return Kind(name, schema={}, root=Field(frozenset({"object"}), Absent.REQUIRED))


def referred_kinds(kinds: Mapping[str, Kind]) -> set[str]:
    """The kinds that any reference of any schema may mean."""
    return {
        name
        for kind in kinds.values()
        for field in all_fields(kind.root)
        if field.ref is not None
        for name in field.ref.kinds
    }


def all_fields(field: Field) -> Iterator[Field]:
    """`field` and everything below it."""
    yield field
    below = [*field.properties.values(), *field.variants.values(), field.extra, field.items]
    for inner in below:
        if inner is not None:
            yield from all_fields(inner)
