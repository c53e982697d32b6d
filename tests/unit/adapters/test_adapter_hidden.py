"""What the deployed release hides, from its own answer, whatever manifests and reads say."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from peakctl.adapters.hidden import Releases
from peakctl.errors import ApiError, Diagnostic

SECRET = {"name": "key", "type": "string", "hideValue": True}
PLAIN = {"name": "mode", "type": "string"}
HIDING = {"parameters": {"build": [SECRET], "run": [SECRET, PLAIN]}}
BLOCK = "press/v1/blocks/specs/b/releases/1.0.0"


def block(**groups: Any) -> dict[str, Any]:
    return {
        "spec": {"blockSpec": {"id": "b", "release": {"version": "1.0.0"}}, "parameters": groups}
    }


def app(parameters: Any, whole: Any = None) -> dict[str, Any]:
    spec: dict[str, Any] = {"appSpec": {"id": "a", "release": {"version": "2.0.0"}}}
    spec["parameters"] = parameters
    return {"spec": spec | ({"appParameters": whole} if whole else {})}


class Answers:
    def __init__(self, answers: Any) -> None:
        self.answers, self.asked = answers, list[str]()

    async def get(self, path: str) -> Any:
        self.asked.append(path)
        found = self.answers.get(path)
        if isinstance(found, list):
            found = found.pop(0)
        if isinstance(found, Exception):
            raise found
        return found


def hidden(values: Any, answers: Any, family: str = "blocks") -> set[str]:
    found = asyncio.run(Releases(Answers(answers).get).hidden(family, values))
    return {".".join(map(str, path[1:])) for path in found}


def test_a_block_hides_what_its_deployed_release_says() -> None:
    values = block(build={"key": "a"}, run={"key": "b", "mode": "c"})
    found = hidden(values, {BLOCK: HIDING})
    assert found == {"parameters.build.key", "parameters.run.key"}


@pytest.mark.parametrize(
    "values",
    [
        block(),
        block(run={"key": "********", "n": 3, "list": [1], "map": {}}),
        {"spec": {"blockSpec": {"id": "b"}}},
    ],
)
def test_where_no_text_is_shown_nothing_is_asked(values: Any) -> None:
    answers = Answers({})
    assert asyncio.run(Releases(answers.get).hidden("blocks", values)) == frozenset()
    assert answers.asked == []


@pytest.mark.parametrize("answers", [{}, {BLOCK: None}])
def test_every_value_is_hidden_where_the_release_cannot_be_had(answers: Any) -> None:
    values = block(build={"x": {"y": ["z"]}, "n": 1}, run={"key": "b"})
    assert hidden(values, answers) == {
        "parameters.build.x.y", "parameters.build.n", "parameters.run.key"
    }  # fmt: skip


def test_a_deployment_that_tells_no_release_hides_every_value() -> None:
    values = {"spec": {"blockSpec": {"id": "b"}, "parameters": {"run": {"key": "b"}}}}
    assert hidden(values, {BLOCK: HIDING}) == {"parameters.run.key"}


APP_ANSWERS = {
    "press/v1/apps/specs/a/releases/2.0.0": {
        "config": [
            {"id": "b", "release": {"version": "1.0.0"}},
            {"id": "c", "release": {"version": "1.0.0"}},
            "odd",
        ],
        "parameters": {"run": [{"name": "whole", "hideValue": True}]},
    },
    BLOCK: HIDING,
    "press/v1/blocks/specs/b": {"metadata": {"name": "first"}},
    "press/v1/blocks/specs/c/releases/1.0.0": {"parameters": {"run": [PLAIN, "odd"]}},
}


def test_an_app_hides_by_block_and_for_the_whole() -> None:
    values = app({"first": {"run": {"key": "a"}}}, {"run": {"key": "x"}})
    assert hidden(values, APP_ANSWERS, "apps") == {
        "parameters.first.build.key", "parameters.first.run.key",
        "appParameters.build.key", "appParameters.run.key", "appParameters.run.whole",
    }  # fmt: skip


@pytest.mark.parametrize(
    "missing",
    ["press/v1/apps/specs/a/releases/2.0.0", BLOCK, "press/v1/blocks/specs/b"],
)
def test_an_app_of_which_a_part_cannot_be_had_hides_every_value(missing: str) -> None:
    answers = {path: each for path, each in APP_ANSWERS.items() if path != missing}
    values = app({"second": {"run": {"mode": "a"}}}, {"run": {"x": "y"}})
    assert hidden(values, answers, "apps") == {"parameters.second.run.mode", "appParameters.run.x"}


def test_a_release_is_read_once_and_an_error_is_not_remembered() -> None:
    refused = ApiError(Diagnostic("api/server", "no"))
    answers = Answers({BLOCK: [refused, HIDING]})
    releases, values = Releases(answers.get), block(run={"key": "b"})

    async def thrice() -> None:
        with pytest.raises(ApiError):
            await releases.hidden("blocks", values)
        first, second = await asyncio.gather(*(releases.hidden("blocks", values),) * 1,
                                             releases.hidden("blocks", values))  # fmt: skip
        assert first == second

    asyncio.run(thrice())
    assert answers.asked == [BLOCK, BLOCK]
