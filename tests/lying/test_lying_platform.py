"""Whole commands against a platform that lies: nothing is made or deleted that is merely unread.

Whatever is done to listings, a run either ends with api/incomplete-listing or does what it would
have done; and once the lies end, the project converges.
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lying.lying import CONTRADICTIONS, HARMLESS, Lie, Proxy, hidden

from peakctl.emulator import emulator_transport

FLOWS = "/service/workflows/api/v1/workflows/"
PLACES = ("/workflows/", "/artifacts/")
OURS = tuple("abcde")
PROJECT = """\
project: shop
manifests: [m]
defaultEnvironment: local
environments:
  local: {emulator: true}
"""
FOREIGN = {"name": "foreign", "steps": {"s": {"type": "http", "method": "get", "url": "https://x"}}}


def manifest(name: str, url: str = "https://x/y") -> str:
    return (
        f"apiVersion: peakctl/v1\nkind: Workflow\nmetadata: {{name: {name}}}\n"
        f"spec: {{steps: {{s: {{type: http, method: get, url: {json.dumps(url)}}}}}}}\n"
    )


class Shop:
    """A project with five workflows in a tenant that has another one, behind a proxy."""

    def __init__(self, root: Path, emulator: Any, run: Callable[..., Any], patch: Any) -> None:
        self.emulator, self.run, self.root = emulator, run, root
        self.direct = emulator_transport(emulator)  # imported above, before anything patches it
        self.proxy = Proxy(self.direct)
        patch.setattr("peakctl.emulator.emulator_transport", lambda _: self.proxy)
        patch.chdir(root)
        (root / "peakctl.yaml").write_text(PROJECT)
        (root / "m").mkdir(exist_ok=True)
        for name in OURS:
            (root / "m" / f"{name}.yaml").write_text(manifest(name))
        self.send("POST", FLOWS, json=FOREIGN)
        self.good("apply", "--yes")

    def send(self, method: str, path: str, **more: Any) -> Any:
        async def act() -> Any:
            async with httpx.AsyncClient(transport=self.direct, base_url="http://e") as client:
                headers = {"Authorization": "t"}
                answer = await client.request(method, path, headers=headers, **more)
                return answer.json()

        return asyncio.run(act())

    def names(self) -> Counter[str]:
        found = self.send("GET", f"{FLOWS}?pageSize=100")["workflows"]
        return Counter(each["name"] for each in found)

    def peakctl(self, *args: str) -> Any:
        ran = self.run(*args, "-o", "json", emulator=self.emulator)
        return ran.code, json.loads(ran.out)

    def good(self, *args: str) -> Any:
        code, document = self.peakctl(*args)
        assert code == 0, document["errors"]
        return document

    def lied_to(self, *args: str) -> bool:
        """Whether the command went through; else it says that a listing is not complete."""
        code, document = self.peakctl(*args)
        if code == 0:
            return True
        assert {e["code"] for e in document["errors"]} == {"api/incomplete-listing"}
        return False

    def truthful(self) -> None:
        self.proxy.lie, self.proxy.times = None, 0


@pytest.fixture
def shop(
    tmp_path: Path, make_emulator: Any, peakctl: Any, monkeypatch: pytest.MonkeyPatch
) -> Callable[[], Shop]:
    return lambda: Shop(tmp_path, make_emulator(), peakctl, monkeypatch)


EVERYTHING = Counter([*OURS, "foreign"])
slowly = settings(
    max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)
lies = st.sampled_from([*CONTRADICTIONS, *HARMLESS])
lengths = st.sampled_from([1, 2, 3, 1000])


@slowly
@given(lies, st.sampled_from(PLACES), lengths)
def test_an_apply_makes_nothing_twice(
    shop: Callable[[], Shop], lie: Lie, where: str, times: int
) -> None:
    here = shop()
    (here.root / "m" / "a.yaml").write_text(manifest("a", "https://x/z"))
    here.proxy.lie, here.proxy.where, here.proxy.times = lie, where, times
    here.lied_to("plan")
    here.lied_to("apply", "--yes")
    assert here.names() == EVERYTHING
    here.truthful()
    here.good("apply", "--yes")
    assert here.good("plan")["summary"]["unchanged"] == len(OURS)
    assert here.names() == EVERYTHING


@slowly
@given(lies, st.sampled_from(PLACES), lengths)
def test_a_prune_deletes_what_it_should_and_nothing_else(
    shop: Callable[[], Shop], lie: Lie, where: str, times: int
) -> None:
    here = shop()
    (here.root / "m" / "a.yaml").unlink()
    here.proxy.lie, here.proxy.where, here.proxy.times = lie, where, times
    went = here.lied_to("apply", "--yes", "--prune")
    assert here.names() in ([EVERYTHING - Counter("a")] if went else [EVERYTHING])
    here.truthful()
    here.good("apply", "--yes", "--prune")
    assert here.names() == EVERYTHING - Counter("a")
    (here.root / "m" / "a.yaml").write_text(manifest("a"))


@slowly
@given(lies, st.sampled_from(PLACES), lengths)
def test_a_destroy_deletes_what_is_ours_and_nothing_else(
    shop: Callable[[], Shop], lie: Lie, where: str, times: int
) -> None:
    here = shop()
    here.proxy.lie, here.proxy.where, here.proxy.times = lie, where, times
    went = here.lied_to("destroy", "--yes")
    assert here.names() in ([Counter(["foreign"])] if went else [EVERYTHING])
    here.truthful()
    here.good("destroy", "--yes")
    assert here.names() == Counter(["foreign"])


def test_what_a_consistent_listing_hides_is_found_by_its_id(shop: Callable[[], Shop]) -> None:
    here = shop()
    here.proxy.lie, here.proxy.where, here.proxy.times = hidden, "/workflows/", 1000
    document = here.good("apply", "--yes")
    assert {w["code"] for w in document["warnings"]} == {"live/unlisted"}
    assert document["summary"]["create"] == 0
    (here.root / "m" / "a.yaml").unlink()
    here.good("apply", "--yes", "--prune")
    assert here.names() == EVERYTHING - Counter("a")
    here.good("destroy", "--yes")
    assert here.names() == Counter(["foreign"])


def test_too_many_pages_are_never_asked_for(shop: Callable[[], Shop]) -> None:
    from lying.lying import many_pages

    here = shop()
    here.proxy.lie, here.proxy.where, here.proxy.times = many_pages, "/workflows/", 1000
    before = here.proxy.asked
    assert not here.lied_to("plan")
    assert here.proxy.asked - before < 20


@pytest.mark.parametrize("status", [429, 502, 504])
def test_an_answer_that_is_lost_after_the_effect_makes_no_silent_duplicate(
    shop: Callable[[], Shop], status: int
) -> None:
    here = shop()
    (here.root / "m" / "f.yaml").write_text(manifest("f"))
    here.proxy.where, here.proxy.lost = "/workflows/", [status]
    here.peakctl("apply", "--yes")
    there = here.names()["f"]
    assert there == (2 if status == 429 else 1)  # a 429 says that nothing was done
    warnings = here.good("plan")["warnings"]
    told = [w for w in warnings if w["code"] == "live/duplicate-name"]
    assert len(told) == there - 1
    assert all(w["key"] == "Workflow/f" and "owns id" in w["detail"] for w in told)
    (here.root / "m" / "f.yaml").unlink()


@pytest.mark.parametrize("store", [str.strip, str.lower, lambda text: text.replace("\n", "\r\n")])
def test_texts_that_are_stored_otherwise_end_in_a_warning_and_no_edit(
    shop: Callable[[], Shop], store: Callable[[str], str]
) -> None:
    here = shop()
    (here.root / "m" / "a.yaml").write_text(manifest("a", "https://x/A\nB "))
    here.proxy.store = store
    here.peakctl("apply", "--yes")
    document = here.good("apply", "--yes")
    assert document["summary"]["edit"] == 0
    assert [w["code"] for w in document["warnings"]] == ["plan/stored-otherwise"]
