"""Values of the environment: secrets all the way to the document, whatever is done to them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from peakctl.manifests import load_documents, render_sources
from peakctl.manifests.vault import Marked, Vault
from peakctl.model import Secret, reveal

SECRET = "s3cr:et #x"
ENVIRONMENT = {
    "TOKEN": SECRET,
    "PORT": "8080",
    "RATE": "0.5",
    "KEY": "one\ntwo\n\nfour",
    "NONE": "",
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
        ("os_env.TOKEN | upper", SECRET.upper()),
        ("os_env.TOKEN | replace('s', 'z')", SECRET.replace("s", "z")),
        ("'xyz' | replace('y', os_env.TOKEN)", f"x{SECRET}z"),
        ("(os_env.TOKEN ~ ' ') | trim", SECRET),
        ("os_env.NOT | default(os_env.TOKEN)", SECRET),
        ("os_env.TOKEN | default('x')", SECRET),
        ("[os_env.TOKEN, 'b'] | join('-')", f"{SECRET}-b"),
        ("[os_env.TOKEN] | map('upper') | join", SECRET.upper()),
        ("['b'] | map('replace', 'b', os_env.TOKEN) | first", SECRET),
        ("'-'.join([os_env.TOKEN, 'b'])", f"{SECRET}-b"),
        ("os_env.TOKEN.title()", SECRET.title()),
        ("'%s!' % os_env.TOKEN", f"{SECRET}!"),
        ("'%s!' | format(os_env.TOKEN)", f"{SECRET}!"),
        ("'{}!'.format(os_env.TOKEN)", f"{SECRET}!"),
        ("'{:>12}'.format(os_env.TOKEN)", f"{SECRET:>12}"),
        ("'{a[0]}'.format_map({'a': [os_env.TOKEN]})", SECRET),
        ("os_env.TOKEN.format()", SECRET),
        ("os_env.TOKEN[0]", "s"),
        ("os_env.TOKEN | first", "s"),
        ("os_env.TOKEN | list | last", "x"),
        ("os_env.TOKEN | reverse", SECRET[::-1]),
        ("os_env.TOKEN.split(':') | first", "s3cr"),
        ("(os_env.TOKEN ~ '') if true else 'x'", SECRET),
        ("{'a': os_env.TOKEN}.a", SECRET),
        ("{'a': os_env.TOKEN} | dictsort | first | last", SECRET),
        ("[os_env.TOKEN] | sort | unique | list | first", SECRET),
        ("os_env.TOKEN | tojson", SECRET),
        ("os_env.TOKEN | string", SECRET),
        ("os_env.TOKEN | safe", SECRET),
        ("os_env.TOKEN | length", 10),
        ("os_env.PORT", 8080),
        ("os_env.PORT | int", 8080),
        ("(os_env.PORT | int) + 1", 8081),
        ("-(os_env.PORT | int)", -8080),
        ("'%d' % (os_env.PORT | int)", 8080),
        ("'{:d}'.format(os_env.PORT | int)", 8080),
        ("(os_env.PORT | int) | tojson", 8080),
        ("[os_env.PORT] | map('int') | sum", 8080),
        ("os_env.RATE | float", 0.5),
        ("(os_env.RATE | float) * 2", 1.0),
        ("'{:.1f}'.format(os_env.RATE | float)", 0.5),
        ("(os_env.PORT | int).bit_length()", 13),
    ],
)
def test_whatever_is_done_to_a_secret_gives_a_secret(
    tmp_path: Path, expression: str, value: Any
) -> None:
    found, problems, shown = load(tmp_path, f"a: {{{{ {expression} }}}}\nb: 1")
    assert problems == []
    assert isinstance(found["a"], Secret)
    assert (reveal(found["a"]), found["b"]) == (value, 1)
    assert str(value) not in shown or len(str(value)) < 4
    assert SECRET not in shown


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
        ("os_env.PORT == '8080'", True),
        ("'8080' == os_env.PORT", True),
        ("os_env.PORT != '8080'", False),
        ("os_env.PORT != os_env.PORT", False),
        ("os_env.PORT < '9' and os_env.PORT <= '9'", True),
        ("os_env.PORT > '9' or os_env.PORT >= '9'", False),
        ("os_env.PORT in ['8080']", True),
        ("'08' in os_env.PORT", True),
        ("os_env.PORT in '0808080'", True),
        ("{'8080': 1}[os_env.PORT] == 1", True),
        ("os_env.NONE", False),
        ("os_env.PORT | int > 80", True),
        ("os_env.PORT is string and os_env.PORT is defined", True),
        ("os_env.PORT.startswith('80')", True),
        ("os_env.NOT is defined", False),
        ("os_env.RATE | float < 1", True),
    ],
)
def test_conditions_see_the_value_and_are_no_secret(
    tmp_path: Path, condition: str, truth: bool
) -> None:
    found, problems, _ = load(tmp_path, f"a: {{% if {condition} %}}yes{{% else %}}no{{% endif %}}")
    assert (found, problems) == ({"a": "yes" if truth else "no"}, [])


def test_loops_see_the_characters(tmp_path: Path) -> None:
    found, _, _ = load(tmp_path, "a: [{% for c in os_env.RATE %}'{{ c }}', {% endfor %}]")
    assert reveal(found) == {"a": ["0", ".", "5"]}
    assert all(isinstance(item, Secret) for item in found["a"])


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
    quoted: '{{ os_env.TOKEN }}'
    empty: {{ os_env.NONE }}
    comment: 1 # {{ os_env.TOKEN }}
    """.replace("\n    ", "\n")
    found, problems, _ = load(tmp_path, text)
    assert problems == []
    assert found["plain"] == "one"
    assert found["listed"][0]["name"] == "TOKEN"
    assert isinstance(found["block"], Secret)
    assert found["empty"] is None
    assert reveal(found) == {
        "plain": "one",
        "listed": [{"name": "TOKEN", "value": SECRET}],
        "folded": "before 0.5 after\n",
        "block": "one\ntwo\n\nfour\n",
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
    assert value == {"a": "{a: 1} b: 2", "b": '"quoted" # no comment', "c": ".inf"}


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


@pytest.mark.parametrize(
    "expression",
    [
        "os_env.TOKEN | int / 0",
        "'%d' % os_env.TOKEN",
        "os_env.TOKEN + 1",
        "os_env.TOKEN | round",
        "os_env.TOKEN | slice('x') | list",
        "{'a': 1}[os_env.TOKEN]",
        "os_env[os_env.TOKEN]",
        "os_env.TOKEN.nope",
        "os_env.TOKEN.encode()",
        "os_env.TOKEN.index('nope')",
        "{}[os_env.TOKEN | length]",
    ],
)
def test_no_error_shows_a_secret(tmp_path: Path, expression: str) -> None:
    found, problems, shown = load(tmp_path, f"a: {{{{ {expression} }}}}")
    assert found is None
    assert len(problems) == 1
    assert SECRET not in shown
    assert SECRET[:4] not in shown


def test_render_masks_secrets(tmp_path: Path) -> None:
    (tmp_path / "main.yaml").write_text("a: x{{ os_env.TOKEN }}y\nb: {{ 1 }}")
    texts, _ = render_sources(["main.yaml"], root=tmp_path, parameters={}, environment=ENVIRONMENT)
    assert texts[0].text == "a: x(sensitive)y\nb: 1"


def test_a_token_that_stands_for_nothing_is_text() -> None:
    from peakctl.manifests.scalars import reveal_tokens

    assert reveal_tokens("\ue0000\ue001", ()) is None
    assert reveal_tokens("none", ("a",)) is None
    assert reveal_tokens("\ue0000\ue001", ("a",)) == "a"


def test_marked_text_without_a_secret_is_plain_text() -> None:
    marked = Marked("\ue0020:1:1:2\ue003ab", Vault())
    assert not marked.secret
    assert (marked[0], format(marked, ">3"), f"{marked}") == ("a", " ab", marked.text)
    assert type(marked[0]) is str


def test_nothing_but_data_is_made_secret() -> None:
    with pytest.raises(TypeError):
        Vault().hide_value(b"bytes")


def test_numbers_hide_themselves_where_nothing_else_does() -> None:
    vault = Vault()
    whole, part = vault.hide_value(8080), vault.hide_value(0.5)
    assert vault.open(f"{whole:>6}{whole}{part:.2f}{part!r}") == "  808080800.500.5"
    assert "8080" not in f"{whole:>6}{whole!s}{[whole]}"
    assert "0.5" not in f"{part:.2f}{part!s}{[part]}"
