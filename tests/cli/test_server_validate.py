"""`plan --server-validate`: the platform's own check, sent as carefully as the write it may be."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from schemas_of_output import check_output

from peakctl.emulator.faults import read_faults

PROJECT = """\
project: shop
manifests: [m]
defaultEnvironment: local
environments:
  local: {emulator: true%s}
"""
BLOCK = """\
apiVersion: peakctl/v1
kind: BlockSpec
metadata: {name: block, summary: One}
spec:
  kind: workflow
  config: {steps: {a: {type: http, method: get, url: "https://example.com/%s"}}}
"""
FLOW = """\
---
apiVersion: peakctl/v1
kind: Workflow
metadata: {name: flow}
spec: {steps: {a: {type: http, method: get, url: "https://example.com"}}}
"""
APP = """\
---
apiVersion: peakctl/v1
kind: AppSpec
metadata: {name: app, summary: One}
spec: {config: [{name: block}]}
"""
SPECS = "/press/v1/blocks/specs/"


class Shop:
    def __init__(self, folder: Path, peakctl: Any, emulator: Any) -> None:
        self.folder, self.peakctl, self.emulator = folder, peakctl, emulator

    def write(self, text: str) -> None:
        (self.folder / "m" / "all.yaml").write_text(text)

    def __call__(self, *words: str) -> Any:
        return self.peakctl(*words, emulator=self.emulator)

    def asked(self) -> list[Any]:
        """The questions that reached the platform."""
        return [
            each
            for each in self.emulator.requests
            if each.method == "POST" and ("validate", "true") in each.query
        ]

    def fault(self, **rule: Any) -> None:
        found = {"method": "POST", "path": SPECS, "times": 1, **rule}
        self.emulator.faults += read_faults(found)

    def owned(self) -> list[str]:
        shown = json.loads(self("ledger", "show", "-o", "json").out)
        return [each["key"] for each in (shown["ledger"] or {"owned": []})["owned"]]


@pytest.fixture
def make_shop(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, peakctl: Any, make_emulator: Any
) -> Any:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "m").mkdir()
    (tmp_path / "peakctl.yaml").write_text(PROJECT % "")
    return lambda **options: Shop(tmp_path, peakctl, make_emulator(**options))


@pytest.fixture
def shop(make_shop: Any) -> Shop:
    found: Shop = make_shop()
    return found


def test_what_the_platform_would_take_is_told_and_nothing_is_made(shop: Shop) -> None:
    shop.write(BLOCK % "a" + FLOW + APP)
    done = shop("plan", "--server-validate")
    assert done.code == 0, done.err
    last = done.out.splitlines()[-1]
    assert last == "Asked the platform: 1 would be taken, 2 cannot be asked about."
    assert len(shop.asked()) == 1
    assert shop.owned() == []
    assert json.loads(shop("get", "blockspecs", "-o", "json").out)["resources"] == []
    document = json.loads(shop("plan", "--server-validate", "-o", "json").out)
    check_output("plan", document)
    assert document["server_validation"] == {
        "passed": ["BlockSpec/block"],
        "made": [],
        "left_out": ["AppSpec/app", "Workflow/flow"],
    }
    assert shop("apply", "--yes").code == 0


def test_a_release_is_asked_about_too(shop: Shop) -> None:
    shop.write(BLOCK % "a")
    assert shop("apply", "--yes").code == 0
    shop.write(BLOCK % "b")
    done = shop("plan", "--server-validate")
    assert "1 would be taken" in done.out
    assert shop.asked()[0].path.endswith("/releases")
    assert "1.0.0" in shop("get", "blockspecs").out


def test_without_the_flag_nothing_is_asked_and_without_changes_neither(shop: Shop) -> None:
    shop.write(BLOCK % "a")
    assert shop("plan").code == 0
    assert shop.asked() == []
    assert shop("apply", "--yes").code == 0
    before = len(shop.emulator.requests)
    assert "nothing to ask about" in shop("plan", "--server-validate").out
    assert {each.method for each in shop.emulator.requests[before:]} == {"GET"}


@pytest.mark.parametrize("status", [422, 403])
def test_a_refusal_is_an_error_at_the_place_of_the_manifest(shop: Shop, status: int) -> None:
    shop.write(BLOCK % "a")
    shop.fault(action="status", status=status, detail="no such thing")
    done = shop("plan", "--server-validate")
    if status == 403:
        assert done.code == 15
        return
    assert done.code == 1
    assert "validate/refused" in done.err
    assert "the platform would refuse the create: " in done.err
    assert "no such thing" in done.err
    assert "in m/all.yaml:3:12" in done.err
    assert shop.owned() == []


def test_an_older_platform_that_makes_it_is_told_and_what_it_made_is_owned(make_shop: Any) -> None:
    shop = make_shop(newer_calls=False)
    shop.write(BLOCK % "a")
    done = shop("plan", "--server-validate")
    assert done.code == 14
    assert "validate/made" in done.err
    assert "1 made" in done.out
    assert shop.owned() == ["BlockSpec/block"]
    assert "No changes." in shop("plan").out


def test_after_a_lost_answer_it_is_looked_for_and_never_sent_again(make_shop: Any) -> None:
    shop = make_shop(newer_calls=False)
    shop.write(BLOCK % "a")
    shop.fault(action="drop", when="after")
    done = shop("plan", "--server-validate")
    assert len(shop.asked()) == 1
    assert done.code == 14
    assert "validate/made" in done.err
    assert shop.owned() == ["BlockSpec/block"]


def test_what_is_not_seen_after_a_lost_answer_is_in_doubt(shop: Shop) -> None:
    shop.write(BLOCK % "a")
    shop.fault(action="drop", when="after")
    done = shop("plan", "--server-validate")
    assert len(shop.asked()) == 1
    assert "validate/unknown" in done.err
    assert shop.owned() == []
    assert shop("apply", "--yes").code == 0
    assert shop.owned() == ["BlockSpec/block"]


def test_another_run_keeps_it_from_asking(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    from peakctl.errors import Diagnostic, LeaseHeld
    from peakctl.operations.recorder import RunRecorder

    async def held(*_: object) -> None:
        raise LeaseHeld(Diagnostic("lease/held", "somebody else"))

    monkeypatch.setattr(RunRecorder, "acquire", held)
    shop.write(BLOCK % "a")
    assert shop("plan", "--server-validate").code == 13
    assert shop.asked() == []


def test_what_moved_before_the_lease_was_held_is_not_asked_about(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    from peakctl.model import Plan
    from peakctl.operations import server_validate

    real = server_validate.make_plan

    async def other(*args: Any) -> Any:
        from dataclasses import replace

        return replace(await real(*args), plan=Plan(()))

    monkeypatch.setattr(server_validate, "make_plan", other)
    shop.write(BLOCK % "a")
    done = shop("plan", "--server-validate")
    assert done.code == 11
    assert shop.asked() == []


def test_without_a_ledger_it_is_wrong_usage(shop: Shop) -> None:
    (shop.folder / "peakctl.yaml").write_text(PROJECT % ", ledger: false")
    shop.write(BLOCK % "a")
    done = shop("plan", "--server-validate")
    assert done.code == 64
    assert "usage/server-validate" in done.err
    assert shop.asked() == []


def test_of_a_plan_that_a_guard_refuses_nothing_is_asked(shop: Shop) -> None:
    shop.write(BLOCK % "a" + FLOW)
    assert shop("apply", "--yes").code == 0
    (shop.folder / "peakctl.yaml").write_text((PROJECT % "").replace("shop", "other"))
    shop.write(BLOCK % "b")
    done = shop("plan", "--server-validate")
    assert done.code == 12
    assert shop.asked() == []
