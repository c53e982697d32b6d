"""Whatever a template does, no part of a secret comes out, and it ends."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from peakctl.manifests import load_documents, render_sources

CANARY = "Qz7vXk9Jw3"
"""Every four characters of it stand nowhere else."""

SECRETS = st.sampled_from(
    ["os_env.S", "os_env['S']", "os_env.get('S')", "(os_env.N | int)", "os_env", "[os_env.S]",
     "{'k': os_env.S}", "ns.v", "x", "(os_env.S ~ 'a')", "m(os_env.S)"]
)  # fmt: skip
FILTERS = st.sampled_from(
    [
        "abs",
        "attr('_text')",
        "b64encode",
        "batch(1)",
        "capitalize",
        "center(40)",
        "count",
        "d('z')",
        "default('')",
        "dictsort",
        "e",
        "escape",
        "filesizeformat",
        "first",
        "float",
        "forceescape",
        "format",
        "format(os_env.S)",
        "groupby(0)",
        "indent",
        "int",
        "items",
        "join",
        "join('-')",
        "last",
        "length",
        "list",
        "lower",
        "map('upper')",
        "map('first')",
        "map(attribute='_text')",
        "map('list')",
        "max",
        "min",
        "pprint",
        "reject('eq','a')",
        "replace('a','b')",
        "replace(os_env.S,'b')",
        "reverse",
        "round",
        "safe",
        "select",
        "selectattr('_text')",
        "slice(2)",
        "sort",
        "sort(attribute=0)",
        "string",
        "striptags",
        "sum",
        "sum(start='')",
        "title",
        "tojson",
        "trim",
        "truncate(3)",
        "unique",
        "upper",
        "urlencode",
        "urlize",
        "wordcount",
        "wordwrap(2)",
        "xmlattr",
        "counted",
        "measured",
        "charged(1)",
        "inset(2)",
        "tojson(indent=1)",
        "trim('Q')",
        "int(os_env.S)",
        "int(0,36)",
    ]
)
TESTS = st.sampled_from(
    [
        "defined",
        "none",
        "string",
        "number",
        "mapping",
        "sequence",
        "iterable",
        "lower",
        "upper",
        "callable",
        "sameas(x)",
        "eq('a')",
        "in('abc')",
        "in(os_env)",
        "divisibleby(3)",
        "odd",
        "boolean",
        "escaped",
        "gt('a')",
    ]
)
TAILS = st.sampled_from(
    [
        ".plain",
        ".vault",
        ".texts",
        "._text",
        "._is_set",
        ".text",
        ".marked.plain",
        ".__class__",
        ".__str__()",
        ".upper()",
        ".format()",
        ".encode()",
        ".split('x')",
        ".startswith('Q')",
        ".find('z')",
        ".keys()",
        ".items()",
        ".values()",
        ".S",
        ".copy()",
        ".get('S')",
        ".pop('S')",
        "[0]",
        "[1:3]",
        "['S']",
        "[::-1]",
        "[:4]",
        "['_text']",
        "()",
        ".join(['a'])",
        "._check",
        ".__self__",
        ".hex()",
    ]
)
OPERATORS = st.sampled_from(
    ["~", "+", "-", "*", "/", "//", "%", "**", "==", "!=", "<", ">=", "in", "not in", "and", "or"]
)
ATOMS = SECRETS | st.sampled_from(
    ["'a'", "'%s'", "'{}'", "'{0._text}'", "'%.4s'", "1", "[1]", "{'a': 1}", "none", "range(3)",
     "self", "loop", "cycler(os_env.S)", "namespace(v=os_env.S)", "joiner(os_env.S)", "dict", "m",
     "'\\ue000'", "'\\ue001'", "nope"]
)  # fmt: skip


def grown(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.one_of(
        st.tuples(inner, FILTERS).map(lambda p: f"({p[0]} | {p[1]})"),
        st.tuples(inner, TAILS).map(lambda p: f"({p[0]}){p[1]}"),
        st.tuples(inner, TESTS).map(lambda p: f"({p[0]} is {p[1]})"),
        st.tuples(inner, OPERATORS, inner).map(lambda p: f"({p[0]} {p[1]} {p[2]})"),
        st.tuples(inner, inner).map(lambda p: f"({p[0]}).format({p[1]})"),
        st.tuples(inner, inner).map(lambda p: f"({p[0]})[{p[1]}]"),
        st.tuples(inner, inner).map(lambda p: f"({p[0]} if {p[1]} else 'n')"),
        st.tuples(inner, inner).map(lambda p: f"[{p[0]}, {p[1]}]"),
    )


EXPRESSIONS = st.recursive(ATOMS, grown, max_leaves=6)
STATEMENTS = st.one_of(
    EXPRESSIONS.map(lambda e: f"{{{{ {e} }}}}"),
    EXPRESSIONS.map(lambda e: f"{{% if {e} %}}y{{% else %}}n{{% endif %}}"),
    EXPRESSIONS.map(
        lambda e: f"{{% for c in {e} %}}{{{{ c }}}}{{{{ loop.changed(c) }}}}{{% endfor %}}"
    ),
    EXPRESSIONS.map(lambda e: f"{{% set x = {e} %}}{{{{ x }}}}"),
    EXPRESSIONS.map(lambda e: f"{{% set ns.v = {e} %}}{{{{ ns.v }}}}"),
    EXPRESSIONS.map(lambda e: f"{{% set x %}}{{{{ {e} }}}}{{% endset %}}{{{{ x }}}}"),
    st.tuples(FILTERS, EXPRESSIONS).map(
        lambda p: f"{{% filter {p[0]} %}}{{{{ {p[1]} }}}}{{% endfilter %}}"
    ),
    EXPRESSIONS.map(lambda e: f"{{% call m({e}) %}}{{{{ {e} }}}}{{% endcall %}}"),
    EXPRESSIONS.map(lambda e: f"{{% include {e} ignore missing %}}"),
    EXPRESSIONS.map(lambda e: f"{{% include 'part.txt' %}}{{{{ {e} }}}}"),
)
BEFORE = (
    "{% set ns = namespace(v=os_env.S) %}{% set x = os_env.S %}"
    "{% macro m(s) %}<{{ s }}{{ caller() if caller }}>{% endmacro %}"
)


@given(st.lists(STATEMENTS, min_size=1, max_size=3), st.booleans())
@settings(max_examples=150, deadline=None)
def test_no_template_shows_a_part_of_a_secret(statements: list[str], quoted: bool) -> None:
    line = "".join(statements)
    text = f"{BEFORE}a: |\n  {line}\n" if quoted else f"{BEFORE}a: {line}\n"
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        (root / "a.yaml").write_text(text, encoding="utf-8")
        (root / "part.txt").write_text("{{ x }}{{ os_env | list }}", encoding="utf-8")
        where: dict[str, Any] = {
            "root": root,
            "parameters": {},
            "environment": {"S": CANARY, "N": "8675309421", "PEAK_AUTH_TOKEN": f"t{CANARY}"},
        }
        documents, problems = load_documents(["a.yaml"], **where)
        texts, _ = render_sources(["a.yaml"], **where)
    shown = f"{documents!r}{problems!r}{texts!r}{[d.value for d in documents]!r}"
    shown += "".join(str(document.locate(("a",))) for document in documents)
    for secret in (CANARY, "8675309421"):
        for form in (secret, secret[::-1], secret.upper(), secret.lower()):
            assert not any(form[i : i + 4] in shown for i in range(len(form) - 3)), form
