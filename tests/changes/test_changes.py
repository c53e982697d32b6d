"""Changes as teams make them: each plan tells by itself what happens, why, and to what."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from peakctl.emulator import emulator_transport

HERE = Path(__file__).parent
CHANGES: dict[str, Any] = yaml.safe_load((HERE / "changes.yaml").read_text("utf-8"))
UPDATE = os.environ.get("UPDATE_GOLDEN") == "1"
LONGEST = 15
"""Lines that one action may take."""
_TIMES = re.compile(r"\b20\d\d-\d\d-\d\d[T ]\d\d:\d\d(:\d\d)?(Z| UTC)?")
_UUID = re.compile(r"\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b")
_NOTES = re.compile(r"^ *note: id .*$", re.MULTILINE)  # beside the name of what is deleted
_IDS = re.compile(r"imageVersionId|versionId|instanceTypeId|imageId|\bid \d|known after apply")


class Shop:
    """The project on a tenant of its own, applied once."""

    def __init__(self, root: Path, peakctl: Callable[..., Any], emulator: Any, clock: Any) -> None:
        self.root, self.peakctl, self.emulator, self.clock = root, peakctl, emulator, clock
        self.run("apply", "--yes")

    def run(self, *args: str) -> Any:
        found = self.peakctl(*args, emulator=self.emulator)
        assert found.code == 0, found.err + found.out
        return found

    def do_wait(self, seconds: int) -> None:
        self.clock.time += seconds

    def do_fail(self, *args: str) -> None:
        assert self.peakctl(*args, emulator=self.emulator).code != 0

    def do_edit(self, file: str, old: str, new: str) -> None:
        text = (self.root / file).read_text("utf-8")
        assert old in text
        (self.root / file).write_text(text.replace(old, new), "utf-8")

    def do_write(self, file: str, text: str) -> None:
        (self.root / file).write_text(text, "utf-8")

    def do_remove(self, file: str) -> None:
        (self.root / file).unlink()

    def do_send(self, method: str, path: str, body: Any) -> None:
        path = re.sub(r"\{(\w+)/([\w-]+)\}", self._id, path)
        asyncio.run(self._send(method, path, body))

    def _id(self, found: re.Match[str]) -> str:
        listed = json.loads(self.run("get", found[1], "-o", "json").out)["resources"]
        return next(str(each["id"]) for each in listed if each["name"] == found[2])

    async def _send(self, method: str, path: str, body: Any) -> None:
        headers = {"Authorization": "peakctl-emulator"}
        transport = emulator_transport(self.emulator)
        async with httpx.AsyncClient(
            transport=transport, base_url="http://emulator", headers=headers
        ) as client:
            answer = await client.request(method, path, json=body or None)
            assert answer.is_success, answer.text


@pytest.fixture
def shop(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, peakctl: Any, make_emulator: Any, clock: Any
) -> Shop:
    root = tmp_path / "shop"
    shutil.copytree(HERE / "project", root)
    monkeypatch.chdir(root)
    return Shop(root, peakctl, make_emulator(), clock)


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_is_understood_from_its_plan(name: str, shop: Shop) -> None:
    change = CHANGES[name]
    for step in change["do"]:
        for verb, words in step.items():
            getattr(shop, f"do_{verb}")(*words)
    plan = shop.run(*change.get("command", ["plan"]), *change.get("args", ())).out
    shown = _UUID.sub("[ID]", _TIMES.sub("[TIME]", plan))
    golden = HERE / "expect" / f"{name}.txt"
    if UPDATE:
        golden.write_text(shown, "utf-8")
    assert shown == golden.read_text("utf-8")
    assert [words for words in change["says"] if words not in shown] == []
    assert [words for words in change.get("silent", ()) if words in shown] == []
    assert "[ID]" not in _NOTES.sub("", shown)
    assert not _IDS.search(_NOTES.sub("", shown))
    blocks = shown.rstrip("\n").split("\n\n")
    assert max(len(block.splitlines()) for block in blocks) <= LONGEST


@pytest.mark.parametrize("name", CHANGES)
def test_every_action_has_its_cause_in_every_form(name: str, shop: Shop) -> None:
    change = CHANGES[name]
    for step in change["do"]:
        for verb, words in step.items():
            getattr(shop, f"do_{verb}")(*words)
    words = (*change.get("command", ["plan"]), *change.get("args", ()), "-o")
    document = json.loads(shop.run(*words, "json").out)
    markdown = shop.run(*words, "markdown").out.replace("\\", "")
    for action in document["actions"]:
        if action["verb"] == "unchanged":
            continue
        assert action["causes"], action["key"]
        assert action["key"] in markdown
        paths = [each["path"] for each in action["changes"]]
        assert [p for p in paths if p not in markdown and not action.get("files")] == []
