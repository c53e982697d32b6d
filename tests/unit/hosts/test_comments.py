"""Markers: what a comment is about, whatever the names are."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from peakctl.hosts.comments import Marker

words = st.text(max_size=40)


@given(words, words, words, words)
def test_a_marker_is_one_harmless_line_and_finds_itself(
    project: str, environment: str, tenant: str, folder: str
) -> None:
    marker = Marker("plan", project, environment, tenant, folder)
    text = str(marker)
    assert "\n" not in text
    assert text.startswith("<!-- peakctl:ci plan ")
    assert text.endswith(" -->")
    assert text.count("-->") == text.count("<!--") == 1
    assert "--" not in text[4:-3]
    assert marker.is_on(f"{text}\nbody")
    assert marker.is_on(f"\ufeff{text}\r\nbody")
    assert not marker.is_on(f"> {text}\nbody")
    assert not marker.is_on(f"before\n{text}\n")
    assert not Marker("apply", project, environment, tenant, folder).is_on(text)


def test_what_differs_in_one_word_is_about_something_else() -> None:
    marker = Marker("plan", "shop", "prod", "t", "a")
    assert not marker.is_on(str(Marker("plan", "shop", "dev", "t", "a")))
    assert not marker.is_on(str(Marker("plan", "shop2", "prod", "t", "a")))
    assert not marker.is_on(str(Marker("plan", "shop", "prod", "u", "a")))
    assert marker.is_on(str(Marker("plan", "shop", "prod", "t", "moved")))


def test_a_project_that_could_not_be_read_is_known_by_its_folder() -> None:
    known, unknown = Marker("plan", "shop", "prod", "t", "a"), Marker("plan", "", "prod", "", "a")
    assert known.is_on(str(unknown))
    assert unknown.is_on(str(known))
    assert not unknown.is_on(str(Marker("plan", "shop", "prod", "t", "b")))
    assert not unknown.is_on(str(Marker("plan", "shop", "dev", "t", "a")))
