"""Secrets in the words of others, in every form they may take."""

from __future__ import annotations

import base64
import html
import json
import threading
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from peakctl.model import MASK, Secret
from peakctl.model import text as text_module
from peakctl.model.text import Redactor, secret_texts


def redact(text: str, secrets: list[str]) -> str:
    return Redactor(secrets)(text)


SECRETS = (
    "abcd",
    "hunter2",
    's3cr"t & <b>',
    "correct horse battery staple",
    "пароль-ünï-\\x-%41&amp;",
    "first line\n  second line\n",
)
ENCODE = {
    "exact": str,
    "upper case": str.upper,
    "lower case": str.lower,
    "JSON": lambda s: json.dumps(s)[1:-1],
    "JSON in JSON": lambda s: json.dumps(json.dumps(s))[1:-1],
    "JSON with letters": lambda s: json.dumps(s, ensure_ascii=False)[1:-1],
    "URL": lambda s: quote(s, safe=""),
    "URL path": quote,
    "URL in part": lambda s: quote(s, safe=' &<"'),
    "form": quote_plus,
    "URL, lower case": lambda s: quote(s, safe="").lower(),
    "HTML": html.escape,
    "HTML by number": lambda s: "".join(f"&#{ord(c)};" for c in s),
    "URL in JSON": lambda s: json.dumps({"q": quote(s)}),
    "hexadecimal": lambda s: s.encode().hex(),
    "HEXADECIMAL": lambda s: s.encode().hex().upper(),
    "one line": lambda s: " ".join(s.split()),
    "URL-safe base64": lambda s: base64.urlsafe_b64encode(s.encode()).decode(),
}


@pytest.mark.parametrize("form", ENCODE)
@pytest.mark.parametrize("secret", SECRETS)
def test_a_secret_is_masked_in_every_form(secret: str, form: str) -> None:
    said = ENCODE[form](secret)
    told = redact(f"before {said} after", [secret])
    assert MASK in told
    assert said not in told
    assert told.startswith("before ")
    assert told.endswith(" after")


@pytest.mark.parametrize("before", range(7))
@pytest.mark.parametrize("after", range(4))
@pytest.mark.parametrize("secret", SECRETS)
def test_a_secret_is_masked_wherever_it_stands_in_base64(
    secret: str, before: int, after: int
) -> None:
    data = b"user:xy"[:before] + secret.encode() + b"-end"[:after]
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        assert MASK in redact(f"Basic {encode(data).decode()}", [secret])


def test_long_parts_are_masked_and_short_ones_stay() -> None:
    secret = "abcdefghijklmnopqrstuvwxyz"
    assert redact("cut abcdefgh", [secret]) == f"cut {MASK}"
    assert redact("cut ijklmnopq and more", [secret]) == f"cut {MASK} and more"
    assert redact("cut abcdefg", [secret]) == "cut abcdefg"


def test_short_values_stay_in_the_words_of_others() -> None:
    assert redact("no is not 12", ["no", "12", ""]) == "no is not 12"
    assert redact("abc", ["abcd"]) == "abc"
    assert redact("abcd", ["abcd"]) == MASK


def test_what_many_secrets_begin_with_is_none() -> None:
    hook = "https://hooks.example.com/s3cr3t-path"
    assert redact("see https://docs.peak.ai", [hook]) == "see https://docs.peak.ai"
    assert redact(f"posted to {hook}!", [hook]) == f"posted to https://{MASK}!"
    assert redact("-----BEGIN", ["-----BEGIN KEY-----\nAAAABBBB\n"]) == MASK
    assert redact("----------", ["-----BEGIN KEY-----\nAAAABBBB\n"]) == "----------"
    assert redact("x aaaaaaaaaa", ["aaaaaaaaa"]) == f"x {MASK}"  # it has no other part
    assert redact("at https://a", ["https://a"]) == f"at {MASK}"


def test_an_escape_of_nothing_is_text() -> None:
    assert redact("&nothing; \\u12 100% %zz abcd&nosuch;", ["abcd"]) == (
        f"&nothing; \\u12 100% %zz {MASK}&nosuch;"
    )


def test_what_changes_its_length_in_lower_case_moves_no_mask() -> None:
    assert redact("\u0130\u0130 hunter2 x", ["hunter2"]) == f"\u0130\u0130 {MASK} x"


def test_secrets_are_learned_as_they_come() -> None:
    redact = Redactor()
    assert redact("hunter2") == "hunter2"
    redact.add(["hunter2", "hunter2"])
    redact.add(secret_texts({"a": Secret("other-one")}))
    assert redact("hunter2 other-one") == f"{MASK} {MASK}"


def test_the_encodings_of_huge_values_are_not_looked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text_module, "LARGEST", 10)
    secret = "a value of some size"
    assert redact(secret, [secret]) == MASK
    assert MASK not in redact(secret.encode().hex(), [secret])


def test_every_leaf_under_a_secret_is_one() -> None:
    tree = {"a": Secret({"b": ["one", 2, None, True, "", Secret("three")]}), "c": [Secret("four")]}
    assert list(secret_texts(tree)) == ["one", "2", "three", "four"]
    assert list(secret_texts("plain")) == []


class Counted(str):
    """A text that counts how often a piece of it is taken."""

    taken = 0


def test_the_work_does_not_grow_with_the_number_of_secrets() -> None:
    """Windows are looked up in sets: what is built grows with the secrets, the passes do not."""
    redact = Redactor(f"secret-number-{n:06d}-of-many" for n in range(1000))
    assert len(redact._parts) == 1  # one length of parts, so one look at each place
    text = "nothing to hide here, " * 2000
    assert redact(text) == text


@given(
    st.text(min_size=4, max_size=40).filter(lambda s: len(s.strip()) >= 4),
    st.text(alphabet="xyz ", max_size=20),
)
def test_no_secret_gets_through(secret: str, around: str) -> None:
    for encode in (str, lambda s: json.dumps(s)[1:-1], html.escape):
        said = encode(secret)
        assert said not in redact(f"{around}{said}{around}", [secret]).replace(MASK, "|") or (
            said in around
        )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("https://example.com/visible", "https://example.com/visible"),
        ("x https://hooks.example.com/T0ken1 y", "x (sensitive) y"),
        ("x https%3A%2F%2Fhooks.example.com%2FT0ken1", "x (sensitive)"),
        ("aHR0cHM6Ly9ob29rcy5leGFtcGxlLmNvbS9UMGtlbjE", "(sensitive)"),
        ("short", "short"),
    ],
)
def test_a_mere_part_of_a_secret_is_left_alone_in_values(text: str, expected: str) -> None:
    redact = Redactor(["https://hooks.example.com/T0ken1"])
    found = redact.whole(text)
    assert (found == text) == (expected == text)
    assert "T0ken1" not in found


def test_a_text_that_was_asked_about_before_hides_what_is_learned_later() -> None:
    redact, text = Redactor(["first-secret"]), "first-secret and second-secret"
    assert redact(text) == redact(text) == f"{MASK} and second-secret"
    redact.add(["second-secret"])
    assert redact(text) == redact.whole(text) == f"{MASK} and {MASK}"


def test_a_secret_that_another_thread_learns_meanwhile_is_hidden_from_then_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    redact, text = Redactor(["first-secret"]), "an answer with second-value in it"
    learning = threading.Thread(target=redact.add, args=(["second-value"],))
    mark = Redactor._masked

    def masked_slowly(self: Redactor, text: str) -> str:
        found = mark(self, text)
        learning.start()
        learning.join(0.05)
        return found

    with monkeypatch.context() as patched:
        patched.setattr(Redactor, "_masked", masked_slowly)
        redact(text)
    learning.join()
    assert redact(text) == f"an answer with {MASK} in it"
