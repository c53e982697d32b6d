"""What is taken out of texts of others, or spelled out, before anybody sees them."""

from __future__ import annotations

import pytest

from peakctl.model.text import bare_text, printable, spelled_text


@pytest.mark.parametrize(
    ("text", "shown", "bare", "spelled"),
    [
        ("\x1b[31mred\x1b[0m", "red", "red", "\\u001b[31mred\\u001b[0m"),
        ("\x9b31mred", "red", "red", "\\u009b31mred"),
        ("a\x1b]0;title\x07b", "ab", "ab", "a\\u001b]0;title\\u0007b"),
        ("left\u202eright", "leftright", "leftright", "left\\u202eright"),
        ("s\u200be\u00adt", "s\u200be\u00adt", "set", "s\u200be\u00adt"),
        ("a\U000e0041b", "ab", "ab", "a\\U000e0041b"),
        ("a\tb\n", "a\tb\n", "a\tb\n", "a\tb\n"),
        ("wide\u3000space", "wide\u3000space", "wide\u3000space", "wide\u3000space"),
    ],
)
def test_texts_of_others(text: str, shown: str, bare: str, spelled: str) -> None:
    assert printable(text) == shown
    assert bare_text(text) == bare
    assert spelled_text(text) == spelled
