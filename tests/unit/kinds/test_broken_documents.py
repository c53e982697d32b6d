"""A table of broken manifests: each gives the complaint it should, at the line it should."""

from __future__ import annotations

import pathlib
import re
from collections.abc import Sequence

import pytest

from peakctl.kinds.store import load_kinds
from peakctl.kinds.validate import read_resources
from peakctl.manifests.parse import parse
from peakctl.manifests.rendered import Rendered
from peakctl.model import Archive, Source

ROOT = pathlib.Path("/project")
HEAD = re.compile(r"^== (\S+): (\S+) at (\d+)\n", re.MULTILINE)
PIECES = HEAD.split((pathlib.Path(__file__).parent / "broken.txt").read_text("utf-8"))[1:]
BROKEN = list(zip(*(PIECES[i::4] for i in range(4)), strict=True))


def pack(folder: pathlib.Path, ignore: Sequence[str] | None, root: pathlib.Path) -> Archive:
    return Archive("sha256:00", 0, bytes)


@pytest.mark.parametrize(
    ("code", "line", "text"), [b[1:] for b in BROKEN], ids=[b[0] for b in BROKEN]
)
def test_a_broken_document_gets_one_complaint_at_its_line(code: str, line: str, text: str) -> None:
    documents, problems = parse(Rendered(Source("/project/m.yaml", "m.yaml", text), text))
    assert not problems
    resources, found = read_resources(documents, load_kinds(), project_root=ROOT, pack=pack)
    assert not resources
    assert [(d.code, d.locations[0].line) for d in found] == [(f"manifest/{code}", int(line))]
    (complaint,) = found
    assert complaint.fix or complaint.detail
    assert complaint.summary
    assert not complaint.summary.endswith(".")


def test_the_table_covers_what_it_should() -> None:
    assert len({b[0] for b in BROKEN}) == len(BROKEN) >= 60
