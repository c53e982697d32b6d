"""What could not be read, and what it may have declared."""

from __future__ import annotations

from pathlib import Path

import pytest

from peakctl.manifests.load import Manifests, load_manifests


def load(root: Path, **files: str) -> Manifests:
    for name, text in files.items():
        (root / f"{name}.yaml").write_text(text)
    return load_manifests(["."], root=root, parameters={}, environment={})


def test_what_was_read_declares_nothing_else(tmp_path: Path) -> None:
    found = load(tmp_path, a="name: a")
    assert not found.problems
    assert not found.may_declare("a")


@pytest.mark.parametrize(
    ("text", "name", "may"),
    [
        ("name: api\nb: [", "api", True),
        ("name: api\nb: [", "ap", False),
        ("name: api-x\nb: [", "api", False),
        ("name: api\n{{ nope }}", "api", True),
        ("name: api\n{{ nope }}", "other", False),
        ("name: '{{ nope }}'", "anything", True),
        ("{name: 'x-{{ nope }}'}", "anything", True),
    ],
)
def test_a_file_with_a_fault_may_declare_what_it_names(
    tmp_path: Path, text: str, name: str, may: bool
) -> None:
    found = load(tmp_path, a=text)
    assert len(found.problems) == 1
    assert found.may_declare(name) is may


def test_a_file_that_is_lost_may_declare_anything(tmp_path: Path) -> None:
    (tmp_path / "b.yaml").symlink_to("gone.yaml")
    assert load(tmp_path, a="name: a").may_declare("anything")
