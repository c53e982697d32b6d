"""Values of the environment: secrets all the way to the document, whatever is done to them."""

from __future__ import annotations

import base64
import copy
import json
import pickle
from pathlib import Path
from typing import Any

import pytest

from peakctl.manifests import load_documents, render_sources
from peakctl.manifests.secret_tokens import SecretText, SecretTexts, SecretUsed, Tokens
from peakctl.manifests.tracing import TracedText
from peakctl.model import Secret, reveal

SECRET = "s3cr:et #x"
ENVIRONMENT = {
    "TOKEN": SECRET,
    "PORT": "8080",
    "RATE": "0.5",
    "KEY": "one\ntwo\n\nfour",
    "NONE": "",
    "ENDS": "a\nb\n",
}


def load(root: Path, text: str, **parameters: Any) -> tuple[Any, list[str], str]:
    """The document's value, codes of problems, and everything that was shown."""
    (root / "main.yaml").write_text(text, encoding="utf-8")
    where: dict[str, Any] = {"root": root, "parameters": parameters, "environment": ENVIRONMENT}
    documents, problems = load_documents(["main.yaml"], **where)
    texts, _ = render_sources(["main.yaml"], **where)
    shown = f"{documents!r}{problems!r}{texts!r}"
    return (documents[0].value if documents else None), [p.code for p in problems], shown


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("os_env.TOKEN", SECRET),
        ("os_env['TOKEN']", SECRET),
        ("os_env.get('TOKEN', 'x')", SECRET),
        ("'a' ~ os_env.TOKEN", "a" + SECRET),
        ("'a' + os_env.TOKEN + 'b'", f"a{SECRET}b"),
        ("os_env.TOKEN + os_env.TOKEN", SECRET + SECRET),
        ("os_env.TOKEN | upper", SECRET.upper()),
        ("os_env.TOKEN | upper | lower", SECRET.lower()),
        ("(os_env.TOKEN ~ ' ') | trim", SECRET),
        ("('u:' ~ os_env.TOKEN) | b64encode", base64.b64encode(f"u:{SECRET}".encode()).decode()),
        ("os_env.TOKEN | urlencode", "s3cr%3Aet%20%23x"),
        ("os_env.NOT | default(os_env.TOKEN)", SECRET),
        ("os_env.TOKEN | default('x')", SECRET),
        ("os_env.NONE | default(os_env.TOKEN, true)", SECRET),
        ("[os_env.TOKEN, 'b'] | join('-')", f"{SECRET}-b"),
        ("['a', 'b'] | join(os_env.TOKEN)", f"a{SECRET}b"),
        ("[{'a': os_env.TOKEN}] | join(attribute='a')", SECRET),
        ("[{'a': os_env.TOKEN}] | map(attribute='a') | first", SECRET),
        ("[os_env.TOKEN] | map('upper') | join", SECRET.upper()),
        ("'-'.join([os_env.TOKEN, 'b'])", f"{SECRET}-b"),
        ("'%s!' % os_env.TOKEN", f"{SECRET}!"),
        ("'%s%d' % (os_env.TOKEN, 3)", f"{SECRET}3"),
        ("'%s!' | format(os_env.TOKEN)", f"{SECRET}!"),
        ("'{}!'.format(os_env.TOKEN)", f"{SECRET}!"),
        ("'{a[0]}'.format_map({'a': [os_env.TOKEN]})", SECRET),
        ("(os_env.TOKEN ~ '') if true else 'x'", SECRET),
        ("{'a': os_env.TOKEN}.a", SECRET),
        ("{'a': os_env.TOKEN} | dictsort | first | last", SECRET),
        ("os_env.TOKEN | tojson", SECRET),
        ("os_env.TOKEN | string", SECRET),
        ("os_env.TOKEN | safe", SECRET),
        ("os_env.TOKEN | indent(2)", SECRET),
        ("os_env.PORT", 8080),
        ("os_env.PORT | int", 8080),
        ("os_env.TOKEN | int(7)", 7),
        ("os_env.RATE | float", 0.5),
        ("(os_env.PORT | int) | tojson", 8080),
        ("[os_env.TOKEN] | sum(start='')", SECRET),
        ("[[os_env.TOKEN]] | sum(start=[]) | first", SECRET),
    ],
)
def test_what_may_be_done_to_a_secret_gives_a_secret(
    tmp_path: Path, expression: str, value: Any
) -> None:
    found, problems, shown = load(tmp_path, f"a: {{{{ {expression} }}}}\nb: 1")
    assert problems == []
    assert isinstance(found["a"], Secret)
    assert (reveal(found["a"]), found["b"]) == (value, 1)
    assert str(value) not in shown or len(str(value)) < 4
    assert SECRET not in shown


LOOKS = """
os_env.TOKEN.plain
os_env.TOKEN._text
os_env.TOKEN['_text']
os_env.TOKEN.vault.texts
os_env.TOKEN.title()
os_env.TOKEN.format()
os_env.TOKEN | attr('_text')
[os_env.TOKEN] | map(attribute='_text') | list
'{0.plain}'.format(os_env.TOKEN)
'{0[0]}'.format(os_env.TOKEN)
'{:>12}'.format(os_env.TOKEN)
'{:.3}'.format(os_env.TOKEN)
'%5s' % os_env.TOKEN
'%.3s' % os_env.TOKEN
'%.3s' | format(os_env.TOKEN)
os_env.TOKEN[0]
os_env.TOKEN[1:3]
os_env.TOKEN | first
os_env.TOKEN | list
os_env.TOKEN | length
os_env.TOKEN | reverse
os_env.TOKEN | replace('s', 'z')
'xyz' | replace('y', os_env.TOKEN)
'xyz'.replace('y', os_env.TOKEN)
'xyz'.startswith(os_env.TOKEN)
os_env.TOKEN.split(':')
os_env.TOKEN | truncate(5)
os_env.TOKEN | wordwrap(3)
os_env.TOKEN | center(80)
os_env.TOKEN | e
os_env.TOKEN | pprint
[os_env.TOKEN] | pprint
{'a': os_env.TOKEN} | xmlattr
{'a': os_env.TOKEN} | urlencode
[os_env.TOKEN, 'b'] | sort
[os_env.TOKEN, 'b'] | unique | list
[os_env.TOKEN, 'b'] | min
[{'a': os_env.TOKEN}, {'a': 'b'}] | groupby('a')
['b'] | select('equalto', os_env.TOKEN) | list
[os_env.TOKEN] | select('in', 'abc') | list
['b'] | map('replace', 'b', os_env.TOKEN) | list
[os_env.TOKEN] | map('upper') | map('length') | list
os_env.TOKEN * 2
os_env.TOKEN + 1
1 + os_env.TOKEN
-os_env.TOKEN
(os_env.PORT | int) + 1
(os_env.PORT | int) > 80
-(os_env.PORT | int)
'%d' % (os_env.PORT | int)
(os_env.PORT | int).bit_length()
range(os_env.PORT | int) | list
os_env.PORT == '8080'
'8080' == os_env.PORT
os_env.PORT != os_env.RATE
os_env.PORT < '9'
os_env.PORT in ['8080']
['8080'] == [os_env.PORT]
'08' in os_env.PORT
os_env.PORT in '0808080'
{'8080': 1}[os_env.PORT]
{os_env.PORT: 1}
os_env[os_env.PORT]
os_env.PORT is eq '8080'
os_env.PORT is lower
os_env.PORT is sequence
'8080' is sameas os_env.PORT or os_env.PORT is in ['8080']
dict([[os_env.PORT, 1]])
[1][os_env.PORT | int]
'\\ue000' ~ os_env.PORT
os_env.TOKEN | upper | lower | upper | lower | upper | lower | upper | lower | upper
os_env.TOKEN | trim(os_env.PORT)
os_env.PORT | string | int | string | upper == '8080'
(os_env.TOKEN ~ 'x') == 'x'
(os_env.TOKEN | tojson)[1:3]
(os_env.TOKEN | tojson) | length
os_env | string | length
(os_env | string).split()
[os_env.TOKEN] | string | list
""".strip().splitlines()


@pytest.mark.parametrize("expression", LOOKS)
def test_to_look_into_a_secret_is_an_error_of_its_own(tmp_path: Path, expression: str) -> None:
    found, problems, shown = load(tmp_path, f"a: {{{{ {expression} }}}}")
    assert (found, problems) == (None, ["template/secret-branch"])
    assert not any(text[:4] in shown for text in (SECRET, "8080"))


@pytest.mark.parametrize(
    "statement",
    [
        "{% if os_env.PORT == '8080' %}x{% endif %}",
        "{% for c in os_env.PORT %}x{% endfor %}",
        "{% for c in os_env.PORT if c %}x{% endfor %}",
        "{% set a, b = os_env.PORT %}",
        "{% set x %}{{ os_env.PORT }}{% endset %}{{ x[0] }}",
        "{% macro m(s) %}{{ s }}{% endmacro %}{{ m(os_env.PORT) | length }}",
        "{% macro m() %}{{ caller()[0] }}{% endmacro %}{% call m() %}{{ os_env }}{% endcall %}",
        "{% filter replace('8', 'x') %}{{ os_env.PORT }}{% endfilter %}",
        "{% set n = namespace(x=os_env.PORT) %}{{ n.x.plain }}",
        "{% for x in [os_env.PORT, os_env.RATE] %}{{ loop.changed(x) }}{% endfor %}",
        "{% set c = cycler(os_env.PORT) %}{{ c.next() | length }}",
        "{% include os_env.PORT %}",
        "{% with x = os_env.PORT %}{{ x | int + 1 }}{% endwith %}",
        "{% import os_env.PORT as x %}",
    ],
)
def test_no_statement_looks_into_a_secret(tmp_path: Path, statement: str) -> None:
    _, problems, shown = load(tmp_path, f"a: 1\nb: {statement}")
    assert problems == ["template/secret-branch"]
    assert "8080" not in shown


@pytest.mark.parametrize(
    "expression",
    [
        "[os_env.TOKEN]",
        "{'a': os_env.TOKEN, 'b': os_env.RATE | float}",
        "[os_env.PORT | int]",
        "os_env",
    ],
)
def test_a_printed_list_shows_no_secret(tmp_path: Path, expression: str) -> None:
    found, _, shown = load(tmp_path, f"a: |\n  {{{{ {expression} }}}}")
    assert isinstance(found["a"], Secret)
    assert "8080" not in shown
    assert SECRET not in shown


def test_json_keeps_its_shape_and_hides_its_leaves(tmp_path: Path) -> None:
    listed = "[os_env.PORT | int, 1.5, none]"
    text = f"a: {{{{ {{'t': os_env.TOKEN, 'n': {listed}, 'k': os_env.KEY}} | tojson }}}}"
    found, problems, _ = load(tmp_path, text)
    assert problems == []
    assert found["a"]["n"][1:] == [1.5, None]
    assert reveal(found["a"]) == {"t": SECRET, "n": [8080, 1.5, None], "k": ENVIRONMENT["KEY"]}
    assert isinstance(found["a"]["t"], Secret)


@pytest.mark.parametrize(
    ("condition", "truth"),
    [
        ("os_env.PORT", True),
        ("os_env.NONE", False),
        ("not os_env.NONE", True),
        ("os_env.NONE ~ ''", False),
        ("os_env.NONE ~ 'x'", True),
        ("os_env.NONE | upper", False),
        ("os_env.PORT is defined and os_env.PORT is string", True),
        ("os_env.PORT is none or os_env.PORT is number", False),
        ("os_env.NOT is defined", False),
        ("'PORT' in os_env and 'NOT' not in os_env", True),
        ("[os_env.PORT, os_env.NONE] | select | list | length == 1", True),
        ("[os_env.PORT] | length == 1", True),
    ],
)
def test_conditions_see_whether_a_secret_is_set(
    tmp_path: Path, condition: str, truth: bool
) -> None:
    found, problems, _ = load(tmp_path, f"a: {{% if {condition} %}}yes{{% else %}}no{{% endif %}}")
    assert (found, problems) == ({"a": "yes" if truth else "no"}, [])


def test_a_call_in_a_loop_over_secrets_takes_what_it_is_given(tmp_path: Path) -> None:
    text = "a: {% for x in [os_env.PORT] %}{{ 'a b'.split() | join }}{{ 'a'.upper() }}{% endfor %}"
    assert load(tmp_path, text)[:2] == ({"a": "abA"}, [])


def test_equal_secrets_cannot_be_told_apart_or_together() -> None:
    tokens = Tokens()
    texts = SecretTexts(tokens)
    one, two = texts.add("A", "same"), texts.add("B", "same")
    assert str(one) != str(two)
    assert len(str(one)) == len(str(texts.add("C", "much longer than the same")))


def test_a_token_that_is_guessed_or_cut_is_refused() -> None:
    tokens = Tokens()
    token = str(SecretTexts(tokens).add("A", "text"))
    for text in (
        token[:-1],
        token[1:],
        "\ue0000\ue001",
        f"\ue000{'0' * 16}\ue001",
        token.replace(token[1], "g"),
        "\ue001",
    ):
        with pytest.raises(SecretUsed):
            tokens.wrap(text)
    assert isinstance(tokens.wrap(f"a{token}b"), SecretText)


def test_only_the_scalar_that_holds_it_is_secret(tmp_path: Path) -> None:
    text = """
    {%- macro env(name) %}- name: {{ name }}
      value: "{{ os_env[name] }}"{% endmacro -%}
    plain: one
    listed:
      {{ env('TOKEN') | indent(2) }}
    folded: >
      before {{ os_env.RATE }}
      after
    block: |
      {{ os_env.KEY | indent(2) }}
    bare: |
      {{ os_env.ENDS }}
    stripped: |-
      {{ os_env.ENDS }}
    quoted: '{{ os_env.TOKEN }}'
    empty: {{ os_env.NONE }}
    comment: 1 # {{ os_env.TOKEN }}
    """.replace("\n    ", "\n")
    found, problems, _ = load(tmp_path, text)
    assert problems == ["template/empty-variable"]
    assert found["plain"] == "one"
    assert found["listed"][0]["name"] == "TOKEN"
    assert isinstance(found["block"], Secret)
    assert found["empty"] is None
    assert reveal(found) == {
        "plain": "one",
        "listed": [{"name": "TOKEN", "value": SECRET}],
        "folded": "before 0.5 after\n",
        "block": "one\ntwo\n\nfour\n",
        "bare": "a\nb\n",
        "stripped": "a\nb",
        "quoted": SECRET,
        "empty": None,
        "comment": 1,
    }


def test_a_secret_cannot_become_yaml_of_its_own(tmp_path: Path) -> None:
    ENV = {"X": "{a: 1}\nb: 2", "Y": '"quoted" # no comment', "Z": ".inf"}  # noqa: N806
    (tmp_path / "main.yaml").write_text('a: "{{ os_env.X }}"\nb: {{ os_env.Y }}\nc: {{ os_env.Z }}')
    documents, problems = load_documents(
        ["main.yaml"], root=tmp_path, parameters={}, environment=ENV
    )
    assert problems == ()
    value = reveal(documents[0].value)
    assert value == {"a": "{a: 1}\nb: 2", "b": '"quoted" # no comment', "c": ".inf"}


def test_a_key_made_of_a_secret_is_an_error_that_points_to_parameters(tmp_path: Path) -> None:
    (tmp_path / "main.yaml").write_text("a: 1\n{{ os_env.TOKEN }}: 1\n{{ os_env.TOKEN }}: 2")
    _, problems = load_documents(
        ["main.yaml"], root=tmp_path, parameters={}, environment=ENVIRONMENT
    )
    assert [(p.code, p.locations[0].line) for p in problems] == [
        ("template/secret-key", 2),
        ("template/secret-key", 3),
        ("manifest/duplicate-key", 3),
    ]
    assert "-p" in problems[0].fix
    assert '"(sensitive)"' in problems[2].summary
    assert SECRET not in repr(problems)


def test_render_masks_secrets(tmp_path: Path) -> None:
    (tmp_path / "main.yaml").write_text("a: x{{ os_env.TOKEN }}y\nb: {{ 1 }}")
    texts, _ = render_sources(["main.yaml"], root=tmp_path, parameters={}, environment=ENVIRONMENT)
    assert texts[0].text == "a: x(sensitive)y\nb: 1"


def test_json_inside_of_a_text_is_escaped_and_a_quoted_scalar_is_not(tmp_path: Path) -> None:
    text = (
        "a: {{ os_env.Q | tojson }}\n"
        "b: '{\"k\": {{ os_env.Q | tojson }}}'\n"
        "c: |\n  {{ {'k': [os_env.Q ~ '<']} | tojson }}\n"
        'd: "{{ os_env.Q }}"\n'
    )
    (tmp_path / "main.yaml").write_text(text)
    quoted = 'say "x" \\ & <y>'
    (document,), problems = load_documents(
        ["main.yaml"], root=tmp_path, parameters={}, environment={"Q": quoted}
    )
    assert problems == ()
    value: Any = reveal(document.value)
    assert (value["a"], value["d"]) == (quoted, quoted)
    assert json.loads(value["b"]) == {"k": quoted}
    assert json.loads(value["c"]) == {"k": [quoted + "<"]}


def test_a_variable_that_is_set_and_empty_is_a_warning_with_its_place(tmp_path: Path) -> None:
    (tmp_path / "main.yaml").write_text(
        "a: 1\nb: 'x{{ os_env.NONE | upper }}'\nc: {{ os_env.NONE }}"
    )
    (document,), problems = load_documents(
        ["main.yaml"], root=tmp_path, parameters={}, environment=ENVIRONMENT
    )
    assert [(p.code, str(p.locations[0]), p.severity.value) for p in problems] == [
        ("template/empty-variable", "main.yaml:2:4", "warning"),
        ("template/empty-variable", "main.yaml:3:4", "warning"),
    ]
    assert "NONE" in problems[0].summary
    assert document.value["c"] is None


def test_to_ask_whether_it_is_set_or_to_replace_an_empty_one_is_no_warning(tmp_path: Path) -> None:
    text = (
        "a: {% if os_env.NONE %}x{% else %}y{% endif %}\nb: {{ os_env.NONE | default('z', true) }}"
    )
    assert load(tmp_path, text)[:2] == ({"a": "y", "b": "z"}, [])


@pytest.mark.parametrize(
    "expression",
    [
        "os_env.GITHUB_TOKEN",
        "os_env['GITHUB_TOKEN']",
        "os_env.get('GITHUB_TOKEN')",
        "os_env.GITHUB_TOKEN | default('x')",
        "os_env.GITHUB_TOKEN is defined",
        "'GITHUB_TOKEN' in os_env",
        "os_env.HTTPS_PROXY",
        "os_env.PEAK_AUTH_TOKEN",
    ],
)
def test_a_credential_of_peakctl_is_no_variable_of_templates(
    tmp_path: Path, expression: str
) -> None:
    (tmp_path / "main.yaml").write_text(f"a: {{{{ {expression} }}}}")
    environment = {"GITHUB_TOKEN": "ghs_canary", "HTTPS_PROXY": "http://me:canary@proxy"}
    documents, (problem,) = load_documents(
        ["main.yaml"], root=tmp_path, parameters={}, environment=environment
    )
    assert (documents, problem.code) == ((), "template/credential")
    assert "canary" not in repr(problem)
    assert problem.locations[0].line == 1


def test_os_env_as_a_whole_holds_no_credential(tmp_path: Path) -> None:
    (tmp_path / "main.yaml").write_text("a: {{ os_env | list | tojson }}\nb: |\n  {{ os_env }}")
    environment = {"GITHUB_TOKEN": "ghs_canary", "X": "x", "HTTP_PROXY": "http://proxy"}
    (document,), _ = load_documents(
        ["main.yaml"], root=tmp_path, parameters={}, environment=environment
    )
    assert document.value["a"] == ["X", "HTTP_PROXY"]
    assert "canary" not in repr(reveal(document.value))


def test_a_project_may_list_the_variables_of_templates(tmp_path: Path) -> None:
    def codes(text: str, listed: list[str]) -> list[str]:
        (tmp_path / "main.yaml").write_text(f"a: {{{{ {text} }}}}")
        where: dict[str, Any] = {"root": tmp_path, "parameters": {}, "environment": ENVIRONMENT}
        return [p.code for p in load_documents(["main.yaml"], os_env=listed, **where)[1]]

    assert codes("os_env.PORT ~ os_env.TOKEN", ["PORT", "TOK*"]) == []
    assert codes("os_env.PORT", ["port"]) == ["template/not-listed"]
    assert codes("os_env.OTHER | default('')", []) == ["template/not-listed"]
    assert codes("os_env.PEAK_AUTH_TOKEN", ["*"]) == ["template/credential"]


def test_templates_cannot_change_the_environment_of_the_next(tmp_path: Path) -> None:
    found, problems, _ = load(tmp_path, "a: {{ os_env.update({'PORT': 1}) }}")
    assert (found, problems) == (None, ["template/refused"])


def test_marked_text_behaves_as_the_text_without_its_marks() -> None:
    traced = TracedText("\ue0020:1:1:2\ue003ab")
    assert (traced[0], format(traced, ">3"), f"{traced}") == ("a", " ab", traced.text)
    assert type(traced[0]) is str
    assert (len(traced), repr(traced), list(traced), "b" in traced) == (2, "'ab'", ["a", "b"], True)
    assert traced == "ab"
    assert not traced != "ab"  # noqa: SIM202 - each operator has its own method
    assert traced < "b" and traced <= "ab" and traced > "aa" and traced >= "ab"  # noqa: PT018
    assert {traced: 1}["ab"] == 1
    assert not TracedText("\ue0020:1:1:2\ue003")


def test_a_secret_is_neither_copied_nor_pickled() -> None:
    secret = SecretTexts(Tokens()).add("A", "text")
    for attempt in (copy.copy, copy.deepcopy, pickle.dumps, hash, iter, len, int, round):
        with pytest.raises(SecretUsed):
            attempt(secret)  # type: ignore[operator]


def test_a_secret_as_a_format_is_always_refused_in_the_same_words(tmp_path: Path) -> None:
    """A token may by chance look like a format with a width."""
    for _ in range(50):
        _, codes, _ = load(tmp_path, "a: {{ os_env.TOKEN | format(1) }}\n")
        assert codes == ["template/secret-branch"]
