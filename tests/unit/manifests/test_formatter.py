"""Where lines cannot move, they stay, and where they move, nothing else changes."""

from __future__ import annotations

import pytest

from peakctl.kinds.schemas import load_kinds
from peakctl.manifests.formatter import CannotFormat, format_manifest

KINDS = load_kinds()
MIXED = """\
# yaml-language-server: $schema=x
kind: Image   # an image
apiVersion: peakctl/v1
spec:
  # the folder
  artifact:
    ignore_files: [a]
    path: {{ src }}

  {# why #}
  type: workflow
metadata: {name: x}
---
# second
spec:
  watchers:
    - user: me
      events: {fail: true}
  steps:
    train:
      parents: [a]
      command: |
        # not a comment
        {% raw %}python {{ x }}{% endraw %}

      imageDetails:
        version: "{{ version }}"
        name: forecast
    {% if more %}
    b:
      command: x
    {% endif %}
kind: Workflow
apiVersion: peakctl/v1
metadata:
  name: {{ name | tojson }}"""
ORDERED = """\
# yaml-language-server: $schema=x
apiVersion: peakctl/v1
kind: Image   # an image
metadata: {name: x}
spec:
  {# why #}
  type: workflow

  # the folder
  artifact:
    path: {{ src }}
    ignore_files: [a]
---
# second
apiVersion: peakctl/v1
kind: Workflow
metadata:
  name: {{ name | tojson }}
spec:
  watchers:
    - events: {fail: true}
      user: me
  steps:
    train:
      command: |
        # not a comment
        {% raw %}python {{ x }}{% endraw %}

      imageDetails:
        name: forecast
        version: "{{ version }}"
      parents: [a]
    {% if more %}
    b:
      command: x
    {% endif %}
"""


def test_lines_move_with_their_comments_and_templates() -> None:
    assert format_manifest(MIXED, KINDS) == ORDERED
    assert format_manifest(ORDERED, KINDS) == ORDERED


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a: 1\n",
        "- b\n- a\n",
        "kind: Unknown\napiVersion: x\n",
        "{kind: Image, apiVersion: peakctl/v1}\n",
        "kind: Image\n{% if x %}\napiVersion: peakctl/v1\n{% endif %}\n",
        "kind: Image\nspec:\n  {% set x = 1 %}\n  type: api\napiVersion: {{ x }}\n",
        "kind: Image\nspec:\n  {%\n  if x %}\n  type: api\n  {% endif %}\napiVersion: a\n",
        "kind: Service\nspec:\n  imageDetails: {name: a}\n  {% include 'a' %}\n  title: a\n",
        "kind: Service\nspec:\n  - 1\n",
        "kind: Workflow\nspec:\n  triggers:\n  - webhook: true\n    # c\n    cron: x\n  steps: 1\n",
        "kind: Image\nspec: {artifact: 1,\n  type: 2}\n",
    ],
)
def test_what_cannot_move_stays(text: str) -> None:
    found = format_manifest(text, KINDS)
    assert found == text or sorted(found.split("\n")) == sorted(text.split("\n"))
    assert format_manifest(found, KINDS) == found


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("kind: [\n", "not YAML around"),
        ("kind: Image\u2028x: 1\n", "line ends"),
        ("kind: Image\nspec:\n  artifact: &a 1\n  type: *a\n", "depends on their order"),
    ],
)
def test_a_file_that_cannot_be_kept_whole_is_named(text: str, why: str) -> None:
    with pytest.raises(CannotFormat, match=why):
        format_manifest(text, KINDS)
