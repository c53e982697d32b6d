"""What is written looks as a person would have written it."""

from __future__ import annotations

from typing import Any

import pytest

from peakctl.kinds.schemas import load_kinds
from peakctl.manifests.writer import ManifestText, TemplateText, dump, escaped, write_documents

WORKFLOW: Any = {
    "spec": {
        "steps": {
            "train": {
                "command": "python train.py {{data}}",
                "imageDetails": {"name": "forecast"},
                "env": {"on": "yes", "PORT": "010", "TOKEN": TemplateText("{{ os_env.TOKEN }}")},
            }
        },
        "triggers": [{"cron": "0 2 * * *"}],
    },
    "metadata": {"tags": [{"name": "a"}], "name": "nightly", "description": "long\ntext\n"},
}
WRITTEN = """\
# from the tenant
apiVersion: peakctl/v1
kind: Workflow
metadata:
  name: nightly
  tags:
    - name: a
  description: |
    long
    text
spec:
  triggers:
    # first
    - cron: 0 2 * * *
  steps:
    train:
      command: '{% raw %}python train.py {{data}}{% endraw %}'
      # the id is { {id}}
      imageDetails:
        name: forecast
      env:
        "on": "yes"
        PORT: "010"
        TOKEN: '{{ os_env.TOKEN }}'
"""


def test_keys_are_in_the_order_of_the_schema_and_comments_stand_above() -> None:
    comments: Any = {
        ("spec", "triggers", 0, "cron"): "first",
        ("spec", "steps", "train", "imageDetails"): "the id is {{id}}",
    }
    kind = load_kinds()["Workflow"]
    document = ManifestText(kind, WORKFLOW, comments, "from the tenant")
    assert write_documents([document]) == WRITTEN
    assert write_documents([document, document]) == f"{WRITTEN}---\n{WRITTEN}"


def test_fields_that_the_schema_does_not_have_stay_behind_the_others() -> None:
    values: Any = {"metadata": {"other": 1, "name": "x"}, "spec": {"zzz": {}}}
    written = write_documents([ManifestText(load_kinds()["Workflow"], values)])
    assert written.endswith("metadata:\n  name: x\n  other: 1\nspec:\n  zzz: {}\n")


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("plain", "plain"),
        ("y", '"y"'),
        ("1.10", '"1.10"'),
        ("1" * 500, f'"{"1" * 500}"'),
        ("a\nb", "|-\n  a\n  b"),
        (" a\nb", '" a\\nb"'),
        ("a\x1b[31m", '"a\\e[31m"'),
        ("a\ue000", '"a\\ue000"'),
        ("a {% endraw %}", "a {{ '{%' }} endraw %}"),
    ],
)
def test_texts_are_quoted_where_readers_disagree(text: str, written: str) -> None:
    assert dump({"k": text}) == f"k: {written}\n"


def test_a_text_without_a_template_is_left_alone() -> None:
    assert escaped("{ x } }}") == "{ x } }}"
