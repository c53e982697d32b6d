"""`peakctl whoami`: where a run goes, and what its token may do; nothing is guessed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from schemas_of_output import check_output

from peakctl import Project, whoami
from peakctl.emulator.faults import read_faults
from peakctl.operations import platform

PROJECT = "project: shop\nenvironments: {local: {emulator: true}, prod: {stage: prod}}\n"


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "peakctl.yaml").write_text(PROJECT + "defaultEnvironment: local\n")
    return tmp_path


def test_it_says_where_a_run_goes_and_what_the_token_may_do(
    peakctl: Any, make_emulator: Any
) -> None:
    done = peakctl("whoami", "--verbose", emulator=make_emulator(spoke_domain="spoke1.peak.ai"))
    assert done.code == 0
    lines = done.out.splitlines()
    assert lines[:6] == [
        "project      shop",
        "environment  local",
        "endpoint     the emulator on this machine",
        "tenant       spoke1.peak.ai",
        "token        none is needed",
        "user         not known: no call of the platform tells who a token is",
    ]
    assert "PRICING.STRATEGIES    read" in lines
    assert "2 requests sent" in done.err


def test_programs_get_the_same_and_no_user(peakctl: Any, make_emulator: Any) -> None:
    emulator = make_emulator()
    document = json.loads(peakctl("whoami", "-o", "json", emulator=emulator).out)
    check_output("whoami", document)
    asked = peakctl("whoami", "--can", "PRICING.GUARDRAILS", "-o", "json", emulator=emulator)
    check_output("whoami", json.loads(asked.out))
    assert json.loads(asked.out)["allowed"] is True
    assert document["user"] is None
    assert document["tenant"] is None
    assert {"feature": "PLATFORM.IMAGES", "actions": ["*"]} in document["permissions"]
    assert "allowed" not in document
    (row,) = yaml.safe_load(peakctl("whoami", "-o", "yaml", emulator=emulator).out)
    assert row["permissions"] == document["permissions"]
    assert {each.method for each in emulator.requests} == {"GET"}


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("PRICING.GUARDRAILS",), 0, "yes: the token may read PRICING.GUARDRAILS"),
        (("pricing.guardrails", "--action", "write"), 0, "yes: "),
        (("PRICING.STRATEGIES", "--action", "write"), 15, "no: the token may not write PRICING"),
        (("PLATFORM.IMAGES", "--action", "anything"), 0, "yes: "),
        (("PLATFORM.IMAGES.BUILDS", "--action", "write"), 0, "yes: "),
        (("PRICING.STRATEGIES", "--action", "anything"), 15, "no: "),
    ],
    ids=str,
)
def test_one_question_is_answered_by_the_exit_code_too(
    peakctl: Any, make_emulator: Any, words: tuple[str, ...], code: int, said: str
) -> None:
    done = peakctl("whoami", "--can", *words, emulator=make_emulator())
    assert done.code == code
    assert done.out.startswith(said)


@pytest.mark.parametrize(
    ("feature", "told"),
    [
        ("PLATFORM.IMAGE", "did you mean: PLATFORM.IMAGES"),
        ("GUARDRAIL", "did you mean: PRICING.GUARDRAILS"),
        ("QQQQQ", "see them all: peakctl whoami"),
    ],
)
def test_an_unknown_feature_is_answered_with_the_nearest(
    peakctl: Any, make_emulator: Any, feature: str, told: str
) -> None:
    done = peakctl("whoami", "--can", feature, emulator=make_emulator())
    assert done.code == 1
    assert "whoami/unknown-feature" in done.err
    assert told in done.err


def test_a_token_that_is_refused_or_missing_ends_with_15(peakctl: Any, make_emulator: Any) -> None:
    assert peakctl("whoami", "-e", "prod").code == 15
    emulator = make_emulator()
    rule = {"method": "GET", "path": "/permissions", "action": "status", "status": 403, "times": 9}
    emulator.faults += read_faults(rule)
    done = peakctl("whoami", emulator=emulator)
    assert done.code == 15
    assert "auth/forbidden" in done.err


@pytest.mark.parametrize(
    ("answer", "found"),
    [
        ({}, []),
        ([], []),
        ({"A": {"actions": "all"}}, []),
        ({"actions": ["read"]}, []),
        (
            {"B": {"actions": ["read"], "C": {"actions": ["*", 7]}}, "A": {"\x1b[1m": None}},
            [("B", ("read",)), ("B.C", ("*", "7"))],
        ),
    ],
    ids=str,
)
def test_features_are_read_off_whatever_shape_they_have(
    make_emulator: Any, monkeypatch: pytest.MonkeyPatch, answer: Any, found: Any
) -> None:
    emulator = make_emulator()
    monkeypatch.setattr(platform, "open_emulator", lambda *_, **__: emulator)
    from peakctl.api.client import Api

    get = Api.get

    async def asked(self: Any, path: str, query: Any = ()) -> Any:
        return answer if path.endswith("/permissions") else await get(self, path, query)

    monkeypatch.setattr(Api, "get", asked)
    result = whoami(Project.open(Path.cwd()))
    assert [(each.feature, each.actions) for each in result.permissions] == found
    assert result.token_from == ""
