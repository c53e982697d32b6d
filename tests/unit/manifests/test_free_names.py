"""Which names a template has to be given."""

from __future__ import annotations

import pytest

from peakctl.manifests.free_names import free_names


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("a: 1", set()),
        ("a: {{ x }} {{ os_env.Y }}", {"x"}),
        ("{% set x = y %}{{ x }}", {"y"}),
        ("{% set x = x | default('a') %}{{ x }}", {"x"}),
        ("{% for a in list %}{{ a.b }}{{ loop.index }}{% endfor %}", {"list"}),
        ("{% if prod %}{% raw %}{{ no }}{% endraw %}{% endif %}", {"prod"}),
        ("{% if %}", set()),
    ],
)
def test_names_that_are_read_and_not_set(text: str, names: set[str]) -> None:
    assert free_names(text) == names
