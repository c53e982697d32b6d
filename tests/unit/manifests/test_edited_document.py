"""A document is changed in places, and the rest of it stays to the letter."""

from __future__ import annotations

import pytest

from peakctl.manifests.writer import EditedDocument, EditRefused, TemplateText
from peakctl.model import MISSING

TEXT = """\
# head
kind: Image # what it is
metadata:
  name: 'quoted'
  # above
  title: "{{ title }}"
spec:
  list:
    - a: 1 # one
  long: |
    two
    lines
"""


def test_what_is_not_changed_stays_as_it_was_written() -> None:
    assert EditedDocument(TEXT).text() == TEXT


def test_values_are_put_and_taken_away_in_places() -> None:
    document = EditedDocument(TEXT)
    document.put(("metadata", "name"), "{{ no template }}")
    document.put(("metadata", "title"), MISSING)
    document.put(("metadata", "gone"), MISSING)
    document.put(("spec", "list"), [{"a": 2, "b": TemplateText("{{ os_env.B }}")}])
    text = document.text()
    assert "name: '{% raw %}{{ no template }}{% endraw %}'" in text
    assert "title" not in text
    assert "    - a: 2\n      b: '{{ os_env.B }}'\n" in text
    assert text.startswith("# head\nkind: Image # what it is\n")
    assert text.endswith("  long: |\n    two\n    lines\n")


@pytest.mark.parametrize(
    "text", ["{% if x %}\na: 1\n{% endif %}\n", "a: [\n", "- a\n", "", "word\n"]
)
def test_what_is_no_manifest_before_its_templates_ran_is_refused(text: str) -> None:
    with pytest.raises(EditRefused):
        EditedDocument(text)
