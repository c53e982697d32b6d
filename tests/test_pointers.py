"""Every pointer from the code to a page leads to a page, and to a section, that is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
CODE = [
    path
    for folder in ("peakctl", "scripts", "tests", "schemas")
    for path in sorted((ROOT / folder).rglob("*"))
    if path.suffix in (".py", ".sh", ".json", ".md") and "__pycache__" not in path.parts
]
POINTER = re.compile(r"\b(docs/[\w.-]+\.md)(?:, (\d+(?:\.\d+)*))?")


def pointers() -> list[tuple[str, str, str]]:
    return [
        (str(path.relative_to(ROOT)), page, section)
        for path in CODE
        for page, section in POINTER.findall(path.read_text("utf-8"))
    ]


@pytest.mark.parametrize("page", sorted({page for _, page, _ in pointers()}))
def test_every_page_that_is_pointed_to_is_there(page: str) -> None:
    assert (ROOT / page).is_file()


def test_every_section_that_is_pointed_to_is_there() -> None:
    sections = {
        page: set(re.findall(r"^#+ (\d+(?:\.\d+)*)", (ROOT / page).read_text("utf-8"), re.M))
        for page in {page for _, page, section in pointers() if section}
    }
    assert [p for p in pointers() if p[2] and p[2] not in sections[p[1]]] == []
