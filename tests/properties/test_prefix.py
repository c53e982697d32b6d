"""A project under a prefix is the same project: every example, with its references and checks."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from peakctl.engine.graph import find_edges
from peakctl.kinds.prefix import check_prefixed, prefixed_key, with_prefix
from peakctl.kinds.schemas import load_kinds
from peakctl.manifests.sections import prefix_flaw
from peakctl.operations.load import LoadResult, check_together, load
from peakctl.operations.project import Project

EXAMPLES = sorted(Path(__file__).parents[2].glob("manifests-examples/*/peakctl.yaml"))
KINDS = load_kinds()
LOADED: dict[Path, LoadResult] = {}
PREFIXES = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,39}", fullmatch=True)


def example(file: Path) -> LoadResult:
    if file not in LOADED:
        LOADED[file] = load(Project.open(file.parent, variables={"PEAK_AUTH_TOKEN": "t"}))
    return LOADED[file]


@pytest.mark.parametrize("file", EXAMPLES, ids=lambda file: file.parent.name)
@given(prefix=PREFIXES)
@settings(max_examples=5)
def test_what_refers_to_what_stays_so(file: Path, prefix: str) -> None:
    assert not prefix_flaw(prefix)
    before = example(file).resources
    after = with_prefix(before, KINDS, prefix)
    assert not list(check_prefixed(before, KINDS, prefix))
    assert list(after) == [prefixed_key(key, prefix) for key in before]
    edges = [
        (prefixed_key(edge.source, prefix), prefixed_key(edge.target, prefix), edge.path)
        for edge in find_edges(before)[0]
    ]
    assert [(edge.source, edge.target, edge.path) for edge in find_edges(after)[0]] == edges
    assert not [each for each in check_together(after, KINDS) if str(each.severity) == "error"]
