"""All data of an emulator as one file: a line that names format and digest, then packed SQLite."""

from __future__ import annotations

import hashlib
import re
import zlib
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from peakctl.emulator.store import fault_of
from peakctl.errors import Diagnostic, PeakctlError

if TYPE_CHECKING:
    from peakctl.emulator.store import Store

VERSION = 1
HEAD = re.compile(rb"peakctl-emulator-snapshot (\d{1,9}) sha256:([0-9a-f]{64})\n")


def save_snapshot(store: Store) -> bytes:
    """The whole data, of all tenants, as it is now."""
    packed = zlib.compress(store.dump())
    digest = hashlib.sha256(packed).hexdigest()
    return f"peakctl-emulator-snapshot {VERSION} sha256:{digest}\n".encode() + packed


def load_snapshot(store: Store, snapshot: bytes) -> None:
    """Replace all data by a snapshot's. Raises `PeakctlError`, and changes nothing, for any other
    bytes: damaged, cut short, of another version, or no snapshot at all."""
    with TemporaryDirectory() as folder:
        copy = Path(folder) / "copy"
        copy.write_bytes(_unpack(snapshot))
        fault = fault_of(copy)
        if fault:
            raise _refused(fault)
        store.restore(copy)


def _unpack(snapshot: bytes) -> bytes:
    head = HEAD.match(snapshot)
    if head is None:
        raise _refused("it is not a snapshot of the emulator")
    if int(head[1]) != VERSION:
        raise _refused(f"it has format {int(head[1])}, and this version reads {VERSION}")
    packed = snapshot[head.end() :]
    if hashlib.sha256(packed).hexdigest() != head[2].decode():
        raise _refused("it is damaged: its bytes are not those of its digest")
    return zlib.decompress(packed)


def _refused(why: str) -> PeakctlError:
    summary = f"the snapshot cannot be loaded: {why}"
    fix = "make another one with peakctl emulator snapshot save; nothing was changed"
    return PeakctlError(Diagnostic("emulator/snapshot", summary, fix=fix))
