"""What `render` shows of values that the caller knows to be secret."""

from __future__ import annotations

from pathlib import Path

from peakctl.manifests.load import render_sources

TEXT = """a: &anchor one
b: |
  two
  lines
c: [three, {d: four}]
---
e: five
"""


def test_places_that_are_secret_are_masked_whatever_their_form(tmp_path: Path) -> None:
    (tmp_path / "m.yaml").write_text(TEXT, encoding="utf-8")
    (found,), problems = render_sources(
        ["m.yaml"],
        root=tmp_path,
        parameters={},
        environment={},
        secrets=lambda documents: [
            (documents[0], ("b",)),
            (documents[0], ("c", 1, "d")),
            (documents[1], ("e",)),
            (documents[1], ("nothing", "there")),
        ],
    )
    assert problems == ()
    assert found.text == (
        'a: &anchor one\nb: "(sensitive)"\nc: [three, {d: "(sensitive)"}]\n---\ne: "(sensitive)"'
    )
