"""A table of broken manifests: each gives the problem it should, at the line it should."""

from __future__ import annotations

import pathlib
import re
from collections.abc import Sequence

import pytest

from peakctl.errors import Diagnostic
from peakctl.kinds.schemas import load_kinds
from peakctl.kinds.validate import read_resources
from peakctl.manifests.parse import parse
from peakctl.manifests.render import Rendered
from peakctl.model import Archive, ArtifactFolder, Source

ROOT = pathlib.Path("/project")
HEAD = re.compile(r"^== (\S+): (\S+) at (\d+)\n", re.MULTILINE)
PIECES = HEAD.split((pathlib.Path(__file__).parent / "broken.txt").read_text("utf-8"))[1:]
BROKEN = list(zip(*(PIECES[i::4] for i in range(4)), strict=True))


def pack(folders: Sequence[ArtifactFolder], root: pathlib.Path) -> list[Archive]:
    return [Archive("sha256:00", 0, bytes) for _ in folders]


@pytest.mark.parametrize(
    ("code", "line", "text"), [b[1:] for b in BROKEN], ids=[b[0] for b in BROKEN]
)
def test_a_broken_document_gets_one_problem_at_its_line(code: str, line: str, text: str) -> None:
    documents, problems = parse(Rendered(Source("/project/m.yaml", "m.yaml", text), text))
    assert not problems
    resources, found = read_resources(documents, load_kinds(), project_root=ROOT, pack=pack)
    assert not resources
    assert [(d.code, d.locations[0].line) for d in found] == [(f"manifest/{code}", int(line))]
    (problem,) = found
    assert problem.fix or problem.detail
    assert problem.summary
    assert not problem.summary.endswith(".")


def test_the_table_covers_what_it_should() -> None:
    assert len({b[0] for b in BROKEN}) == len(BROKEN) >= 60


def problems(text: str) -> list[Diagnostic]:
    documents, _ = parse(Rendered(Source("/project/m.yaml", "m.yaml", text), text))
    return list(read_resources(documents, load_kinds(), project_root=ROOT, pack=pack)[1])


def workflow(spec: str) -> str:
    return f"apiVersion: peakctl/v1\nkind: Workflow\nmetadata: {{name: w}}\nspec: {spec}\n"


def test_what_is_missing_beside_a_misspelt_field_is_told_too() -> None:
    step = "imageId: 1, resources: {storag: 10GB, instanceType: Nano}"
    (one,) = problems(workflow(f"{{steps: {{a: {{{step}, command: x}}}}}}"))
    assert one.summary == 'there is no field "storag" in resources'
    both = problems(workflow(f"{{steps: {{a: {{{step}}}}}}}"))
    assert [d.code for d in both] == ["manifest/missing-field", "manifest/unknown-field"]
    triggers = "[{cron: x, webhook: true, wehbook: 1}]"
    steps = "{a: {imageId: 1, command: x}}"
    two = problems(workflow(f"{{triggers: {triggers}, steps: {steps}}}"))
    assert {d.code for d in two} == {"manifest/exactly-one", "manifest/unknown-field"}


def test_nothing_that_is_owed_is_to_be_removed() -> None:
    (owed,) = problems(workflow(""))
    assert owed.fix == "write spec: {steps: {...}}"
    (empty,) = problems(workflow("{steps: {}}"))
    assert empty.fix == "give it content"
    (free,) = problems(workflow("{triggers: , steps: {a: {imageId: 1, command: x}}}"))
    assert free.fix.endswith(", or remove triggers")
