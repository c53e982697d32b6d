"""The project with canaries, on an emulator; all that was written is searched in the end."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from canaries.planted import MANIFESTS, PROJECT, Hostile, Place

from peakctl.adapters import ledger_store


@pytest.fixture
def place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, peakctl: Any, make_emulator: Any
) -> Iterator[Place]:
    from peakctl.emulator import emulator_transport

    for name, text in {
        "peakctl.yaml": PROJECT,
        "manifests/all.yaml": MANIFESTS,
        "src/Dockerfile": "FROM python:3\n",
    }.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    emulator = make_emulator(record_bodies=False)
    hostile = Hostile(emulator_transport(emulator))
    monkeypatch.setattr("peakctl.api.client.socket_transport", lambda *_: hostile)
    monkeypatch.chdir(tmp_path)
    found = Place(tmp_path, peakctl, hostile, emulator, monkeypatch)
    listen(found, monkeypatch)
    yield found
    found.search()


def listen(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep every ledger and history that is written, and what is digested without scrypt."""
    make_zip = ledger_store.zip_of

    def zip_of(text: bytes, member: str) -> bytes:
        made = make_zip(text, member)
        kept = place.histories if member == ledger_store.HISTORIES.member else place.ledgers
        kept += [text, made]
        return made

    def sha256(data: bytes) -> Any:
        made = hashlib.sha256(data)
        place.digested[made.hexdigest()] = data
        return made

    monkeypatch.setattr(ledger_store, "zip_of", zip_of)
    quick = SimpleNamespace(sha256=sha256, scrypt=hashlib.scrypt)
    monkeypatch.setattr("peakctl.ledger.digests.hashlib", quick)
